"""What goes wrong with boards: each has one message, and the rest of the run goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sshd import Sshd
from suites import files_in, is_empty_soon, running, wait_for
from system import parent_of

FAST = ("-p", "no:hypothesispytest", "-p", "no:benchmark")
BOTH = ("--edge-device=local", "--edge-device=pi")
LOADS = "def test_it(converted_interpreter): pass"
IN_THE_BODY = """
from steps import something_happens

def test_first(converted_interpreter):
    if converted_interpreter.device.name == "pi":
        something_happens()
    converted_interpreter.invoke()

def test_next(converted_interpreter):
    converted_interpreter.invoke()
"""
WHILE_TIMED = """
from steps import something_happens
from pytest_edgeai import max_latency_ms

def test_first(converted_interpreter):
    on_board = converted_interpreter.device.name == "pi"
    if on_board:
        something_happens()
    for _ in range(20 if on_board else 1):
        converted_interpreter.time_runs(10**9, 1.0, 10**9, 1.0)

def test_next(converted_interpreter):
    converted_interpreter.invoke()
"""
LOST = "*(board): the connection is lost"


@pytest.fixture
def suite(digits_suite: pytest.Pytester, tiny: Path, edgeai_toml: Path) -> pytest.Pytester:
    """A suite of a tiny model that is ready."""
    digits_suite.makeconftest(
        f"import pytest\n@pytest.fixture\ndef edge_model(): return {str(tiny / 'scalar.tflite')!r}"
    )
    return digits_suite


def table(suite: pytest.Pytester, **values: str) -> None:
    """Change the board's table."""
    path = suite.path / "edgeai.toml"
    lines = [
        line
        for line in path.read_text().splitlines()
        if line.partition(" = ")[0] not in values and line.strip()
    ]
    path.write_text("\n".join([*lines, *(f"{key} = {value}" for key, value in values.items())]))


def assert_only_the_board_fails(suite: pytest.Pytester, message: str, hint: str) -> None:
    """Of one test on this machine and on the board, within 40 s."""
    suite.makepyfile(LOADS)
    begin = time.monotonic()
    result = suite.runpytest(*FAST, *BOTH)
    assert time.monotonic() - begin < 40
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines([f"*{message}*", f"hint: *{hint}*"])


class TestNotReached:
    def test_no_server(self, suite: pytest.Pytester, board: Sshd) -> None:
        board.stop()
        message = "device 'pi' (board): the host is there, but no ssh server listens"
        assert_only_the_board_fails(suite, message, "sudo systemctl enable --now ssh")

    def test_nobody_answers(self, suite: pytest.Pytester, far_board: Sshd) -> None:
        far_board.cut()
        table(suite, ssh_config=f'"{far_board.ssh_config}"')
        message = "device 'pi' (board): it does not answer within 10 s"
        assert_only_the_board_fails(suite, message, "Try: ping board")

    def test_no_such_name(self, suite: pytest.Pytester) -> None:
        table(suite, host='"nobody.invalid"')
        message = "device 'pi' (nobody.invalid): nobody knows this host name"
        assert_only_the_board_fails(suite, message, "check the host's name")

    def test_wrong_key(self, suite: pytest.Pytester, board: Sshd) -> None:
        board.client_key.unlink()
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(board.client_key)]
        subprocess.run(make, check=True, input="", text=True)
        message = "device 'pi' (board): it refuses this user or key"
        assert_only_the_board_fails(suite, message, "ssh-copy-id -F * board")

    def test_unknown_host_key(self, suite: pytest.Pytester, board: Sshd) -> None:
        board.known_hosts.write_text("")
        message = "device 'pi' (board): its host key is not known"
        assert_only_the_board_fails(suite, message, "once by hand")

    def test_changed_host_key(self, suite: pytest.Pytester, board: Sshd) -> None:
        other = board.client_key.with_suffix(".pub").read_text()
        board.known_hosts.write_text(f"board {other}")
        message = "device 'pi' (board): its host key is not the known one"
        assert_only_the_board_fails(suite, message, "ssh-keygen -R board")

    def test_it_is_not_tried_for_every_test(self, suite: pytest.Pytester, board: Sshd) -> None:
        board.stop()
        tests = [f"def test_{number}(converted_interpreter): pass" for number in range(20)]
        suite.makepyfile("\n".join(tests))
        begin = time.monotonic()
        suite.runpytest(*FAST, "--edge-device=pi").assert_outcomes(errors=20)
        assert time.monotonic() - begin < 20


