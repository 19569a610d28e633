"""A device as configured."""

from __future__ import annotations

import difflib
import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from pytest_edgeai.errors import UsageError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RUNTIME_CHOICES = ("auto", "litert", "tflite-runtime", "tensorflow")
LOCAL = "local"


@dataclass(frozen=True)
class DeviceSpec:
    """Where a model runs.

    Attributes:
        name: what ``--edge-device`` calls it.
        python: the command line of a Python 3.9+ that has numpy and a runtime.
        runtime: one of ``RUNTIME_CHOICES``; ``auto``, the default, takes the first that runs a
            tiny model.
        threads: interpreter threads; 1 where nothing is said.
        max_temperature_c: a hotter device is not timed; no limit where nothing is said.
        allow_emulated_timing: judge latency though another processor plays this one.
    """

    name: str = LOCAL
    python: str = ""
    runtime: str | None = None
    threads: int | None = None
    max_temperature_c: float | None = None
    allow_emulated_timing: bool = False

    def __post_init__(self) -> None:
        where = f"device {self.name!r}"
        try:
            shlex.split(self.python)
        except ValueError as error:
            raise UsageError(f"{where}: python: {error}: {self.python}") from None
        if self.runtime is not None and self.runtime not in RUNTIME_CHOICES:
            raise UsageError(
                f"{where}: runtime {self.runtime!r} is not known",
                f"use one of {', '.join(RUNTIME_CHOICES)}",
            )
        hot = self.max_temperature_c
        if hot is not None and (isinstance(hot, bool) or not isinstance(hot, (int, float))):
            raise UsageError(f"{where}: max_temperature_c must be a number, not {hot!r}")
        if not isinstance(self.allow_emulated_timing, bool):
            given = self.allow_emulated_timing
            raise UsageError(f"{where}: allow_emulated_timing must be true or false, not {given!r}")
        if self.threads is None:
            return
        if isinstance(self.threads, bool) or not isinstance(self.threads, int) or self.threads < 1:
            raise UsageError(
                f"{where}: threads must be a whole number from 1, not {self.threads!r}"
            )

    @property
    def command(self) -> list[str]:
        """The command line that starts Python."""
        return shlex.split(self.python) if self.python else [sys.executable]


def device_tables(root: Path) -> dict[str, Any]:
    """The device tables of ``pyproject.toml`` and of ``edgeai.toml`` beside it, which wins.

    Raises:
        UsageError: a file that is not TOML, or ``devices`` that is not a table.
    """
    tables: dict[str, Any] = {}
    for file_name, prefix in (("pyproject.toml", ("tool", "pytest-edgeai")), ("edgeai.toml", ())):
        path = root / file_name
        if not path.is_file():
            continue
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise UsageError(f"{path}: {error}") from None
        for key in (*prefix, "devices"):
            content = content.get(key, {})
            if not isinstance(content, dict):
                raise UsageError(f"{path}: {key} is not a table", _example_table("pi"))
        tables |= content
    return tables


def device_spec(name: str, root: Path) -> DeviceSpec:
    """The device called ``name``, as configured in the folder ``root``.

    A relative ``python`` with a folder in it is looked up from ``root``.

    Raises:
        UsageError: no such table, not a table, an unknown key or a value that cannot be.
    """
    tables, config_file = device_tables(root), f"{root}: pyproject.toml or edgeai.toml"
    if name not in tables:
        if name == LOCAL:
            return DeviceSpec()
        raise UsageError(_unknown_device(name, tables, config_file), _example_table(name))
    table = tables[name]
    if not isinstance(table, Mapping):
        raise UsageError(f"{config_file}: devices.{name} is not a table", _example_table(name))
    known = [field.name for field in fields(DeviceSpec) if field.name != "name"]
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1) or known
            raise UsageError(
                f"{config_file}: device {name!r} has the unknown key {key!r}",
                f"did you mean {near[0]!r}?" if len(near) == 1 else f"known: {', '.join(known)}",
            )
        if key == "python" and not (isinstance(value, str) and value.strip()):
            raise UsageError(f"{config_file}: device {name!r}: python must be a command line")
    spec = DeviceSpec(name=name, **table)
    return _with_absolute_python(spec, root)


def _with_absolute_python(spec: DeviceSpec, root: Path) -> DeviceSpec:
    if not spec.python:
        return spec
    program, *arguments = shlex.split(spec.python)
    if os.sep in program:
        program = str(root / Path(program).expanduser())
    command = shlex.join([program, *arguments])
    return replace(spec, python=command)


def _unknown_device(name: str, tables: Mapping[str, Any], config_file: str) -> str:
    known = ", ".join(sorted({LOCAL, *tables}))
    return f"no device is called {name!r} in {config_file} (known: {known})"


def _example_table(name: str) -> str:
    return (
        "add to pyproject.toml:\n"
        f"    [tool.pytest-edgeai.devices.{name}]\n"
        '    python = "/path/to/venv/bin/python"  # a Python 3.9+ with numpy and a runtime\n'
        '    runtime = "auto"\n'
        "    threads = 4"
    )
