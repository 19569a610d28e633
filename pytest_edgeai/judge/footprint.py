"""Budgets of what a model costs in a process of its own: its memory, and its start."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.budget import DEFAULT_CONFIDENCE, Budget
from pytest_edgeai.judge.claims import Interval, PercentileClaim
from pytest_edgeai.judge.conditions import Disturbance, disturbance
from pytest_edgeai.judge.evidence import Evidence, StartSamples
from pytest_edgeai.judge.latency import may_be_their_fault
from pytest_edgeai.judge.requirements import require_number, require_timing
from pytest_edgeai.judge.statistics import statistic
from pytest_edgeai.judge.verdict import BudgetResult, Verdict

FEWEST_STARTS = 6
"""So many are always made, however long they take: fewer tell nothing at 95 % confidence."""
MOST_STARTS = 100
"""Nobody waits for more."""
_OUT_OF_SIGHT = (
    f"a limit further away: {MOST_STARTS} starts, the most that are made, would not decide this"
)


@dataclass(frozen=True)
class FootprintBudget(Budget):
    """A limit on the median over fresh processes."""

    limit: float
    confidence: float = DEFAULT_CONFIDENCE
    threads: int | None = None
    device: str | None = None

    @property
    def is_performance(self) -> bool:
        return True

    def needs_starts(self, device_name: str) -> bool:
        return self.is_for(device_name)

    @cached_property
    def claim(self) -> PercentileClaim:
        """What the samples must support."""
        return PercentileClaim("median", self.confidence, independent=True)

    def judge(self, evidence: Evidence) -> BudgetResult:
        if not self.is_for(evidence.device_name):
            return self.elsewhere(evidence.device_name)
        samples = self.samples(evidence)
        holds, told_at = self._decision(samples)
        interval = self.claim.interval(samples.values[:told_at])
        interval = interval.beside(holds, self.bound[0])
        verdict, reason, advice = self._told(samples, holds, interval)
        if verdict == "fail":
            advice = self.too_much(evidence.variant, samples.conditions)
        return self.result(
            statistic("median", samples.values),
            len(samples.values),
            verdict,
            reason,
            advice,
            interval,
            (self.parts_text(samples),),
            data=samples.as_dict(),
        )

    @abstractmethod
    def samples(self, evidence: Evidence) -> StartSamples:
        """What it is judged on."""

    @abstractmethod
    def void(self, samples: StartSamples, holds: bool | None) -> Disturbance | None:
        """What makes samples void that tell this of the limit, if anything does."""

    @abstractmethod
    def too_much(self, variant: str, conditions: Mapping[str, Any]) -> str:
        """What to do where it does not hold."""

    @abstractmethod
    def parts_text(self, samples: StartSamples) -> str:
        """What the median is made of."""

    def is_enough(self, samples: StartSamples) -> bool:
        """Whether they tell; or cannot, however many there were."""
        holds = self.claim.holds(samples.values, self.bound[0])
        spoilt = self.void(samples, holds)
        return holds is not None or (spoilt is not None and not spoilt.may_pass)

    def _decision(self, samples: StartSamples) -> tuple[bool | None, int]:
        """What they tell of the limit, and how many were enough for that."""
        looks = range(self.claim.least_runs, len(samples.values))
        return self.claim.decision(samples.values, self.bound[0], looks)

    def _told(
        self, samples: StartSamples, holds: bool | None, interval: Interval
    ) -> tuple[Verdict, str, str]:
        """The verdict, why, and what to do."""
        spoilt = self.void(samples, holds)
        if spoilt is not None:
            again = ", in a second run as well" if samples.conditions.get("first_void") else ""
            return "void", f"{spoilt.reason}{again}", spoilt.advice
        reason = f"median of {units.count(len(samples.values), 'start')} in fresh processes"
        where = units.interval(interval.low, interval.high, self.bound[1], "between {} and {}")
        if where:
            reason += f", {where} with {units.confidence(self.confidence)} confidence"
        if holds is None:
            return "inconclusive", *self._undecided(samples, reason)
        return ("pass", reason, "") if holds else ("fail", reason, "")

    def _undecided(self, samples: StartSamples, reason: str) -> tuple[str, str]:
        """Why the samples cannot tell, and what would."""
        n, least = len(samples.values), self.claim.least_runs
        needed: int | None = least
        if n < least:  # too few to know their spread
            reason = f"only {units.count(n, 'start')} in fresh processes: the median at "
            reason += f"{units.confidence(self.confidence)} confidence needs {least}"
        else:
            reason += ": the limit lies in between"
            needed = self.claim.runs_needed(samples.values, self.bound[0])
        if least > MOST_STARTS:
            return reason, f"a lower confidence=: {MOST_STARTS} starts are the most that are made"
        if needed is None or needed > MOST_STARTS:
            return reason, _OUT_OF_SIGHT
        more = max(needed - n, 1)
        takes = units.seconds(more * samples.seconds / n)
        advice = f"raise --edge-max-seconds: {{}} {units.count(more, 'more start')}, {takes}"
        if n < least:
            return reason, advice.format("at least")
        return reason, f"{advice.format('about')}, would decide this at today's spread"

    def _text(self, value: float) -> str:
        return units.value_text(value, self.bound[1])


@dataclass(frozen=True)
class MemoryBudget(FootprintBudget):
    """A limit on the peak memory, in MB of 1024 * 1024 bytes."""

    marker: ClassVar[str] = "max_memory_mb"

    @property
    def label(self) -> str:
        return "memory"

    def too_much(self, variant: str, conditions: Mapping[str, Any]) -> str:
        in_8_bits = "" if variant == "int8" else ", int8"
        fewer = ", fewer threads" if conditions.get("threads", 1) > 1 else ""
        return f"smaller inputs or activations{in_8_bits}{fewer}"

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit * units.BYTES_PER_MB, "bytes"

    def samples(self, evidence: Evidence) -> StartSamples:
        return evidence.memory(self.threads, self.is_enough)

    def void(self, samples: StartSamples, holds: bool | None) -> Disturbance | None:
        """An emulator's memory is the process's own; load and heat change nothing."""
        seen = samples.conditions
        if not seen.get("emulated") or seen.get("allow_emulated_timing"):
            return None
        return Disturbance(
            "the device is emulated: its memory holds what the emulator makes of the model",
            "measure it on the board itself, or set allow_emulated_timing in the device's table",
            may_pass=False,
        )

    def parts_text(self, samples: StartSamples) -> str:
        peak, floor = (statistic("median", samples.parts[name]) for name in ("peak", "floor"))
        return f"peak {self._text(peak)}, of which {self._text(floor)} without the model (medians)"


@dataclass(frozen=True)
class StartUpBudget(FootprintBudget):
    """A limit on the time from opening the file to the first answer, in milliseconds."""

    marker: ClassVar[str] = "max_startup_ms"

    @property
    def label(self) -> str:
        return "start-up"

    def too_much(self, variant: str, conditions: Mapping[str, Any]) -> str:
        return (
            "a smaller model or input; where most of it is allocating, fewer operators or weights "
            "for the delegate to prepare"
        )

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit, "ms"

    def samples(self, evidence: Evidence) -> StartSamples:
        """Taken once more where they are void, when the device is calm."""
        samples = evidence.start_ups(self.threads, self.is_enough)
        spoilt = self.void(samples, self._decision(samples)[0])
        if spoilt is None or not spoilt.may_pass or samples.conditions.get("first_void"):
            return samples
        return evidence.start_ups(self.threads, self.is_enough, spoilt.reason)

    def void(self, samples: StartSamples, holds: bool | None) -> Disturbance | None:
        is_their_fault = may_be_their_fault(samples.values, self.claim, self.limit, holds)
        return disturbance(samples.conditions, is_their_fault)

    def parts_text(self, samples: StartSamples) -> str:
        medians = (
            f"{name} {self._text(statistic('median', part))}"
            for name, part in samples.parts.items()
        )
        return f"{', '.join(medians)} (medians)"


def max_memory_mb(
    limit: float,
    *,
    confidence: float | None = None,
    threads: int | None = None,
    device: str | None = None,
) -> tuple[Budget, ...]:
    """Peak resident memory of the model's process above the same one without it, in MB.

    From loading to the first few inferences; 1 MB = 1024 * 1024 bytes.

    Args:
        limit: of the median over fresh processes.
        confidence: of the verdict (default 0.95); processes are started until it is reached.
        threads: interpreter threads for this budget (default: the device's).
        device: judge this budget on that device only.
    """
    require_number("limit", limit, above=0.0)
    require_timing(confidence, threads, device)
    return (MemoryBudget(float(limit), confidence or DEFAULT_CONFIDENCE, threads, device),)


def max_startup_ms(
    limit: float,
    *,
    confidence: float | None = None,
    threads: int | None = None,
    device: str | None = None,
) -> tuple[Budget, ...]:
    """Time to load, allocate and first run a model in a fresh process, in milliseconds.

    The runtime is imported before, and the file is in the page cache.

    Args:
        limit: of the median over fresh processes.
        confidence: of the verdict (default 0.95); processes are started until it is reached.
        threads: interpreter threads for this budget (default: the device's).
        device: judge this budget on that device only.
    """
    require_number("limit", limit, above=0.0)
    require_timing(confidence, threads, device)
    return (StartUpBudget(float(limit), confidence or DEFAULT_CONFIDENCE, threads, device),)
