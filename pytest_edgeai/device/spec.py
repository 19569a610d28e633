"""A device as configured."""

from __future__ import annotations

import difflib
import os
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from pytest_edgeai.device.keeper import first_line
from pytest_edgeai.errors import UsageError
from pytest_edgeai.toml import tomllib

RUNTIME_CHOICES = ("auto", "litert", "tflite-runtime", "tensorflow")
LOCAL, PI = "local", "pi"
BOARD_PYTHON = "python3"


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
        host: an ssh destination; this machine where nothing is said.
        ssh_config: a configuration file for ssh, instead of the user's own.
        env: environment variables of its Python.
        cpu_affinity: the cores that models run on; all where nothing is said.
        cache_dir: the folder on a board for models and data, ``~`` being the home there.
        cache_mb: how much that folder may hold beside what is in use.
        reconnect_s: how long a board that was lost is waited for.
    """

    name: str = LOCAL
    python: str = ""
    runtime: str | None = None
    threads: int | None = None
    max_temperature_c: float | None = None
    allow_emulated_timing: bool = False
    host: str = ""
    ssh_config: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    cpu_affinity: tuple[int, ...] = ()
    cache_dir: str = "~/.cache/pytest-edgeai"
    cache_mb: int = 1024
    reconnect_s: float = 60.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "cpu_affinity", _as_tuple(self.cpu_affinity))
        for key, (fits, wanted) in _VALUES.items():
            value = getattr(self, key)
            if value is not None and not fits(value):
                raise UsageError(f"device {self.name!r}: {key} must be {wanted}, not {value!r}")
        try:
            shlex.split(self.python)
        except ValueError as error:
            raise UsageError(f"device {self.name!r}: python: {error}: {self.python}") from None

    @property
    def command(self) -> list[str]:
        """The command line that starts Python."""
        return shlex.split(self.python) or [BOARD_PYTHON if self.host else sys.executable]

    @property
    def where(self) -> str:
        """What to call it in messages, with its host."""
        return f"device {self.name!r}" + (f" ({self.host})" if self.host else "")


class _Value(NamedTuple):
    """What a key takes."""

    fits: Callable[[Any], bool]
    wanted: str


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_host(value: Any) -> bool:
    """An option of ssh is none."""
    return _is_text(value) and not value.startswith("-") and value == "".join(value.split())


def _is_env(value: Any) -> bool:
    return isinstance(value, Mapping) and all(
        name.isidentifier() and isinstance(text, str) for name, text in value.items()
    )


def _are_cores(value: Any) -> bool:
    return isinstance(value, tuple) and all(
        isinstance(core, int) and not isinstance(core, bool) and core >= 0 for core in value
    )


_HOST = "an ssh destination such as 'pi@raspberrypi.local'"
_RUNTIME = f"one of {', '.join(RUNTIME_CHOICES)}"
_VALUES = {
    "host": _Value(_is_host, _HOST),
    "python": _Value(_is_text, "a command line"),
    "runtime": _Value(
        lambda value: value in RUNTIME_CHOICES, f"one of {', '.join(RUNTIME_CHOICES)}"
    ),
    "threads": _Value(_is_count, "a whole number from 1"),
    "max_temperature_c": _Value(_is_number, "a number"),
    "allow_emulated_timing": _Value(lambda value: isinstance(value, bool), "true or false"),
    "ssh_config": _Value(_is_text, "a path"),
    "env": _Value(_is_env, "a table of names and texts"),
    "cpu_affinity": _Value(_are_cores, "a list of core numbers from 0"),
    "cache_dir": _Value(lambda value: _is_text(value) and bool(value), "a folder on the board"),
    "cache_mb": _Value(_is_count, "a whole number from 1"),
    "reconnect_s": _Value(lambda value: _is_number(value) and value >= 0, "a number from 0"),
}
KEYS = (*_VALUES, "hosts", "extends")
"""What a device table may say."""


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


def device_specs(name: str, root: Path) -> tuple[DeviceSpec, ...]:
    """The device called ``name``, as configured in the folder ``root``; several for a pool.

    Relative paths of ``ssh_config``, and of a local ``python`` with a folder in it, count from
    ``root``.

    Raises:
        UsageError: no such table, not a table, an unknown key or a value that cannot be.
    """
    tables, config_file = device_tables(root), f"{root}: pyproject.toml or edgeai.toml"
    if name not in tables and (name == LOCAL or (name == PI and _is_raspberry_pi())):
        return (DeviceSpec(name),)
    table = _extended(name, tables, config_file)
    hosts = table.pop("hosts", None)
    if name == LOCAL and (hosts is not None or "host" in table):
        raise UsageError(
            f"{config_file}: device {LOCAL!r} has a host", f"{LOCAL!r} is this machine: rename it"
        )
    if hosts is None:
        return (_spec(name, table, root),)
    if "host" in table:
        raise UsageError(f"{config_file}: device {name!r} has both host and hosts")
    if not isinstance(hosts, list) or not hosts or len(set(map(str, hosts))) < len(hosts):
        raise UsageError(
            f"{config_file}: device {name!r}: hosts must be a list of different ssh destinations, "
            f"not {hosts!r}"
        )
    if len(hosts) > 1:  # nobody waits for a board to come back while another one is free
        table["reconnect_s"] = 0
    return tuple(_spec(name, {**table, "host": host}, root) for host in hosts)


def _extended(
    name: str, tables: Mapping[str, Any], config_file: str, seen: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A table with what it takes over from the one that it extends."""
    if name not in tables and name == LOCAL and seen:
        return {}
    if name not in tables:
        hint = _example_table(name) if not seen else f"{seen[-1]!r} extends it"
        raise UsageError(_unknown_device(name, tables, config_file), hint)
    table = tables[name]
    _refuse_what_is_no_table(name, table, config_file)
    base = table.get("extends")
    if base is None:
        return dict(table)
    if base in (name, *seen):
        circle = " extends ".join(map(repr, (*seen, name, base)))
        raise UsageError(f"{config_file}: devices extend each other in a circle: {circle}")
    if not isinstance(base, str):
        raise UsageError(f"{config_file}: device {name!r}: extends must be a device's name")
    inherited = _extended(base, tables, config_file, (*seen, name))
    own = {key: value for key, value in table.items() if key != "extends"}
    for one, other in (("host", "hosts"), ("hosts", "host")):
        if one in own:
            inherited.pop(other, None)
    return {**inherited, **own}


