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
    found_as_dict,
    key_of,
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
        self._kept: dict[str, dict[str, Callable[[], Plain]]] = {}
        self._draws: dict[str, list[float]] = {}

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
        self._kept["delegated"] = {"": lambda: {"share": share, "left": left}}
        return share

    @property
    def undelegated(self) -> Mapping[str, int]:
        return self._evidence.undelegated

    def latency(self, threads: int | None) -> LatencySamples:
        return self._keep(
            "latency", key_of(threads), lambda: self._evidence.latency(threads), latency_as_dict
        )

    def sustained(
        self, lengths_s: Sequence[float], threads: int | None, is_enough: IsEnough[SustainedRun]
    ) -> SustainedRun:
        def as_dict(run: SustainedRun) -> Plain:
            return {"lengths_s": list(lengths_s), **sustained_as_dict(run)}

        return self._keep(
            "sustained",
            key_of(threads, *lengths_s),
            lambda: self._evidence.sustained(lengths_s, threads, is_enough),
            as_dict,
        )

    def start_ups(
        self, threads: int | None, is_enough: IsEnough[StartSamples], first_void: str = ""
    ) -> StartSamples:
        return self._keep(
            "start_ups",
            key_of(threads),
            lambda: self._evidence.start_ups(threads, is_enough, first_void),
            starts_as_dict,
        )

    def memory(self, threads: int | None, is_enough: IsEnough[StartSamples]) -> StartSamples:
        return self._keep(
            "memory",
            key_of(threads),
            lambda: self._evidence.memory(threads, is_enough),
            starts_as_dict,
        )

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        key = key_of(metric.name, baseline)
        draws = self._draws.setdefault(key, [])

        def ask() -> Score:
            score = self._evidence.score(metric, baseline)
            if score.resampled is None:
                return score
            return replace(score, resampled=_remembered(score.resampled, draws))

        return self._keep("scores", key, ask, lambda score: score_as_dict(score, draws))

    def suspicions(self, metric: Metric) -> tuple[str, ...]:
        return self._keep(
            "suspicions",
            key_of(metric.name),
            lambda: self._evidence.suspicions(metric),
            lambda texts: {"texts": list(texts)},
        )

    def answered(self, baseline: str | None = None) -> Any:
        return self._keep(
            "answered",
            key_of(baseline),
            lambda: self._evidence.answered(baseline),
            lambda classes: {"classes": pack(classes)},
        )

    def output_errors(self, baseline: str) -> OutputErrors:
        return self._keep(
            "output_errors",
            key_of(baseline),
            lambda: self._evidence.output_errors(baseline),
            lambda errors: {
                name: {norm: pack(of_sample) for norm, of_sample in norms.items()}
                for name, norms in errors.items()
            },
        )

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        return self._keep(
            "layers",
            key_of(baseline, *samples),
            lambda: self._evidence.layers(baseline, samples),
            lambda layers: {"layers": [asdict(layer) for layer in layers]},
        )

    def recorded(self) -> Found:
        return self._keep("recorded", "", self._evidence.recorded, found_as_dict)

    def as_dict(self) -> Plain:
        """Plain data: what was asked, by kind and by what it was asked for."""
        return {
            kind: {key: made() for key, made in answers.items()}
            for kind, answers in self._kept.items()
        }

    def _keep(self, kind: str, key: str, ask: Callable[[], T], plain: Callable[[T], Plain]) -> T:
        """What it answers, and of several answers to the same question the last one."""
        kept = self._kept.setdefault(kind, {})
        try:
            found = ask()
        except EdgeAIError as error:
            refusal = {"error": error.message, "hint": error.hint}
            kept[key] = lambda: refusal
            raise
        kept[key] = lambda: plain(found)
        return found


def _remembered(value: Callable[[Any], float], draws: list[float]) -> Callable[[Any], float]:
    """The same, with its values for the draws of a resampling kept in their order."""

    def call(at: Any) -> float:
        found = value(at)
        if len(draws) < RESAMPLES:
            draws.append(float(found))
        return found

    return call
