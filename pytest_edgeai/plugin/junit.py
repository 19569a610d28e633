"""The numbers in the file of ``--junitxml``, so that it stays valid.

Jenkins' schema of the family xunit2 (junit-10.xsd) knows properties of a suite, and none of a test;
xunit1 has them in the test. Both let a test have ``system-out``, which GitLab and Jenkins show.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

import pytest
from _pytest.junitxml import bin_xml_escape, xml_key

from pytest_edgeai.plugin.reporter import judged_records

if TYPE_CHECKING:
    from pytest_edgeai.plugin.reporter import Reporter


class JUnit:
    """Registered on the controller where a file is asked for."""

    def __init__(self, config: pytest.Config, reporter: Reporter) -> None:
        self._config = config
        self._reporter = reporter

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a test's budgets to it, after pytest has begun its entry and before it ends it."""
        from pytest_edgeai.report.fragment import budgets_text

        records = judged_records(report)
        if not records:
            return
        xml = self._config.stash[xml_key]
        entry = xml.node_reporter(report)
        if xml.family == "xunit1":
            for record in records:
                for name, value in _numbers(record):
                    entry.add_property(name, value)
        told = Element("system-out")
        told.text = bin_xml_escape("\n\n".join(map(budgets_text, records)) + "\n")
        entry.append(told)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Where tests have no properties the suite has them, before pytest writes the file."""
        xml = self._config.stash[xml_key]
        if xml.family == "xunit1":
            return
        for record in self._reporter.records:
            for name, value in _numbers(record):
                xml.add_global_property(bin_xml_escape(f"{record['nodeid']} {name}"), value)


def _numbers(record: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A name and a value for each budget: ``int8 on local: p95``."""
    from pytest_edgeai.report.table import cells

    for budget in record["budgets"]:
        what, measured, limit, _, verdict = cells(budget)
        name = f"{record['variant']} on {record['device']}: {what}"
        yield name, f"{measured}, limit {limit}, {verdict}"
