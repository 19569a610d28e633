"""The budgets in the report of pytest-html: all of them above, a test's own at the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pytest_edgeai.plugin.reporter import judged_records

if TYPE_CHECKING:
    from pytest_edgeai.plugin.reporter import Reporter


class PytestHtml:
    """Registered on the controller where ``--html`` is given."""

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a test's budgets to what is shown of it."""
        records = judged_records(report)
        if not records:
            return
        from pytest_html import extras

        from pytest_edgeai.report.fragment import budgets_table

        own = extras.html(budgets_table(records))
        setattr(report, "extras", [*getattr(report, "extras", ()), own])  # noqa: B010

    @pytest.hookimpl(optionalhook=True)
    def pytest_html_results_summary(self, prefix: list[str]) -> None:
        """Add the table of all budgets."""
        from pytest_edgeai.report.fragment import budgets_table

        records = [record for record in self._reporter.records if record["budgets"]]
        if records:
            prefix.append(f"<h2>Edge AI budgets</h2>{budgets_table(records)}")
