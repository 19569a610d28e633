"""A folder with all reports of a run and the files that were tested."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from pytest_edgeai.report.document import IN_FOLDER
from pytest_edgeai.report.writers import EXTRA, History, missing_packages, write_report

FILES = {".json": IN_FOLDER, ".md": "summary.md", ".html": "report.html"}
MODELS = "models"


def write_folder(
    path: Path, document: dict[str, Any], model_files: Mapping[str, str], history: History = ()
) -> list[str]:
    """Write ``results.json``, ``summary.md``, ``report.html`` and the tested files.

    Returns:
        What is not there and why: the HTML report without its packages, files that are gone.

    Raises:
        OSError: the path cannot be written.
    """
    notes = []
    path.mkdir(parents=True, exist_ok=True)
    for kind, name in FILES.items():
        if missing := missing_packages(kind):
            (path / name).unlink(missing_ok=True)  # an earlier run's
            notes.append(f"no {name}: {' and '.join(missing)} missing: {EXTRA}")
        else:
            write_report(kind, path / name, document, history=history)
    for name, digest in model_names(document).items():
        if not _copied(model_files.get(digest), digest, path / MODELS / name):
            notes.append(f"no {MODELS}/{name}: the tested file is gone, or another one by now")
    return notes


def model_names(document: dict[str, Any]) -> dict[str, str]:
    """What the copies are called, by model and variant, and their SHA-256."""
    names: dict[str, str] = {}
    for test in document["tests"]:
        if test["model"] is None:
            continue
        digest: str = test["model"]["sha256"]
        stem = re.sub(r"\.(keras|h5|tflite)$", "", test["model"]["name"])
        plain = re.sub(r"[^\w.-]+", "_", f"{stem}-{test['variant']}")
        name = f"{plain}.tflite"
        if names.setdefault(name, digest) != digest:
            names[f"{plain}-{digest[:8]}.tflite"] = digest
    return names


def _copied(source: str | None, digest: str, target: Path) -> bool:
    """Copy a file, if it is still the one that was tested."""
    if source is None or not Path(source).is_file():
        return False
    target.parent.mkdir(exist_ok=True)
    unfinished = target.with_name(f"{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, unfinished)
        if sha256(unfinished.read_bytes()).hexdigest() != digest:
            return False
        unfinished.replace(target)
        return True
    finally:
        unfinished.unlink(missing_ok=True)
