"""A value that stands apart from its flag can move pytest's root folder.

pytest looks for its root folder and ini file before it knows the options of plugins: of
``--edge-model ../other/model.tflite`` it sees a flag that means nothing yet, and a path to collect.
"""

from __future__ import annotations

import inspect
import os
import shlex
from collections.abc import Collection, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from _pytest.config.findpaths import determine_setup

Root = tuple[Path, Path | None]
"""The root folder and the ini file."""


def refuse_moved_root(config: pytest.Config, flags: Collection[str]) -> None:
    """Refuse a run whose root folder or ini file comes from the value of one of these flags.

    Raises:
        pytest.UsageError: with the flags as they are to be written.
    """
    apart = _stand_apart(_first_read(config), flags)
    if not apart:
        return
    got, paths = (config.rootpath, config.inipath), config.known_args_namespace.file_or_dir
    without = _root(config, paths)
    with_values = _root(config, [*paths, *(value for _, value in apart)])
    if got == with_values != without:
        raise pytest.UsageError(_message(apart, got, without))


def _first_read(config: pytest.Config) -> list[str]:
    """What pytest has read by then."""
    return [*shlex.split(os.environ.get("PYTEST_ADDOPTS", "")), *config.invocation_params.args]


def _stand_apart(words: Sequence[str], flags: Collection[str]) -> list[tuple[str, str]]:
    """Flags with their values, where these are existing paths and words of their own."""
    return [
        (word, value) for word, value in pairwise(words) if word in flags and Path(value).exists()
    ]


def _root(config: pytest.Config, paths: Sequence[str]) -> Root:
    """What pytest makes of these paths; newer versions want to know more."""
    named = config.known_args_namespace
    known = {
        "inifile": named.inifilename,
        "override_ini": named.override_ini,
        "args": paths,
        "rootdir_cmd_arg": named.rootdir or None,
        "invocation_dir": config.invocation_params.dir,
    }
    taken = inspect.signature(determine_setup).parameters
    found = determine_setup(**{name: value for name, value in known.items() if name in taken})
    return found[0], found[1]


def _message(apart: Sequence[tuple[str, str]], got: Root, without: Root) -> str:
    given = " ".join(f"{flag} {value}" for flag, value in apart)
    write = " ".join(f"{flag}={shlex.quote(value)}" for flag, value in apart)
    return (
        f"{given}: pytest took the value for a path to collect, and with it "
        f"{_text(got)}, instead of {_text(without)}\nhint: write {write}"
    )


def _text(root: Root) -> str:
    folder, ini = root
    return f"the root folder {folder} ({'no ini file' if ini is None else f'ini file {ini}'})"
