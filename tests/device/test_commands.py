"""The command line that starts a device's Python."""

from __future__ import annotations

import shlex
import sys
import venv
from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import DeviceError

HERE = ".".join(map(str, sys.version_info[:3]))
HINT = "hint: check `python` of this device: a command line that starts Python 3.9 or newer"


def answers(python: str) -> str:
    """The version of the Python that a command starts."""
    return Device(DeviceSpec("pi", python), call_limit_s=30).facts.python


def refusal(python: str, limit_s: float = 30) -> str:
    with pytest.raises(DeviceError) as caught:
        _ = Device(DeviceSpec("pi", python), limit_s).facts
    return str(caught.value)


@pytest.mark.parametrize(
    "command",
    [
        f"{sys.executable} -X utf8",
        f"env A='b  c' {sys.executable}",
        f"""sh -c 'exec {sys.executable} "$@"' --""",
        f"""sh -c '{sys.executable} "$@"; exit $?' --""",
        sys.executable.replace("/", "//"),
    ],
)
def test_what_starts_a_python(command: str) -> None:
    assert answers(command) == HERE


def test_path_with_spaces_and_slashes(tmp_path: Path) -> None:
    link = tmp_path / "a board's  python" / "bin"
    link.mkdir(parents=True)
    script = link / "python"
    script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    script.chmod(0o755)
    assert answers(shlex.quote(f"{link}//python")) == HERE


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("/no/such/python", "[Errno 2] No such file or directory: '/no/such/python'"),
        ("/etc/passwd", "[Errno 13] Permission denied: '/etc/passwd'"),
        ("false", "it ended with exit status 1"),
        ("sh -c 'exit 3'", "it ended with exit status 3"),
        ("echo x", "it printed 'x -u -c import sys;"),
        (
            f"""sh -c 'echo Welcome; exec {sys.executable} "$@"' --""",
            "it printed 'Welcome', but its stdout has to stay silent",
        ),
    ],
)
def test_what_does_not(command: str, reason: str) -> None:
    text = refusal(command)
    assert f"device 'pi': its Python did not start: {command}: {reason}" in text
    assert text.endswith(HINT)


def test_what_it_said_on_stderr_is_shown() -> None:
    text = refusal("sh -c 'echo no such board >&2; exit 255'")
    assert "exit status 255\nlast lines of its stderr:\n    no such board\nhint:" in text


@pytest.mark.parametrize("script", ["sleep 60", "sleep 60; true", "cat >/dev/null; sleep 60"])
def test_what_never_answers(script: str) -> None:
    text = refusal(f"sh -c '{script}'", limit_s=0.5)
    assert f"its Python did not start: sh -c '{script}': no answer within 0.5 s" in text


def test_without_numpy(once: Callable[..., Path]) -> None:
    folder = once("python-without-packages", lambda folder: venv.create(folder, symlinks=True))
    python = folder / "bin" / "python"
    assert refusal(str(python)) == (
        "device 'pi': ModuleNotFoundError: No module named 'numpy'\n"
        f"hint: {python} -m pip install numpy"
    )


def test_a_module_in_the_working_directory_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("random", "types", "platform", "numpy"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not me')")
    monkeypatch.chdir(tmp_path)
    assert Device(DeviceSpec()).facts.runtime == "ai-edge-litert"