def _refuse_what_is_no_table(name: str, table: Any, config_file: str) -> None:
    if not isinstance(table, Mapping) or not table:
        what = "is empty" if table == {} else "is not a table"
        raise UsageError(f"{config_file}: devices.{name} {what}", _example_table(name))
    for key in table:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            raise UsageError(
                f"{config_file}: device {name!r} has the unknown key {key!r}",
                f"did you mean {near[0]!r}?" if near else f"known: {', '.join(KEYS)}",
            )


def _spec(name: str, table: Mapping[str, Any], root: Path) -> DeviceSpec:
    values = dict(table)
    if values.get("host") == "":
        raise UsageError(f"device {name!r}: host must be {_HOST}, not ''")
    spec = DeviceSpec(name=name, **values)
    if spec.ssh_config:
        path = root / Path(spec.ssh_config).expanduser()
        if not path.is_file():
            raise UsageError(f"device {name!r}: ssh_config: there is no file {path}")
        values["ssh_config"] = str(path)
    if spec.python.strip() and not spec.host:
        program, *arguments = shlex.split(spec.python)
        if os.sep in program:
            program = str(root / Path(program).expanduser())
        values["python"] = shlex.join([program, *arguments])
    if "python" in values and not values["python"].strip():
        raise UsageError(f"device {name!r}: python must be a command line, not empty")
    return DeviceSpec(name=name, **values)


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _is_raspberry_pi() -> bool:
    return (first_line("/proc/device-tree/model") or "").startswith("Raspberry Pi")


def _unknown_device(name: str, tables: Mapping[str, Any], config_file: str) -> str:
    known = ", ".join(sorted({LOCAL, *tables}))
    return f"no device is called {name!r} in {config_file} (known: {known})"


def _example_table(name: str) -> str:
    return (
        "add to pyproject.toml:\n"
        f"    [tool.pytest-edgeai.devices.{name}]\n"
        '    host = "pi@raspberrypi.local"  # an ssh destination; leave it out for this machine\n'
        '    python = "/home/pi/edge/bin/python"  # a Python 3.9+ with numpy and a runtime\n'
        "    threads = 4"
    )
