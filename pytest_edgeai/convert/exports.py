"""Sources as the SavedModels that are converted."""

from __future__ import annotations

import hashlib
import json
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_edgeai.convert.disk import acquire, writing
from pytest_edgeai.convert.failures import Failures
from pytest_edgeai.convert.origin import Origin
from pytest_edgeai.convert.process import Workers, require_tensorflow
from pytest_edgeai.errors import ConversionError, EdgeAIError
from pytest_edgeai.model.source import ResolvedSource


@dataclass(frozen=True)
class Exported:
    """A SavedModel.

    Attributes:
        job: where it is and which signature is meant, for a worker.
        loader: what read the source.
        log: what was printed meanwhile.
    """

    job: dict[str, Any]
    loader: str
    log: str


class Exports:
    """Exports each Keras file once per run.

    Args:
        folder: for exported models; the workers of one xdist run share it.
    """

    def __init__(self, folder: Path, workers: Workers) -> None:
        self._folder = folder
        self._workers = workers
        self._failures = Failures(folder)

    def find(self, source: ResolvedSource, origin: Origin, purpose: str) -> Exported:
        """The SavedModel of a source; while another one exports it, a worker gets ready.

        Args:
            purpose: what it is for, such as ``"int8"``; messages begin with it.

        Raises:
            ConversionError: the file cannot be loaded or exported, which is tried once; or there is
                no TensorFlow.
        """
        if origin.job["kind"] == "saved_model":
            return Exported(origin.job, "SavedModel", "")
        require_tensorflow()
        parts = [origin.digest, origin.job, source.name]
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
        lock = FileLock(self._folder / f"exported-{key}.lock")
        acquire(lock, self._workers.check, partial(self._warm_up, source))
        try:
            self._failures.check(key)
            return self._exported(key, source, origin)
        except ConversionError as error:
            message = f"{purpose} of {error.message}"
            raise ConversionError(message, error.hint, error.log) from error
        finally:
            lock.release()

    def _exported(self, key: str, source: ResolvedSource, origin: Origin) -> Exported:
        folder = self._folder / f"exported-{key}"
        index = folder.with_suffix(".json")
        if not index.exists():
            with self._writing():
                folder.mkdir(exist_ok=True)
            known = self._export(key, source, {**origin.job, "output": str(folder)})
            with self._writing():
                index.write_text(json.dumps(known))
        job = {"path": str(folder), "signature": source.signature}
        return Exported(job, **json.loads(index.read_text()))

    def _export(self, key: str, source: ResolvedSource, job: dict[str, Any]) -> dict[str, str]:
        try:
            result = self._workers.run({**job, "task": "export"}, source.name)
        except EdgeAIError as error:
            self._workers.check()  # an interrupt is no failure
            self._failures.keep(key, error)
            raise
        return {"loader": result.value["loader"], "log": result.log}

    def _warm_up(self, source: ResolvedSource) -> None:
        with suppress(EdgeAIError):  # whoever needs the worker is told
            self._workers.run({"task": "warm_up"}, source.name)

    def _writing(self) -> AbstractContextManager[None]:
        return writing(
            f"the exported model in {self._folder}",
            "free space there, or set TMPDIR to another folder",
        )