class TestNothingToRunOn:
    def test_no_python(self, suite: pytest.Pytester) -> None:
        table(suite, python='"/no/such/python3"')
        message = "device 'pi' (board): there is no /no/such/python3 on it"
        assert_only_the_board_fails(suite, message, "check `python` of this device")

    def test_no_python_but_a_program_that_talks(self, suite: pytest.Pytester) -> None:
        table(suite, python='"/bin/echo"')
        assert_only_the_board_fails(suite, "device 'pi' (board): it printed '-u -c", "/bin/echo")

    def test_no_numpy(self, suite: pytest.Pytester) -> None:
        table(suite, python=f'"{sys.executable} -S"')
        message = "device 'pi' (board): ModuleNotFoundError: No module named 'numpy'"
        assert_only_the_board_fails(suite, message, f"{sys.executable} -S -m pip install numpy")

    def test_no_runtime(self, suite: pytest.Pytester, tmp_path: Path) -> None:
        import numpy

        packages = tmp_path / "packages"
        packages.mkdir()
        for found in Path(numpy.__file__).parent.parent.glob("numpy*"):
            (packages / found.name).symlink_to(found)
        table(suite, python=f'"{sys.executable} -S"', env=f'{{ PYTHONPATH = "{packages}" }}')
        message = "device 'pi' (board) has no usable runtime: runtime litert: start: Module"
        assert_only_the_board_fails(suite, message, "-S -m pip install ai-edge-litert")

    def test_the_disk_is_full(self, suite: pytest.Pytester, small_disk: Path) -> None:
        (small_disk / "full").write_bytes(bytes(1_000_000))
        table(suite, cache_dir=f'"{small_disk}"')
        message = "device 'pi' (board): its files: *disk/files has * MB left, and * MB are to"
        assert_only_the_board_fails(suite, message, "`cache_dir` of this device")

    def test_a_folder_that_cannot_be_made(self, suite: pytest.Pytester) -> None:
        table(suite, cache_dir='"/proc/no"')
        message = "device 'pi' (board): its files: * '/proc/no'"
        assert_only_the_board_fails(suite, message, "`cache_dir` of this device")


