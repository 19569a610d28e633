"""Memory and start-up of a model as plain Python scripts and the operating system tell them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent / "plain_start.py"
PEAK_KB = """
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss if status == 0 else -1)
"""
"""A process inherits the peak of the one that starts it: so that is a small one."""


def start_ms(model: Path, given: Path) -> float:
    """Time to load, allocate and first run a model in a process of its own."""
    words = [sys.executable, str(SCRIPT), str(given), str(model), "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return float(done.stdout)


def memory_bytes(model: Path, given: Path, runs: int) -> float:
    """What a process that runs a model takes at most, less the same without the model."""
    return _peak_bytes(str(given), str(model), str(runs)) - _peak_bytes(str(given))


def _peak_bytes(*args: str) -> float:
    words = [sys.executable, "-S", "-E", "-c", PEAK_KB, sys.executable, str(SCRIPT), *args]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    peak_kb = int(done.stdout.split()[-1])
    assert peak_kb > 0, done.stderr
    return peak_kb * 1024
