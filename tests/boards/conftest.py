"""Boards to test on: a real sshd on loopback, with this machine's Python or an emulated ARM one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sshd import Sshd
from system import SSHD

HERE = Path(__file__).parent
PLAIN = """
[devices.pi]
host = "board"
ssh_config = "{config}"
python = "{python}"
reconnect_s = 20
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder on the board."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture
def board(tmp_path: Path, home: Path) -> Iterator[Sshd]:
    """A board that has this machine's Python."""
    if not SSHD.exists():
        pytest.skip(f"no {SSHD}: tests/boards/build installs it")
    with Sshd(tmp_path / "sshd", home=home) as server:
        yield server


@pytest.fixture
def edgeai_toml(pytester: pytest.Pytester, board: Sshd) -> Path:
    """Names the board ``pi``."""
    path = pytester.path / "edgeai.toml"
    path.write_text(PLAIN.format(config=board.ssh_config, python=sys.executable))
    return path


@pytest.fixture(scope="session")
def arm64(once: Callable[..., Path], request: pytest.FixtureRequest) -> Path:
    """The folder with the emulated Pythons, made by ``build``."""
    if not (shutil.which("debootstrap") and shutil.which("qemu-aarch64-static")):
        pytest.skip("no debootstrap or qemu-aarch64-static: tests/boards/build installs them")
    folder = request.config.rootpath / ".arm64"
    subprocess.run([HERE / "build", folder], check=True)
    return folder


@pytest.fixture
def far_board(tmp_path: Path, home: Path, board: Sshd) -> Iterator[Sshd]:
    """A board in a network of its own, whose packets can be lost."""
    if os.geteuid() != 0:
        pytest.skip("a network namespace needs root")
    with Sshd(tmp_path / "far", home=home, namespace=f"board-{os.getpid()}") as server:
        yield server
