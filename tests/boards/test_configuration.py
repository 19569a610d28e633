"""Device tables as they reach a real board."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from sshd import Sshd
from suites import FAST

TEST = """
import os
def test_it(converted_interpreter):
    converted_interpreter.invoke()
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, tiny: Path) -> pytest.Pytester:
    model = str(tiny / "scalar.tflite")
    pytester.makeconftest(f"import pytest\n@pytest.fixture\ndef edge_model(): return {model!r}")
    pytester.makepyfile(TEST)
    return pytester


def ran(suite: pytest.Pytester, table: str, *args: str) -> dict[str, Any]:
    """The conditions of a test that passes on a board with this table."""
    (suite.path / "edgeai.toml").write_text(f"[devices.pi]\n{table}")
    suite.runpytest(*FAST, "--edge-device=pi", *args).assert_outcomes(passed=1)
    content = json.loads((suite.path / "report.json").read_text())
    return dict(content["tests"][0]["conditions"])


def reached(board: Sshd, python: str = sys.executable) -> str:
    return f'host = "board"\nssh_config = "{board.ssh_config}"\npython = {json.dumps(python)}\n'


@pytest.mark.parametrize(
    "name", ["a python", "it's", 'a "b"', "$(touch here)", "a;touch here", "`touch here`", "a&b"]
)
def test_a_python_that_a_shell_would_misread(
    suite: pytest.Pytester, board: Sshd, home: Path, tmp_path: Path, name: str
) -> None:
    python = tmp_path / "programs" / name
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o755)
    ran(suite, reached(board, shlex.quote(str(python))))
    assert not (home / "here").exists()


def test_a_model_whose_name_a_shell_would_misread(
    suite: pytest.Pytester, board: Sshd, home: Path, tiny: Path
) -> None:
    name = "a $(touch here) 'b' ; touch here.tflite"
    (suite.path / name).write_bytes((tiny / "scalar.tflite").read_bytes())
    suite.makeconftest(f"import pytest\n@pytest.fixture\ndef edge_model(): return {name!r}")
    ran(suite, reached(board))
    assert not (home / "here").exists()


def test_environment_cores_and_folder(suite: pytest.Pytester, board: Sshd, home: Path) -> None:
    core = max(os.sched_getaffinity(0))
    table = f'cpu_affinity = [{core}]\ncache_dir = "~/kept here"\nenv = {{ HOST_SYS = "/no such" }}'
    seen = ran(suite, reached(board) + table)
    assert seen["cores"] == 1
    assert {path.name for path in (home / "kept here").iterdir()} == {"files", "locks"}


def test_a_table_extends_another(suite: pytest.Pytester, board: Sshd) -> None:
    more = "\n[devices.fast]\nextends = 'pi'\nthreads = 2"
    (suite.path / "edgeai.toml").write_text(f"[devices.pi]\n{reached(board)}{more}")
    suite.runpytest(*FAST, "--edge-device=fast").assert_outcomes(passed=1)
    content = json.loads((suite.path / "report.json").read_text())
    assert content["tests"][0]["conditions"]["threads"] == 2


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('host = "-oProxyCommand=touch here"', "host must be an ssh destination *"),
        ('host = "-F/etc/passwd"', "host must be an ssh destination *"),
        ('host = "a b"', "host must be an ssh destination *, not 'a b'"),
        ("", "*devices.pi is empty"),
        ("hosts = []", "*hosts must be a list of different ssh destinations, not []"),
        ('hots = "board"', "*device 'pi' has the unknown key 'hots'"),
        ('extends = "pi"', "*devices extend each other in a circle: 'pi' extends 'pi'"),
    ],
)
def test_what_cannot_be_ends_the_run_before_it_begins(
    suite: pytest.Pytester, table: str, message: str
) -> None:
    (suite.path / "edgeai.toml").write_text(f"[devices.pi]\n{table}\n")
    result = suite.runpytest(*FAST, "--edge-device=pi")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = message.replace("[", "[[]")
    result.stderr.fnmatch_lines([f"ERROR: *{text}*"])
    assert not (suite.path / "here").exists()


def test_latency_on_an_emulated_board_is_void_unless_it_is_allowed(
    suite: pytest.Pytester, board: Sshd, arm64: Path
) -> None:
    suite.makepyfile(
        "from pytest_edgeai import max_latency_ms\n"
        "@max_latency_ms(p95=1000)\n"
        "def test_it(converted_interpreter): pass"
    )
    table = reached(board, f"{arm64}/bin/python-litert")
    (suite.path / "edgeai.toml").write_text(f"[devices.pi]\n{table}")
    result = suite.runpytest(*FAST, "--edge-device=pi")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*the device is emulated: its times say nothing of the board*"])
    assert ran(suite, table + "allow_emulated_timing = true")["emulated"] is True
