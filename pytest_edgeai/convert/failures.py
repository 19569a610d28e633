"""What failed in this run."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from pytest_edgeai import errors
from pytest_edgeai.errors import EdgeAIError


class Failures:
    """Errors by the key of what failed, so that it is not tried again.

    Args:
        folder: for files of this run; the workers of one xdist run share it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def check(self, key: str) -> None:
        """Raise the error that is kept under a key, if there is one."""
        with suppress(FileNotFoundError):
            kind, *args = json.loads(self._path(key).read_text())
            raise getattr(errors, kind)(*args)

    def keep(self, key: str, error: EdgeAIError) -> None:
        """Keep an error; without space on the disk it is only tried again."""
        with suppress(OSError):
            content = json.dumps([type(error).__name__, *error.args])
            unfinished = self._path(key).with_suffix(".unfinished")
            unfinished.write_text(content)
            unfinished.replace(self._path(key))

    def _path(self, key: str) -> Path:
        return self._folder / f"failed-{key}.json"
