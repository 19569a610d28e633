"""The text of a model's first suite: the one that measures, and the one that is left."""

from __future__ import annotations

import json
import os
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.commands import first_limits
from pytest_edgeai.commands.first_plan import Plan

FITS = ("max_size_mb", "fully_quantized", "no_custom_ops", "min_accuracy", "max_accuracy_drop")
IS_FAST = ("max_latency_ms", "max_startup_ms", "max_memory_mb")

ANYTHING = {"min_accuracy": "1e-9", "max_accuracy_drop": "0.999999"}
"""Limits that every model holds; of all others a thousand million."""

LINE_LENGTH = 100
Records = Mapping[str, Mapping[str, Any]]
"""Records of the JSON report by variant."""


def markers_for(plan: Plan, variant: str) -> tuple[str, ...]:
    """What is measured of a variant."""
    left_out = set() if variant == "int8" else {"fully_quantized"}
    if not plan.has_labels:
        left_out |= {"min_accuracy", "max_accuracy_drop"}
    if variant == "converted" or not plan.is_converted:
        left_out.add("max_accuracy_drop")
    return tuple(name for name in (*FITS, *IS_FAST) if name not in left_out)


def measuring_text(plan: Plan) -> str:
    """A suite that every model passes; what it measures is in its records."""
    lines = [*_head(plan)]
    for variant in plan.variants:
        lines += ["", f"[tests.{variant}]", f"variants = [{json.dumps(variant)}]"]
        lines += [f"{marker} = {_anything(marker)}" for marker in markers_for(plan, variant)]
    return "\n".join(lines) + "\n"


def _anything(marker: str) -> str:
    if marker in ("fully_quantized", "no_custom_ops"):
        return "true"
    limit = ANYTHING.get(marker, "1e9")
    return f"{{p95 = {limit}}}" if marker == "max_latency_ms" else limit


def suite_text(plan: Plan, name: str, records: Records, left_out: Mapping[str, str]) -> str:
    """The suite that holds the model to what was measured of it.

    Args:
        name: of the file.
        left_out: variants that came to nothing, and why.
    """
    lines = [*_preface(plan, name), *_head(plan)]
    for reason in plan.not_tested:
        lines += ["", *_comment(f"{reason}; edgeai init with --force writes this file anew.")]
    for variant, reason in left_out.items():
        lines += ["", *_comment(f"{variant} is left out: {reason}")]
    for variant, record in records.items():
        prefix = f"{variant}_" if len(records) > 1 else ""
        for test, markers in (("fits", FITS), ("is_fast", IS_FAST)):
            lines += _table(plan, f"{prefix}{test}", variant, record, markers)
    return "\n".join(lines) + "\n"


def _table(
    plan: Plan, name: str, variant: str, record: Mapping[str, Any], markers: tuple[str, ...]
) -> list[str]:
    """A test; none where it would have no budget."""
    found = list(first_limits.lines(record, markers, plan.margin, plan.device))
    budgets = [str(line) for line in found if line.budget]
    reasons = [part for line in found if not line.budget for part in _comment(line.comment)]
    head = [f"[tests.{name}]", f"variants = [{json.dumps(variant)}]"] if budgets else []
    return ["", *head, *budgets, *reasons] if found else []


def _preface(plan: Plan, name: str) -> Iterator[str]:
    yield from _comment(
        f"Acceptance tests of {plan.model.name}. The limits are what was measured and a margin: "
        f"{units.percent(plan.margin)}, more for what is next to nothing, and a point for "
        "accuracies. Replace them by what the product needs."
    )
    yield f"#     pytest {name}"
    yield "# Times and memory bind the machine that was measured. Where they only warn:"
    yield f"#     pytest {name} --edge-performance=warn"
    if plan.device:
        yield f"# Times and memory are judged on {plan.device} alone:"
    else:
        yield "# On a board, once pyproject.toml describes it and its own times are the limits:"
    yield f"#     pytest {name} --edge-device={plan.device or 'pi'}"
    yield ""


def _head(plan: Plan) -> Iterator[str]:
    yield f"model = {_path(plan.model, plan.folder)}"
    if plan.signature:
        yield f"signature = {json.dumps(plan.signature, ensure_ascii=False)}"
    for key in ("calibration_data", "evaluation_data"):
        path = getattr(plan, key)
        if path is not None:
            yield f"{key} = {_path(path, plan.folder)}"
    how = plan.preprocessing
    if how is not None:
        yield from ("", "[preprocessing]", f"size = {list(how.size)}")
        yield f"scaling = {json.dumps(how.scaling)}"
        yield f"color = {json.dumps(how.color)}"


def _path(path: Path, folder: Path) -> str:
    relative = Path(os.path.relpath(path, folder)).as_posix()
    return json.dumps(relative, ensure_ascii=False)


def _comment(text: str) -> Sequence[str]:
    return textwrap.wrap(
        " ".join(text.split()), LINE_LENGTH, initial_indent="# ", subsequent_indent="# "
    )
