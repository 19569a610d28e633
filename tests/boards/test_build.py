"""Where the script that makes emulated boards has Debian's packages from."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

BUILD = Path(__file__).parent / "build"
pytestmark = pytest.mark.skipif(not shutil.which("apt-get"), reason="apt is Debian's")


def mirror(**env: str) -> subprocess.CompletedProcess[str]:
    """What the script's own function says."""
    script, _, _ = BUILD.read_text().rpartition("main")
    code = f"{script}\nurl=$(mirror)\necho $url"
    given = {**os.environ, "DEBIAN_MIRROR": "", **env}
    return subprocess.run(
        ["bash", "-c", code], capture_output=True, text=True, env=given, check=False
    )


def test_of_apt() -> None:
    found = mirror().stdout.strip()
    assert found.startswith("http")
    listed = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    assert found in subprocess.check_output(listed, text=True).splitlines()


def test_of_the_environment() -> None:
    assert mirror(DEBIAN_MIRROR="http://mirror.invalid/debian").stdout.strip() == (
        "http://mirror.invalid/debian"
    )


def test_without_any(tmp_path: Path) -> None:
    done = mirror(APT_CONFIG=str(config_without_sources(tmp_path)))
    assert (done.returncode, done.stdout) == (1, "")
    assert "set DEBIAN_MIRROR to the URL of one" in done.stderr


def config_without_sources(folder: Path) -> Path:
    """A configuration of apt that names no mirror."""
    path = folder / "apt.conf"
    path.write_text('Dir::Etc::SourceList "/dev/null";\nDir::Etc::SourceParts "/dev/null";\n')
    return path
