"""``edgeai inspect``: what ``.tflite`` files are, and which runtimes run them."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_edgeai.device.spec import RUNTIME_CHOICES

if TYPE_CHECKING:
    from pytest_edgeai.model.facts import Model

HELP = "what is in a .tflite file, is it quantised, and which runtimes run it?"
DESCRIPTION = (
    "Shows what .tflite files hold: size, inputs and outputs, operators, weights, and what is "
    "still in float. Each file is then loaded and run once by every runtime that is installed "
    "here. Several files, such as one before and one after quantisation, are shown side by side, "
    "and so are the signatures of a file that has several. The exit status is 1 where an installed "
    "runtime does not run a file, and 2 where a file cannot be read."
)

EVERY_S = 5.0
"""Between two lines of progress in a log."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "file", nargs="+", type=Path, help="a .tflite file; several are shown side by side"
    )
    parser.add_argument(
        "--signature", metavar="NAME", default="", help="show this signature alone, not each"
    )
    parser.add_argument(
        "--runtime",
        action="append",
        choices=RUNTIME_CHOICES[1:],
        help="try this runtime alone, not each; may be given several times",
    )
    parser.add_argument(
        "--json", action="store_true", help="print everything as JSON instead of a table"
    )


def run(asked: argparse.Namespace) -> int:
    """Print what is found; returns the exit status."""
    from pytest_edgeai.device.trial import try_runtimes
    from pytest_edgeai.report.inspection import Inspected, as_document, side_by_side

    models = [model for path in asked.file for model in _models(path, asked.signature)]
    all_trials = try_runtimes(models, _Progress(len(models)), asked.runtime or RUNTIME_CHOICES[1:])
    found = [Inspected(*pair) for pair in zip(models, all_trials, strict=True)]
    if asked.json:
        print(json.dumps(as_document(found), indent=2))
    else:
        print(side_by_side(found, shutil.get_terminal_size().columns, sys.stdout.isatty()))
    return int(any(trial.outcome == "fails" for trials in all_trials for trial in trials))


def _models(path: Path, signature: str) -> Iterator[Model]:
    """The file with each of its signatures, or with the one that is named."""
    from pytest_edgeai.model.proof import proven_variant
    from pytest_edgeai.model.tflite import Model, read_facts, read_signatures

    keys = (signature,) if signature else read_signatures(path) or ("",)
    for key in keys:
        facts = read_facts(path, key)
        name = f"{path.name}:{key}" if len(facts.signatures) > 1 else path.name
        yield Model(path, name, proven_variant(facts), facts)


class _Progress:
    """On a terminal a line that is gone when it is over; in a log one every few seconds.

    A log is told nothing of a single model, which is soon done.
    """

    def __init__(self, models: int) -> None:
        self._is_logged = models > 1
        self._last = time.monotonic()

    def __call__(self, text: str) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)
        elif text and self._is_logged and time.monotonic() - self._last > EVERY_S:
            self._last = time.monotonic()
            print(f"edgeai: {text}", file=sys.stderr, flush=True)
