"""``edgeai init``: a first suite for a model, from a first measurement."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_edgeai.errors import EdgeAIError, UsageError

if TYPE_CHECKING:
    from pytest_edgeai.commands.first_plan import Plan
    from pytest_edgeai.commands.first_run import Record, Run

HELP = "write a suite for a model, with limits from a first measurement, and a CI workflow"
DESCRIPTION = (
    "Measures a model and writes NAME.edge.toml, a suite that holds it to what was measured: size, "
    "quantisation, latency, start-up and memory, and with evaluation data accuracy. A Keras model "
    "is tested converted, with dynamic-range quantisation, and with calibration data as int8; a "
    ".tflite file as what it is. It also writes .github/workflows/edgeai.yml, runs the suite once, "
    "and shows the result. The exit status is 1 where the suite does not pass, and 2 where nothing "
    "could be measured."
)
FIRST_MEASUREMENT = "the first measurement"
MOST_MARGIN = 10
"""Ten times what was measured; more is mostly a per cent taken for a share."""
EPILOG = "example: edgeai init parts.keras --calibration-data train.npz --evaluation-data test.npz"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.epilog = EPILOG
    parser.add_argument("model", help="a .keras, .h5 or .tflite file, or a SavedModel folder")
    parser.add_argument(
        "--signature", metavar="NAME", help="which signature is meant, where the model has several"
    )
    parser.add_argument(
        "--calibration-data",
        type=Path,
        metavar="PATH",
        help="typical inputs, as int8 needs them: an .npz with x, an .npy, or a folder of images",
    )
    parser.add_argument(
        "--evaluation-data",
        type=Path,
        metavar="PATH",
        help="inputs and labels for the accuracy: an .npz with x and y, or a folder of images with "
        "one sub-folder per class",
    )
    parser.add_argument(
        "--scaling",
        choices=("0..1", "-1..1", "0..255"),
        help="what pixels are scaled to, as in training, for folders of images; note the equals "
        "sign in --scaling=-1..1",
    )
    parser.add_argument(
        "--device",
        metavar="NAME",
        help="measure on this device of pyproject.toml or edgeai.toml (default: this machine)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="folder for the suite, made where its parent is there (default: this one)",
    )
    parser.add_argument(
        "--margin",
        type=_margin,
        default=0.25,
        help="how far limits are from what was measured, as a share of it (default: 0.25, "
        "which is 25 per cent)",
    )
    parser.add_argument("--force", action="store_true", help="overwrite files that are there")


def run(asked: argparse.Namespace) -> int:
    """Measure, write and run; returns the exit status."""
    from pytest_edgeai.commands.first_run import run_suite

    plan = _plan(asked)
    suite = plan.folder / f"{_safe(plan.model)}.edge.toml"
    if suite.exists() and not asked.force:
        raise UsageError(f"{suite} is there already", "--force overwrites it")
    what = f"{', '.join(plan.variants)} of {plan.model.name}"
    print(f"measuring {what}, which takes a while", flush=True)
    first = _measured(plan, suite)
    records = {record["variant"]: record for record in first.records if record["budgets"]}
    if not records:
        reasons = "\n".join(dict.fromkeys(first.failures.values()))
        raise EdgeAIError(f"nothing of {plan.model.name} could be measured:\n{reasons}")
    _write_suite(plan, suite, first, records)
    _write_workflow(plan, asked.force)
    return _told(suite, run_suite(suite, plan.device))


def _margin(text: str) -> float:
    try:
        margin = float(text)
    except ValueError:
        margin = -1.0
    if not 0 < margin <= MOST_MARGIN:
        raise argparse.ArgumentTypeError(
            f"must be a number over 0 up to {MOST_MARGIN}, not {text}: 0.25 is 25 per cent"
        )
    return margin


def _plan(asked: argparse.Namespace) -> Plan:
    from pytest_edgeai.commands.first_plan import make_plan
    from pytest_edgeai.model.source import ModelSource

    given = {key: getattr(asked, key) for key in ("calibration_data", "evaluation_data")}
    data = {key: path.expanduser().absolute() for key, path in given.items() if path is not None}
    folder = asked.output.expanduser().absolute()
    source = ModelSource(asked.model, signature=asked.signature)
    plan = make_plan(source, data, asked.scaling, folder, asked.device, asked.margin)
    for reason in plan.not_tested:
        print(f"note: {reason}")
    return plan


def _measured(plan: Plan, suite: Path) -> Run:
    """A run with limits that anything holds, beside the suite: with its configuration and cache."""
    from pytest_edgeai.commands.first_run import run_suite
    from pytest_edgeai.commands.first_suite import measuring_text

    plan.folder.mkdir(exist_ok=True)
    handle, name = tempfile.mkstemp(".edge.toml", "measuring-", plan.folder)
    path = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(measuring_text(plan))
        first = run_suite(path, plan.device)
    except EdgeAIError as error:
        said = error.message.replace(path.name, FIRST_MEASUREMENT)
        raise EdgeAIError(said, error.hint) from None
    finally:
        path.unlink()
    said_of = {
        of: said.replace(path.name, FIRST_MEASUREMENT) for of, said in first.failures.items()
    }
    return replace(first, failures=said_of)


def _write_suite(plan: Plan, suite: Path, first: Run, records: dict[str, Record]) -> None:
    from pytest_edgeai.commands.first_limits import is_busy
    from pytest_edgeai.commands.first_suite import suite_text

    left_out = {
        variant: first.failures.get(variant, "it was not measured").partition("\n")[0]
        for variant in plan.variants
        if variant not in records
    }
    for variant, reason in left_out.items():
        print(f"left out: {variant}: {reason}")
    suite.write_text(suite_text(plan, suite.name, records, left_out), encoding="utf-8")
    print(f"wrote {_shown(suite)}")
    if any(map(is_busy, records.values())):
        print("note: others kept the machine busy: times may be too generous; --force begins anew")


def _write_workflow(plan: Plan, force: bool) -> None:
    from pytest_edgeai.commands.workflow import PLACE, is_root, lacks, root_of, workflow_text

    root = root_of(plan.folder)
    path = root / PLACE
    if path.exists() and not force:
        print(f"kept {_shown(path)}: it is there already, and --force overwrites it")
        if need := lacks(path, plan):
            print(f"note: it does not install {need}, which {plan.model.name} needs")
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(workflow_text(root, plan), encoding="utf-8")
    print(f"wrote {_shown(path)}")
    if not is_root(root):
        print(f"note: {root} is no git repository: {PLACE} has to be in the root of one")
    for used in plan.files:
        if not used.is_relative_to(root):
            print(f"note: {used} is outside of {root}: a CI machine will not have it")


def _told(suite: Path, second: Run) -> int:
    """Print what came of the suite; the exit status."""
    from pytest_edgeai.report.table import table

    for warning in dict.fromkeys(w for record in second.records for w in record["warnings"]):
        print(f"note: {warning}")
    width = min(shutil.get_terminal_size().columns, 160)
    if second.status == 0:
        print(f"\n{table(second.records, width, sys.stdout.isatty())}\n")
        print(f"it passes; run it with: pytest {_shown(suite)}")
        return 0
    print(f"\n{second.output.strip()}\n")
    print(f"{_shown(suite)} does not pass as it is; it is kept: see above what it says")
    return 1


def _safe(model: Path) -> str:
    """The model's name without what shells and git take apart, or would take for an option."""
    name = model.stem if model.is_file() else model.name
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "model"


def _shown(path: Path) -> str:
    return os.path.relpath(path)
