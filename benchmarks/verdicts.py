"""Are verdicts right, on this machine?

    python benchmarks/verdicts.py MODEL.tflite [--times 20] [--threads 1] [WHAT ...]

``limits``: the model's own p95 is measured, then given 1.5 times and 0.67 times that as its limit:
verdicts by limit. ``loaded``: the same while another process keeps a core busy for half of the
time, in turns of 0.1 s. ``far``: ten times and a tenth of the own value, for latency by each
statistic, throughput, start-up and memory, while another process keeps a core busy all the time:
each verdict has to be the right one. ``shared``: medians of a lone run, of two pytest processes
at once, and of two xdist workers, all timing the model. The exit status is 1 where a verdict was
wrong, or a median off by over 10 %.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

SUITE = """
import pytest

@pytest.mark.parametrize("number", range({tests}))
@pytest.mark.{marker}({limit})
def test_it(number, converted_interpreter): pass
"""
MAX_S = 10
BUDGETS = (
    *(("max_latency_ms", f"{name}=") for name in ("mean", "median", "p95", "p99")),
    ("min_throughput", ""),
    ("max_startup_ms", ""),
    ("max_memory_mb", ""),
)
"""Markers, and what stands before their limit."""
BUSY = """
while True:
    sum(range(1000))
"""
LOADER = """
import time
while True:
    end = time.monotonic() + 0.1
    while time.monotonic() < end:
        sum(range(1000))
    time.sleep(0.1)
"""


class Suite:
    """A folder with one test file, and the ways to run it."""

    def __init__(self, folder: Path, model: Path, threads: int) -> None:
        self._folder = folder
        self._args = [f"--edge-model={model.resolve()}", f"--edge-threads={threads}"]
        self._args += ["-q", "--benchmark-disable", "-p", "no:cacheprovider"]
        self._args += [f"--edge-max-seconds={MAX_S}"]

    def start(
        self, marker: str, limit: str, tests: int = 1, *args: str
    ) -> tuple[subprocess.Popen[str], Path]:
        """A pytest process, and where its report will be."""
        own = Path(tempfile.mkdtemp(dir=self._folder))
        (own / "test_it.py").write_text(SUITE.format(tests=tests, marker=marker, limit=limit))
        command = [sys.executable, "-m", "pytest", "--edge-report=report.json", *self._args, *args]
        process = subprocess.Popen(command, cwd=own, stdout=subprocess.PIPE, text=True)
        return process, own / "report.json"

    def run(self, marker: str, limit: str, tests: int = 1, *args: str) -> list[dict[str, Any]]:
        """The budgets of a run, one for each test."""
        return _budgets(*self.start(marker, limit, tests, *args))

    def of_latency(self, limit: str, tests: int = 1, *args: str) -> list[dict[str, Any]]:
        """The same of a limit on the latency."""
        return self.run("max_latency_ms", limit, tests, *args)


def _budgets(process: subprocess.Popen[str], report: Path) -> list[dict[str, Any]]:
    printed, _ = process.communicate()
    if not report.exists():
        sys.exit(printed)
    return [test["budgets"][0] for test in json.loads(report.read_text())["tests"]]


@contextmanager
def _running(code: str) -> Iterator[None]:
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def verdicts(suite: Suite, times: int, load: Callable[[], AbstractContextManager[None]]) -> bool:
    """Print how often which verdict came; whether none was wrong."""
    own = statistics.median(entry["measured"] for entry in suite.of_latency("p95=1e6", 5))
    print(f"  own p95 {own:.4f} ms", flush=True)
    is_right = True
    for ratio, wrong in ((1.5, "fail"), (0.67, "pass")):
        seen: Counter[str] = Counter()
        runs = []
        for _ in range(times):
            with load():
                (entry,) = suite.of_latency(f"p95={ratio * own}")
            seen[entry["verdict"]] += 1
            runs.append(entry["n"])
        middle = statistics.median(runs)
        print(f"  limit {ratio} times: {dict(seen)}, {middle:,} runs (median)", flush=True)
        is_right &= not seen[wrong]
    return is_right


def far(suite: Suite, times: int) -> bool:
    """Print the verdicts on limits far away while a core is busy; whether all are right."""
    is_right = True
    for marker, name in BUDGETS:
        is_floor = marker.startswith("min")
        (entry,) = suite.run(marker, f"{name}{1e-6 if is_floor else 1e6}")
        own = entry["measured"] / (2**20 if entry["unit"] == "bytes" else 1)
        for ratio in (10, 0.1):
            right = "pass" if (ratio > 1) != is_floor else "fail"
            with _running(BUSY):
                found = suite.run(marker, f"{name}{ratio * own}", times)
            seen = Counter(entry["verdict"] for entry in found)
            middle = statistics.median(entry["n"] for entry in found)
            print(
                f"  {marker} {name}{own:.4g}, limit {ratio} times: {dict(seen)}, {middle:,} runs",
                flush=True,
            )
            is_right &= seen == {right: times}
    return is_right


def shared(suite: Suite, times: int) -> bool:
    """Print the medians of runs that are alone, and of runs that are not; whether they agree."""

    def medians(found: list[dict[str, Any]]) -> list[float]:
        return [entry["measured"] for entry in found]

    seen: dict[str, list[float]] = {"alone": [], "two processes": [], "-n 2": []}
    for _ in range(times):
        seen["alone"] += medians(suite.of_latency("median=1e6", 2))
        both = [suite.start("max_latency_ms", "median=1e6", 2) for _ in range(2)]
        seen["two processes"] += [m for one in both for m in medians(_budgets(*one))]
        seen["-n 2"] += medians(suite.of_latency("median=1e6", 4, "-n", "2"))
    alone, agree = statistics.median(seen["alone"]), True
    for name, values in seen.items():
        ratio = statistics.median(values) / alone
        agree &= abs(ratio - 1) <= 0.1
        print(
            f"  {name}: median {statistics.median(values):.4f} ms of {len(values)} "
            f"({min(values):.4f} to {max(values):.4f}), {ratio:.3f} of alone"
        )
    return agree


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("what", nargs="*", metavar="limits|loaded|far|shared")
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    folder, is_right = Path(tempfile.mkdtemp()), True
    suite = Suite(folder, asked.model, asked.threads)
    try:
        for name in asked.what or ["limits", "loaded", "far", "shared"]:
            print(f"{name}:", flush=True)
            if name in ("shared", "far"):
                is_right &= {"shared": shared, "far": far}[name](suite, asked.times)
            else:
                load = partial(_running, LOADER) if name == "loaded" else nullcontext
                is_right &= verdicts(suite, asked.times, load)
    finally:
        shutil.rmtree(folder)
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
