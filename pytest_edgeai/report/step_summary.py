"""The summary of a step of GitHub Actions: a file that Markdown is added to."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "GITHUB_STEP_SUMMARY"


def append(text: str) -> str | None:
    """Add Markdown to the summary of this step, where there is one.

    Returns:
        What kept it from being written, if anything did.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        return None
    try:
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(f"{text}\n")
    except OSError as error:
        return f"no summary on GitHub: {name}: {error.strerror}"
    return None
