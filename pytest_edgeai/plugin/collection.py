"""What each collected test asks for, found out once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

if TYPE_CHECKING:
    from pytest_edgeai.errors import EdgeAIError
    from pytest_edgeai.judge.budget import Budget
    from pytest_edgeai.plugin.session import EdgeSession

FIXTURES_MODULE = "pytest_edgeai.plugin.fixtures"
VARIANT_FIXTURES = {
    f"{variant}_interpreter": variant
    for variant in ("converted", "dynamic", "int8", "float16", "int16x8")
}


MARKER_NAMES = (
    "edge_model",
    "edge_variants",
    "fully_quantized",
    "max_accuracy_drop",
    "max_latency_ms",
    "max_memory_mb",
    "max_output_error",
    "max_regression",
    "max_size_mb",
    "max_startup_ms",
    "max_sustained_latency_ms",
    "min_accuracy",
    "min_agreement",
    "min_delegated",
    "min_throughput",
    "no_custom_ops",
)


class Asked(NamedTuple):
    """What a test asks for.

    Attributes:
        variants: those of its interpreter fixtures.
        budgets: judged on each of its interpreters.
        marks: the same as they were stated: ``marker`` and ``arguments``, plain data.
        mistake: what is wrong with its markers; raised when the test is set up.
    """

    variants: frozenset[str]
    budgets: tuple[Budget, ...]
    marks: tuple[dict[str, Any], ...]
    mistake: EdgeAIError | None


ASKED = pytest.StashKey[Asked]()
MARKER_LINES = pytest.StashKey[dict[str, int]]()
"""Of tests of a ``*.edge.toml`` file: the line of each budget, from 1, by its marker."""


def asks_for_interpreter(item: pytest.Item) -> bool:
    """Whether a test uses an interpreter fixture, itself or through another fixture."""
    return any(is_ours(item, name) for name in ("interpreter", *VARIANT_FIXTURES))


def is_ours(node: pytest.Item, name: str) -> bool:
    """Whether a fixture that a test uses is this plugin's, or wraps it.

    Another suite may have an ``interpreter`` of its own, as a fixture or as a parameter.
    """
    info = getattr(node, "_fixtureinfo", None)
    definitions = list(info.name2fixturedefs.get(name, ())) if info else []
    while definitions:
        definition = definitions.pop()
        if definition.func.__module__ == FIXTURES_MODULE:
            return True
        if name not in definition.argnames:
            return False
    return False


def note_what_is_asked(item: pytest.Item, session: EdgeSession) -> None:
    """Read a test's markers and fixtures; a mistake is kept for its set-up."""
    from pytest_edgeai.errors import EdgeAIError, UsageError, of_the_user
    from pytest_edgeai.plugin import markers

    variants = _variants(item)
    budgets: tuple[Budget, ...] = ()
    marks: tuple[dict[str, Any], ...] = ()
    mistake: EdgeAIError | None = None
    try:
        with of_the_user("what its markers say"):
            budgets, marks = markers.budgets_of(item, session.settings.confidence)
            markers.model_of(item)
        _refuse_unknown_devices(budgets, session)
        if markers.has_own_budget(item) and not asks_for_interpreter(item):
            raise UsageError(
                f"{item.name} has a budget but asks for no interpreter: nothing is measured",
                _missing_fixture_hint(item),
            )
    except EdgeAIError as error:
        mistake = error
    item.stash[ASKED] = Asked(variants, budgets, marks, mistake)


def _missing_fixture_hint(item: pytest.Item) -> str:
    import difflib

    known = [*VARIANT_FIXTURES, "interpreter"]
    for name in getattr(item, "fixturenames", ()):
        near = difflib.get_close_matches(name, known, 1, cutoff=0.8)
        if near and name not in known:
            return f"did you mean {near[0]} where it says {name}?"
    return "add a fixture to its arguments, e.g. int8_interpreter"


def wanted_variants(item: pytest.Item, items: Sequence[pytest.Item]) -> set[str]:
    """Variants, baselines too, that tests of the same file want of the same model as ``item``."""
    wanted: set[str] = set()
    for other in items:
        if other.path == item.path and _is_alike(model_mark(other), model_mark(item)):
            asked = other.stash.get(ASKED, None)
            if asked is not None and asked.mistake is None:
                wanted |= asked.variants | _baselines(asked)
    return wanted


def _refuse_unknown_devices(budgets: tuple[Budget, ...], session: EdgeSession) -> None:
    """A budget for a device that there is not would be skipped for ever.

    Where no device is configured at all, it may be for one that is configured elsewhere.
    """
    from pytest_edgeai.errors import UsageError

    for budget in budgets:
        if budget.device is None:
            continue
        known = session.device_names()
        if len(known) > 1 and budget.device not in known:
            raise UsageError(
                f"@{budget.marker}: no device is called {budget.device!r}",
                f"known: {', '.join(known)}; or add a table for it",
            )


def _baselines(asked: Asked) -> set[str]:
    """Variants that the budgets compare with."""
    if not asked.variants:
        return set()
    named = {str(getattr(budget, "baseline", "")) for budget in asked.budgets}
    return named & set(VARIANT_FIXTURES.values())


def _variants(item: pytest.Item) -> frozenset[str]:
    from pytest_edgeai.model.variants import NAMES

    variants = {variant for fixture, variant in VARIANT_FIXTURES.items() if is_ours(item, fixture)}
    callspec: Any = getattr(item, "callspec", None)
    if callspec is not None and "interpreter" in callspec.params and is_ours(item, "interpreter"):
        given = callspec.params["interpreter"]
        variants |= {name for name in NAMES if type(given) is str and given == name}
    return frozenset(variants)


def _is_alike(one: pytest.Mark | None, other: pytest.Mark | None) -> bool:
    """Whether two marks say the same; those with objects that compare in no simple way do not."""
    try:
        return one is other or bool(one == other)
    except Exception:
        return False


def model_mark(item: pytest.Item) -> pytest.Mark | None:
    """The mark that names a test's model, if one does."""
    return next(iter(nearest_marks(item, "edge_model")), None)


def nearest_marks(item: pytest.Item, name: str) -> list[pytest.Mark]:
    """The marks of this name on the node nearest to the test, in the order they are read.

    A class's own marks are nearer than those that it inherits.
    """
    pairs = list(item.iter_markers_with_node(name))
    if not pairs:
        return []
    nearest = pairs[0][0]
    marks = [mark for node, mark in pairs if node is nearest]
    for cls in getattr(getattr(nearest, "obj", None), "__mro__", ()):
        written = cls.__dict__.get("pytestmark", [])
        own = [getattr(mark, "mark", mark) for mark in _as_list(written)]
        of_class = [mark for mark in marks if any(mark is one for one in own)]
        if of_class:
            return of_class[::-1]
    return marks[::-1]


def _as_list(marks: Any) -> list[Any]:
    return list(marks) if isinstance(marks, (list, tuple)) else [marks]
