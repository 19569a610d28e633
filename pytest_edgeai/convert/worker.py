"""What runs in the converter's own process, the only one that imports TensorFlow.

A job is plain data with a ``task``: ``convert`` a source into a ``.tflite`` file, ``export`` what a
builder returns as a SavedModel, or ``predict`` with the source itself. Every Keras model
goes to the converter as an exported SavedModel: its inputs and outputs have names then, and it
converts faster.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import io
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pytest_edgeai.convert.keras_file import Refusal, load_keras, one_line

SIGNATURE = "serving_default"


def main(job: dict[str, Any]) -> None:
    """Do the job and write its result as JSON; exceptions become ``error`` and ``hint``."""
    _end_with_parent()
    try:
        result = TASKS[job["task"]](job)
    except Refusal as refusal:
        result = {"error": str(refusal), "hint": refusal.hint}
    except MemoryError:
        result = {"error": "out of memory", "hint": "convert on a machine with more memory"}
    except Exception as error:
        sys.excepthook(type(error), error, error.__traceback__)
        result = {"error": f"{type(error).__name__}: {error}", "hint": ""}
    Path(job["result"]).write_text(json.dumps(result))
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
        samples = _apply_recipe(converter, job, loaded.signatures[keys[0]])
        Path(job["output"]).write_bytes(converter.convert())
        elapsed_ns = time.perf_counter_ns() - start
    versions = {"tensorflow": tf.__version__, "loader": loader}
    return {"elapsed_ns": elapsed_ns, "calibration_samples": samples, **versions}


def export(job: dict[str, Any]) -> dict[str, Any]:
    """Call a builder and export the model that it returns."""
    sys.path[:0] = job["source"]["folders"]
    model = _build(job["source"]["target"])
    export_model(model, job["output"])
    return {"digest": live_digest(model)}


def predict(job: dict[str, Any]) -> dict[str, Any]:
    """Answers of the source itself, one ``.npy`` per output."""
    import numpy as np

    with _saved_model(job["source"]) as (folder, _):
        import tensorflow as tf

        loaded = tf.saved_model.load(folder)
        run = loaded.signatures[_signature_keys(loaded)[0]]
        inputs = _read_inputs(job["inputs"], _input_specs(run))
        total, answers = len(next(iter(inputs.values()))), []
        batch = next(iter(_input_specs(run).values())).shape[0] or 32
        for first in range(0, total, batch):
            part = {name: tf.constant(a[first : first + batch]) for name, a in inputs.items()}
            answers.append({name: value.numpy() for name, value in run(**part).items()})
    for name in answers[0]:
        np.save(Path(job["output"]) / f"{name}.npy", np.concatenate([a[name] for a in answers]))
    return {"outputs": list(answers[0])}


TASKS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "convert": convert,
    "export": export,
    "predict": predict,
}


def export_model(model: Any, folder: str) -> None:
    """Export a Keras model as a SavedModel, without the converter's long list of variables."""
    with contextlib.redirect_stdout(io.StringIO()):
        model.export(folder)


def live_digest(model: Any) -> str:
    """SHA-256 of a Keras model: configuration, weights, and the source of its own classes."""
    digest = hashlib.sha256(model.to_json().encode())
    for weight in model.get_weights():
        digest.update(f"{weight.dtype}{weight.shape}".encode())
        digest.update(weight.tobytes())
    for path in sorted(_own_class_files(model)):
        digest.update(Path(path).read_bytes())
    return digest.hexdigest()


