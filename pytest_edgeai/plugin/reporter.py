"""Gathers the records of a run and draws the reports from them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from pytest_edgeai.plugin.session import EdgeSession

RECORDS = "edgeai_records"
"""Attribute of a test report; plain data, so that xdist carries it to the controller."""
CRASHED = "???"
"""When the report was made of a test whose xdist worker crashed."""
GIT_S = 5.0
"""How long git may take to name the commit."""


def judged_records(report: pytest.TestReport) -> list[dict[str, Any]]:
    """The records of a test that came to its budgets."""
    return [record for record in getattr(report, RECORDS, ()) if record["budgets"]]


class Reporter:
    """Registered once per run; on an xdist worker it has nothing to draw on."""

    def __init__(self, config: pytest.Config, session: EdgeSession) -> None:
        self._config = config
        self._session = session
        self._of_test: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        self._uncollected: dict[str, str] = {}
        self._started = time.time()
        self._failed_reports: list[str] = []
        self._notes_of_reports: list[str] = []
        self._document: dict[str, Any] | None = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Gather the records of a test; those of a rerun replace the earlier ones.

        Files outside of the root folder may have the same node ids, and other places.
        """
        key = (report.nodeid, *report.location[:2])
        if hasattr(report, RECORDS):
            self._of_test[key] = getattr(report, RECORDS)
        elif report.failed and report.when == "teardown" and key in self._of_test:
            self._of_test[key] = [_failed(of, report) for of in self._of_test[key]]
        elif report.failed and report.when == CRASHED:
            self._of_test[key] = [lost_record(report)]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep why a file was not collected: none of its tests can tell."""
        if report.failed:
            self._uncollected[report.nodeid] = report.longreprtext

    @property
    def has_something(self) -> bool:
        """Whether there is anything to tell of this run."""
        return bool(self._of_test or self._uncollected)

    @property
    def root(self) -> Path:
        """The folder that the tests' files count from."""
        return self._config.rootpath

    @property
    def records(self) -> list[dict[str, Any]]:
        """In the order of the run; the same test on several devices stands together."""
        found = [record for records in self._of_test.values() for record in records]
        first = {record["test"]: number for number, record in reversed([*enumerate(found)])}
        return sorted(found, key=lambda record: first[record["test"]])

    def document(self, exitstatus: int) -> dict[str, Any]:
        """All that reports are drawn from."""
        from pytest_edgeai.report.document import document

        if self._document is None:
            self._document = document(self._run(exitstatus), self.records)
        return self._document

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Write the reports that were asked for."""
        if hasattr(self._config, "workerinput") or not self._session.settings.report:
            return
        from pytest_edgeai.report.history import read_history
        from pytest_edgeai.report.writers import kind_of, write_report

        base, made = self._config.invocation_params.dir, self.document(exitstatus)
        files = {r["model"]["sha256"]: r["model_file"] for r in self.records if r["model"]}
        asked = {name: kind_of(name, base) or "" for name in self._session.settings.report}
        paths = {name: base / Path(name).expanduser() for name in asked}
        before = [
            line
            for name, kind in asked.items()
            if kind == ".jsonl"
            for line in read_history(paths[name])
        ]
        for name, path in paths.items():
            try:
                said = write_report(asked[name], path, made, files, before)
                self._notes_of_reports += [f"report {name}: {text}" for text in said]
            except Exception as error:  # the others are still written
                why = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
                self._failed_reports.append(f"{path} was not written: {why}")
                session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Show all budgets, the devices and the conversions."""
        for text in self._failed_reports:
            terminalreporter.write_line(f"edgeai: {text}", red=True)
        if any(record["budgets"] for record in self.records):
            from pytest_edgeai.report.table import table

            terminalreporter.section("edge AI budgets")
            writer = terminalreporter._tw
            terminalreporter.write_line(
                table(self.records, min(writer.fullwidth, 160), writer.hasmarkup)
            )
        for line in self._last_lines():
            terminalreporter.write_line(line)

    def _last_lines(self) -> list[str]:
        distributed = self._config.getoption("dist", "no") != "no"
        lines = self._devices() if distributed else self._unused()
        lines += self._left_out() + self._differences()
        lines += self._notes()
        tally = self._session.conversions()
        if any(tally.values()):
            made, cached = tally["converted"], tally["cached"]
            lines.append(f"edgeai: {made} converted, {cached} from the cache")
        if not hasattr(self._config, "workerinput"):
            lines += [f"edgeai: report {name}" for name in self._session.settings.report]
            lines += [f"edgeai: {note}" for note in self._notes_of_reports]
        return lines

    def _notes(self) -> list[str]:
        """What files are, what passing budgets have to tell, and where baselines were recorded."""
        from pytest_edgeai.report.outcome import described, notes

        lines = [f"edgeai: {what}" for what in described(self.records)]
        lines += [
            f"edgeai: {record['nodeid'].partition('::')[2]} ({record['variant']}): {note}"
            for record in self.records
            for note in notes(record)
        ]
        files = {record["baseline_file"] for record in self.records} - {None}
        if files:
            from pytest_edgeai.units import count

            folder = self._session.settings.baseline
            lines.append(f"edgeai: {count(len(files), 'baseline')} recorded in {folder}")
        return lines

    def _left_out(self) -> list[str]:
        """Boards of pools that could not be reached in one test or another."""
        said = {
            f"edgeai: left out of {record['device']}: {message}": None
            for record in self.records
            for message in record["conditions"].get("boards_left_out", {}).values()
        }
        return list(said)

    def _differences(self) -> list[str]:
        from pytest_edgeai.report.comparison import comparisons, differences

        return [f"edgeai: {line}" for line in differences(comparisons(self.records))]

    def _unused(self) -> list[str]:
        given = self._config.getoption("edge_model")
        if not given or self._session.option_model_used:
            return []
        why = "a fixture or marker names the model"
        if not self.records:
            why = 'no test asks for an interpreter; --edge-budget="p95<=40ms" needs no test'
        return [f"edgeai: --edge-model={given} was not used: {why}"]

    def _devices(self) -> list[str]:
        """What the header says of the devices, where the workers of xdist had none to write."""
        seen = {
            f"edgeai: device {record['device']}: {conditions['runtime']} "
            f"{conditions['runtime_version']}, threads {conditions['threads']}, "
            f"{conditions['cpu']} ({conditions['machine']})"
            for record in self.records
            if (conditions := record["conditions"])
        }
        return sorted(seen)

    def _run(self, exitstatus: int) -> dict[str, Any]:
        import importlib.metadata
        import platform

        return {
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self._started)),
            "duration_s": round(time.time() - self._started, 3),
            "exit_status": int(exitstatus),
            "commit": _commit(self._config.rootpath),
            "uncollected": self._uncollected,
            "pytest_edgeai": importlib.metadata.version("pytest-edgeai"),
            "pytest": pytest.__version__,
            "host": {"machine": platform.machine(), "system": platform.system()},
            "conversions": self._session.conversions(),
        }


def _failed(record: dict[str, Any], report: pytest.TestReport) -> dict[str, Any]:
    """A record of a test whose fixtures failed after it."""
    text = "\n".join(filter(None, (record["error"], report.longreprtext)))
    return {**record, "outcome": "error", "error": text}


def lost_record(report: pytest.TestReport) -> dict[str, Any]:
    """The record of a test of which only its report is known: it took its worker with it, say."""
    from pytest_edgeai.report.record import bare_record, location

    return {
        **bare_record(report.nodeid, None),
        "location": location(report.location),
        "outcome": "error",
        "error": report.longreprtext,
    }


def _commit(root: Path) -> str | None:
    """Which commit is tested, as the CI system or git tells."""
    import os
    import subprocess

    for name in ("GITHUB_SHA", "CI_COMMIT_SHA"):
        if found := os.environ.get(name):
            return found
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=GIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
