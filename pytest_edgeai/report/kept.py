"""The answers of evidence as plain data, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_edgeai.judge.baseline import Found, read
from pytest_edgeai.judge.evidence import (
    LatencySamples,
    OutputErrors,
    Score,
    StartSamples,
    SustainedRun,
    Window,
)
from pytest_edgeai.judge.paired import RESAMPLES
from pytest_edgeai.report.packing import pack, unpack

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
    looks = tuple(found["looks"])
    return LatencySamples(unpack(found["samples_ns"]), found["conditions"], looks, found["more"])


def sustained_as_dict(run: SustainedRun) -> Plain:
    windows = [{**vars(w), "samples_ns": pack(w.samples_ns)} for w in run.windows]
    return {"windows": windows, "conditions": run.conditions}


def sustained_from(found: Plain) -> SustainedRun:
    windows = [Window(**{**w, "samples_ns": unpack(w["samples_ns"])}) for w in found["windows"]]
    return SustainedRun(tuple(windows), found["conditions"])


def starts_as_dict(samples: StartSamples) -> Plain:
    return {**samples.as_dict(), "seconds": samples.seconds}


def starts_from(found: Plain) -> StartSamples:
    parts = {name: np.array(part, float) for name, part in found["parts"].items()}
    values = np.array(found["values"], float)
    return StartSamples(values, parts, found["conditions"], found["seconds"])


def score_as_dict(score: Score, draws: list[float]) -> Plain:
    plain = {key: value for key, value in vars(score).items() if key not in (*ARRAYS, "resampled")}
    arrays = {key: None if (of := getattr(score, key)) is None else pack(of) for key in ARRAYS}
    return {**plain, **arrays, "draws": pack(draws) if draws else None}


def score_from(found: Plain) -> Score:
    others = (*ARRAYS, "draws", "metric", "baseline")
    plain: Any = {key: value for key, value in found.items() if key not in others}
    arrays: Any = {key: None if found[key] is None else unpack(found[key]) for key in ARRAYS}
    draws = unpack(found["draws"]) if found["draws"] else ()
    return Score(**plain, **arrays, resampled=_drawn_again(draws, found["value"]))


def errors_as_dict(errors: OutputErrors) -> Plain:
    return {
        "outputs": {
            name: {norm: pack(of_sample) for norm, of_sample in norms.items()}
            for name, norms in errors.items()
        }
    }


def errors_from(found: Plain) -> OutputErrors:
    return {
        name: {norm: unpack(of_sample) for norm, of_sample in norms.items()}
        for name, norms in found["outputs"].items()
    }


def found_as_dict(found: Found) -> Plain:
    baseline = None if found.baseline is None else found.baseline.as_dict()
    return {**found._asdict(), "baseline": baseline}


def found_from(plain: Plain) -> Found:
    if plain["baseline"] is not None:
        return read(plain["baseline"], "in the report")
    return Found(None, plain["verdict"], plain["reason"], plain["advice"])


def _drawn_again(draws: Any, value: float) -> Callable[[Any], float] | None:
    """Values of the same draws in the same order, and of all samples themselves."""
    if len(draws) != RESAMPLES:
        return None
    calls = 0

    def call(at: Any) -> float:
        nonlocal calls
        if np.array_equal(at, np.arange(len(at))):
            return value
        calls += 1
        return float(draws[(calls - 1) % RESAMPLES])

    return call
