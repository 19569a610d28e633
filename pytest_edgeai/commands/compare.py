"""``edgeai compare``: what changed from one saved run to another, beyond noise."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

HELP = "compare two saved runs: what is worse, beyond noise?"
DESCRIPTION = (
    "Compares two runs (pytest --edge-report=before.json), test by test: size, latency, memory, "
    "start-up, accuracy and other metrics, what the files hold, and verdicts. Made for pull "
    "requests: the exit status is 0 where nothing is worse, 1 where something is, and 2 where the "
    "runs could not be compared. In GitHub Actions the result is added to the step's summary."
)
WIDEST = 160
REPORT = "the JSON report, or the folder with its results.json, of the run"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("before", type=Path, help=f"{REPORT} to compare with")
    parser.add_argument("after", type=Path, help=f"{REPORT} with the change")
    parser.add_argument(
        "--fraction",
        type=float,
        default=0.10,
        help="a change of latency, memory or start-up counts beyond this fraction: two runs differ "
        "by more than their samples tell (default: 0.10)",
    )
    parser.add_argument(
        "--confidence",
        type=float,
        default=0.95,
        help="that of all comparisons together not one is marked by chance (default: 0.95)",
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write all changes to this file")
    parser.add_argument(
        "--markdown", type=Path, metavar="OUT", help="write the result for a comment to this file"
    )


def run(asked: argparse.Namespace) -> int:
    """Compare, and print what changed; returns the exit status."""
    from pytest_edgeai.commands.output import written
    from pytest_edgeai.errors import UsageError
    from pytest_edgeai.judge.requirements import require_confidence, require_number
    from pytest_edgeai.report.changes.markdown import changes_markdown
    from pytest_edgeai.report.changes.paired_tests import Limits
    from pytest_edgeai.report.changes.run_changes import run_changes
    from pytest_edgeai.report.changes.text import changes_text, of_side
    from pytest_edgeai.report.document import read_document
    from pytest_edgeai.report.json_report import write_json
    from pytest_edgeai.report.outcome import incomplete
    from pytest_edgeai.report.plain import as_json
    from pytest_edgeai.report.step_summary import append
    from pytest_edgeai.report.writing import replace_text

    require_number("--fraction", asked.fraction, least=0.0, hint="0.10 is ten per cent")
    require_confidence(asked.confidence)
    limits = Limits(asked.fraction, asked.confidence)
    before, after = read_document(asked.before), read_document(asked.after)
    for path, which, document in ((asked.before, "before", before), (asked.after, "after", after)):
        if not document["tests"]:
            raise UsageError(f"the run {which}, {path}, has no tests", "run the suite again")
    found = run_changes(before, after, limits)
    if not found["changes"]:
        raise UsageError(
            f"{asked.before} and {asked.after} have no test in common that measured anything",
            "compare two runs of the same suite",
        )
    width = min(shutil.get_terminal_size().columns, WIDEST)
    print(changes_text(found, width, sys.stdout.isatty()))
    if asked.json:
        written(asked.json, lambda path: write_json(path, as_json(found)))
    if asked.markdown:
        written(asked.markdown, lambda path: replace_text(path, changes_markdown(found)))
    if trouble := append(lambda most: changes_markdown(found, most)):
        print(f"edgeai: {trouble}", file=sys.stderr)
    return 1 if of_side(found, "worse") or incomplete(after) else 0
