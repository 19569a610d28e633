"""Files that commands are asked to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pytest_edgeai.errors import UsageError


def written(path: Path, write: Callable[[Path], None]) -> None:
    """Write a file.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        write(path)
    except OSError as error:
        raise UsageError(f"{path} was not written: {error.strerror}") from None
