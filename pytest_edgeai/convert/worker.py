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
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pytest_edgeai.convert.export import export_model
from pytest_edgeai.convert.exported_digest import SIGNATURE, exported_digest
from pytest_edgeai.convert.feed import Feed, joined_answers
from pytest_edgeai.convert.input_order import input_order
from pytest_edgeai.convert.keras_file import Refusal, load_keras, one_line

WHERE_ARE_YOU = signal.SIGUSR1
_LAST_ACT = threading.Lock()
_WITHOUT_KERNEL = re.compile(r"^(?:Flex|Custom) ops: (.+)$", re.MULTILINE)


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
    with _saved_model(job["source"]) as (folder, loader):
        import tensorflow as tf

        start = time.perf_counter_ns()
        loaded = tf.saved_model.load(folder)
        keys = _signature_keys(loaded)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=keys)
        samples = _apply_recipe(converter, job, loaded, folder)
        Path(job["output"]).write_bytes(_converted(converter))
        elapsed_ns = time.perf_counter_ns() - start
        order = {"input_order": input_order(Path(folder), keys[0]) if len(keys) == 1 else []}
    versions = {"tensorflow": tf.__version__, "loader": loader}
    return {"elapsed_ns": elapsed_ns, "calibration_samples": samples, **order, **versions}


def export(job: dict[str, Any]) -> dict[str, Any]:
    """Call a builder and export the model that it returns."""
    sys.path[:0] = job["source"]["folders"]
    model = _build(job["source"]["target"])
    export_model(model, job["output"])
    return {"digest": exported_digest(Path(job["output"]))}


def predict(job: dict[str, Any]) -> dict[str, Any]:
    """Answers of the source itself, one ``.npy`` per output."""
    import numpy as np

    with _saved_model(job["source"]) as (folder, _):
        import tensorflow as tf

        loaded = tf.saved_model.load(folder)
        run = _only_signature(loaded)
        feed = _feed(job, loaded, folder, "evaluation_data")

        def answers(size: int) -> list[dict[str, Any]]:
            return [
                {name: value.numpy() for name, value in outputs.items()}
                for outputs in (
                    run(**{name: tf.constant(array) for name, array in batch.items()})
                    for batch in feed.batches(size)
                )
            ]

        outputs = joined_answers(answers, feed)
    paths = {}
    for place, name in enumerate(sorted(outputs)):
        paths[name] = str(Path(job["output"], f"output-{place}.npy"))
        np.save(paths[name], outputs[name])
    return {"outputs": paths}


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "convert": convert,
    "export": export,
    "predict": predict,
}


@contextlib.contextmanager
def _saved_model(source: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The source as a SavedModel folder, and what loaded it."""
    if source["kind"] == "saved_model":
        yield source["path"], "SavedModel"
        return
    model, loader = load_keras(Path(source["path"]), source["safe_mode"])
    with tempfile.TemporaryDirectory() as folder:
        export_model(model, folder)
        yield folder, loader


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


def _feed(job: dict[str, Any], loaded: Any, folder: str, what: str) -> Feed:
    """The job's samples for the signature of a SavedModel that they are for."""
    signature = _only_signature(loaded)
    order = input_order(Path(folder), _signature_keys(loaded)[0])
    return Feed(job["inputs"], signature, order, what)


def _apply_recipe(converter: Any, job: dict[str, Any], loaded: Any, folder: str) -> int:
    """Tell the converter what the recipe says; returns the number of calibration samples."""
    import tensorflow as tf

    variant, samples = job["recipe"]["variant"], 0
    if variant != "converted":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant in ("int8", "int16x8"):
        feed = _feed(job, loaded, folder, "calibration_data")
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


def _converted(converter: Any) -> bytes:
    try:
        return bytes(converter.convert())
    except Exception as error:
        missing = {
            name for names in _WITHOUT_KERNEL.findall(str(error)) for name in names.split(", ")
        }
        if missing:
            raise Refusal(
                f"TensorFlow Lite has no operator for {', '.join(sorted(missing))}",
                "replace it in the model; Flex and custom operators are not converted",
            ) from error
        if "TensorListReserve" in str(error):
            raise Refusal(
                "it has a recurrent layer, which converts with a fixed batch size only",
                "build it as a Functional or Sequential model, or give the layer unroll=True",
            ) from error
        raise


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
