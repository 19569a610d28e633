"""``edgeai judge``: a saved run against its own budgets, or against others."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

HELP = "judge a saved run again, without its model: with its own budgets, or with others"
DESCRIPTION = (
    "Judges what a run measured (pytest --edge-report=results.json) against its own budgets, or "
    "against others, without the model or the device. What the run did not measure is an error, "
    "never a pass. The exit status is 0 where all budgets are met or skipped, 1 where one is not "
    "(inconclusive and void ones are not met, nor what only warned in the run), and 2 where "
    "nothing could be judged."
)
WIDEST = 160


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "results", type=Path, help="the JSON report of a run, or the folder with its results.json"
    )
    parser.add_argument(
        "budgets",
        nargs="*",
        metavar="BUDGET",
        help="'p95<=40ms', 'size<=4MB', 'accuracy>=0.9', or a marker as it is called, "
        "'max_latency_ms(p95=40, threads=4)', for each model, variant and device; or a file "
        "*.edge.toml, whose tables are for the tests of their names, or where the run has none of "
        "those, for the variants that they name (default: each test's own)",
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
    from pytest_edgeai.commands.given_budgets import assigned, not_judged, read_given
    from pytest_edgeai.commands.output import written
    from pytest_edgeai.errors import UsageError
    from pytest_edgeai.report.document import read_document
    from pytest_edgeai.report.failures import failures, unmet
    from pytest_edgeai.report.json_report import write_json
    from pytest_edgeai.report.outcome import incomplete
    from pytest_edgeai.report.plain import as_json
    from pytest_edgeai.report.saved.saved_run import Chosen, as_it_was, rejudged
    from pytest_edgeai.report.table import table

    _require_order(asked)
    saved = read_document(asked.results)
    given = read_given(asked.budgets, saved)
    tests = Chosen(asked.text, asked.device, asked.variant).tests(saved)
    stated = assigned(saved, tests, given) if given else as_it_was(tests)
    if not stated:
        raise UsageError(
            f"no test of {asked.results} has budgets to judge",
            "see -k, --device and --variant, and which tests and variants the tables name",
        )
    found = rejudged(saved, stated, own=not given)
    print(table(found, min(shutil.get_terminal_size().columns, WIDEST), sys.stdout.isatty()))
    if text := failures(found):
        print(f"\n{text}")
    if left := [*not_judged(saved, given, stated, found)]:
        print("\nNot judged:", *left, sep="\n  ")
    if lacks := incomplete(saved):
        print(*("", *lacks), sep="\n")
    if asked.json:
        judged = as_json({**saved, "tests": found})
        written(asked.json, lambda path: write_json(path, judged))
    return 1 if left or lacks or any(map(unmet, found)) else 0


def _require_order(asked: argparse.Namespace) -> None:
    """The report stands first."""
    from pytest_edgeai.errors import UsageError

    for text in asked.budgets:
        if text.endswith(".json") or Path(text).is_dir():
            raise UsageError(
                f"{text} is no budget: the report of one run comes first, and budgets after it",
                f"edgeai judge {text} {str(asked.results)!r}",
            )
