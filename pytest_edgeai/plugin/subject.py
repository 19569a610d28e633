"""An interpreter that a test asked for, as evidence for its budgets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.judge.budgets import Budget, LatencyBudget
from pytest_edgeai.judge.evidence import LatencySamples, Metric, Score
from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.measure.accuracy import Answers, score
from pytest_edgeai.measure.latency import conditions_of, measure_latency
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.report.record import Record, record


class Subject:
    """Measures an interpreter when a budget first asks.

    Args:
        interpreter: the one that the test holds.
        request: of the fixture that opened it.
        budgets: all that will be judged on it.
        data: the evaluation data, if a budget needs it.
        answers: answers of the interpreter, or of its baseline by name, on the data.
        max_seconds: cap on one latency measurement.
    """

    def __init__(
        self,
        interpreter: Interpreter,
        request: pytest.FixtureRequest,
        budgets: tuple[Budget, ...],
        data: Dataset | None,
        answers: Callable[[Interpreter, str | None], Answers],
        max_seconds: float,
    ) -> None:
        self.interpreter = interpreter
        self.request = request
        self.budgets = budgets
        self.results: list[BudgetResult] = []
        self.measured: dict[int, LatencySamples] = {}
        self._data = data
        self._answers = answers
        self._max_seconds = max_seconds

    @property
    def device_name(self) -> str:
        """The device that the interpreter runs on."""
        return self.interpreter.device.name

    @property
    def variant(self) -> str:
        """Which variant the interpreter is."""
        return self.interpreter.variant

    @property
    def size_bytes(self) -> int:
        """Size of the model's file."""
        return self.interpreter.model.facts.size_bytes

    def as_samples(self, samples_ns: Any) -> LatencySamples:
        """What a benchmark already took, with today's conditions."""
        conditions = {
            **conditions_of(self.interpreter),
            **self.interpreter.conditions(),
            "load_ms": self.interpreter.load_ms,
            "runs": len(samples_ns),
        }
        more = "give the benchmark more rounds, or let it choose them"
        return LatencySamples(samples_ns, conditions, more)

    def latency(self, threads: int | None) -> LatencySamples:
        """Latency with so many threads; measured once for all budgets that share them."""
        threads = threads or self.interpreter.threads
        if threads not in self.measured:
            self.measured[threads] = self._measure(threads)
        return self.measured[threads]

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        """A metric of the interpreter, or of its baseline."""
        assert self._data is not None
        return score(metric, self._data, self._answers(self.interpreter, baseline))

    def judge(self) -> None:
        """Judge every budget; what keeps one from being judged leaves the others."""
        self.results = [self._judged(budget) for budget in self.budgets]

    def _judged(self, budget: Budget) -> BudgetResult:
        try:
            return budget.judge(self)
        except EdgeAIError as error:
            return budget.result(None, 0, "error", error.message, error.hint)
        except (pytest.skip.Exception, pytest.fail.Exception) as outcome:
            reason = f"its metric did not return: {type(outcome).__name__}: {outcome}"
            return budget.result(None, 0, "error", reason)

    def record(self, nodeid: str) -> Record:
        """What is known of the interpreter and its budgets, as plain data."""
        others = next(iter(self.measured.values()), None)
        samples = self.measured.get(self.interpreter.threads, others)
        conditions = samples.conditions if samples else conditions_of(self.interpreter)
        model = self.interpreter.model
        return record(nodeid, model, self.device_name, conditions, self.results)

    def _measure(self, threads: int) -> LatencySamples:
        required = max(
            budget.required_runs
            for budget in self.budgets
            if isinstance(budget, LatencyBudget)
            and (budget.threads or self.interpreter.threads) == threads
        )
        if threads == self.interpreter.threads:
            return measure_latency(self.interpreter, required, self._max_seconds)
        other = Interpreter(self.interpreter.device, self.interpreter.model, threads)
        try:
            other.take_inputs(self.interpreter)
            return measure_latency(other, required, self._max_seconds)
        finally:
            other.close()
