"""What becomes of the device's process when pytest itself is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from processes import PLAIN, gone, models, parent_of, wait_until_busy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")

SCRIPT = """
import signal
from pathlib import Path
import numpy as np
from pytest_edgeai import Device, Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.model.tflite import Model, read_facts

signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
path = Path({path!r})
device = Device(DeviceSpec(env={env!r}), call_limit_s={limit_s})
with Interpreter(device, Model(path, "steps", "converted", read_facts(path))) as steps:
    steps.set_tensor(0, np.array([{rounds}], np.int32))
    print("ready", flush=True)
    steps.time_runs(1, 50.0, 10**9, 50.0)
"""
FOREVER, QUICK = 2_000_000_000, 10


@pytest.fixture
def blocked(tiny: Path) -> Callable[..., object]:
    """``with blocked(rounds, limit_s, env) as (script, agent)``: a script whose agent computes."""

    @contextmanager
    def running(
        rounds: int, limit_s: float, env: Mapping[str, str] | None = None
    ) -> Iterator[tuple[subprocess.Popen[str], int]]:
        given = {"rounds": rounds, "limit_s": limit_s, "env": dict(env or {})}
        code = SCRIPT.format(path=str(tiny / "steps.tflite"), **given)
        with subprocess.Popen(
            [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as script:
            assert script.stdout is not None
            assert script.stdout.readline() == "ready\n"
            (agent,) = models(script.pid)
            wait_until_busy(agent)
            yield script, agent
            script.kill()

    return running


def test_killed_while_native_code_runs(blocked: Callable[..., object]) -> None:
    """The agent does not see that its pipes are closed, but its own limit holds."""
    with blocked(FOREVER, limit_s=3, env=PLAIN) as (script, agent):
        script.kill()
        script.wait()
        assert not gone(agent, within_s=0.5)
        assert gone(agent)


def test_killed_while_the_native_code_of_a_fork_runs(blocked: Callable[..., object]) -> None:
    """Its parent sees it, and needs no limit to end it."""
    with blocked(FOREVER, limit_s=600) as (script, agent):
        parent = parent_of(agent)
        script.kill()
        assert gone(agent)
        assert gone(parent)


def test_killed_between_runs(blocked: Callable[..., object]) -> None:
    """Far below the limit: the agent notices that nobody listens any more."""
    with blocked(QUICK, limit_s=600) as (script, agent):
        script.kill()
        assert gone(agent)


def test_interrupted(blocked: Callable[..., object]) -> None:
    with blocked(FOREVER, limit_s=600) as (script, agent):
        script.send_signal(signal.SIGINT)
        assert script.wait(timeout=60) != 0
        assert gone(agent, within_s=2)
        assert script.stderr is not None
        assert script.stderr.read().rstrip().endswith("KeyboardInterrupt")
