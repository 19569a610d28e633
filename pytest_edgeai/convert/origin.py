"""A source as a worker reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_edgeai.convert import worker
from pytest_edgeai.convert.process import Workers
from pytest_edgeai.errors import EdgeAIError
from pytest_edgeai.model.source import ResolvedSource, content_digest


@dataclass(frozen=True)
class Origin:
    """Where a worker finds a source, as its job says, and the digest of its content."""

    digest: str
    job: dict[str, Any]


class Origins:
    """Finds the origin of a source; what lives in code is exported first.

    Args:
        folder: for exported models; the workers of one xdist run share it.
    """

    def __init__(self, folder: Path, workers: Workers) -> None:
        self._folder = folder
        self._workers = workers
        self._failed: dict[str, EdgeAIError] = {}

    def find(self, source: ResolvedSource) -> Origin:
        """The origin of a source that can be converted.

        Raises:
            ConversionError: a builder failed; it is not called again in this run.
        """
        if source.kind == "live":
            digest = worker.live_digest(source.model)
            return self._exported(digest, partial(self._export_live, source))
        if source.kind == "builder":
            place = json.dumps([source.target, *map(str, source.folders)])
            return self._exported(_sha256(place), partial(self._build, source))
        job = {"kind": source.kind, "path": str(source.path), "safe_mode": source.safe_mode}
        return Origin(content_digest(Path(str(source.path))), job)

    def _exported(self, name: str, export: Callable[[Path], str]) -> Origin:
        """Export once per run: for a builder, only its result tells what the model is."""
        if name in self._failed:
            raise self._failed[name]
        folder = self._folder / f"exported-{name[:32]}"
        digest_path = folder.with_suffix(".digest")
        with FileLock(f"{folder}.lock"):
            if not digest_path.exists():
                try:
                    digest_path.write_text(export(folder))
                except EdgeAIError as error:
                    self._failed[name] = error
                    raise
        return Origin(digest_path.read_text(), {"kind": "saved_model", "path": str(folder)})

    def _export_live(self, source: ResolvedSource, folder: Path) -> str:
        worker.export_model(source.model, str(folder))
        return worker.live_digest(source.model)

    def _build(self, source: ResolvedSource, folder: Path) -> str:
        """Call the builder in a worker."""
        builder = {"target": source.target, "folders": list(map(str, source.folders))}
        job = {"task": "export", "source": builder, "output": str(folder)}
        task = partial(self._workers.run, job, source.name)
        result = self._workers.together(source.name, {"building": task})["building"]
        if isinstance(result, EdgeAIError):
            raise result
        return str(result.value["digest"])


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
