"""pytest-benchmark on device time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_edgeai.errors import UsageError

if TYPE_CHECKING:
    from pytest_edgeai.judge.budget import Budget
    from pytest_edgeai.judge.evidence import LatencySamples

PERCENTILES = {"p50_ms": "median", "p90_ms": "p90", "p95_ms": "p95", "p99_ms": "p99"}

NO_DEVICE_TIME = "benchmark() timed a function that spends no time on the device"
TIME_IT_HERE = (
    "call an interpreter in it, or time it on this machine: "
    "@pytest.mark.benchmark(timer=time.perf_counter)"
)
# A round is long enough for pytest-benchmark when it lasts half of the timer's precision.
ONE_CALL_A_ROUND = {"min_time": 1e-12, "calibration_precision": 0.5}
MAX_IDLE_S = 1.0
"""pytest-benchmark reads a timer for some milliseconds to find its precision; a function that moves
it by a nanosecond would then be called a billion times."""


class DeviceClock:
    """A timer that shows the time spent on the device, in seconds.

    pytest-benchmark reads it before and after each call. A reading with no device time since the
    last one moves it by one nanosecond, its resolution, so that the timer's precision can be found;
    when it goes on so, it is an error.

    Attributes:
        users: what spent time on it: interpreters, or a converter.
        single: no two readings ever had more than one inference between them.
        began: it has been read.
    """

    def __init__(self) -> None:
        self.__name__ = "device_clock"
        self.users: list[object] = []
        self.single = True
        self.began = False
        self._elapsed_ns = 0
        self._inferences = 0
        self._moved = False
        self._idle_since: float | None = None

    def __call__(self) -> float:
        self.began = True
        if not self._moved:
            self._elapsed_ns += 1
            self._refuse_idling()
        self.single &= self._inferences <= 1
        self._moved, self._inferences = False, 0
        return self._elapsed_ns / 1e9

    def add(self, user: object, elapsed_ns: int, inferences: int) -> None:
        """Spend device time."""
        self._elapsed_ns += elapsed_ns
        self._idle_since = None
        self._inferences += inferences
        self._moved = True
        if not any(known is user for known in self.users):
            self.users.append(user)

    def _refuse_idling(self) -> None:
        now = time.monotonic()
        self._idle_since = self._idle_since or now
        if now - self._idle_since > MAX_IDLE_S:
            raise UsageError(NO_DEVICE_TIME, TIME_IT_HERE)


CLOCK = pytest.StashKey[DeviceClock]()


def install_clock(item: pytest.Item, budgets: Iterable[Budget]) -> None:
    """Make the device's clock the timer of a test's ``benchmark``, unless it names its own.

    Every round is one call, so that percentiles are of single calls, and there are as many as the
    test's latency budgets need.
    """
    mark = item.get_closest_marker("benchmark")
    options = dict(mark.kwargs) if mark else {}
    if "timer" in options:
        return
    clock = item.stash[CLOCK] = DeviceClock()
    needed = [budget.least_runs for budget in budgets]
    rounds = max([item.config.getoption("benchmark_min_rounds"), *needed])
    ours = {**ONE_CALL_A_ROUND, "min_rounds": rounds, **options, "timer": clock}
    item.add_marker(pytest.mark.benchmark(**ours), append=False)


def rounds_ns(item: pytest.Item) -> Any:
    """The rounds of a test's own benchmark in nanoseconds; None where it made none.

    Raises:
        UsageError: it timed something that never ran on the device.
    """
    import numpy as np

    fixture = getattr(item, "funcargs", {}).get("benchmark")
    clock = item.stash.get(CLOCK, None)
    if fixture is None or fixture.stats is None or clock is None:
        return None
    if not clock.users:
        raise UsageError(NO_DEVICE_TIME, TIME_IT_HERE)
    return np.rint(np.array(fixture.stats.stats.data) * 1e9).astype(np.int64)


def are_of(item: pytest.Item, interpreter: object) -> bool:
    """Whether the rounds spent their time on this interpreter alone."""
    users = item.stash[CLOCK].users
    return len(users) == 1 and users[0] is interpreter


def are_single(item: pytest.Item, rounds_ns: Any) -> bool:
    """Whether every round was one inference; one of a nanosecond had none (see DeviceClock)."""
    return item.stash[CLOCK].single and bool((rounds_ns > 1).all())


def describe(fixture: Any, samples_ns: Any, **facts: Any) -> None:
    """Put percentiles and facts beside a benchmark's numbers."""
    from pytest_edgeai.judge.statistics import statistic

    for key, name in PERCENTILES.items():
        fixture.extra_info[key] = statistic(name, samples_ns) / 1e6
    fixture.extra_info.update(facts)


def replay(
    item: pytest.Item, request: pytest.FixtureRequest, samples: LatencySamples, **facts: Any
) -> None:
    """Enter samples that were taken before into pytest-benchmark's results, by its fixture."""
    if not request.config.pluginmanager.hasplugin("benchmark") or CLOCK not in item.stash:
        return
    if "benchmark" in request.fixturenames or request.config.getoption("benchmark_skip", False):
        return
    clock = item.stash[CLOCK]
    fixture = request.getfixturevalue("benchmark")
    step = _replayed(clock, samples)
    fixture.pedantic(step, rounds=len(samples.samples_ns) if fixture.enabled else 1)
    if fixture.enabled:
        describe(fixture, samples.samples_ns, conditions=samples.conditions, **facts)


def _replayed(clock: DeviceClock, samples: LatencySamples) -> Callable[[], None]:
    times: Iterator[int] = iter(samples.samples_ns.tolist())
    return lambda: clock.add(samples, next(times, 0), 1)  # a profiler asks once more
