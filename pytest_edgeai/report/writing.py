"""Files of reports are there as a whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def replace_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, atomically; what no character stands for is written as its escape.

    Raises:
        OSError: the path cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, "utf-8", "backslashreplace")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
