"""A source as a worker reads it."""

from __future__ import annotations

import hashlib
import json
import tempfile
import uuid
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from filelock import FileLock

from pytest_edgeai.convert.export import export_model
from pytest_edgeai.convert.exported_digest import exported_digest
from pytest_edgeai.convert.failures import Failures
from pytest_edgeai.convert.keras_file import one_line
from pytest_edgeai.convert.process import Workers
from pytest_edgeai.errors import ConversionError, EdgeAIError
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
        self._failures = Failures(folder)
        self._live: WeakKeyDictionary[Any, tuple[str, Origin]] = WeakKeyDictionary()

    def find(self, source: ResolvedSource) -> Origin:
        """The origin of a source that can be converted.

        Raises:
            ConversionError: a builder failed, which is not called again in this run, or a live
                model cannot be exported.
        """
        origin = self._of_kind(source)
        return replace(origin, job={**origin.job, "signature": source.signature})

    def _of_kind(self, source: ResolvedSource) -> Origin:
        if source.kind == "live":
            return self._of_live(source)
        if source.kind == "builder":
            return self._of_builder(source)
        job = {"kind": source.kind, "path": str(source.path), "safe_mode": source.safe_mode}
        return Origin(content_digest(Path(str(source.path))), job)

    def _of_live(self, source: ResolvedSource) -> Origin:
        """Exported once, and again when its weights or its configuration have changed."""
        try:
            state = _state_digest(source.model)
            known = self._live.get(source.model)
            if known is None or known[0] != state:
                known = self._live[source.model] = (state, self._export_live(source))
            return known[1]
        except Exception as error:  # Keras raises what it likes
            raise ConversionError(
                f"{source.name} cannot be exported: {one_line(error)}",
                "give it an Input, or call it once on a batch, so that its shapes are known",
            ) from error

    def _export_live(self, source: ResolvedSource) -> Origin:
        folder = tempfile.mkdtemp(prefix="exported-", dir=self._folder)
        export_model(source.model, folder)
        return _exported(Path(folder), exported_digest(Path(folder)))

    def _of_builder(self, source: ResolvedSource) -> Origin:
        """Built once per run: only its result tells what the model is."""
        place = json.dumps([source.target, *map(str, source.folders)])
        key = hashlib.sha256(place.encode()).hexdigest()[:32]
        folder = self._folder / f"exported-{key}"
        digest_path = folder.with_suffix(".digest")
        with FileLock(f"{folder}.lock"):
            self._failures.check(key)
            if not digest_path.exists():
                try:
                    digest_path.write_text(self._build(source, folder))
                except EdgeAIError as error:
                    self._failures.keep(key, error)
                    raise
        return _exported(folder, digest_path.read_text())

    def _build(self, source: ResolvedSource, folder: Path) -> str:
        """Call the builder in a worker; the digest of what it returned."""
        builder = {"target": source.target, "folders": list(map(str, source.folders))}
        job = {"task": "build", "source": builder, "output": str(folder)}
        task = partial(self._workers.run, job, source.name)
        result = self._workers.together(source.name, {"building": task})["building"]
        if isinstance(result, EdgeAIError):
            raise result
        return str(result.value["digest"])


def _exported(folder: Path, digest: str) -> Origin:
    return Origin(digest, {"kind": "saved_model", "path": str(folder)})


def _state_digest(model: Any) -> str:
    """The weights, and what the layers say of themselves; one that says nothing may be anything."""
    try:
        said = json.dumps(model.get_config(), sort_keys=True, default=repr)
    except Exception:  # Keras raises what it likes
        said = uuid.uuid4().hex
    digest = hashlib.sha256(said.encode())
    for weight in model.get_weights():
        digest.update(f"{weight.dtype}{weight.shape}".encode() + weight.tobytes())
    return digest.hexdigest()
