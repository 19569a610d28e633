"""From a source to the models under test."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from pytest_edgeai.convert import keras_file, worker
from pytest_edgeai.convert.cache import CacheEntry, ModelCache
from pytest_edgeai.convert.inputs import written_inputs
from pytest_edgeai.convert.origin import Origin, Origins
from pytest_edgeai.convert.process import Workers, caught, tensorflow_version
from pytest_edgeai.convert.recipe import Recipe, recipe
from pytest_edgeai.errors import EdgeAIError, UsageError
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.proof import EdgeType, prove
from pytest_edgeai.model.source import ResolvedSource, content_digest
from pytest_edgeai.model.tflite import Model, read_facts
from pytest_edgeai.model.variants import Variant


@dataclass(frozen=True)
class Conversion:
    """A model under test and how it came to be.

    Attributes:
        model: the file and its facts; proven to be the variant that it is taken for.
        log: what the converter printed; empty for a ready file.
        elapsed_ns: how long the conversion took, without TensorFlow's import.
    """

    model: Model
    log: str = ""
    elapsed_ns: int = 0


@dataclass
class Tally:
    """How many variants this session converted, and how many it found converted before it."""

    converted: int = 0
    cached: int = 0


class Converter:
    """Converts sources, each variant in a process of its own.

    Args:
        cache: where converted models are kept.
        folder: for files of this run; the workers of one xdist run share it.
        int8_io: dtype of the int8 variant's inputs and outputs.
        calibration_samples: at most so many samples are used for calibration.
        limit_s: how long one conversion may take.
        progress: is told now and then what is being converted, at the end "".
    """

    def __init__(
        self,
        cache: ModelCache,
        folder: Path,
        *,
        int8_io: EdgeType = "uint8",
        calibration_samples: int = 200,
        limit_s: float = 600.0,
        progress: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.tally = Tally()
        self._cache = cache
        self._folder = folder
        self._int8_io = int8_io
        self._calibration_samples = calibration_samples
        self._workers = Workers(limit_s, progress)
        self._origins = Origins(folder, self._workers)
        self._failed: dict[str, EdgeAIError] = {}
        self._known: set[str] = set()

    def convert(
        self, source: ResolvedSource, variants: Sequence[Variant], calibration: Dataset | None
    ) -> dict[Variant, Conversion | EdgeAIError]:
        """The variants of a source, converted in parallel; an error stands for one that failed.

        A variant that failed is not tried again in this session.
        """
        if source.kind == "tflite":
            return {name: caught(partial(_ready, source, name, self._int8_io)) for name in variants}
        origin = caught(partial(self._origins.find, source))
        if isinstance(origin, EdgeAIError):
            return dict.fromkeys(variants, origin)
        samples = self._taken(calibration)
        tasks = {
            variant: partial(self._cached, source, origin, self._recipe(variant), samples)
            for variant in variants
        }
        return self._workers.together(source.name, tasks)

    def convert_afresh(
        self, source: ResolvedSource, variant: Variant, calibration: Dataset | None
    ) -> Conversion:
        """Convert once more, whatever the cache holds, and leave the cache alone."""
        if source.kind == "tflite":
            raise UsageError(f"{source.name} is a ready .tflite file: there is nothing to convert")
        output = self._folder / f"afresh-{os.getpid()}-{variant}.tflite"
        made, origin = self._recipe(variant), self._origins.find(source)
        task = partial(self._run, source, origin, made, self._taken(calibration), output)
        facts = self._workers.together(source.name, {variant: task})[variant]
        if isinstance(facts, EdgeAIError):
            raise facts
        return _conversion(source, made, CacheEntry(output, facts))

    def source_predictions(self, source: ResolvedSource, data: Dataset) -> dict[str, Any]:
        """What the source itself answers, by output name; shape (N, ...)."""
        if source.kind == "tflite":
            raise UsageError(
                f'{source.name} is a ready .tflite file: there is no baseline="source"',
                'name a variant, e.g. baseline="converted", or give the Keras model',
            )
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            folder = Path(name)
            job = {"task": "predict", "source": self._origins.find(source).job, "output": name}
            job["inputs"] = written_inputs(data, folder)
            result = self._workers.run(job, f"predictions of {source.name}")
            return {key: np.load(folder / f"{key}.npy") for key in result.value["outputs"]}

    def _recipe(self, variant: Variant) -> Recipe:
        return recipe(variant, self._int8_io)

    def _taken(self, calibration: Dataset | None) -> Dataset | None:
        return None if calibration is None else calibration.take(self._calibration_samples)

    def _cached(
        self, source: ResolvedSource, origin: Origin, made: Recipe, samples: Dataset | None
    ) -> Conversion:
        if made.needs_calibration and samples is None:
            raise UsageError(
                f"{made.variant} of {source.name}: there is no calibration data",
                "define a `calibration_data` fixture that returns typical inputs (an array of "
                "shape (N, ...), an .npz path or an ImageFolder)",
            )
        key = _key(origin, made, samples)
        if key in self._failed:
            raise self._failed[key]
        with self._cache.lock(key):
            entry = self._cache.get(key)
            if entry is None:
                entry = self._made(key, source, origin, made, samples)
                self.tally.converted += 1
            elif key not in self._known:
                self.tally.cached += 1
            self._known.add(key)
        return _conversion(source, made, entry)

    def _made(
        self,
        key: str,
        source: ResolvedSource,
        origin: Origin,
        made: Recipe,
        samples: Dataset | None,
    ) -> CacheEntry:
        damaged = self._cache.is_damaged(key)
        output = self._folder / f"{key}.tflite"
        try:
            facts = self._run(source, origin, made, samples, output)
        except EdgeAIError as error:
            self._failed[key] = error
            raise
        if damaged:
            facts["log"] = f"the cached file was damaged and was made again\n{facts['log']}"
        entry = self._cache.put(key, output, facts)
        output.unlink()
        return entry

    def _run(
        self,
        source: ResolvedSource,
        origin: Origin,
        made: Recipe,
        samples: Dataset | None,
        output: Path,
    ) -> dict[str, Any]:
        """One conversion in a worker; what is known of it."""
        inputs = self._calibration_files(samples) if made.needs_calibration and samples else {}
        job = {"task": "convert", "source": origin.job, "recipe": made.as_dict(), "inputs": inputs}
        result = self._workers.run(
            {**job, "output": str(output)}, f"{made.variant} of {source.name}"
        )
        return {**result.value, "log": result.log}

    def _calibration_files(self, samples: Dataset) -> dict[str, str]:
        """The samples as ``.npy`` files for the workers; written once."""
        folder = self._folder / f"calibration-{samples.digest()[:32]}"
        index = folder / "index.json"
        with FileLock(f"{folder}.lock"):
            if not index.exists():
                folder.mkdir(exist_ok=True)
                index.write_text(json.dumps(written_inputs(samples, folder)))
        return dict(json.loads(index.read_text()))


def _ready(source: ResolvedSource, variant: Variant, int8_io: EdgeType) -> Conversion:
    """A given ``.tflite`` file, proven to be the variant that is asked for.

    Either 8-bit type will do at its edges; floats only where they were asked for.
    """
    path = source.files.get(variant) or source.files.get("")
    if path is None:
        raise UsageError(
            f"{source.name}: there is no {variant} file among {', '.join(source.files)}",
            f"add it: edge_model({variant}='....tflite')",
        )
    facts = read_facts(path)
    edges = int8_io if int8_io == "float32" else None
    prove(facts, variant, name=path.name, int8_io=edges)
    return Conversion(Model(path, path.name, variant, facts))


def _conversion(source: ResolvedSource, made: Recipe, entry: CacheEntry) -> Conversion:
    facts = read_facts(entry.path)
    prove(facts, made.variant, name=source.name, int8_io=made.int8_io)
    model = Model(entry.path, source.name, made.variant, facts)
    return Conversion(model, entry.facts["log"], entry.facts["elapsed_ns"])


def _key(origin: Origin, made: Recipe, samples: Dataset | None) -> str:
    """What a conversion depends on, as one hash."""
    calibration = samples.digest() if made.needs_calibration and samples is not None else None
    parts = [origin.digest, origin.job["kind"], origin.job.get("safe_mode"), made.as_dict()]
    parts += [calibration, tensorflow_version(), _worker_digest()]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


@cache
def _worker_digest() -> str:
    """The converting code itself, so that another version of it converts anew."""
    return "".join(content_digest(Path(str(module.__file__))) for module in (worker, keras_file))
