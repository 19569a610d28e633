"""What an earlier run measured, as plain data, and when it may be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_edgeai.judge.statistics import QUANTILES, effective_runs, statistic
from pytest_edgeai.judge.verdict import Verdict

if TYPE_CHECKING:
    import numpy as np

    from pytest_edgeai.judge.evidence import LatencySamples, Score

SCHEMA = 1
APART = 2
"""Autocorrelation times from one kept sample to the next: at one, they would still resemble each
other (AR(1): a correlation of 0.13, and 0.02 at two), and rank tests be too sure."""
MOST_SAMPLES = 500
"""Samples of the latency that are kept for the rank test."""
FINGERPRINT = ("machine", "cpu", "cores", "system", "runtime", "runtime_version", "threads")
"""What has to be the same where latency is compared."""
RECORD_IT = "pytest --edge-save-baseline records one; commit it"


@dataclass(frozen=True)
class LatencyBaseline:
    """Latency as it was.

    Attributes:
        n: how many runs were made.
        ms: statistics of all of them, in milliseconds.
        samples_ns: some of them, as far apart as makes them independent.
        input, input_shapes: what the model was fed with.
    """

    n: int
    ms: dict[str, float]
    samples_ns: list[int]
    input: str
    input_shapes: dict[str, list[int]]


@dataclass(frozen=True)
class AccuracyBaseline:
    """Top-1 accuracy as it was.

    Attributes:
        data: hash of the evaluation data.
        hits: whether each sample was right, 8 to a byte, in hex.
    """

    value: float
    samples: int
    data: str
    hits: str

    @property
    def right(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether each sample was right, shape (N,)."""
        import numpy as np

        bits = np.unpackbits(np.frombuffer(bytes.fromhex(self.hits), np.uint8))
        return bits[: self.samples].astype(bool)


@dataclass(frozen=True)
class Baseline:
    """One variant of one model on one device."""

    device: str
    fingerprint: dict[str, Any]
    model: str
    variant: str
    sha256: str
    size_bytes: int
    recorded: str
    latency: LatencyBaseline | None = None
    accuracy: AccuracyBaseline | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain data for a file."""
        return {"schema": SCHEMA, **asdict(self)}


class Found(NamedTuple):
    """A baseline, or the verdict and the reason where there is none to compare with."""

    baseline: Baseline | None
    verdict: Verdict = "inconclusive"
    reason: str = ""
    advice: str = RECORD_IT


RECORDING = Found(None, "skipped", "this run records the baseline", "")


def read(content: Any, where: str) -> Found:
    """A baseline from plain data."""
    schema = content.get("schema") if isinstance(content, Mapping) else None
    if schema != SCHEMA:
        reason = f"the baseline {where} has schema {schema}; this version reads {SCHEMA}"
        return Found(None, "inconclusive", reason, f"record it anew: {RECORD_IT}")
    try:
        values = {field.name: content[field.name] for field in fields(Baseline)}
        latency, accuracy = values["latency"], values["accuracy"]
        values["latency"] = latency and LatencyBaseline(**latency)
        values["accuracy"] = accuracy and AccuracyBaseline(**accuracy)
        return Found(Baseline(**values))
    except (KeyError, TypeError, ValueError) as error:
        reason = f"the baseline {where} cannot be read: {type(error).__name__}: {error}"
        return Found(None, "inconclusive", reason, f"record it anew: {RECORD_IT}")


def other_device(baseline: Baseline, fingerprint: Mapping[str, Any]) -> str:
    """In which ways a baseline's device differs from this one; "" where it does not."""
    return "; ".join(
        f"{key} {baseline.fingerprint.get(key)!r}, now {fingerprint.get(key)!r}"
        for key in FINGERPRINT
        if baseline.fingerprint.get(key) != fingerprint.get(key)
    )


def latency_baseline(samples: LatencySamples) -> LatencyBaseline:
    """What is kept of a measurement."""
    names = ("mean", *QUANTILES, "max")
    return LatencyBaseline(
        len(samples.samples_ns),
        {name: statistic(name, samples.ms) for name in names},
        independent(samples.samples_ns).tolist(),
        str(samples.conditions.get("input")),
        samples.conditions.get("input_shapes", {}),
    )


def accuracy_baseline(score: Score) -> AccuracyBaseline:
    """What is kept of a score of top-1 accuracy."""
    import numpy as np

    assert score.hits is not None
    hits = np.packbits(score.hits).tobytes().hex()
    return AccuracyBaseline(score.value, score.samples, score.data, hits)


def independent(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Evenly spaced samples, as far apart as makes them independent, at most ``MOST_SAMPLES``."""
    import numpy as np

    worth = max(1, min(MOST_SAMPLES, int(effective_runs(samples) / APART)))
    return np.asarray(samples[np.linspace(0, len(samples) - 1, worth).astype(int)])
