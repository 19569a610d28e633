"""What runs in the converter's own process, the only one that imports TensorFlow.

A job is plain data with a ``task``: ``convert`` a source into a ``.tflite`` file, ``export`` what a
builder returns as a SavedModel, or ``predict`` with the source itself. Every Keras model
goes to the converter as an exported SavedModel: its inputs and outputs have names then, and it
converts faster.
"""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pytest_edgeai.convert.batch_of_one import (
    has_free_batch,
    has_free_sizes,
    save_with_batch_of_1,
)
from pytest_edgeai.convert.export import export_model
from pytest_edgeai.convert.exported_digest import SIGNATURE, exported_digest
from pytest_edgeai.convert.feed import Feed
from pytest_edgeai.convert.keras_facts import KerasFacts
from pytest_edgeai.convert.keras_file import Refusal, load_keras, one_line
from pytest_edgeai.convert.order import in_order
from pytest_edgeai.convert.refused_operations import refusal

BATCH = 32
HERE = "."
WHERE_ARE_YOU = signal.SIGUSR1
_LAST_ACT = threading.Lock()


def main(job: dict[str, Any]) -> None:
    """Do the job and write its result as JSON; exceptions become ``error`` and ``hint``."""
    faulthandler.enable(all_threads=False)
    faulthandler.register(WHERE_ARE_YOU, all_threads=False)
    result_path = Path(job["result"])
    _end_with_parent(result_path.parent)
    try:
        result = TASKS[job["task"]](job)
    except Refusal as refusal:
        if refusal.__cause__:
            _log(refusal.__cause__)
        result = {"error": str(refusal), "hint": refusal.hint}
    except MemoryError:
        result = {"error": "out of memory", "hint": "convert on a machine with more memory"}
    except (Exception, SystemExit) as error:
        _log(error)
        result = {"error": one_line(error), "hint": "the converter log tells where"}
    with _LAST_ACT:
        unfinished = result_path.with_suffix(".unfinished")
        unfinished.write_text(json.dumps(result))
        unfinished.replace(result_path)
        sys.stdout.flush()
        os._exit(0)  # TensorFlow's own teardown can take seconds


def convert(job: dict[str, Any]) -> dict[str, Any]:
    """Convert the source by the recipe; times are without TensorFlow's import."""
    with _saved_model(job["source"]) as (facts, loader):
        import tensorflow as tf

        start = time.perf_counter_ns()
        content, samples = _converted(job, facts)
        Path(job["output"]).write_bytes(in_order(content, facts.inputs, facts.outputs))
        elapsed_ns = time.perf_counter_ns() - start
    versions = {"tensorflow": tf.__version__, "loader": loader}
    known = {"layers": facts.layers, "keras_3": facts.keras_3}
    return {"elapsed_ns": elapsed_ns, "calibration_samples": samples, **known, **versions}


def export(job: dict[str, Any]) -> dict[str, Any]:
    """Call a builder and export the model that it returns."""
    sys.path[:0] = job["source"]["folders"]
    model = _build(job["source"]["target"])
    export_model(model, job["output"])
    return {"digest": exported_digest(Path(job["output"]))}


def predict(job: dict[str, Any]) -> dict[str, Any]:
    """Answers of the source itself, one ``.npy`` per output."""
    import numpy as np

    with _saved_model(job["source"]) as (facts, _):
        import tensorflow as tf

        run = _only_signature(tf.saved_model.load(HERE))
        feed, answers = Feed(job["inputs"], run, "evaluation_data"), []
        for batch in feed.batches(BATCH):
            outputs = run(**{name: tf.constant(array) for name, array in batch.items()})
            answers.append({name: value.numpy() for name, value in outputs.items()})
    paths = {}
    for place, name in enumerate(facts.outputs or sorted(answers[0])):
        paths[name] = str(Path(job["output"], f"output-{place}.npy"))
        np.save(paths[name], np.concatenate([answer[name] for answer in answers])[: len(feed)])
    return {"outputs": paths}


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "convert": convert,
    "export": export,
    "predict": predict,
}


@contextlib.contextmanager
def _saved_model(source: dict[str, Any]) -> Iterator[tuple[KerasFacts, str]]:
    """The source as a SavedModel in the working directory, its facts, and what loaded it.

    TensorFlow takes characters such as brackets in a longer path for a pattern.
    """
    if source["kind"] == "saved_model":
        os.chdir(source["path"])
        yield KerasFacts.read(Path(HERE)), "SavedModel"
        return
    model, loader = load_keras(Path(source["path"]), source["safe_mode"])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        export_model(model, HERE)
        yield KerasFacts.read(Path(HERE)), loader


