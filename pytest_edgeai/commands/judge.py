"""``edgeai judge``: a saved run against its own budgets, or against others."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_edgeai.judge.budget import Budget
    from pytest_edgeai.report.saved.saved_run import BudgetsOf

HELP = "judge a saved run again, without its model: with its own budgets, or with others"
DESCRIPTION = (
    "Judges what a run measured (pytest --edge-report results.json) against its own budgets, or "
    "against others, without the model or the device. What the run did not measure is an error, "
    "never a pass. The exit status is 0 where all budgets are met or skipped, 1 where one is not "
    "(inconclusive and void ones are not met), and 2 where nothing could be judged."
)
TOML = ".toml"
WIDEST = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("results", type=Path, help="the JSON report of a run")
    parser.add_argument(
        "budgets",
        nargs="*",
        metavar="BUDGET",
        help="for every test with budgets: 'p95<=40ms', 'size<=4MB', 'accuracy>=0.9', or a marker "
        "as it is called, 'max_latency_ms(p95=40, threads=4)'; or a file *.edge.toml, whose tables "
        "count for the variants that they name (default: each test's own)",
    )
    parser.add_argument(
        "-k", dest="text", metavar="TEXT", help="only tests with this in their name"
    )
    parser.add_argument("--device", help="only tests on this device")
    parser.add_argument("--variant", help="only tests of this variant")
    parser.add_argument(
        "--json", type=Path, metavar="OUT", help="write the run with the new results to this file"
    )


def run(asked: argparse.Namespace) -> int:
    """Judge, and print what it came to; returns the exit status."""
    from pytest_edgeai.commands.output import written
    from pytest_edgeai.errors import UsageError
    from pytest_edgeai.report.document import finite, read_document
    from pytest_edgeai.report.failures import failures, unmet
    from pytest_edgeai.report.json_report import write_json
    from pytest_edgeai.report.saved.saved_run import Chosen, as_it_was, rejudged
    from pytest_edgeai.report.table import table

    saved = read_document(asked.results)
    budgets_of = _stated(asked.budgets) if asked.budgets else as_it_was
    found = rejudged(saved, Chosen(asked.text, asked.device, asked.variant), budgets_of)
    if not found:
        raise UsageError(
            f"no test of {asked.results} has budgets to judge",
            "see -k, --device and --variant, and which variants the tables name",
        )
    print(table(found, min(shutil.get_terminal_size().columns, WIDEST), sys.stdout.isatty()))
    if text := failures(found):
        print(f"\n{text}")
    if asked.json:
        judged = finite({**saved, "tests": found})
        written(asked.json, lambda path: write_json(path, judged))
    return 1 if any(map(unmet, found)) else 0


def _stated(given: Sequence[str]) -> BudgetsOf:
    """Budgets from the command line: those of its variant, for each test that has budgets."""
    from pytest_edgeai.judge.expressions import parse_budget
    from pytest_edgeai.judge.markers import parse_marker

    stated: list[tuple[tuple[str, ...], Sequence[Budget]]] = []
    for text in given:
        if text.endswith(TOML):
            stated += _tables(Path(text))
        else:
            marker, arguments = parse_budget(text)
            stated.append(((), parse_marker(marker, (), arguments)))

    def budgets_of(test: Any) -> list[Budget]:
        has_budgets = bool(test["markers"])
        return [
            budget
            for variants, budgets in stated
            for budget in budgets
            if has_budgets and (not variants or test["variant"] in variants)
        ]

    return budgets_of


def _tables(path: Path) -> Sequence[tuple[tuple[str, ...], Sequence[Budget]]]:
    """Variants and budgets of each table of a suite's file; its model and data need not be there.

    Raises:
        UsageError: it cannot be read, or states what cannot be.
    """
    from pytest_edgeai.suite.budgets import read_budgets

    return read_budgets(path)
