"""The answers of evidence as plain data, and back.

What cannot be taken back is a ``ValueError``, a ``KeyError`` or a ``TypeError``: damaged data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from pytest_edgeai.judge.baseline import Found, read
from pytest_edgeai.judge.evidence import (
    LatencySamples,
    Layer,
    OutputErrors,
    Score,
    StartSamples,
    SustainedRun,
    Window,
)
from pytest_edgeai.report.packing import pack, unpack
from pytest_edgeai.report.saved.draws import Draws

Plain = dict[str, Any]
ARRAYS = ("hits", "classes", "answered", "strata")
"""Of a score."""


def latency_as_dict(samples: LatencySamples) -> Plain:
    return {
        "samples_ns": pack(samples.samples_ns),
        "conditions": samples.conditions,
        "looks": list(samples.looks),
        "more": samples.more,
    }


def latency_from(found: Plain) -> LatencySamples:
    samples_ns, looks = _times(found["samples_ns"]), tuple(map(int, found["looks"]))
    _require(all(0 < n <= len(samples_ns) for n in looks), "looks beyond the samples")
    return LatencySamples(samples_ns, _conditions(found), looks, str(found["more"]))


def sustained_as_dict(run: SustainedRun) -> Plain:
    windows = [{**vars(w), "samples_ns": pack(w.samples_ns)} for w in run.windows]
    return {"windows": windows, "conditions": run.conditions}


def sustained_from(found: Plain) -> SustainedRun:
    windows = [Window(**{**w, "samples_ns": _times(w["samples_ns"])}) for w in found["windows"]]
    _require(bool(windows), "a run without windows")
    return SustainedRun(tuple(windows), _conditions(found))


def starts_as_dict(samples: StartSamples) -> Plain:
    return {**samples.as_dict(), "seconds": samples.seconds}


def starts_from(found: Plain) -> StartSamples:
    parts = {name: np.array(part, float) for name, part in found["parts"].items()}
    values = np.array(found["values"], float)
    shapes = {part.shape for part in (values, *parts.values())}
    _require(shapes == {(len(values),)} and len(values) > 0, f"parts of other shapes: {shapes}")
    return StartSamples(values, parts, _conditions(found), float(found["seconds"]))


def score_as_dict(score: Score, draws: Draws) -> Plain:
    plain = {key: value for key, value in vars(score).items() if key not in (*ARRAYS, "resampled")}
    arrays = {key: None if (of := getattr(score, key)) is None else pack(of) for key in ARRAYS}
    return {**plain, **arrays, "resampled": score.resampled is not None, **draws.as_dict()}


def score_from(found: Plain) -> Score:
    arrays: Any = {key: None if found[key] is None else unpack(found[key]) for key in ARRAYS}
    shapes = {array.shape for array in arrays.values() if array is not None}
    samples = int(found["samples"])
    _require(shapes <= {(samples,)}, f"{samples} samples, and arrays of {shapes}")
    return Score(
        math.nan if found["value"] is None else float(found["value"]),
        samples,
        str(found["labels"]),
        found["chance"],
        data=str(found["data"]),
        resampled=Draws.from_dict(found).again(found["metric"]) if found["resampled"] else None,
        **arrays,
    )


def errors_as_dict(errors: OutputErrors) -> Plain:
    return {
        "outputs": {
            name: {norm: pack(of_sample) for norm, of_sample in norms.items()}
            for name, norms in errors.items()
        }
    }


def errors_from(found: Plain) -> OutputErrors:
    errors = {
        name: {norm: unpack(of_sample) for norm, of_sample in norms.items()}
        for name, norms in found["outputs"].items()
    }
    shapes = {of_sample.shape for norms in errors.values() for of_sample in norms.values()}
    _require(len(shapes) == 1 and len(min(shapes)) == 1, f"arrays of shapes {shapes}")
    return errors


def layers_as_dict(layers: list[Layer]) -> Plain:
    return {"layers": [asdict(layer) for layer in layers]}


def layers_from(found: Plain) -> list[Layer]:
    """An error that is infinite is null in JSON."""
    return [
        Layer(
            of["name"],
            of["operator"],
            tuple(map(int, of["inputs"])),
            math.inf if of["error"] is None else float(of["error"]),
            float(of["saturated"]),
        )
        for of in found["layers"]
    ]


def found_as_dict(found: Found) -> Plain:
    baseline = None if found.baseline is None else found.baseline.as_dict()
    return {**found._asdict(), "baseline": baseline}


def found_from(plain: Plain) -> Found:
    if plain["baseline"] is not None:
        return read(plain["baseline"], "in the report")
    return Found(None, plain["verdict"], plain["reason"], plain["advice"])


def classes_from(found: Plain) -> Any:
    classes = unpack(found["classes"])
    _require(classes.ndim == 1 and classes.dtype.kind == "i", f"classes of {classes.dtype}")
    return classes


def _times(packed: Plain) -> Any:
    times = unpack(packed)
    _require(times.ndim == 1 and len(times) > 0 and times.dtype.kind == "i", "no times in ns")
    return times


def _conditions(found: Plain) -> dict[str, Any]:
    _require(isinstance(found["conditions"], Mapping), "conditions that are no table")
    return dict(found["conditions"])


def _require(holds: bool, wrong: str) -> None:
    if not holds:
        raise ValueError(wrong)
