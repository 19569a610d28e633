"""An interpreter that a test asked for, as evidence for its budgets."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import LOCAL
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.judge.baseline import Found
from pytest_edgeai.judge.budget import Budget
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
from pytest_edgeai.judge.output_error import output_errors
from pytest_edgeai.judge.undecided import Undecided
from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.measure.footprint import Footprint, Memory, StartUps
from pytest_edgeai.measure.latency import Timing, conditions_of
from pytest_edgeai.measure.quality import Quality
from pytest_edgeai.measure.sustained import measure_sustained
from pytest_edgeai.model.facts import ModelFacts
from pytest_edgeai.model.preprocessing import Preprocessing
from pytest_edgeai.plugin.options import Settings
from pytest_edgeai.plugin.timing import with_threads
from pytest_edgeai.report.pictures import flipped_samples, pictures
from pytest_edgeai.report.record import Record, record
from pytest_edgeai.report.saved.recording import Recording, ended


class Subject:
    """What is known of an interpreter; measured when a budget first asks.

    Args:
        interpreter: the one that the test holds.
        request: of the fixture that opened it.
        budgets: all that will be judged on it.
        find_recorded: looks up the stored baseline.

    Attributes:
        results: what judging the budgets came to.
        measured: latency by threads, or what kept it from being measured.
        rounds_ns: single inferences that a benchmark timed.
        measure: takes the samples of all subjects of the test.
        max_seconds: how long one measurement of its memory or start-up may take.
        baseline_file: where it was recorded as the baseline.
        quality: its answers on the evaluation data, if a budget needs them, or what keeps the data
            from being read.
        preprocessing: how its images are prepared, where that is said.
        warnings: what is doubtful about its data.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        request: pytest.FixtureRequest,
        budgets: tuple[Budget, ...],
        find_recorded: Callable[[Interpreter], Found],
    ) -> None:
        self.interpreter = interpreter
        self.request = request
        self.budgets = budgets
        self.results: list[BudgetResult] = []
        self.measured: dict[int, LatencySamples | EdgeAIError] = {}
        self.rounds_ns: Any = np.empty(0, np.int64)
        self.measure: Callable[[], None] = lambda: None
        self.max_seconds = 0.0
        self.baseline_file: str | None = None
        self.quality: Quality | EdgeAIError | None = None
        self.preprocessing: Preprocessing | None = None
        self.warnings: list[str] = []
        self._find_recorded = find_recorded
        self._recorded: Found | None = None
        self._recording = Recording(self)
        self._footprints: dict[tuple[type[Footprint], int], Footprint] = {}

    @property
    def device_name(self) -> str:
        """The device that the interpreter runs on."""
        return self.interpreter.device.name

    @property
    def variant(self) -> str:
        """Which variant the interpreter is."""
        return self.interpreter.variant

    @property
    def is_on_host(self) -> bool:
        """Whether it runs on the machine that pytest runs on, as nothing else is said of it."""
        return self.interpreter.device.name == LOCAL

    @property
    def size_bytes(self) -> int:
        """Size of the model's file."""
        return self.interpreter.model.facts.size_bytes

    @property
    def facts(self) -> ModelFacts:
        """What the model's file says of itself."""
        return self.interpreter.model.facts

    @property
    def delegated(self) -> float | None:
        """Share of the operators that a delegate runs; None where the runtime does not tell."""
        return self.interpreter.delegated

    @property
    def undelegated(self) -> dict[str, int]:
        """How many operators no delegate runs, by kind."""
        return self.interpreter.undelegated

    def latency(self, threads: int | None) -> LatencySamples:
        """Latency with so many threads; measured once for all budgets of the test."""
        threads = threads or self.interpreter.threads
        if threads not in self.measured:
            self.measure()
        found = self.measured[threads]
        if isinstance(found, EdgeAIError):
            raise found
        return found

    def sustained(
        self, lengths_s: Sequence[float], threads: int | None, is_enough: IsEnough[SustainedRun]
    ) -> SustainedRun:
        """The model run without pause in windows of these lengths, or until it is enough."""
        with ExitStack() as opened:
            own = with_threads(self.interpreter, threads, opened)
            return measure_sustained(own, lengths_s, is_enough)

    def start_ups(
        self, threads: int | None, is_enough: IsEnough[StartSamples], first_void: str = ""
    ) -> StartSamples:
        """Starts with so many threads; more of them where a budget needs more."""
        return self._footprint(StartUps, threads, first_void).until(is_enough)

    def memory(self, threads: int | None, is_enough: IsEnough[StartSamples]) -> StartSamples:
        """Memory with so many threads; from more processes where a budget needs more."""
        return self._footprint(Memory, threads).until(is_enough)

    def _footprint(
        self, kind: type[Footprint], threads: int | None, first_void: str = ""
    ) -> Footprint:
        key = kind, threads or self.interpreter.threads
        if first_void or key not in self._footprints:
            made = kind(self.interpreter, key[1], self.max_seconds, first_void)
            self._footprints[key] = made
        return self._footprints[key]

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        """A metric of the interpreter, or of its baseline."""
        return self._quality.score(metric, baseline)

    def suspicions(self, metric: Metric | None) -> tuple[str, ...]:
        """What would make the metric much better, or what the inputs are too coarse for."""
        return self._quality.suspicions(metric)

    def answered(self, baseline: str | None = None) -> Any:
        """The likeliest class of each sample, by the interpreter or by its baseline."""
        return self._quality.classes(baseline)

    def output_errors(self, baseline: str) -> OutputErrors:
        """How far its outputs on the data are from those of its baseline."""
        return output_errors(self._quality.outputs(), self._quality.outputs(baseline))

    @property
    def _quality(self) -> Quality:
        assert self.quality is not None
        if isinstance(self.quality, EdgeAIError):
            raise self.quality
        return self.quality

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        """The layers on these samples, against a baseline's."""
        return self._quality.layers(baseline, samples)

    def recorded(self) -> Found:
        """The stored baseline of this model and variant on this device."""
        if self._recorded is None:
            self._recorded = self._find_recorded(self.interpreter)
        return self._recorded

    @property
    def known_accuracy(self) -> Score | None:
        """Its top-1 accuracy, if a budget asked for it."""
        return self.quality.known_accuracy if isinstance(self.quality, Quality) else None

    @property
    def own_latency(self) -> LatencySamples | None:
        """Its latency with the device's own threads, if a budget asked for it."""
        found = self.measured.get(self.interpreter.threads)
        return None if isinstance(found, EdgeAIError) else found

    @property
    def any_latency(self) -> LatencySamples | None:
        """Its latency with the device's own threads, or with others."""
        all_found = [f for f in self.measured.values() if isinstance(f, LatencySamples)]
        return self.own_latency or next(iter(all_found), None)

    @property
    def timed_threads(self) -> list[int]:
        """With how many threads its budgets want it timed."""
        own = self.interpreter.threads
        wanted = [b.threads or own for b in self.budgets if b.needs_latency(self.device_name)]
        return list(dict.fromkeys(wanted))

    def timing(self, threads: int, interpreter: Interpreter) -> Timing:
        """What is to be timed, beginning with what a benchmark took of it."""
        timing = Timing(interpreter, self.undecided(threads))
        if interpreter is self.interpreter:
            timing.taken = self.rounds_ns
        return timing

    def undecided(self, threads: int) -> Undecided:
        """The budgets that are judged on the latency with so many threads."""
        return Undecided(self._timed_by(threads), self)

    def void_reason(self, threads: int) -> str:
        """Why samples say nothing that would perhaps say something a little later; or ""."""
        found = self.measured[threads]
        if isinstance(found, EdgeAIError):
            return ""
        spoilt = [budget.spoilt(found, self) for budget in self._timed_by(threads)]
        return next((entry.reason for entry in spoilt if entry and entry.may_pass), "")

    def judge(self, settings: Settings) -> None:
        """Judge every budget; what keeps one from being judged leaves the others."""
        found = map(self._judged, self.budgets)
        self.results = [replace(result, warns=_warns(result, settings)) for result in found]

    def record(self, nodeid: str, test: str) -> Record:
        """What is known of the interpreter and its budgets, as plain data."""
        samples = self.any_latency
        conditions = samples.conditions if samples else conditions_of(self.interpreter)
        return record(
            nodeid,
            test,
            self.interpreter.model,
            self.device_name,
            conditions,
            self.results,
            threads=self.interpreter.threads,
            evidence=self._recording.as_dict(),
            pictures=self._pictures(),
            baseline_file=self.baseline_file,
            data=self._data(),
            preprocessing=self.preprocessing.as_dict() if self.preprocessing else None,
            warnings=self.warnings,
        )

    def _pictures(self) -> dict[str, str]:
        """Samples that became wrong or right, as pictures."""
        if not isinstance(self.quality, Quality):
            return {}
        return pictures(self.quality.data, flipped_samples(self.results))

    def _data(self) -> dict[str, Any] | None:
        """What it was evaluated on, if a budget asked for its answers."""
        if not isinstance(self.quality, Quality) or not self.quality.was_asked:
            return None
        return {"sha256": self.quality.data.digest(), "samples": len(self.quality.data)}

    def _timed_by(self, threads: int) -> list[Budget]:
        return [
            budget
            for budget in self.budgets
            if budget.needs_latency(self.device_name)
            and (budget.threads or self.interpreter.threads) == threads
        ]

    def _judged(self, budget: Budget) -> BudgetResult:
        try:
            return budget.judge(self._recording)
        except EdgeAIError as error:
            return budget.result(None, 0, "error", error.message, error.hint)
        except (KeyboardInterrupt, pytest.exit.Exception):
            raise
        except BaseException as error:  # the other budgets are still judged, the report is written
            is_ours = isinstance(error, Exception)
            details = (traceback.format_exc(),) if is_ours else ()
            return budget.result(None, 0, "error", ended(error), details=details)


def _warns(result: BudgetResult, settings: Settings) -> bool:
    """Whether a budget that is not met is a warning and no failure; what is an error never is."""
    if settings.performance == "warn" and result.is_performance:
        return result.verdict in ("fail", "inconclusive", "void")
    is_undecided = result.verdict == "inconclusive" and result.measured is not None
    return settings.inconclusive == "warn" and is_undecided
