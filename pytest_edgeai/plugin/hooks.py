"""Hooks: what happens when in a pytest run."""

from __future__ import annotations

import copy
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_edgeai.errors import EdgeAIError, raised
from pytest_edgeai.plugin import github
from pytest_edgeai.plugin.collection import (
    ASKED,
    MARKER_NAMES,
    asks_for_interpreter,
    is_ours,
    note_what_is_asked,
)
from pytest_edgeai.plugin.data import forget
from pytest_edgeai.plugin.fixtures import SUBJECTS
from pytest_edgeai.plugin.options import OPTIONS, settings_of
from pytest_edgeai.plugin.reporter import RECORDS, Reporter, lost_record
from pytest_edgeai.plugin.session import (
    SESSION,
    EdgeSession,
    edge_session,
    header_lines,
    time_estimate,
)


def pytest_configure(config: pytest.Config) -> None:
    """Resolve the settings, and refuse those that cannot be before anything runs."""
    _register_markers(config)
    if not hasattr(config, "workerinput"):
        _refuse_moved_root(config)
    settings = settings_of(config)
    session = config.stash[SESSION] = EdgeSession(config, settings)
    try:
        for name in settings.device if settings.device != ("local",) else ():
            session.device(name)
    except EdgeAIError as error:
        raise pytest.UsageError(str(error)) from None
    reporter = Reporter(config, session)
    config.pluginmanager.register(reporter, "edgeai-reporter")
    if not hasattr(config, "workerinput"):
        _register_other_reports(config, reporter)
    if config.pluginmanager.hasplugin("xdist"):
        from pytest_edgeai.plugin.xdist import XdistHooks

        config.pluginmanager.register(XdistHooks(session), "edgeai-xdist")
    if settings.budget:
        from pytest_edgeai.plugin.edge_budget import EdgeBudget

        config.pluginmanager.register(EdgeBudget(config, session), "edgeai-budget")


