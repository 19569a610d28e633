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
from pytest_edgeai.report.saved.draws import NotMeasuredError
from pytest_edgeai.report.saved.kept import (
    Plain,
    classes_from,
    errors_from,
    found_from,
    latency_from,
    layers_from,
    score_from,
    starts_from,
    sustained_from,
)

RUN_AGAIN = "run the tests again with a budget that needs it"


class EndedError(Exception):
    """What ended the judging of a budget then, though nobody raises it on purpose."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason


class Replay:
    """Evidence from what a ``Recording`` kept.

    Budgets that are judged in the order of the run get what each of them got then: samples that
    were taken until a budget had enough are given out in the same steps.

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
        self._at: dict[tuple[object, ...], int] = {}
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
        return latency_from(_answered(self._entries("latency", "latency", threads)[-1]))

    def sustained(
        self, lengths_s: Sequence[float], threads: int | None, is_enough: IsEnough[SustainedRun]
    ) -> SustainedRun:
        """Each budget had a run of its own; one that a budget has ended is whole for no other."""
        what, length = "a sustained run of this length", [*lengths_s]
        entries = self._entries("sustained", what, threads, lengths_s=length)
        key = ("sustained", threads or self._threads, *length)
        at = self._at.get(key, 0)
        for place in [*range(at, len(entries)), *range(at)]:
            run = sustained_from(_answered(entries[place]))
            if len(run.windows) == len(length) or is_enough(run):
                self._at[key] = (place + 1) % len(entries)
                return run
        raise NotMeasuredError(
            f"the saved run did not measure {what} to its end: it was over its limit by then",
            RUN_AGAIN,
        )

    def start_ups(
        self, threads: int | None, is_enough: IsEnough[StartSamples], first_void: str = ""
    ) -> StartSamples:
        return self._until(is_enough, "start_ups", "the start-up", threads, first_void)

    def memory(self, threads: int | None, is_enough: IsEnough[StartSamples]) -> StartSamples:
        return self._until(is_enough, "memory", "memory", threads)

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        whose = f" of {baseline}" if baseline else ""
        self._require_one_of_its_name(metric)
        asked = {**_named(metric), "baseline": baseline}
        return score_from(self._answer("scores", f"{metric.name}{whose}", **asked))

    def suspicions(self, metric: Metric | None) -> tuple[str, ...]:
        """None where nothing failed that asks for them."""
        found = self._find("suspicions", **_named(metric)) or {"texts": ()}
        return tuple(map(str, _answered(found)["texts"]))

    def answered(self, baseline: str | None = None) -> Any:
        what = f"the answers of {baseline or self.variant}"
        return classes_from(self._answer("answered", what, baseline=baseline))

    def output_errors(self, baseline: str) -> OutputErrors:
        what = f"the difference from {baseline}"
        return errors_from(self._answer("output_errors", what, baseline=baseline))

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        asked = {"baseline": baseline, "samples": [*samples]}
        return layers_from(self._answer("layers", "the layers on these samples", **asked))

    def recorded(self) -> Found:
        return found_from(self._answer("recorded", "its baseline"))

    def _until(
        self,
        is_enough: IsEnough[StartSamples],
        kind: str,
        what: str,
        threads: int | None,
        first_void: str = "",
    ) -> StartSamples:
        """The first samples that are enough, from those that the budget before had; or all.

        Args:
            first_void: why those before say nothing; then the first of a new measurement.
        """
        found = [starts_from(_answered(e)) for e in self._entries(kind, what, threads)]
        key = (kind, threads or self._threads)
        at = self._at.get(key, 0)
        if first_void:
            anew = [place for place in range(at, len(found)) if _is_anew(found[place])]
            at = anew[0] if anew else at
        while at < len(found) - 1 and not is_enough(found[at]):
            at += 1
        self._at[key] = at
        return found[at]

    def _require_one_of_its_name(self, metric: Metric) -> None:
        alike = {**_named(metric), "is_another": True}
        if metric.function is not None and self._find("scores", **alike) is not None:
            raise DataError(
                f"the saved run has several metrics that are called {metric.name}",
                "give each its own name, Metric(function, name=...), and run the tests again",
            )

    def _entries(self, kind: str, what: str, threads: int | None, **asked: Any) -> list[Plain]:
        """With the interpreter's own threads, whether or not a budget named them."""
        alike = (None, self._threads) if threads in (None, self._threads) else (threads,)
        found = [e for e in self._all(kind, **asked) if e["threads"] in alike]
        if not found:
            if threads is not None:
                what += f" with {units.count(threads, 'thread')}"
            raise NotMeasuredError(f"the saved run did not measure {what}", RUN_AGAIN)
        return found

    def _all(self, kind: str, **asked: Any) -> list[Plain]:
        return [e for e in self._kept.get(kind, ()) if asked.items() <= e.items()]

    def _find(self, kind: str, **asked: Any) -> Plain | None:
        return next(iter(self._all(kind, **asked)), None)

    def _answer(self, kind: str, what: str, **asked: Any) -> Plain:
        found = self._find(kind, **asked)
        if found is None:
            raise NotMeasuredError(f"the saved run did not measure {what}", RUN_AGAIN)
        return _answered(found)


def _answered(found: Plain) -> Plain:
    """What was found, unless something kept it from being found."""
    if "ended" in found:
        raise EndedError(found["error"], found["ended"])
    if "error" in found:
        raise EdgeAIError(found["error"], found["hint"])
    return found


def _named(metric: Metric | None) -> Plain:
    if metric is None:
        return {"metric": None}
    return {"metric": metric.name, "own": metric.function is not None, "is_another": False}


def _is_anew(samples: StartSamples) -> bool:
    return bool(samples.conditions.get("first_void"))
