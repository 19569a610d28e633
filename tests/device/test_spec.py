"""Devices as configured."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pytest_edgeai.device.spec import DeviceSpec, device_specs
from pytest_edgeai.errors import UsageError

TABLE = "[tool.pytest-edgeai.devices.pi]\n"
EXAMPLE = """hint: add to pyproject.toml:
    [tool.pytest-edgeai.devices.pi]
    host = "pi@raspberrypi.local"  # an ssh destination; leave it out for this machine
    python = "/home/pi/edge/bin/python"  # a Python 3.9+ with numpy and a runtime
    threads = 4"""


@pytest.fixture
def pyproject(tmp_path: Path) -> Path:
    return tmp_path / "pyproject.toml"


def device_spec(name: str, root: Path) -> DeviceSpec:
    (spec,) = device_specs(name, root)
    return spec


def refusal(root: Path, name: str = "pi") -> str:
    with pytest.raises(UsageError) as caught:
        device_spec(name, root)
    return str(caught.value)


def test_a_table(pyproject: Path) -> None:
    pyproject.write_text(
        TABLE + 'python = "/venv/bin/python -X utf8"\nruntime = "litert"\nthreads=4'
    )
    spec = device_spec("pi", pyproject.parent)
    assert spec == DeviceSpec("pi", "/venv/bin/python -X utf8", "litert", 4)
    assert spec.command == ["/venv/bin/python", "-X", "utf8"]


def test_local_needs_no_table(tmp_path: Path) -> None:
    spec = device_spec("local", tmp_path)
    assert (spec.name, spec.command, spec.threads) == ("local", [sys.executable], None)


def test_local_may_have_one(pyproject: Path) -> None:
    pyproject.write_text("[tool.pytest-edgeai.devices.local]\nthreads = 2")
    assert device_spec("local", pyproject.parent).threads == 2


def test_edgeai_toml_wins_table_by_table(pyproject: Path) -> None:
    pyproject.write_text(f"{TABLE}threads = 1\n[tool.pytest-edgeai.devices.jetson]\nthreads = 2")
    pyproject.with_name("edgeai.toml").write_text('[devices.pi]\nruntime = "litert"')
    assert device_spec("pi", pyproject.parent) == DeviceSpec("pi", "", "litert")
    assert device_spec("jetson", pyproject.parent).threads == 2


@pytest.mark.parametrize(
    ("python", "program"),
    [
        ("venv/bin/python", "{root}/venv/bin/python"),
        ("./venv/bin/python", "{root}/venv/bin/python"),
        ("'a venv/bin/python'", "{root}/a venv/bin/python"),
        ("~/venv/bin/python", "{home}/venv/bin/python"),
        ("/opt//venv/bin/python", "/opt/venv/bin/python"),
        ("python3.11", "python3.11"),
    ],
)
def test_relative_python(
    pyproject: Path, monkeypatch: pytest.MonkeyPatch, python: str, program: str
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    pyproject.write_text(f'{TABLE}python = "{python}"')
    command = device_spec("pi", pyproject.parent).command
    assert command == [program.format(root=pyproject.parent, home="/home/me")]


def test_arguments_keep_their_spaces(pyproject: Path) -> None:
    pyproject.write_text(TABLE + """python = 'sh -c "exec a/python \\"$@\\"" --'""")
    assert device_spec("pi", pyproject.parent).command == ["sh", "-c", 'exec a/python "$@"', "--"]


def test_unknown_device(pyproject: Path) -> None:
    pyproject.write_text("[tool.pytest-edgeai.devices.jetson]")
    assert refusal(pyproject.parent) == (
        f"no device is called 'pi' in {pyproject.parent}: pyproject.toml or edgeai.toml "
        f"(known: jetson, local)\n{EXAMPLE}"
    )


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("thread = 4", "device 'pi' has the unknown key 'thread'\nhint: did you mean 'threads'?"),
        ("Python = ''", "unknown key 'Python'\nhint: did you mean 'python'?"),
        ("qqq = 1", "unknown key 'qqq'\nhint: known: host, python, runtime, threads"),
        ("name = 'x'", "device 'pi' has the unknown key 'name'"),
        ("python = 3", "device 'pi': python must be a command line"),
        ("python = ' '", "device 'pi': python must be a command line"),
        ('python = "sh -c \'oops"', "device 'pi': python: No closing quotation: sh -c 'oops"),
        ("runtime = 'onnx'", "device 'pi': runtime must be one of auto, litert, tflite-runtime, "),
        ("runtime = ['litert']", "tensorflow, not ['litert']"),
        ("threads = true", "device 'pi': threads must be a whole number from 1, not True"),
        ("threads = 0", "threads must be a whole number from 1, not 0"),
        ("threads = 2.0", "threads must be a whole number from 1, not 2.0"),
        ("threads = '4'", "threads must be a whole number from 1, not '4'"),
    ],
)
def test_what_is_wrong_in_a_table(pyproject: Path, table: str, text: str) -> None:
    pyproject.write_text(TABLE + table)
    assert text in refusal(pyproject.parent)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("[tool", "pyproject.toml: Expected"),
        ("tool = 3", "pyproject.toml: tool is not a table"),
        ("[tool]\npytest-edgeai = 3", "pyproject.toml: pytest-edgeai is not a table"),
        ("[tool.pytest-edgeai]\ndevices = []", "pyproject.toml: devices is not a table"),
        ("[tool.pytest-edgeai.devices]\npi = 3", "devices.pi is not a table\nhint: add to"),
    ],
)
def test_what_is_wrong_in_a_file(pyproject: Path, content: str, text: str) -> None:
    pyproject.write_text(content, encoding="utf-8")
    assert text in refusal(pyproject.parent)


def test_a_file_that_is_not_text(pyproject: Path) -> None:
    pyproject.with_name("edgeai.toml").write_bytes(b"x = '\xff'")
    assert "edgeai.toml: 'utf-8' codec can't decode byte 0xff" in refusal(pyproject.parent)