def pytest_unconfigure(config: pytest.Config) -> None:
    """Leave nothing behind."""
    if SESSION in config.stash:
        edge_session(config).close()


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take a ``*.edge.toml`` file for a test module."""
    if not file_path.name.endswith(".edge.toml"):
        return None
    from pytest_edgeai.plugin.suite_module import EdgeFile

    return EdgeFile.from_parent(parent, path=file_path)


def pytest_fixture_post_finalizer(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> None:
    """What was made of its value is not kept longer."""
    forget(request.config, fixturedef.argname)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One run per variant for ``interpreter``, one per device where several are named."""
    if is_ours(metafunc.definition, "interpreter"):
        from pytest_edgeai.plugin.runs import make_runs

        make_runs(metafunc)
    devices = edge_session(metafunc.config).settings.device
    if len(devices) > 1 and "edge_device" in metafunc.fixturenames:
        metafunc.parametrize("edge_device", devices, indirect=True, scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note what each test asks for; give those that use ``benchmark`` the device's clock."""
    from pytest_edgeai.plugin import benchmark

    has_benchmark = config.pluginmanager.hasplugin("benchmark")
    for item in items:
        note_what_is_asked(item, edge_session(config))
        uses_edge = asks_for_interpreter(item) or "edge_converter" in getattr(
            item, "fixturenames", ()
        )
        if has_benchmark and uses_edge:
            benchmark.install_clock(item, item.stash[ASKED].budgets)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Run the other tests where all that could not be collected are suites without Python."""
    broken = edge_session(session.config).broken_suites
    if broken and session.testsfailed == broken:
        session.config.option.continue_on_collection_errors = True


def pytest_report_collectionfinish(config: pytest.Config, items: list[pytest.Item]) -> list[str]:
    """Say in the run's header which runtime answers, where a test will use it."""
    option = config.option
    only_lists = option.collectonly or option.showfixtures or option.show_fixtures_per_test
    if only_lists or not any(map(asks_for_interpreter, items)):
        return []
    session = edge_session(config)
    asked = [item.stash[ASKED] for item in items if ASKED in item.stash]
    return [
        *header_lines(session, session.settings.device),
        *time_estimate(asked, session.settings),
    ]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Raise what is wrong with a test's markers, and forget an earlier run of it."""
    item.stash[SUBJECTS] = []
    if ASKED not in item.stash:  # added after the collection
        note_what_is_asked(item, edge_session(item.config))
    mistake = item.stash[ASKED].mistake
    if mistake is not None:
        raise mistake


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Judge the budgets when the body has passed. The only hook that fails a test."""
    outcome = yield
    failed = getattr(item, "_excinfo", None)  # where a unittest.TestCase keeps what it raised
    if item.stash[SUBJECTS] and not failed:
        from pytest_edgeai.plugin.judging import judge

        judge(item)
    return outcome


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Attach the records, show an error of the set-up as its message alone, and sum it up."""
    report = yield
    try:
        _complete(item, call, report)
    except Exception as error:  # the run goes on, and this test says why it has no record
        before = f"{report.longreprtext}\n\n" if report.failed else ""
        report.outcome = "failed"
        report.longrepr = f"{before}edgeai: this test cannot be recorded: {raised(error)}"
        setattr(report, RECORDS, [lost_record(report)])
    return report


def _complete(item: pytest.Item, call: pytest.CallInfo[Any], report: pytest.TestReport) -> None:
    error = call.excinfo.value if call.excinfo else None
    if call.excinfo and call.when == "setup" and isinstance(error, EdgeAIError):
        report.longrepr = call.excinfo.getrepr(style="value", chain=False)
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash and isinstance(error, (EdgeAIError, pytest.fail.Exception)):
        _sum_up(item, report, crash, getattr(error, "summary", ""), getattr(error, "line", None))
    if _ends(call, report) and (asks_for_interpreter(item) or item.stash.get(SUBJECTS, [])):
        from pytest_edgeai.plugin.judging import records

        found = records(item, report)
        setattr(report, RECORDS, found)
        if item.config.getoption("allure_report_dir", None):
            from pytest_edgeai.plugin import allure

            allure.attach(found)


def _refuse_moved_root(config: pytest.Config) -> None:
    """Look more closely only where one of our flags stands apart from its value."""
    given = {*config.invocation_params.args, *os.environ.get("PYTEST_ADDOPTS", "").split()}
    flags = given & {option.flag for option in OPTIONS}
    if flags:
        from pytest_edgeai.plugin.root_folder import refuse_moved_root

        refuse_moved_root(config, flags)


def _register_other_reports(config: pytest.Config, reporter: Reporter) -> None:
    """Hooks into what other plugins and CI systems show, where they are in use."""
    if config.getoption("xmlpath", None):
        from pytest_edgeai.plugin.junit import JUnit

        config.pluginmanager.register(JUnit(config, reporter), "edgeai-junit")
    if config.getoption("htmlpath", None):
        from pytest_edgeai.plugin.pytest_html import PytestHtml

        config.pluginmanager.register(PytestHtml(reporter), "edgeai-html")
    if github.is_asked():
        config.pluginmanager.register(github.GitHub(reporter), "edgeai-github")


def _register_markers(config: pytest.Config) -> None:
    """Tell pytest the markers; their signatures only where people ask for them."""
    if config.getoption("markers"):
        from pytest_edgeai.plugin.markers import descriptions

        lines = descriptions()
    else:
        lines = [f"{name}(...): see --markers" for name in MARKER_NAMES]
    for line in lines:
        config.addinivalue_line("markers", line)


def _sum_up(
    item: pytest.Item, report: pytest.TestReport, crash: Any, summary: str, at: int | None
) -> None:
    """Put a few words into the short summary, and the test's place where no traceback shows it.

    The place is the line of the budget that failed, where the test's file has one for each.
    A ``pytest.fail`` of the test's own has no such words, and stays as it is.
    """
    if not summary:
        return
    crash.message = summary
    entries: Any = getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", [])
    has_place = item.path.exists()  # a test from the command line has none
    if entries and has_place and getattr(entries[-1], "style", "") == "value":
        path, line, _ = item.location
        place = entries[-1].reprfileloc = copy.copy(crash)
        place.path, place.lineno, place.message = path, at or (line or 0) + 1, item.name


def _ends(call: pytest.CallInfo[Any], report: pytest.TestReport) -> bool:
    """Whether this report decides the test: its call, or a set-up that did not come to one."""
    whole = type(report) is pytest.TestReport  # not a subtest's
    return whole and (call.when == "call" or (call.when == "setup" and not report.passed))