class TestLost:
    """In the middle of a test; the other tests of the run pass, on this board as well."""

    @pytest.mark.alone
    def test_a_killed_process(self, suite: pytest.Pytester, board: Sshd) -> None:
        suite.makepyfile(test_it=IN_THE_BODY)
        with running(suite, *BOTH) as run:
            run.until_ready()
            os.kill(model_process(board), signal.SIGKILL)
            run.go_on()
            said = run.output()
        assert run.outcomes()["test_first[pi]"] == "failed"
        assert sorted(run.outcomes().values()) == ["failed", "passed", "passed", "passed"]
        assert "on device 'pi' (board): the process ended with SIGKILL in invoke" in said
        assert is_empty_soon(board)

    @pytest.mark.alone
    def test_a_crash_shows_what_it_printed(self, suite: pytest.Pytester, board: Sshd) -> None:
        suite.makepyfile(test_it=IN_THE_BODY)
        with running(suite, *BOTH) as run:
            run.until_ready()
            pid = model_process(board)
            Path(f"/proc/{pid}/fd/2").write_text("what it said last\n")
            os.kill(pid, signal.SIGSEGV)
            run.go_on()
            said = run.output()
        assert "the process ended with SIGSEGV in invoke" in said, said
        assert "what it said last" in said

    @pytest.mark.alone
    def test_a_call_that_never_returns(self, suite: pytest.Pytester, board: Sshd) -> None:
        suite.makepyfile(test_it=IN_THE_BODY)
        with running(suite, *BOTH, "--edge-call-timeout=4") as run:
            run.until_ready()
            os.kill(model_process(board), signal.SIGSTOP)
            run.go_on()
            said = run.output(60)
        assert sorted(run.outcomes().values()) == ["failed", "passed", "passed", "passed"]
        assert "invoke did not return within 4.0 s and was ended" in said
        assert is_empty_soon(board)

    def test_a_reboot(self, suite: pytest.Pytester, board: Sshd) -> None:
        suite.makepyfile(test_it=WHILE_TIMED)
        with running(suite, *BOTH) as run:
            run.until_ready()
            run.go_on()
            time.sleep(2)
            board.stop()
            time.sleep(4)
            board.start()
            said = run.output()
        assert run.outcomes()["test_first[pi]"] == "failed"
        assert sorted(run.outcomes().values()) == ["failed", "passed", "passed", "passed"]
        assert "invoke: device 'pi' (board): the connection is lost" in said
        assert "it is tried again for the next test" in said

    def test_no_network_for_ten_seconds(self, suite: pytest.Pytester, far_board: Sshd) -> None:
        suite.makepyfile(test_it=WHILE_TIMED)
        table(suite, ssh_config=f'"{far_board.ssh_config}"')
        with running(suite, *BOTH) as run:
            run.until_ready()
            run.go_on()
            time.sleep(2)
            far_board.cut()
            time.sleep(10)
            far_board.mend()
            said = run.output()
        assert set(run.outcomes().values()) == {"passed"}, said

    def test_no_network_any_more(self, suite: pytest.Pytester, far_board: Sshd) -> None:
        suite.makepyfile(test_it=WHILE_TIMED)
        table(suite, ssh_config=f'"{far_board.ssh_config}"', reconnect_s="5")
        with running(suite, *BOTH) as run:
            run.until_ready()
            run.go_on()
            time.sleep(2)
            far_board.cut()
            begin = time.monotonic()
            said = run.output(120)
        print(f"lost for good: the run ended {time.monotonic() - begin:.0f} s later")
        assert time.monotonic() - begin < 100
        outcomes = run.outcomes()
        assert outcomes.pop("test_first[pi]") == "failed"
        assert outcomes.pop("test_next[pi]") == "error"
        assert set(outcomes.values()) == {"passed"}
        assert "invoke: device 'pi' (board): the connection is lost" in said
        assert "device 'pi' (board): it does not answer within 10 s" in said


class TestNothingStays:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
    @pytest.mark.parametrize("when", [IN_THE_BODY, WHILE_TIMED], ids=["idle", "busy"])
    def test_of_a_run_that_is_ended(
        self, suite: pytest.Pytester, board: Sshd, home: Path, number: int, when: str
    ) -> None:
        suite.makepyfile(test_it=when)
        with running(suite, "--edge-device=pi") as run:
            run.until_ready()
            if when == WHILE_TIMED:
                run.go_on()
                time.sleep(1)
            assert len(board.processes()) >= 2
            run.process.send_signal(number)
            run.process.wait(30)
        assert is_empty_soon(board)
        assert files_in(home) == {".cache/pytest-edgeai"}
        assert not list(home.glob(".cache/pytest-edgeai/run-*"))


def model_process(board: Sshd) -> int:
    """The process that holds the model: the one that leads a session and has no child."""
    found: list[int] = []

    def is_there() -> bool:
        pids = {entry.pid for entry in board.processes()}
        parents = {parent_of(pid) for pid in pids}
        found[:] = [pid for pid in pids - parents if os.getsid(pid) == pid]
        return len(found) == 1

    assert wait_for(is_there), board.processes()
    return found[0]
