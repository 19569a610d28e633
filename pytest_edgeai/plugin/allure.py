"""A test's budgets in Allure's report, as an attachment of the test."""

from __future__ import annotations

from typing import Any


def attach(records: list[dict[str, Any]]) -> None:
    """Attach the budgets of some records to the test that is running."""
    shown = [record for record in records if record["budgets"]]
    if not shown:
        return
    import allure

    from pytest_edgeai.report.fragment import budgets_table

    allure.attach(budgets_table(shown), "edge AI budgets", allure.attachment_type.HTML)
