"""Which report a path asks for: a file by its suffix, or a folder with all of them.

Every pytest start imports this module; what writes is imported when it writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

FOLDER = ""
KINDS = (".html", ".json", ".jsonl", ".md")
PACKAGES = {".html": ("jinja2", "plotly")}
"""What a kind of report needs beside the default install; the extra ``report`` has them."""
EXTRA = "pip install 'pytest-edgeai[report]'"
History = Sequence[dict[str, Any]]


def kind_of(name: str, base: Path = Path()) -> str | None:
    """The suffix of a report, or ``FOLDER``; None where it is neither.

    Args:
        name: as it was asked for; a relative one counts from ``base``.
    """
    suffix = Path(name).suffix
    if name.endswith("/"):
        return FOLDER
    if suffix in KINDS:
        return suffix
    if not name:
        return None
    return FOLDER if not suffix or (base / Path(name).expanduser()).is_dir() else None


def missing_packages(kind: str) -> list[str]:
    """What a kind of report needs and is not installed."""
    return [name for name in PACKAGES.get(kind, ()) if find_spec(name) is None]


def write_report(
    kind: str,
    path: Path,
    document: dict[str, Any],
    model_files: Mapping[str, str] | None = None,
    history: History = (),
) -> list[str]:
    """Write one report.

    Args:
        model_files: the tested files by SHA-256, for folders.
        history: what earlier runs added to ``.jsonl`` reports, for HTML.

    Returns:
        What it has to say of itself: what a folder goes without.

    Raises:
        OSError: the path cannot be written.
    """
    if kind == ".json":
        from pytest_edgeai.report.json_report import write_json

        write_json(path, document)
    elif kind == ".jsonl":
        from pytest_edgeai.report.history import append_history

        append_history(path, document)
    elif kind == ".md":
        from pytest_edgeai.report.markdown import write_markdown

        write_markdown(path, document)
    elif kind == ".html":
        from pytest_edgeai.report.html_report import write_html

        write_html(path, document, history=history)
    else:
        from pytest_edgeai.report.folder import write_folder

        return write_folder(path, document, model_files or {}, history)
    return []
