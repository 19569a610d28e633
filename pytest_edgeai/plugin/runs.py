"""Which runs of a test the ``interpreter`` fixture makes, and what each of them is tested as.

Where nobody lists variants, a ready file is tested once, as what it is. A model that a marker, an
option or a suite states is looked at when tests are collected, so that its run is called by what it
is; one from a fixture is known only when the first of the usual runs has begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_edgeai.errors import shown
from pytest_edgeai.plugin.collection import FIXTURES_MODULE, nearest_marks
from pytest_edgeai.plugin.session import edge_session

if TYPE_CHECKING:
    from pytest_edgeai.model.source import ResolvedSource

RUNS = pytest.StashKey[dict[str, tuple[str, ...]]]()
"""Of the whole run: the variants that a test was to run with, by the node id of its function."""
UNREADABLE = "unreadable"
"""The run of a file that cannot be read; its set-up says why."""


def make_runs(metafunc: pytest.Metafunc) -> None:
    """Parametrize ``interpreter``, unless the test does so itself."""
    definition = metafunc.definition
    if _is_parametrized(definition, "interpreter"):
        return
    runs = _listed(definition) or _unlisted(definition)
    metafunc.config.stash.setdefault(RUNS, {})[definition.nodeid] = runs
    metafunc.parametrize("interpreter", runs, ids=list(map(_shown, runs)), indirect=True)


def variant_of_run(item: pytest.Item, run: str, source: ResolvedSource) -> str:
    """What a run tests: its own variant; of ready files, where none is listed, what they are.

    Raises:
        Skipped: another run of the test has the file.
        ModelError: the file cannot be read.
    """
    from pytest_edgeai.model.ready import ready_variants

    function = f"{item.parent.nodeid if item.parent else ''}::{getattr(item, 'originalname', '')}"
    runs = item.config.stash.get(RUNS, {}).get(function, ())
    if run not in runs or not source.files or _listed(item):
        return run
    are = ready_variants(source)
    tested = assigned(runs, are)[run]
    if tested is None:
        raise pytest.skip.Exception(
            f"{source.name} is {', '.join(are)}: a ready file is tested as what it is, not as {run}"
        )
    return tested


def assigned(runs: Sequence[str], variants: Sequence[str]) -> dict[str, str | None]:
    """For each run the variant that it tests: of its own name, else one that has no run."""
    left = [variant for variant in variants if variant not in runs]
    return {run: run if run in variants else left.pop(0) if left else None for run in runs}


def _listed(item: pytest.Item) -> tuple[str, ...]:
    """The variants that a marker or the option lists."""
    marks = nearest_marks(item, "edge_variants")
    return (marks[0].args if marks else ()) or edge_session(item.config).settings.variant


def _unlisted(item: pytest.Item) -> tuple[str, ...]:
    """What ready files are; else the variants that are converted by default."""
    from pytest_edgeai.errors import EdgeAIError, ModelError
    from pytest_edgeai.model.ready import ready_variants
    from pytest_edgeai.model.source import resolve
    from pytest_edgeai.plugin.markers import DEFAULT_VARIANTS

    settings = edge_session(item.config).settings
    try:
        value, folders = _stated_model(item)
        source = None if value is None else resolve(value, folders, settings.signature)
        return ready_variants(source) if source and source.files else DEFAULT_VARIANTS
    except ModelError:
        return (UNREADABLE,)
    except EdgeAIError:  # its set-up says what is wrong
        return DEFAULT_VARIANTS


def _stated_model(item: pytest.Item) -> tuple[Any, list[Path]]:
    """The model that a test is collected with, and where it is looked up; None if a fixture's."""
    from pytest_edgeai.plugin.markers import model_of

    config, module = item.config, item.getparent(pytest.Module)
    folders = [item.path.parent, config.rootpath]
    given = model_of(item) or getattr(getattr(module, "suite", None), "model", None)
    if given is None and _is_not_overridden(item, "edge_model"):
        given = edge_session(config).settings.model
        if config.getoption("edge_model") is not None:
            folders = [config.invocation_params.dir]
    return given, folders


def _is_not_overridden(item: pytest.Item, fixture: str) -> bool:
    definitions = item._fixtureinfo.name2fixturedefs.get(fixture, ())  # type: ignore[attr-defined]
    is_ours = bool(definitions) and definitions[-1].func.__module__ == FIXTURES_MODULE
    return is_ours and not _is_parametrized(item, fixture)


def _is_parametrized(item: pytest.Item, fixture: str) -> bool:
    """Whether the test's own marks give a fixture its values."""
    marks = item.iter_markers("parametrize")
    names = [mark.args[0] if mark.args else mark.kwargs.get("argnames", "") for mark in marks]
    return any(
        fixture in (name.replace(",", " ").split() if isinstance(name, str) else name)
        for name in names
    )


def _shown(run: object) -> str:
    """The id of a run; what the user lists may be anything."""
    return run if isinstance(run, str) else shown(run)
