"""Makes what the tests of this folder need, where it is missing or older than its script."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

HERE = Path(__file__).parent
MADE = HERE / "made"  # not in git; to begin anew, delete it


@pytest.fixture(scope="session")
def made():
    """``made(name, script, *arguments)``: the path of the file or folder that the script writes."""

    def make(name, script, *arguments):
        target, unfinished = MADE / name, MADE / f"unfinished-{name}"
        MADE.mkdir(exist_ok=True)
        with FileLock(MADE / f"{name}.lock"):  # with several workers one makes it, the others wait
            if not is_fresh(target, HERE / script):
                remove(unfinished)
                subprocess.run([sys.executable, HERE / script, unfinished, *arguments], check=True)
                remove(target)
                unfinished.rename(target)
        return target

    return make


@pytest.fixture(scope="session")
def images(made):
    """The folders ``train`` and ``test``, each with a folder of images for each class."""
    return made("images", "parts.py")


def is_fresh(target, script):
    """Whether it is there, and newer than its script and the drawing of parts."""
    scripts = (script, HERE / "parts.py", HERE / "blocks.py")
    return target.exists() and target.stat().st_mtime > max(s.stat().st_mtime for s in scripts)


def remove(path):
    """A file or folder, where there is one."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