def _build(target: str) -> Any:
    name, _, function = target.partition(":")
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if not f"{name}.".startswith(f"{error.name}."):
            raise
        raise Refusal(
            str(error),
            "the module is looked up beside the test, in the root folder, and among the installed",
        ) from error
    if not hasattr(module, function):
        raise Refusal(f"there is no {function!r} in {module.__file__ or name}")
    model = getattr(module, function)()
    if not (hasattr(model, "get_weights") and hasattr(model, "export")):
        raise Refusal(f"it returned a {type(model).__name__}, not a Keras model")
    return model


def _signature_keys(loaded: Any) -> list[str]:
    """The usual signature alone, where there is one; else all."""
    keys = list(loaded.signatures)
    if not keys:
        raise Refusal(
            "the SavedModel has no signature", "save it with signatures, or model.export()"
        )
    return [SIGNATURE] if SIGNATURE in keys else keys


def _only_signature(loaded: Any) -> Any:
    keys = _signature_keys(loaded)
    if len(keys) > 1:
        raise Refusal(
            f"the SavedModel has the signatures {', '.join(keys)}: which one the data is for is "
            "not said",
            f"save it with one, or call one of them {SIGNATURE!r}",
        )
    return loaded.signatures[keys[0]]


def _converted(job: dict[str, Any], facts: KerasFacts) -> tuple[bytes, int]:
    """The file and the number of calibration samples; with a batch of 1 where no other converts."""
    import tensorflow as tf

    loaded = tf.saved_model.load(HERE)
    keys = _signature_keys(loaded)
    signature = loaded.signatures[keys[0]]
    if facts.policy:
        _note(f"its policy is {facts.policy}: converted to compute in float32, with its weights")
    try:
        return _attempt(job, loaded, keys)
    except (Refusal, MemoryError):
        raise
    except Exception as error:
        refused = refusal(str(error), facts, free_sizes=has_free_sizes(signature))
        if len(keys) > 1 or not has_free_batch(signature):
            raise refused from error
    _note(f"with a free batch size: {refused}; trying a batch of 1")
    return _converted_with_batch_of_1(job, facts, loaded, keys[0])


def _converted_with_batch_of_1(
    job: dict[str, Any], facts: KerasFacts, loaded: Any, key: str
) -> tuple[bytes, int]:
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            save_with_batch_of_1(loaded, key, HERE)
            result = _attempt(job, tf.saved_model.load(HERE), [key])
        except (Refusal, MemoryError):
            raise
        except Exception as error:
            sizes = has_free_sizes(loaded.signatures[key])
            raise refusal(str(error), facts, free_sizes=sizes) from error
    _note("it converts with a batch of 1, which is fixed in the file")
    return result


def _attempt(job: dict[str, Any], loaded: Any, keys: list[str]) -> tuple[bytes, int]:
    """One run of the converter on the SavedModel in the working directory."""
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(HERE, signature_keys=keys)
    samples = _apply_recipe(converter, job, loaded)
    return bytes(converter.convert()), samples


def _apply_recipe(converter: Any, job: dict[str, Any], loaded: Any) -> int:
    """Tell the converter what the recipe says; returns the number of calibration samples."""
    import tensorflow as tf

    variant, samples = job["recipe"]["variant"], 0
    if variant != "converted":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant in ("int8", "int16x8"):
        feed = Feed(job["inputs"], _only_signature(loaded), "calibration_data")
        samples = len(feed)
        converter.representative_dataset = lambda: _representative(feed)
    if variant == "int16x8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    if variant == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.as_dtype(job["recipe"]["int8_io"])
        converter.inference_output_type = tf.as_dtype(job["recipe"]["int8_io"])
    return samples


def _representative(feed: Feed) -> Iterator[Any]:
    """One sample at a time (or the model's own batch size), as the converter wants them."""
    for batch in feed.batches(1):
        yield batch if len(batch) > 1 else list(batch.values())


def _note(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _log(error: BaseException) -> None:
    sys.excepthook(type(error), error, error.__traceback__)


def _end_with_parent(folder: Path) -> None:
    """End this process, its children and its folder when the one that started it is gone.

    Its end of our stdin closes then. Nothing else reads from there.
    """
    parent = os.dup(0)
    with open(os.devnull) as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)

    def watch() -> None:
        os.read(parent, 1)
        with _LAST_ACT:
            for _ in range(10):  # others may be writing there still
                shutil.rmtree(folder, ignore_errors=True)
            os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()
