"""Baselines in files: one per device, model and variant, to be committed."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_edgeai.judge.baseline import Baseline, Found, other_device, read


class Baselines:
    """A folder of baselines: ``<device>-<fingerprint>/<model>.<variant>.json``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def find(self, device: str, fingerprint: Mapping[str, Any], model: str, variant: str) -> Found:
        """The baseline of a model on a device, or why there is none to compare with."""
        path = self._path(device, fingerprint, model, variant)
        if path.exists():
            return _read(path)
        others = sorted(self.folder.glob(f"{_safe(device)}-*/{path.name}"))
        for other in others:
            found = _read(other)
            if found.baseline is not None:
                differs = other_device(found.baseline, fingerprint)
                reason = f"the baseline {other} was recorded under other conditions: {differs}"
                return Found(None, reason=reason)
            return found
        return Found(None, reason=f"there is no baseline {path}")

    def save(self, baseline: Baseline) -> Path:
        """Write a baseline; what another test recorded of the same file is kept.

        Raises:
            OSError: the folder cannot be written.
        """
        from filelock import FileLock

        path = self._path(baseline.device, baseline.fingerprint, baseline.model, baseline.variant)
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            before = _read(path).baseline if path.exists() else None
            if before is not None and before.sha256 == baseline.sha256:
                baseline = replace(
                    baseline,
                    latency=baseline.latency or before.latency,
                    accuracy=baseline.accuracy or before.accuracy,
                )
            unfinished = path.with_suffix(f".{os.getpid()}")
            unfinished.write_text(json.dumps(baseline.as_dict(), indent=1) + "\n")
            unfinished.replace(path)
        path.with_suffix(".lock").unlink(missing_ok=True)
        return path

    def _path(self, device: str, fingerprint: Mapping[str, Any], model: str, variant: str) -> Path:
        digest = hashlib.sha256(json.dumps(fingerprint, sort_keys=True).encode()).hexdigest()
        return self.folder / f"{_safe(device)}-{digest[:8]}" / f"{_safe(model)}.{variant}.json"


def _read(path: Path) -> Found:
    try:
        return read(json.loads(path.read_text()), str(path))
    except (OSError, ValueError) as error:
        return Found(None, reason=f"the baseline {path} cannot be read: {error}")


def _safe(name: str) -> str:
    """A name as part of a file's."""
    return re.sub(r"[^\w.-]+", "_", name)
