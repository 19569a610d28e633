"""What GitHub Actions shows of a run: a summary of the step, and annotations of the lines.

Workflow commands and their escapes: https://docs.github.com/actions/reference/workflow-commands and
``toolkit/packages/core/src/command.ts``.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_edgeai.plugin.reporter import Reporter

ACTIONS, WORKSPACE = "GITHUB_ACTIONS", "GITHUB_WORKSPACE"


def is_asked() -> bool:
    """Whether this run is a step of GitHub Actions, or of something that acts like it."""
    from pytest_edgeai.report.step_summary import VARIABLE

    return bool(os.environ.get(VARIABLE)) or os.environ.get(ACTIONS) == "true"


class GitHub:
    """Registered on the controller where GitHub asks for it; never fails a run."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._trouble = ""

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Add the run to the summary of the step."""
        if not self._reporter.has_something:
            return
        from pytest_edgeai.report import step_summary
        from pytest_edgeai.report.markdown import markdown

        document = self._reporter.document(exitstatus)
        self._trouble = step_summary.append(lambda most: markdown(document, most))

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int
    ) -> None:
        """Print the annotations, each at the begin of a line."""
        terminalreporter.ensure_newline()
        if self._trouble:
            terminalreporter.write_line(f"edgeai: {self._trouble}", yellow=True)
        if os.environ.get(ACTIONS) == "true" and self._reporter.has_something:
            root = self._reporter.root
            for command in workflow_commands(self._reporter.document(exitstatus), root):
                terminalreporter.write_line(command)


def workflow_commands(document: Mapping[str, Any], root: Path) -> Iterator[str]:
    """A workflow command for each mistake in a file that is not collected, each budget that is not
    met, each test that failed without one, and each warning.

    Args:
        root: what the tests' files count from; annotations count from the workspace.
    """
    from pytest_edgeai.report.outcome import error_in_brief, failed_otherwise, unmet, warned
    from pytest_edgeai.report.wording import gap

    for nodeid, why in document["run"]["uncollected"].items():
        for file, line, message in _mistakes(nodeid, why):
            place = _from_workspace(file, root), line
            yield _command("error", place, f"{nodeid}: not collected", message)
    for test in document["tests"]:
        for budget in unmet(test):
            title = f"{_whom(test)}: {budget['marker']}"
            said = [gap(budget), budget["reason"]]
            said += [f"try: {budget['advice']}"] if budget["advice"] else []
            yield _command("error", _place(test, budget["line"], root), title, "\n".join(said))
    for test in failed_otherwise(document):
        title = f"{test['nodeid'].partition('::')[2]}: {test['outcome']}"
        yield _command("error", _place(test, None, root), title, error_in_brief(test))
    for test in document["tests"]:
        for text in warned(test):
            yield _command("warning", _place(test, None, root), _whom(test), text)


def escaped(text: str, is_property: bool = False) -> str:
    """A message, or a property, of a workflow command."""
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if is_property else text


def _command(level: str, place: tuple[str, int], title: str, message: str) -> str:
    file, line = place
    named = {"file": file, "line": str(line), "title": title}
    properties = ",".join(f"{key}={escaped(value, True)}" for key, value in named.items())
    return f"::{level} {properties}::{escaped(message)}"


def _whom(test: Mapping[str, Any]) -> str:
    return f"{test['nodeid'].partition('::')[2]} ({test['variant']} on {test['device']})"


def _place(test: Mapping[str, Any], line: int | None, root: Path) -> tuple[str, int]:
    """File, from the workspace where it is inside of it, and line."""
    place = test["location"]
    return _from_workspace(place["file"], root), line or place["line"]


def _from_workspace(file: str, root: Path) -> str:
    path = (root / file).resolve()
    workspace = Path(os.environ.get(WORKSPACE) or root).resolve()
    found = path.relative_to(workspace) if path.is_relative_to(workspace) else Path(file)
    return found.as_posix()


def _mistakes(nodeid: str, why: str) -> Iterator[tuple[str, int, str]]:
    """File, line and text of each mistake in a suite's file; of another file all at its begin."""
    file = nodeid.partition("::")[0]
    places = [*re.finditer(rf"^{re.escape(nodeid)}:(\d+): ", why, re.MULTILINE)]
    if not places:
        yield file, 1, why
    ends = [place.start() for place in places[1:]] + [len(why)]
    for place, end in zip(places, ends, strict=True):
        yield file, int(place[1]), why[place.end() : end].strip()
