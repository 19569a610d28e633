"""The test module that a suite without Python stands for.

Made of what pytest knows from any module, so that fixtures of a ``conftest.py``, ids, ``-k``,
``-m``, ``--lf`` and all other plugins work as with Python.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.plugin.collection import MARKER_LINES
from pytest_edgeai.plugin.data import read_data
from pytest_edgeai.plugin.session import edge_session

if TYPE_CHECKING:
    from pytest_edgeai.suite.suite import Suite, SuiteTest


class SuiteModule(pytest.Module):
    """Collects the tests of a suite; how the suite is read, its children say."""

    suite: Suite

    @property
    def shown_as(self) -> Path:
        """The file that the places of its tests name."""
        return self.path

    def _getobj(self) -> ModuleType:
        return module_of(self.suite, self.name, str(self.shown_as))

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """The tests, each with the lines of its budgets."""
        found = set[str]()
        lines = {test.name: test.marker_lines for test in self.suite.tests}
        for item in super().collect():
            name = getattr(item, "originalname", "")
            own = lines[name]
            if own is not None:
                item.stash[MARKER_LINES] = dict(own)
            found.add(name)
            yield item
        lost = lines.keys() - found
        if lost:
            raise self.CollectError(f"{self.nodeid}: {', '.join(lost)} cannot be names of tests")


class EdgeFile(SuiteModule):
    """A ``*.edge.toml`` file."""

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Its tests; a file that cannot be is an error of its collection, and of nothing else."""
        from pytest_edgeai.suite.reading import read_suite

        try:
            signature = edge_session(self.config).settings.signature
            known = _known_marks(self.config)
            self.suite = read_suite(self.path, self.nodeid, known, signature)
        except (
            Exception
        ) as error:  # values that nobody thought of, such as a number of 5,000 digits
            edge_session(self.config).broken_suites += 1
            what = "" if isinstance(error, EdgeAIError) else f"{self.nodeid}:1: it cannot be read: "
            raise self.CollectError(f"{what}{error}") from None
        yield from super().collect()


def module_of(suite: Suite, name: str, file: str) -> ModuleType:
    """Fixtures for what the suite states, and a function for each of its tests."""
    module = ModuleType(name)
    stated: dict[str, Any] = {
        "edge_model": suite.model,
        "edge_decoder": suite.decoder,
        "edge_preprocessing": suite.preprocessing,
    }
    made = {key: partial(_as_is, value) for key, value in stated.items() if value is not None}
    for key in ("calibration_data", "evaluation_data"):
        data = getattr(suite, key)
        if data is not None:
            made[key] = partial(
                read_data, data.path, data.limit, suite.preprocessing, key, data.classes
            )
    for key, make in made.items():
        vars(module)[f"fixture {key}"] = _fixture(key, make, name)  # no test has a name with spaces
    for test in suite.tests:
        vars(module)[test.name] = _function(test, file)
    return module


def _as_is(value: Any) -> Any:
    return value


def _fixture(key: str, make: Callable[[], Any], name: str) -> Any:
    def given() -> Any:
        return make()

    given.__doc__ = f"As {name} states it."
    return pytest.fixture(given, name=key, scope="module")


def _body(interpreter: Any) -> None:
    """The budgets say it all."""


def _function(test: SuiteTest, file: str) -> Any:
    """A test function whose place is the table in the file."""
    code = _body.__code__.replace(co_filename=file, co_firstlineno=test.line, co_name=test.name)
    function: Any = FunctionType(code, {}, test.name)
    function.__test__ = True  # whatever its name
    for name, args, kwargs in test.marks:
        getattr(pytest.mark, name).with_args(*args, **kwargs)(function)
    if test.variants:
        pytest.mark.edge_variants(*test.variants)(function)
    return function


def _known_marks(config: pytest.Config) -> set[str]:
    """Names of registered marks: all that stands before a bracket or a colon."""
    lines = config.getini("markers")
    return {line.partition(":")[0].partition("(")[0].strip() for line in lines}
