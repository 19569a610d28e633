"""The command line as a person calls it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest


class Said(NamedTuple):
    """What a command says."""

    status: int
    out: str
    err: str


Edgeai = Callable[..., Said]


@pytest.fixture
def edgeai() -> Edgeai:
    """``edgeai(*arguments, folder=Path, width=80)``, in a process of its own."""

    def said(*arguments: object, folder: Path, width: int = 80, **environment: str) -> Said:
        command = [sys.executable, "-m", "pytest_edgeai", *map(str, arguments)]
        known = {key: value for key, value in os.environ.items() if not key.startswith("GITHUB_")}
        done = subprocess.run(
            command,
            env={**known, "COLUMNS": str(width), **environment},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return said
