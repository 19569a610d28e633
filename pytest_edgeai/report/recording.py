"""Everything that budgets were judged on, kept as plain data.

A saved run can so be judged again, with the budgets that it had or with others, without its model
or its device: see ``report.replay``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, TypeVar

from pytest_edgeai.errors import EdgeAIError
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
from pytest_edgeai.judge.paired import RESAMPLES
from pytest_edgeai.report.kept import (
    Plain,
    errors_as_dict,
    found_as_dict,
    latency_as_dict,
    score_as_dict,
    starts_as_dict,
    sustained_as_dict,
)
from pytest_edgeai.report.packing import pack

T = TypeVar("T")


class Recording:
    """Evidence that keeps what it answered; ``as_dict`` has it as plain data."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._kept: dict[str, dict[tuple[object, ...], Callable[[], Plain]]] = {}
        self._draws: dict[tuple[str, str | None], list[float]] = {}

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
        self._kept["delegated"] = {(): lambda: {"share": share, "left": left}}
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
        )

    def start_ups(
        self, threads: int | None, is_enough: IsEnough[StartSamples], first_void: str = ""
    ) -> StartSamples:
        return self._keep(
            "start_ups",
            {"threads": threads},
            lambda: self._evidence.start_ups(threads, is_enough, first_void),
            starts_as_dict,
        )

    def memory(self, threads: int | None, is_enough: IsEnough[StartSamples]) -> StartSamples:
        return self._keep(
            "memory",
            {"threads": threads},
            lambda: self._evidence.memory(threads, is_enough),
            starts_as_dict,
        )

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        draws = self._draws.setdefault((metric.name, baseline), [])

        def ask() -> Score:
            score = self._evidence.score(metric, baseline)
            if score.resampled is None:
                return score
            return replace(score, resampled=_remembered(score.resampled, draws))

        asked = {"metric": metric.name, "baseline": baseline}
        return self._keep("scores", asked, ask, lambda score: score_as_dict(score, draws))

    def suspicions(self, metric: Metric) -> tuple[str, ...]:
        return self._keep(
            "suspicions",
            {"metric": metric.name},
            lambda: self._evidence.suspicions(metric),
            lambda texts: {"texts": list(texts)},
        )

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
            lambda layers: {"layers": [asdict(layer) for layer in layers]},
        )

    def recorded(self) -> Found:
        return self._keep("recorded", {}, self._evidence.recorded, found_as_dict)

    def as_dict(self) -> dict[str, list[Plain]]:
        """Plain data: of each kind of question the answers, each with what was asked for."""
        return {kind: [made() for made in answers.values()] for kind, answers in self._kept.items()}

    def _keep(
        self, kind: str, asked: Plain, ask: Callable[[], T], plain: Callable[[T], Plain]
    ) -> T:
        """What it answers, and of several answers to the same question the last one."""
        kept, key = self._kept.setdefault(kind, {}), tuple(map(str, asked.values()))
        try:
            found = ask()
        except EdgeAIError as error:
            refusal = {**asked, "error": error.message, "hint": error.hint}
            kept[key] = lambda: refusal
            raise
        kept[key] = lambda: {**asked, **plain(found)}
        return found


def _remembered(value: Callable[[Any], float], draws: list[float]) -> Callable[[Any], float]:
    """The same, with its values for the draws of a resampling kept in their order."""

    def call(at: Any) -> float:
        found = value(at)
        if len(draws) < RESAMPLES:
            draws.append(float(found))
        return found

    return call
