"""Everything that budgets were judged on, kept as plain data.

A saved run can so be judged again, with the budgets that it had or with others, without its model
or its device: see ``report.saved.replay``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from pytest_edgeai.errors import EdgeAIError, raised
from pytest_edgeai.judge.baseline import Found
from pytest_edgeai.judge.evidence import (
    Evidence,
    IsEnough,
    LatencySamples,
    Layer,
    OutputErrors,
    Score,
    StartSamples,
    SustainedRun,
)
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.report.packing import pack
from pytest_edgeai.report.saved.draws import Draws
from pytest_edgeai.report.saved.kept import (
    Plain,
    errors_as_dict,
    found_as_dict,
    latency_as_dict,
    layers_as_dict,
    score_as_dict,
    starts_as_dict,
    sustained_as_dict,
)

T = TypeVar("T")
Asked = tuple[object, ...]


class Recording:
    """Evidence that keeps what it answered; ``as_dict`` has it as plain data."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._kept: dict[str, list[tuple[Asked, Callable[[], Plain]]]] = {}
        self._draws: dict[Asked, Draws] = {}
        self._functions: dict[str, list[Any]] = {}

    @property
    def device_name(self) -> str:
        return self._evidence.device_name

    @property
    def variant(self) -> str:
        return self._evidence.variant

    @property
    def is_on_host(self) -> bool:
        return self._evidence.is_on_host

    @property
    def size_bytes(self) -> int:
        return self._evidence.size_bytes

    @property
    def facts(self) -> Any:
        return self._evidence.facts

    @property
    def delegated(self) -> float | None:
        share, left = self._evidence.delegated, dict(self._evidence.undelegated)
        self._kept["delegated"] = [((), lambda: {"share": share, "left": left})]
        return share

    @property
    def undelegated(self) -> Mapping[str, int]:
        return self._evidence.undelegated

    def latency(self, threads: int | None) -> LatencySamples:
        return self._keep(
            "latency",
            {"threads": threads},
            lambda: self._evidence.latency(threads),
            latency_as_dict,
        )

    def sustained(
        self, lengths_s: Sequence[float], threads: int | None, is_enough: IsEnough[SustainedRun]
    ) -> SustainedRun:
        return self._keep(
            "sustained",
            {"threads": threads, "lengths_s": [*lengths_s]},
            lambda: self._evidence.sustained(lengths_s, threads, is_enough),
            sustained_as_dict,
            every=True,
        )

    def start_ups(
        self, threads: int | None, is_enough: IsEnough[StartSamples], first_void: str = ""
    ) -> StartSamples:
        return self._keep(
            "start_ups",
            {"threads": threads},
            lambda: self._evidence.start_ups(threads, is_enough, first_void),
            starts_as_dict,
            every=True,
        )

    def memory(self, threads: int | None, is_enough: IsEnough[StartSamples]) -> StartSamples:
        return self._keep(
            "memory",
            {"threads": threads},
            lambda: self._evidence.memory(threads, is_enough),
            starts_as_dict,
            every=True,
        )

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        asked = {**self._named(metric), "baseline": baseline}
        draws = self._draws.setdefault(_key(asked), Draws())

        def ask() -> Score:
            score = self._evidence.score(metric, baseline)
            if score.resampled is None:
                return score
            return replace(score, resampled=draws.kept(score.resampled))

        return self._keep("scores", asked, ask, lambda score: score_as_dict(score, draws))

    def suspicions(self, metric: Metric | None) -> tuple[str, ...]:
        return self._keep(
            "suspicions",
            self._named(metric),
            lambda: self._evidence.suspicions(metric),
            lambda texts: {"texts": list(texts)},
        )

    def _named(self, metric: Metric | None) -> Plain:
        """What a metric is asked by; ``is_another`` where another one has the same name."""
        if metric is None:
            return {"metric": None, "own": False, "is_another": False}
        known, own = self._functions.setdefault(metric.name, []), metric.function
        if own is not None and not any(own is other for other in known):
            known.append(own)
        is_another = own is not None and own is not known[0]
        return {"metric": metric.name, "own": own is not None, "is_another": is_another}

    def answered(self, baseline: str | None = None) -> Any:
        return self._keep(
            "answered",
            {"baseline": baseline},
            lambda: self._evidence.answered(baseline),
            lambda classes: {"classes": pack(classes)},
        )

    def output_errors(self, baseline: str) -> OutputErrors:
        return self._keep(
            "output_errors",
            {"baseline": baseline},
            lambda: self._evidence.output_errors(baseline),
            errors_as_dict,
        )

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        return self._keep(
            "layers",
            {"baseline": baseline, "samples": [*samples]},
            lambda: self._evidence.layers(baseline, samples),
            layers_as_dict,
        )

    def recorded(self) -> Found:
        return self._keep("recorded", {}, self._evidence.recorded, found_as_dict)

    def as_dict(self) -> dict[str, list[Plain]]:
        """Plain data: of each kind of question the answers, each with what was asked for."""
        return {kind: [answer() for _, answer in answers] for kind, answers in self._kept.items()}

    def _keep(
        self,
        kind: str,
        asked: Plain,
        ask: Callable[[], T],
        plain: Callable[[T], Plain],
        every: bool = False,
    ) -> T:
        """What it answers.

        Args:
            every: keep all answers to the same question in their order, not the last one alone:
                each is another measurement, or goes on from the one before.
        """
        key = _key(asked)
        answers = self._kept.setdefault(kind, [])
        if not every:
            answers[:] = [entry for entry in answers if entry[0] != key]
        try:
            found = ask()
        except BaseException as error:
            answers.append((key, partial(dict, _refused(asked, error))))
            raise
        answers.append((key, lambda: {**asked, **plain(found)}))
        return found


def _key(asked: Plain) -> Asked:
    return tuple(map(str, asked.values()))


def _refused(asked: Plain, error: BaseException) -> Plain:
    if isinstance(error, EdgeAIError):
        return {**asked, "error": error.message, "hint": error.hint}
    return {**asked, "error": raised(error), "hint": "", "ended": ended(error)}


def ended(error: BaseException) -> str:
    """The reason of a budget whose judging ended with what nobody raises on purpose."""
    what = "judging it ended with" if isinstance(error, Exception) else "its metric did not return:"
    return f"{what} {raised(error)}"
