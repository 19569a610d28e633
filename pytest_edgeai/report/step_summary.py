"""The summary of a step of GitHub Actions: a file that Markdown is added to."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from pytest_edgeai.report.markdown_text import MOST_BYTES

VARIABLE = "GITHUB_STEP_SUMMARY"


def append(markdown: Callable[[int], str]) -> str:
    """Add to the summary of this step, where there is one.

    Args:
        markdown: the text, in at most so many bytes.

    Returns:
        What kept it from being written, or "".
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return ""
    try:
        path = Path(name)
        taken = path.stat().st_size if path.exists() else 0
        with path.open("a", encoding="utf-8") as file:
            file.write(("\n" if taken else "") + markdown(MOST_BYTES - taken - 1))
    except OSError as error:
        return f"no summary on GitHub: {name}: {error.strerror}"
    return ""
