"""What becomes of a process that crashes, hangs, or is cut off: a clear error, and nothing left."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from processes import LONG_S, PLAIN, gone, models, the_child

from pytest_edgeai.device import connection
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import DeviceError, EdgeAIError, TensorError
from pytest_edgeai.model.tflite import Model, read_facts
from pytest_edgeai.strategies import model_inputs

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")

FOREVER = np.array([2_000_000_000])
"""For ``steps``: hours."""
HUGE = np.array([[2**31 - 1, 2**31 - 1]])
"""For ``filled``: more than any machine has, and a crash of tflite-runtime."""

Make = Callable[..., Interpreter]


@pytest.fixture
def make(tiny: Path) -> Make:
    """``make(name, limit_s, python, env)``: an interpreter that the test closes."""

    def made(name: str, limit_s: float = LONG_S, python: str = "", **spec: Any) -> Interpreter:
        path = tiny / f"{name}.tflite"
        device = Device(DeviceSpec("bench", python, **spec), limit_s)
        return Interpreter(device, Model(path, "some.keras", "int8", read_facts(path)))

    return made


def through_shell(script: str, after: str = "") -> str:
    """A command line that runs something in a shell before Python."""
    return f"""sh -c '{script} {sys.executable} "$@"{after}' --"""


class TestCrash:
    def test_of_a_runtime(self, make: Make, tflite_runtime_python: Path) -> None:
        with make("filled", python=str(tflite_runtime_python)) as filled:
            with pytest.raises(DeviceError) as caught:
                filled.predict(HUGE)
            assert str(caught.value) == (
                "int8 of some.keras on device 'bench': the process ended with SIGSEGV in invoke\n"
                "hint: the runtime crashed on this model, or on these inputs; check the file, "
                "or try another --edge-runtime"
            )
            with pytest.raises(DeviceError, match="ended with SIGSEGV in invoke"):
                filled.invoke()
            assert filled.predict(np.array([[2, 3]])).tolist() == [6]

    @pytest.mark.parametrize(
        ("number", "text"),
        [
            (signal.SIGSEGV, "ended with SIGSEGV in invoke"),
            (signal.SIGABRT, "ended with SIGABRT in invoke"),
            (signal.SIGKILL, "hint: often the kernel's out-of-memory killer: see `dmesg`"),
        ],
    )
    def test_by_a_signal(self, make: Make, number: signal.Signals, text: str) -> None:
        with make("scalar") as interpreter:
            os.kill(the_child(), number)
            with pytest.raises(DeviceError) as caught:
                interpreter.invoke()
            assert text in str(caught.value)

    def test_behind_a_shell(self, make: Make) -> None:
        """A shell that waits for Python reports a signal as 128 + its number."""
        with make("scalar", python=through_shell("", "; exit $?"), env=PLAIN) as interpreter:
            os.kill(the_child(), signal.SIGSEGV)
            with pytest.raises(DeviceError, match="ended with SIGSEGV in invoke"):
                interpreter.invoke()

    def test_last_lines_of_stderr(self, make: Make) -> None:
        python = through_shell("seq 100 >&2; echo under-voltage >&2; exec")
        with make("scalar", python=python) as interpreter:
            os.kill(the_child(), signal.SIGBUS)
            with pytest.raises(DeviceError) as caught:
                interpreter.invoke()
        lines = str(caught.value).splitlines()
        assert lines[1:4] == ["last lines of its stderr:", "    95", "    96"]
        assert "    under-voltage" in lines


class TestHang:
    def test_of_native_code(self, make: Make) -> None:
        with make("steps", limit_s=1.5) as steps:
            start = time.monotonic()
            with pytest.raises(DeviceError) as caught:
                steps.predict(FOREVER)
            assert time.monotonic() - start < connection.GRACE_S
        assert "invoke did not return within 1.5 s and was ended" in str(caught.value)
        assert "hint: raise --edge-call-timeout" in str(caught.value)

    def test_while_it_is_timed(self, make: Make) -> None:
        """The limit holds for one run, however long the measurement may take."""
        with make("steps", limit_s=1.5) as steps:
            steps.set_tensor(0, FOREVER.astype(np.int32))
            start = time.monotonic()
            with pytest.raises(DeviceError, match=r"invoke did not return within 1\.5 s"):
                steps.time_runs(100, 0.5, 100, 60.0)
            assert time.monotonic() - start < connection.GRACE_S

    def test_long_measurements_are_no_hang(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "GRACE_S", 0.2)
        with make("scalar", limit_s=1) as scalar:
            assert len(scalar.time_runs(1, 2.5, 10**9, 2.5)) > 100

    def test_many_slow_samples_are_no_hang(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "GRACE_S", 0.2)
        with make("steps", limit_s=1) as steps:
            steps.set_tensor(0, np.array([20_000], np.int32))
            run_s = float(np.median(steps.time_runs(5, 0.0, 5, 1.0))) / 1e9
            rounds = int(20_000 * 0.4 / run_s)
            assert steps.predict(np.full(8, rounds)).tolist() == [rounds] * 8

    def test_of_a_process_that_does_not_even_get_signals(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connection, "GRACE_S", 0.5)
        with make("scalar", limit_s=1) as scalar:
            pid = the_child()
            os.kill(pid, signal.SIGSTOP)
            with pytest.raises(DeviceError, match=r"invoke did not return within 1\.0 s"):
                scalar.invoke()
            assert gone(pid)

    def test_stopped_processes_are_closed(self, make: Make) -> None:
        with make("scalar"):
            pid = the_child()
            os.kill(pid, signal.SIGSTOP)
        assert gone(pid)


class TestAfterADeath:
    """``predict`` sets all inputs, so that it can go on in a fresh process."""

    def test_predict_goes_on(self, make: Make) -> None:
        with make("zebra_minus_apple") as model:
            batch = {"zebra": np.ones((2, 2)), "apple": np.zeros((2, 2))}
            for _ in range(3):
                dead = the_child()
                os.kill(dead, signal.SIGKILL)
                with pytest.raises(DeviceError, match="ended with SIGKILL"):
                    model.predict(batch)
                assert model.predict(batch)["first"].tolist() == [[1, 1]] * 2
                assert the_child() != dead
        assert models(os.getpid()) == set()

    def test_after_a_hang(self, make: Make) -> None:
        with make("steps", limit_s=1.5) as steps:
            with pytest.raises(DeviceError, match="did not return"):
                steps.predict(FOREVER)
            assert steps.predict(np.array([3])).tolist() == [3]

    def test_other_calls_do_not(self, make: Make) -> None:
        """What they count on is gone."""
        with make("scalar") as scalar:
            scalar.set_tensor(0, np.float32(1))
            os.kill(the_child(), signal.SIGKILL)
            for call in (scalar.invoke, scalar.allocate_tensors, scalar.get_input_details):
                with pytest.raises(DeviceError, match="ended with SIGKILL in invoke"):
                    call()
            assert scalar.predict(np.array([2.0])).tolist() == [5]
            scalar.invoke()

    def test_a_closed_one_stays_closed(self, make: Make) -> None:
        with make("scalar") as alive:
            pass
        with make("scalar") as dead:
            os.kill(the_child(), signal.SIGKILL)
            with pytest.raises(DeviceError):
                dead.invoke()
        for closed in (alive, dead):
            with pytest.raises(DeviceError):
                closed.predict(np.array([2.0]))
        assert models(os.getpid()) == set()

    def test_sizes_stay(self, make: Make) -> None:
        with make("doubled_any") as doubled:
            doubled.resize_tensor_input(0, (1, 5))
            doubled.allocate_tensors()
            doubled.set_tensor(0, np.ones((1, 5), np.float32))
            os.kill(the_child(), signal.SIGKILL)
            with pytest.raises(DeviceError):
                doubled.invoke()
            assert doubled.predict(np.ones((2, 5))).tolist() == [[2] * 5] * 2
            assert doubled.input_shapes == {"serving_default_x:0": [1, 5]}

    def test_values_do_not(self, make: Make) -> None:
        with make("zebra_minus_apple") as model:
            for details in model.get_input_details():
                model.set_tensor(details["index"], np.ones((1, 2), np.float32))
            assert model.input_origin == "set by the test"
            os.kill(the_child(), signal.SIGKILL)
            with pytest.raises(DeviceError):
                model.invoke()
            with pytest.raises(TensorError):
                model.predict(np.ones((1, 2)))
            assert model.input_origin is None

    def test_forgotten(self, make: Make) -> None:
        scalar = make("scalar")
        os.kill(the_child(), signal.SIGKILL)
        with pytest.raises(DeviceError):
            scalar.predict(np.array([2.0]))
        assert scalar.predict(np.array([2.0])).tolist() == [5]
        del scalar
        gc.collect()
        assert models(os.getpid()) == set()

    def test_hypothesis_finds_what_kills(self, make: Make) -> None:
        """Killed above 0.5: it shrinks to just that, and each example has a process of its own."""
        calm, pids = np.full((1, 6), 0.25, np.float32), set()
        with make("ratio") as ratio:

            @settings(derandomize=True, database=None, deadline=None, max_examples=50)
            @given(model_inputs(ratio, low=0.125))
            def survives(batch: np.ndarray[Any, Any]) -> None:
                assert ratio.predict(calm)[0, 0] == pytest.approx(1 / 6)
                pids.add(the_child())
                if batch.max() > 0.5:
                    os.kill(the_child(), signal.SIGSEGV)
                assert np.isfinite(ratio.predict(batch)).all()

            with pytest.raises(DeviceError, match="ended with SIGSEGV in invoke") as caught:
                survives()
        (note,) = (note for note in caught.value.__notes__ if "np.array" in note)
        assert "batch=np.array([[1.0, 1.0, 1.0, 1.0, 1.0, 1.0]], dtype=np.float32)" in note
        assert len(pids) > 3


class TestMemory:
    def test_a_limit_ends_no_test_run(self, make: Make) -> None:
        """What one interpreter cannot have, the next one can."""
        python = through_shell("ulimit -v 2000000; exec")
        with make("filled", python=python) as filled, pytest.raises(EdgeAIError) as caught:
            filled.predict(np.array([[30_000, 30_000]]))
        assert "int8 of some.keras: invoke: " in str(caught.value)
        with make("filled", python=python) as filled:
            assert filled.predict(np.array([[30, 30]])).tolist() == [900]


class TestNothingIsLeft:
    def test_after_closing(self, make: Make) -> None:
        make("scalar").close()
        assert models(os.getpid()) == set()

    def test_after_an_exception(self, make: Make) -> None:
        with pytest.raises(KeyError), make("scalar"):
            raise KeyError
        assert models(os.getpid()) == set()

    def test_after_a_refusal(self, litert: Device, realdata: Path) -> None:
        path = realdata / "broken" / "needs_edgetpu.tflite"
        with pytest.raises(EdgeAIError):
            Interpreter(litert, Model(path, path.name, "converted", read_facts(path)))
        assert models(os.getpid()) == set()

    def test_after_forgetting_to_close(self, make: Make) -> None:
        make("scalar")
        gc.collect()
        assert models(os.getpid()) == set()

    def test_after_an_interrupt(self, make: Make) -> None:
        """Such as Ctrl-C or a timeout plugin: a late answer must not become another call's."""

        def interrupt(number: int, frame: object) -> None:
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            with make("steps") as steps:
                signal.setitimer(signal.ITIMER_REAL, 0.3)
                with pytest.raises(KeyboardInterrupt):
                    steps.predict(FOREVER)
                with pytest.raises(DeviceError, match="invoke was cut off by KeyboardInterrupt"):
                    steps.predict(np.array([3]))
            assert models(os.getpid()) == set()
        finally:
            signal.signal(signal.SIGALRM, before)

    @pytest.mark.parametrize("env", [{}, PLAIN], ids=["forked", "plain"])
    def test_behind_a_shell_that_waits(self, make: Make, env: dict[str, str]) -> None:
        with make("steps", limit_s=1.5, python=through_shell("", "; exit $?"), env=env):
            python = the_child()
            os.kill(python, signal.SIGSTOP)
        assert gone(python)

    def test_of_its_log(self, make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with make("scalar"):
            assert list(tmp_path.iterdir()) == []
