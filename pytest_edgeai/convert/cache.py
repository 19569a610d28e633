"""Converted models, kept by content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from pytest_edgeai.convert.disk import acquire, writing
from pytest_edgeai.model.source import content_digest


@dataclass(frozen=True)
class CacheEntry:
    """A converted model and what is known of its conversion."""

    path: Path
    facts: dict[str, Any]


class ModelCache:
    """A folder of ``<key>.tflite`` with ``<key>.json`` beside it.

    Both are written to a temporary name and renamed, the model first, and an entry counts only
    when the model has the hash that its ``.json`` names: a reader never sees half a file, a
    damaged one is made again.

    Args:
        folder: made when it is first needed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextlib.contextmanager
    def lock(self, key: str, check: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold an entry alone, among threads and processes; freed by the kernel on a crash.

        Args:
            check: called now and then while another one holds it; what it raises ends the wait.
        """
        lock = FileLock(self.folder / f"{key}.lock")
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            acquire(lock, check)
        try:
            yield
        finally:
            lock.release()

    def get(self, key: str) -> CacheEntry | None:
        """The entry, or None where there is none or a damaged one."""
        path = self.folder / f"{key}.tflite"
        try:
            facts = json.loads((self.folder / f"{key}.json").read_text())
            intact = content_digest(path) == facts["sha256"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return CacheEntry(path, facts) if intact else None

    def is_damaged(self, key: str) -> bool:
        """Whether there is an entry that ``get`` does not give."""
        return (self.folder / f"{key}.json").exists() and self.get(key) is None

    def put(self, key: str, model: Path, facts: dict[str, Any]) -> CacheEntry:
        """Keep a converted model.

        Raises:
            UsageError: the folder cannot be written.
        """
        content = model.read_bytes()
        facts = {**facts, "sha256": hashlib.sha256(content).hexdigest()}
        with self._writing():
            self._write(f"{key}.tflite", content)
            self._write(f"{key}.json", json.dumps(facts).encode())
        return CacheEntry(self.folder / f"{key}.tflite", facts)

    def _write(self, name: str, content: bytes) -> None:
        handle, temporary = tempfile.mkstemp(dir=self.folder, prefix=f"{name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, self.folder / name)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def _writing(self) -> contextlib.AbstractContextManager[None]:
        return writing(
            f"the conversion cache {self.folder}",
            "free space or mend its permissions, name another folder with --edge-cache-dir, "
            "or use --edge-no-cache",
        )
