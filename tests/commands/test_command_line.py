"""What all commands have in common."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any


def test_the_version(edgeai: Callable[..., Any], tmp_path: Path) -> None:
    said = edgeai("--version", folder=tmp_path)
    assert (said.status, said.out) == (0, f"pytest-edgeai {version('pytest-edgeai')}\n")


def test_a_file_whose_name_is_no_text(
    edgeai: Callable[..., Any], realdata: Path, tmp_path: Path
) -> None:
    name = os.fsdecode(b"caf\xe9.tflite")
    shutil.copy(realdata / "models/ad01_int8.tflite", tmp_path / name)
    said = edgeai("inspect", name, folder=tmp_path)
    assert said.status == 2
    assert said.err == "caf\\xe9.tflite: the file's name is no UTF-8 text\nhint: rename it\n"


def test_output_that_nobody_reads_to_its_end(realdata: Path) -> None:
    """As with ``| head``: no traceback, and no status that looks like a pass."""
    model = realdata / "models/ad01_int8.tflite"
    with subprocess.Popen(
        [sys.executable, "-m", "pytest_edgeai", "inspect", "--runtime=litert", "--json", model],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        running.stdout.close()
        assert running.stderr is not None
        assert running.stderr.read() == ""
    assert running.returncode == 1
