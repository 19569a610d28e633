"""Whether two models answer alike, on made-up inputs."""

from __future__ import annotations

import itertools
from typing import Any

import hypothesis
import numpy as np
from hypothesis.strategies import SearchStrategy

from pytest_edgeai import units
from pytest_edgeai.device.batch import Batch
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.quantisation import Array
from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.requirements import require_number
from pytest_edgeai.strategies.inputs import model_inputs

__tracebackhide__ = True
"""A property that does not hold shows in the test that names it, not here."""

SAMPLES = 200
SEED = 20_240_229
MOST_SHOWN = 3


def assert_agrees(
    interpreter: Interpreter,
    other: Interpreter,
    /,
    *,
    share: float = 0.99,
    tolerance: float | None = None,
    samples: int | Batch = SAMPLES,
    **inputs: Any,
) -> None:
    """A share of the samples gets the same answer from both, such as int8 and converted.

    A share is of many samples, so these are a fixed number, the same in every run, and counted.
    Made-up ones are extreme: published int8 models and their float originals agree on 60 to 100 %
    of them. Where 99 % are wanted, give real ones; the marker ``min_agreement`` does the same on
    ``evaluation_data``, for classes.

    Args:
        share: a fraction, 0.99 is 99 %.
        tolerance: how far apart a sample's values may be, in the outputs' unit. None for the same
            likeliest class, where classes that share a model's first place all count.
        samples: how many to make up, or a batch of real ones.
        inputs: options of ``model_inputs(interpreter)``.

    Raises:
        AssertionError: with the samples that lie furthest apart; or there is only one class.
        UsageError: no tolerance, and an output has another shape than (N, classes).
    """
    require_number("share", share, above=0.0, most=1.0, hint="a fraction: 0.99 is 99 %")
    pair = f"{interpreter!r} and {other!r}"
    gaps, named, classes = list[float](), list[str](), set[int]()
    for batch in _batches(interpreter, samples, inputs):
        one, its = _by_name(interpreter.predict(batch)), _by_name(other.predict(batch))
        found = _gaps(one, its, tolerance)
        gaps += found.tolist()
        named += _names(batch, len(found), isinstance(samples, int))
        classes |= _classes([*one.values(), *its.values()]) if tolerance is None else set()
    if len(classes) == 1 < len(gaps):
        raise AssertionError(
            f"{pair} both answer class {classes.pop()} to all {len(gaps):,} samples: that is no "
            "agreement; give real samples, or tolerance="
        )
    agreed = sum(gap <= (tolerance or 0.0) for gap in gaps) / len(gaps)
    if agreed < share:
        raise AssertionError(
            f"{pair} agree on {units.share(agreed)} of {units.count(len(gaps), 'sample')}, "
            f"not on {units.share(share)}; furthest apart:{_furthest(gaps, named)}"
        )


def _batches(interpreter: Interpreter, samples: int | Batch, inputs: dict[str, Any]) -> list[Any]:
    if not isinstance(samples, int):
        return [samples]
    return _drawn(model_inputs(interpreter, **{**inputs, "max_samples": 1}), samples)


def _drawn(strategy: SearchStrategy[Any], count: int) -> list[Any]:
    """The same batches in every run; fewer where there are not so many."""
    batches: list[Any] = []

    @hypothesis.seed(SEED)
    @hypothesis.settings(
        max_examples=count,
        phases=[hypothesis.Phase.generate],
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(strategy)
    def collect(batch: Any) -> None:
        batches.append(batch)

    collect()
    return batches


def _by_name(answers: Any) -> dict[str, Array]:
    return answers if isinstance(answers, dict) else {"": answers}


def _gaps(one: dict[str, Array], other: dict[str, Array], tolerance: float | None) -> Array:
    """For each sample, how far the answers are apart: infinite where one is NaN and one is not."""
    if {n: v.shape for n, v in one.items()} != {n: v.shape for n, v in other.items()}:
        raise UsageError(
            f"the models' outputs differ: {_form(one)} and {_form(other)}",
            "assert_agrees() compares two variants of one model",
        )
    measure = _class_gaps if tolerance is None else _value_gaps
    gaps = [measure(name, values, other[name]) for name, values in one.items()]
    return np.asarray(np.nan_to_num(np.max(gaps, axis=0), nan=np.inf, posinf=np.inf))


def _class_gaps(name: str, one: Array, other: Array) -> Array:
    """How far the class that one puts first is behind in the other's scores."""
    classes = max(one.shape[1:], default=1)
    if one.dtype.kind not in "iuf" or classes < 2 or classes * len(one) != one.size:
        raise UsageError(
            f"{_output(name)} of shape {one.shape} has no scores of classes",
            "give tolerance=, in the output's unit",
        )
    mine, its = (values.reshape(len(one), -1).astype(np.float64) for values in (one, other))
    first = mine == mine.max(axis=1, keepdims=True)
    best, there = its.max(axis=1), np.where(first, its, -np.inf).max(axis=1)
    with np.errstate(invalid="ignore"):  # infinity less infinity
        gaps = np.where(best == there, 0.0, best - there)
    return np.asarray(gaps)


def _value_gaps(name: str, one: Array, other: Array) -> Array:
    if one.dtype.kind not in "biuf":
        raise UsageError(f"{_output(name)} is {one.dtype}: there is no distance of its values")
    mine, its = (values.reshape(len(one), -1).astype(np.float64) for values in (one, other))
    same = (mine == its) | (np.isnan(mine) & np.isnan(its))
    gaps = np.abs(np.where(same, 0.0, mine) - np.where(same, 0.0, its))
    return np.asarray(gaps.max(axis=1, initial=0.0))


def _classes(outputs: list[Array]) -> set[int]:
    """The likeliest ones."""
    return {int(row.argmax()) for values in outputs for row in values}


def _furthest(gaps: list[float], named: list[str]) -> str:
    by_name = dict(sorted(zip(named, gaps, strict=True), key=lambda pair: -pair[1]))
    worst = itertools.islice(by_name.items(), MOST_SHOWN)
    return "".join(f"\n    {units.significant(gap)} apart: {name}" for name, gap in worst)


def _output(name: str) -> str:
    return f"output {name!r}" if name else "the output"


def _form(outputs: dict[str, Array]) -> str:
    return ", ".join(f"{name} {values.shape}".strip() for name, values in outputs.items())


def _names(batch: Any, count: int, is_made_up: bool) -> list[str]:
    """What the samples of a batch are called."""
    if is_made_up and count == 1:
        return [repr(batch)]
    of = f" of {batch!r}" if is_made_up else ""
    return [f"sample {place}{of}" for place in range(count)]
