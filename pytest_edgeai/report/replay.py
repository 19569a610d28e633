"""Evidence from what an earlier run kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_edgeai.errors import DataError, EdgeAIError
from pytest_edgeai.judge.baseline import Found
from pytest_edgeai.judge.evidence import (
    IsEnough,
    LatencySamples,
    Layer,
    OutputErrors,
    Score,
    StartSamples,
    SustainedRun,
)
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.model.facts import ModelFacts
from pytest_edgeai.report.kept import (
    Plain,
    found_from,
    key_of,
    latency_from,
    score_from,
    starts_from,
    sustained_from,
)
from pytest_edgeai.report.packing import unpack

RUN_AGAIN = "run the tests again with a budget that needs it"


class Replay:
    """Evidence from what a ``Recording`` kept.

    Args:
        kept: its ``as_dict()``.
        facts: of the model's file.
        threads: of the interpreter, where a budget names none.
    """

    def __init__(
        self,
        kept: Mapping[str, Any],
        facts: ModelFacts,
        variant: str,
        device_name: str,
        is_on_host: bool,
        threads: int,
    ) -> None:
        self._kept = kept
        self._threads = threads
        self.facts = facts
        self.variant = variant
        self.device_name = device_name
        self.is_on_host = is_on_host

    @property
    def size_bytes(self) -> int:
        return self.facts.size_bytes

    @property
    def delegated(self) -> float | None:
        found: float | None = self._answer("delegated", "", "the share of delegated operators")[
            "share"
        ]
        return found

    @property
    def undelegated(self) -> Mapping[str, int]:
        left: dict[str, int] = self._answer("delegated", "", "the delegated operators")["left"]
        return left

    def latency(self, threads: int | None) -> LatencySamples:
        return latency_from(self._timed("latency", "latency", threads))

    def sustained(
        self, lengths_s: Sequence[float], threads: int | None, is_enough: IsEnough[SustainedRun]
    ) -> SustainedRun:
        return sustained_from(self._timed("sustained", "a run of this length", threads, *lengths_s))

    def start_ups(
        self, threads: int | None, is_enough: IsEnough[StartSamples], first_void: str = ""
    ) -> StartSamples:
        return starts_from(self._timed("start_ups", "the start-up", threads))

    def memory(self, threads: int | None, is_enough: IsEnough[StartSamples]) -> StartSamples:
        return starts_from(self._timed("memory", "memory", threads))

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        whose = f" of {baseline}" if baseline else ""
        key = key_of(metric.name, baseline)
        return score_from(self._answer("scores", key, f"{metric.name}{whose}"))

    def suspicions(self, metric: Metric) -> tuple[str, ...]:
        found = self._kept.get("suspicions", {}).get(key_of(metric.name), {})
        return tuple(found.get("texts", ()))

    def answered(self, baseline: str | None = None) -> Any:
        what = f"the answers of {baseline or self.variant}"
        return unpack(self._answer("answered", key_of(baseline), what)["classes"])

    def output_errors(self, baseline: str) -> OutputErrors:
        found = self._answer("output_errors", key_of(baseline), f"the difference from {baseline}")
        return {
            name: {norm: unpack(of_sample) for norm, of_sample in norms.items()}
            for name, norms in found.items()
        }

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        found = self._answer("layers", key_of(baseline, *samples), "the layers on these samples")
        return [Layer(**{**of, "inputs": tuple(of["inputs"])}) for of in found["layers"]]

    def recorded(self) -> Found:
        return found_from(self._answer("recorded", "", "its baseline"))

    def _timed(self, kind: str, what: str, threads: int | None, *more: float) -> Plain:
        """With the interpreter's own threads, whether or not a budget named them."""
        keys = [key_of(threads, *more)]
        if threads in (None, self._threads):
            keys = [key_of(None, *more), key_of(self._threads, *more)]
        known = self._kept.get(kind, {})
        key = next((key for key in keys if key in known), keys[0])
        return self._answer(kind, key, f"{what} with {threads} threads" if threads else what)

    def _answer(self, kind: str, key: str, what: str) -> Plain:
        found: Plain | None = self._kept.get(kind, {}).get(key)
        if found is None:
            raise DataError(f"the saved run did not measure {what}", RUN_AGAIN)
        if "error" in found and "hint" in found:
            raise EdgeAIError(found["error"], found["hint"])
        return found
