"""``--edge-budget``: a test from the command line, without any file."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_edgeai.errors import EdgeAIError, UsageError
from pytest_edgeai.judge.expressions import parse_budget
from pytest_edgeai.model.source import ModelSource, ResolvedSource, resolve
from pytest_edgeai.plugin.options import Settings
from pytest_edgeai.plugin.session import EdgeSession
from pytest_edgeai.plugin.suite_module import SuiteModule
from pytest_edgeai.suite.suite import Data, Marking, Suite, SuiteTest

FLAG = "--edge-budget"


class BudgetModule(SuiteModule):
    """Stands where the file of the test would stand: beside what --edge-model names."""

    @property
    def shown_as(self) -> Path:
        """The flag."""
        return self.config.rootpath / FLAG


class EdgeBudget:
    """Registered where the option is given; adds its test to those that are collected.

    Raises:
        pytest.UsageError: no model, or one that is not there; a text that is no budget.
    """

    def __init__(self, config: pytest.Config, session: EdgeSession) -> None:
        self._left_out = False
        is_flag = config.getoption("edge_model") is not None
        self._folder = config.invocation_params.dir if is_flag else config.rootpath
        try:
            self._suite = self._stated(session.settings)
        except EdgeAIError as error:
            raise pytest.UsageError(f"{FLAG}: {error}") from None
        session.option_model_used = True
        has_paths = config.args_source is pytest.Config.ArgsSource.ARGS
        if config.getoption("edge_budget") is not None and not has_paths:
            config.args = []

    def pytest_report_header(self) -> list[str]:
        """Say what a run without calibration data cannot have."""
        if not self._left_out:
            return []
        return ["edgeai: int8 is left out: it needs --edge-calibration-data"]

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, session: pytest.Session, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Add the test before others deselect or order."""
        module = BudgetModule.from_parent(session, path=self._folder / FLAG, nodeid=FLAG)
        module.suite = self._suite
        items += session.genitems(module)

    def _stated(self, settings: Settings) -> Suite:
        marks = [Marking(name, (), kwargs) for name, kwargs in map(parse_budget, settings.budget)]
        if settings.model is None:
            raise pytest.UsageError(f"{FLAG} needs a model: --edge-model=PATH")
        source = resolve(settings.model, [self._folder], settings.signature)
        variants = settings.variant or self._default_variants(source, settings.calibration_data)
        test = SuiteTest(source.name, variants, tuple(reversed(marks)))
        return Suite(
            ModelSource(source.path or settings.model),
            (test,),
            _data("--edge-calibration-data", settings.calibration_data),
            _data("--edge-evaluation-data", settings.evaluation_data),
        )

    def _default_variants(self, source: ResolvedSource, calibration: object) -> tuple[str, ...]:
        """None where a ready file tells; else those that can be converted."""
        from pytest_edgeai.model.ready import ready_variants
        from pytest_edgeai.plugin.markers import DEFAULT_VARIANTS

        if source.files:
            ready_variants(source)  # a file that cannot be read ends the run here
            return ()
        self._left_out = calibration is None
        return tuple(name for name in DEFAULT_VARIANTS if calibration or name != "int8")


def _data(flag: str, path: Path | None) -> Data | None:
    """A file; a folder of images is left to the fixtures, one of which says how it is read."""
    if path is not None and not path.exists():
        raise UsageError(f"there is no {path}", f"check {flag}")
    return None if path is None or path.is_dir() else Data(path)
