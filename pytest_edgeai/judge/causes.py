"""Why a model's answers are bad: what is known for sure, else the layers where it begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from pytest_edgeai.judge.evidence import HOST, Evidence
from pytest_edgeai.judge.layers import where_it_goes_wrong
from pytest_edgeai.judge.metrics import Metric

AS_ABOVE = "see above"
"""Advice where a detail says what is wrong: any other would lead astray."""


BY_HOST = (
    "the runtimes' kernels round differently: the same runtime version on both, or judge accuracy "
    "on the device itself"
)
_CALIBRATE = "calibrate with more samples like the real inputs and scaled as in training"
_BY_VARIANT = {
    "int8": f"{_CALIBRATE}; int16x8 or quantisation-aware training where that is not enough",
    "int16x8": f"{_CALIBRATE}; quantisation-aware training where 8-bit weights are too coarse",
    "dynamic": "float16, or quantisation-aware training: its weights are in 8 bits, and nothing "
    "is calibrated",
    "float16": "converted: weights and values beyond 65,504, or very small ones, are none of "
    "float16",
    "converted": "both compute in float, so that no calibration helps: see whether they are the "
    "same model, and update TensorFlow",
}
_OTHER = "convert it again with less of it quantised, or train it with quantisation in mind"


def by_variant(variant: str) -> str:
    """What may help a variant that answers too unlike its baseline."""
    return _BY_VARIANT.get(variant, _OTHER)


class Causes(NamedTuple):
    """What a failing budget adds to its result."""

    details: tuple[str, ...]
    data: dict[str, Any]
    advice: str


def causes(
    evidence: Evidence,
    baseline: str,
    wrong: Sequence[int],
    n: int,
    *,
    advice: str,
    metric: Metric | None = None,
) -> Causes:
    """Why answers differ from a baseline's.

    Args:
        wrong: indices of the samples that went wrong.
        n: how many samples there are.
        advice: where there is no better.
        metric: that fails, if one does.
    """
    suspected = () if baseline == HOST else evidence.suspicions(metric)  # it is the same file
    if suspected:
        return Causes(suspected, {}, AS_ABOVE)
    where, data = where_it_goes_wrong(evidence, baseline, wrong, n)
    return Causes(tuple(where), data, advice)