def _own_class_files(model: Any) -> set[str]:
    """Files of the classes in a model that are not Keras's own."""
    files = set()
    for part in [model, *getattr(model, "submodules", []), *getattr(model, "layers", [])]:
        for kind in type(part).__mro__:
            if kind.__module__.partition(".")[0] not in (
                "keras",
                "tf_keras",
                "tensorflow",
                "builtins",
            ):
                with contextlib.suppress(TypeError, OSError):
                    files.add(inspect.getfile(kind))
    return files


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
    module, _, function = target.partition(":")
    try:
        builder = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        raise Refusal(
            f"{target}: {one_line(error)}",
            "the module is looked up beside the test, in the root folder, and among the installed",
        ) from error
    model = builder()
    if not (hasattr(model, "get_weights") and hasattr(model, "export")):
        raise Refusal(f"{target} returned a {type(model).__name__}, not a Keras model")
    return model


def _signature_keys(loaded: Any) -> list[str]:
    """All signatures, but of an exported Keras model only one of its two equal ones."""
    keys = list(loaded.signatures)
    if not keys:
        raise Refusal(
            "the SavedModel has no signature", "save it with signatures, or model.export()"
        )
    return [SIGNATURE] if set(keys) == {"serve", SIGNATURE} else keys


def _apply_recipe(converter: Any, job: dict[str, Any], signature: Any) -> int:
    """Tell the converter what the recipe says; returns the number of calibration samples."""
    import tensorflow as tf

    variant, samples = job["recipe"]["variant"], 0
    if variant != "converted":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant in ("int8", "int16x8"):
        inputs = _read_inputs(job["inputs"], _input_specs(signature))
        samples = len(next(iter(inputs.values())))
        converter.representative_dataset = lambda: _representative(inputs, signature, samples)
    if variant == "int16x8":
        converter.target_spec.supported_ops = [
            tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
        ]
    if variant == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.as_dtype(job["recipe"]["int8_io"])
        converter.inference_output_type = tf.as_dtype(job["recipe"]["int8_io"])
    return samples


def _representative(inputs: dict[str, Any], signature: Any, samples: int) -> Iterator[Any]:
    """One sample at a time (or the model's own batch size), as the converter wants them."""
    specs = _input_specs(signature)
    batch = next(iter(specs.values())).shape[0] or 1
    for first in range(0, samples - samples % batch or 1, batch):
        part = {name: array[first : first + batch] for name, array in inputs.items()}
        yield part if len(part) > 1 else list(part.values())


def _input_specs(signature: Any) -> dict[str, Any]:
    return dict(signature.structured_input_signature[1])


def _read_inputs(paths: dict[str, str], specs: dict[str, Any]) -> dict[str, Any]:
    """Samples by input name, checked against what the model takes."""
    import numpy as np

    arrays = {name: np.load(path, mmap_mode="r") for name, path in paths.items()}
    if list(arrays) == [""] and len(specs) == 1:
        arrays = {next(iter(specs)): arrays[""]}
    if set(arrays) != set(specs):
        raise Refusal(
            f"the model takes the inputs {', '.join(specs)}, the data has {', '.join(arrays)}",
            "give a mapping from input name to array",
        )
    return {name: _fitting(name, array, specs[name]) for name, array in arrays.items()}


def _fitting(name: str, array: Any, spec: Any) -> Any:
    wanted, dtype = list(spec.shape[1:]), spec.dtype.as_numpy_dtype
    if len(array.shape[1:]) != len(wanted) or any(
        want not in (None, have) for have, want in zip(array.shape[1:], wanted, strict=True)
    ):
        shape = tuple("any" if size is None else size for size in wanted)
        raise Refusal(
            f"input {name!r} takes samples of shape {shape}, the data has {tuple(array.shape[1:])}",
            "reshape the data as in training; the first dimension counts the samples",
        )
    floats = spec.dtype.is_floating
    if floats != (array.dtype.kind == "f"):
        raise Refusal(
            f"input {name!r} takes {spec.dtype.name}, the data is {array.dtype}",
            "scale and cast the data exactly as in training, e.g. x.astype('float32') / 255",
        )
    return array.astype(dtype, copy=False) if array.dtype.kind in "fiub" else array


def _end_with_parent() -> None:
    """End this process when the one that started it goes: its end of our stdin closes then."""

    def watch() -> None:
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
