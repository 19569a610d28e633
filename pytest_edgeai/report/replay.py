"""Evidence from what an earlier run kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pytest_edgeai import units
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
    errors_from,
    found_from,
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
        kept: the ``as_dict()`` of a ``Recording``.
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
        share: float | None = self._answer("delegated", "what a delegate runs")["share"]
        return share

    @property
    def undelegated(self) -> Mapping[str, int]:
        left: dict[str, int] = self._answer("delegated", "what a delegate runs")["left"]
        return left

    def latency(self, threads: int | None) -> LatencySamples:
        return latency_from(self._timed("latency", "latency", threads))

    def sustained(
        self, lengths_s: Sequence[float], threads: int | None, is_enough: IsEnough[SustainedRun]
    ) -> SustainedRun:
        return sustained_from(
            self._timed("sustained", "a run of this length", threads, lengths_s=[*lengths_s])
        )

    def start_ups(
        self, threads: int | None, is_enough: IsEnough[StartSamples], first_void: str = ""
    ) -> StartSamples:
        return starts_from(self._timed("start_ups", "the start-up", threads))

    def memory(self, threads: int | None, is_enough: IsEnough[StartSamples]) -> StartSamples:
        return starts_from(self._timed("memory", "memory", threads))

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        whose = f" of {baseline}" if baseline else ""
        asked = {"metric": metric.name, "baseline": baseline}
        return score_from(self._answer("scores", f"{metric.name}{whose}", **asked))

    def suspicions(self, metric: Metric) -> tuple[str, ...]:
        found = self._find("suspicions", metric=metric.name) or {}
        return tuple(found.get("texts", ()))

    def answered(self, baseline: str | None = None) -> Any:
        what = f"the answers of {baseline or self.variant}"
        return unpack(self._answer("answered", what, baseline=baseline)["classes"])

    def output_errors(self, baseline: str) -> OutputErrors:
        what = f"the difference from {baseline}"
        return errors_from(self._answer("output_errors", what, baseline=baseline))

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        found = self._answer(
            "layers", "the layers on these samples", baseline=baseline, samples=[*samples]
        )
        return [Layer(**{**of, "inputs": tuple(of["inputs"])}) for of in found["layers"]]

    def recorded(self) -> Found:
        return found_from(self._answer("recorded", "its baseline"))

    def _timed(self, kind: str, what: str, threads: int | None, **asked: Any) -> Plain:
        """With the interpreter's own threads, whether or not a budget named them."""
        alike = (None, self._threads) if threads in (None, self._threads) else (threads,)
        for number in alike:
            if self._find(kind, threads=number, **asked) is not None:
                return self._answer(kind, what, threads=number, **asked)
        if threads is not None:
            what += f" with {units.count(threads, 'thread')}"
        return self._answer(kind, what, threads=threads, **asked)

    def _find(self, kind: str, **asked: Any) -> Plain | None:
        return next((e for e in self._kept.get(kind, ()) if asked.items() <= e.items()), None)

    def _answer(self, kind: str, what: str, **asked: Any) -> Plain:
        found = self._find(kind, **asked)
        if found is None:
            raise DataError(f"the saved run did not measure {what}", RUN_AGAIN)
        if "error" in found:
            raise EdgeAIError(found["error"], found["hint"])
        return found
