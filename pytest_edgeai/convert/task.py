"""One conversion: what, how, and the key that its result is kept under."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from pytest_edgeai.convert.origin import Origin
from pytest_edgeai.convert.process import tensorflow_version
from pytest_edgeai.convert.recipe import Recipe
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.source import ResolvedSource, content_digest


@dataclass(frozen=True)
class Task:
    """What is converted and how.

    Attributes:
        samples: for calibration; None where the recipe needs none.
    """

    source: ResolvedSource
    origin: Origin
    recipe: Recipe
    samples: Dataset | None

    @cached_property
    def key(self) -> str:
        """What the conversion depends on, as one hash."""
        job, made = self.origin.job, self.recipe.as_dict()
        parts = [self.origin.digest, job["kind"], job.get("safe_mode"), job["signature"]]
        parts += [made, self.samples_digest, tensorflow_version(), _worker_digest()]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @cached_property
    def failure_key(self) -> str:
        """What a failure may depend on beside: a message names the source and where it is."""
        parts = [self.key, self.source.name, str(self.source.path)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()

    @cached_property
    def samples_digest(self) -> str:
        """Of the calibration data; "" where there is none."""
        return "" if self.samples is None else self.samples.digest()


@cache
def _worker_digest() -> str:
    """The code that converts and what it imports, so that another version converts anew."""
    package = Path(__file__).parents[1]
    rooms = sorted((*package.glob("convert/*.py"), *package.glob("model/*.py")))
    return "".join(map(content_digest, rooms))
