"""A metric of all samples, and of resamples of them."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.measure.answers import Array


def scored(
    value: Callable[[Any], float], n: int, labels: str, strata: Array | None = None
) -> Score:
    """A metric of all samples, and of resamples of them."""

    def quietly(at: Any) -> float:
        with warnings.catch_warnings():  # a resample may lack a class, or have few samples
            warnings.simplefilter("ignore")
            found = value(at)
        return found if math.isfinite(found) else math.nan

    return Score(quietly(np.arange(n)), n, labels, resampled=quietly, strata=strata)
