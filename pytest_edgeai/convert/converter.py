"""From a source to the models under test."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from filelock import FileLock

from pytest_edgeai.convert.cache import CacheEntry, ModelCache
from pytest_edgeai.convert.disk import writing
from pytest_edgeai.convert.exports import Exports
from pytest_edgeai.convert.failures import Failures
from pytest_edgeai.convert.inputs import Files, written_inputs
from pytest_edgeai.convert.keras_facts import KerasFacts
from pytest_edgeai.convert.origin import Origin, Origins
from pytest_edgeai.convert.process import WorkerResult, Workers, caught
from pytest_edgeai.convert.recipe import CALIBRATED, recipe
from pytest_edgeai.convert.refused_operations import layer_of
from pytest_edgeai.convert.task import Task
from pytest_edgeai.errors import EdgeAIError, UsageError
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.proof import EdgeType, prove
from pytest_edgeai.model.ready import ready_model
from pytest_edgeai.model.source import ResolvedSource
from pytest_edgeai.model.tflite import Model, ModelFacts, read_facts

T = TypeVar("T")


@dataclass(frozen=True)
class Conversion:
    """A model under test and how it came to be.

    Attributes:
        model: the file and its facts; proven to be the variant that it is taken for.
        log: what the converter printed; empty for a ready file, and for one from the cache.
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
    """Converts sources in workers; one that is lost costs the variant that it was at.

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
        self._folder = folder.absolute()
        self._int8_io = int8_io
        self._calibration_samples = calibration_samples
        self._workers = Workers(limit_s, progress)
        self._origins = Origins(self._folder, self._workers)
        self._exports = Exports(self._folder, self._workers)
        self._failures = Failures(self._folder)
        self._logs: dict[str, str] = {}
        self._answers: dict[tuple[str, str, str], dict[str, Any]] = {}

    def convert(
        self, source: ResolvedSource, variants: Sequence[str], calibration: Dataset | None
    ) -> dict[str, Conversion | EdgeAIError]:
        """The variants of a source, converted in parallel; an error stands for one that failed.

        Those that are calibrated take longest, and come first.

        A variant that failed is not tried again in this run.
        """
        if source.kind == "tflite":
            return {name: caught(partial(_ready, source, name)) for name in variants}
        origin = caught(partial(self._origins.find, source))
        if isinstance(origin, EdgeAIError):
            return dict.fromkeys(variants, origin)
        tasks = {
            variant: partial(self._cached, source, origin, variant, calibration)
            for variant in sorted(variants, key=lambda name: name not in CALIBRATED)
        }
        done = self._workers.together(source.name, tasks)
        return {variant: done[variant] for variant in variants}

    def convert_afresh(
        self, source: ResolvedSource, variant: str, calibration: Dataset | None
    ) -> Conversion:
        """Convert once more, whatever the cache holds, and leave the cache alone.

        Raises:
            UsageError: nothing to convert, nothing that is converted into, or no data to calibrate
                with.
            ConversionError: it failed.
        """
        if source.kind == "tflite":
            raise UsageError(f"{source.name} is a ready .tflite file: there is nothing to convert")
        task = self._task(source, self._origins.find(source), variant, calibration)
        output = self._folder / f"afresh-{os.getpid()}-{task.key}.tflite"
        facts, log = self._alone(source, variant, partial(self._run, task, output))
        return _conversion(task, CacheEntry(output, facts), log)

    def source_predictions(self, source: ResolvedSource, data: Dataset) -> dict[str, Any]:
        """What the source itself answers, by output name; shape (N, ...). Asked once.

        Raises:
            UsageError: it is a ready ``.tflite`` file.
            ConversionError: the source cannot be loaded, or refuses the data.
        """
        if source.kind == "tflite":
            raise UsageError(
                f'{source.name} is a ready .tflite file: there is no baseline="source"',
                'name a variant, e.g. baseline="converted", or give the Keras model',
            )
        origin = self._origins.find(source)
        key = (origin.digest, source.signature, data.digest())
        if key not in self._answers:
            self._answers[key] = self._predict(source, origin, data)
        return self._answers[key]

    def _predict(self, source: ResolvedSource, origin: Origin, data: Dataset) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(dir=self._folder) as name:
            with self._writing():
                inputs = written_inputs(data, Path(name))
            run = partial(self._asked, source, origin, {"inputs": inputs, "output": name})
            outputs = self._alone(source, "predictions", run).value["outputs"]
            return {key: np.load(path) for key, path in outputs.items()}

    def _asked(
        self, source: ResolvedSource, origin: Origin, places: dict[str, Any]
    ) -> WorkerResult:
        exported = self._exports.find(source, origin, "predictions")
        job = {"task": "predict", "source": exported.job, **places}
        return self._workers.run(job, f"predictions of {source.name}", exported.log)

    def _alone(self, source: ResolvedSource, label: str, task: Callable[[], T]) -> T:
        """Run a single task that starts a worker, and raise what it raises."""
        result = self._workers.together(source.name, {label: task})[label]
        if isinstance(result, EdgeAIError):
            raise result
        return result

    def _task(
        self, source: ResolvedSource, origin: Origin, variant: str, calibration: Dataset | None
    ) -> Task:
        made = recipe(variant, self._int8_io)
        if not made.needs_calibration:
            return Task(source, origin, made, None)
        if calibration is None:
            raise UsageError(
                f"{variant} of {source.name}: there is no calibration data",
                "define a `calibration_data` fixture that returns typical inputs (an array of "
                "shape (N, ...), an .npz path or an ImageFolder), or name a file: "
                "--edge-calibration-data, or calibration_data in an .edge.toml file",
            )
        return Task(source, origin, made, calibration.take(self._calibration_samples))

    def _cached(
        self, source: ResolvedSource, origin: Origin, variant: str, calibration: Dataset | None
    ) -> Conversion:
        task = self._task(source, origin, variant, calibration)
        key = task.key
        with self._cache.lock(key, self._workers.check):
            self._failures.check(task.failure_key)
            entry = self._cache.get(key)
            if entry is None:
                entry, self._logs[key] = self._made(key, task)
                self.tally.converted += 1
            elif key not in self._logs:
                self.tally.cached += 1
                self._logs[key] = ""
        return _conversion(task, entry, self._logs[key])

    def _made(self, key: str, task: Task) -> tuple[CacheEntry, str]:
        damaged = self._cache.is_damaged(key)
        output = self._folder / f"{key}.tflite"
        try:
            facts, log = self._run(task, output)
            if damaged:
                log = f"the cached file was damaged and was made again\n{log}"
            return self._cache.put(key, output, facts), log
        except EdgeAIError as error:
            self._workers.check()  # an interrupt is no failure
            self._failures.keep(task.failure_key, error)
            raise
        finally:
            output.unlink(missing_ok=True)

    def _run(self, task: Task, output: Path) -> tuple[dict[str, Any], str]:
        """One conversion in a worker; what is known of it, and its log."""
        inputs = self._calibration_files(task)
        exported = self._exports.find(task.source, task.origin, task.recipe.variant)
        job = {
            "task": "convert",
            "source": exported.job,
            "recipe": task.recipe.as_dict(),
            "inputs": inputs,
            "output": str(output),
        }
        what = f"{task.recipe.variant} of {task.source.name}"
        result = self._workers.run(job, what, exported.log)
        return {**result.value, "loader": exported.loader}, result.log

    def _calibration_files(self, task: Task) -> Files:
        """The samples as ``.npy`` files for the workers; written once."""
        if task.samples is None:
            return {}
        folder = self._folder / f"calibration-{task.samples_digest[:32]}"
        index = folder / "index.json"
        with self._writing(), FileLock(f"{folder}.lock"):
            if not index.exists():
                folder.mkdir(exist_ok=True)
                index.write_text(json.dumps(written_inputs(task.samples, folder)))
        files: Files = json.loads(index.read_text())
        return files

    def _writing(self) -> AbstractContextManager[None]:
        return writing(
            f"data for the converter in {self._folder}",
            "free space there, or set TMPDIR to another folder",
        )


def _ready(source: ResolvedSource, variant: str) -> Conversion:
    return Conversion(ready_model(source, variant))


def _with_layers(facts: ModelFacts, keras: KerasFacts) -> ModelFacts:
    """The same facts, with the names that Keras has for the layers that compute in float."""
    layers = (layer_of(f"{path}/", keras) for path in facts.float_layers)
    return replace(facts, float_layers=tuple(layers))


def _conversion(task: Task, entry: CacheEntry, log: str) -> Conversion:
    keras = KerasFacts(layers=tuple(entry.facts["layers"]), keras_3=entry.facts["keras_3"])
    facts, name = _with_layers(read_facts(entry.path), keras), task.source.name
    made = task.recipe
    prove(facts, made.variant, name=name, int8_io=made.int8_io, is_conversion=True)
    model = Model(entry.path, name, task.recipe.variant, facts, name)
    return Conversion(model, log, entry.facts["elapsed_ns"])
