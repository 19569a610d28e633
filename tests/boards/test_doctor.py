"""``edgeai doctor`` on boards that are well, and on some that are not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest
from sshd import Sshd
from suites import files_in, is_empty_soon

GOVERNOR = "devices/system/cpu/cpu0/cpufreq/scaling_governor"
TEMPERATURE = "class/thermal/thermal_zone0/temp"


class Said(NamedTuple):
    """What doctor says."""

    status: int
    text: str

    @property
    def problems(self) -> set[str]:
        """What is wrong; the load is not looked at, as other tests may run beside."""
        words = [line.split() for line in self.text.splitlines()]
        return {line[1] for line in words if line[:1] == ["problem"]} - {"load"}


Doctor = Callable[..., Said]


@pytest.fixture
def doctor(tmp_path: Path) -> Doctor:
    """``doctor(table)``: what it says of a device with this table."""

    def said(table: str, *names: str) -> Said:
        (tmp_path / "edgeai.toml").write_text(f"[devices.pi]\n{table}")
        command = [sys.executable, "-m", "pytest_edgeai", "doctor", *names]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
        )
        return Said(done.returncode, done.stdout + done.stderr)

    return said


def table(board: Sshd, python: str = sys.executable, **env: object) -> str:
    pairs = ", ".join(f'{name} = "{value}"' for name, value in env.items())
    return (
        f'host = "board"\nssh_config = "{board.ssh_config}"\npython = "{python}"\n'
        f"env = {{ {pairs} }}\n"
    )


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """A sysfs of a board that is well."""
    for name, content in {GOVERNOR: "performance", TEMPERATURE: "51000"}.items():
        path = tmp_path / "sys" / name
        path.parent.mkdir(parents=True)
        path.write_text(f"{content}\n")
    return tmp_path / "sys"


@pytest.fixture
def throttled(tmp_path: Path) -> Path:
    """A folder with a vcgencmd that tells of past throttling, and of too little voltage now."""
    program = tmp_path / "bin" / "vcgencmd"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho throttled=0x40001\n")
    program.chmod(0o755)
    return program.parent


def test_a_board_that_is_well(doctor: Doctor, board: Sshd, sysfs: Path, home: Path) -> None:
    found = doctor(table(board, HOST_SYS=sysfs))
    assert found.problems == set(), found.text
    assert found.status == (1 if "problem load" in " ".join(found.text.split()) else 0)
    said = " ".join(found.text.split())
    assert "device 'pi' (board) ok board " in said
    assert "ok runtime ai-edge-litert 2." in said
    assert "runs a tiny model" in said
    assert "ok governor performance" in said
    assert "ok temperature 51.0 °C" in said
    assert "ok clock 0" in said
    assert is_empty_soon(board)
    assert files_in(home) == {".cache/pytest-edgeai"}


def test_a_board_that_is_not(doctor: Doctor, board: Sshd, sysfs: Path, throttled: Path) -> None:
    (sysfs / GOVERNOR).write_text("ondemand\n")
    path = f"{throttled}:/usr/bin:/bin"
    found = doctor(table(board, HOST_SYS=sysfs, PATH=path) + "max_temperature_c = 50\n", "pi")
    assert found.status == 1
    assert found.problems == {"governor", "throttling", "temperature"}, found.text
    assert "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/" in found.text
    assert "now: under-voltage" in found.text
    assert "51.0 °C, over its max_temperature_c of 50" in found.text


def test_throttled_since_it_was_booted(doctor: Doctor, board: Sshd, throttled: Path) -> None:
    (throttled / "vcgencmd").write_text("#!/bin/sh\necho throttled=0x50000\n")
    found = doctor(table(board, PATH=f"{throttled}:/usr/bin:/bin"))
    assert found.problems == {"throttling"}
    assert "since it was booted: under-voltage, throttled" in found.text


def test_no_numpy(doctor: Doctor, board: Sshd) -> None:
    found = doctor(table(board, f"{sys.executable} -S"))
    assert (found.status, found.problems) == (1, {"runtime"})
    assert "there is no numpy" in found.text
    assert f"{sys.executable} -S -m pip install ai-edge-litert" in found.text


def test_an_old_runtime(doctor: Doctor, board: Sshd, arm64: Path) -> None:
    python = f"{arm64}/bin/python-tflite"
    found = doctor(table(board, python) + "allow_emulated_timing = true")
    assert (found.status, found.problems) == (1, {"runtime"})
    assert "tflite-runtime 2.14.0 runs a tiny model, but is older than" in found.text
    assert f"{python} -m pip install ai-edge-litert" in found.text


def test_an_emulated_one(doctor: Doctor, board: Sshd, arm64: Path) -> None:
    found = doctor(table(board, f"{arm64}/bin/python-litert"))
    assert (found.status, found.problems) == (1, {"emulation"})


def test_a_board_that_cannot_be_reached(doctor: Doctor, board: Sshd) -> None:
    board.stop()
    found = doctor(table(board))
    assert (found.status, found.problems) == (1, {"reached"})
    assert "no ssh server listens" in found.text


def test_a_python_that_does_not_run_here(doctor: Doctor) -> None:
    found = doctor('python = "/no/such/python"')
    assert (found.status, found.problems) == (1, {"reached"})


def test_this_machine(doctor: Doctor) -> None:
    found = doctor("threads = 1", "local")
    assert found.text.startswith("device 'local'\n")
    assert "ok      runtime" in found.text


def test_an_unknown_device(doctor: Doctor) -> None:
    found = doctor("threads = 1", "jetson")
    assert found.status == 2
    assert "no device is called 'jetson'" in found.text


def test_a_pool_is_looked_at_board_by_board(doctor: Doctor, board: Sshd) -> None:
    found = doctor(table(board).replace('host = "board"', 'hosts = ["board", "nobody.invalid"]'))
    assert found.status == 1
    assert "device 'pi' (board)\n" in found.text
    assert "device 'pi' (nobody.invalid)\n  problem reached" in found.text
