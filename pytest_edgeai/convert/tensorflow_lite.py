"""TensorFlow's converter, told what a recipe says; runs where TensorFlow is imported."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pytest_edgeai.convert.feed import Feed
from pytest_edgeai.convert.keras_facts import KerasFacts
from pytest_edgeai.convert.keras_file import Refusal
from pytest_edgeai.convert.refused_operations import refusal
from pytest_edgeai.convert.saved_again import has_free_batch, has_free_sizes, save_again
from pytest_edgeai.convert.saved_signature import HERE, SavedSignature
from pytest_edgeai.model.flatbuffer import Flatbuffer

_UNSET = "variable != nullptr"
"""What the runtime says of such a variable, when the converter runs the model to calibrate it."""


class _UnsetVariablesError(Exception):
    """The file reads variables that nothing in it sets."""


def converted(
    signature: SavedSignature, job: dict[str, Any], facts: KerasFacts
) -> tuple[bytes, int]:
    """The file and the number of calibration samples.

    Saved again first where the converter leaves variables out, and with a batch of 1 where no other
    converts.
    """
    if facts.policy:
        _note(f"its policy is {facts.policy}: converted to compute in float32, with its weights")
    try:
        return _with_variables(signature, job)
    except (Refusal, MemoryError):
        raise
    except Exception as error:
        refused = _refusal(error, signature, facts)
        if not has_free_batch(signature.function):
            raise refused from error
    _note(f"with a free batch size: {refused}; trying a batch of 1")
    try:
        result = _saved_again(signature, job, batch_of_1=True)
    except (Refusal, MemoryError):
        raise
    except Exception as error:
        raise _refusal(error, signature, facts) from error
    _note("it converts with a batch of 1, which is fixed in the file")
    return result


def _with_variables(signature: SavedSignature, job: dict[str, Any]) -> tuple[bytes, int]:
    """As it was saved; else saved again, as the converter leaves out variables of some models."""
    try:
        return _attempt(signature, job)
    except Exception as error:
        if not isinstance(error, _UnsetVariablesError) and _UNSET not in str(error):
            raise
    _note("the converter left its variables out: saving it again, with them")
    return _saved_again(signature, job)


def _saved_again(
    signature: SavedSignature, job: dict[str, Any], *, batch_of_1: bool = False
) -> tuple[bytes, int]:
    import tensorflow as tf

    with tempfile.TemporaryDirectory() as folder:
        before = Path.cwd()
        os.chdir(folder)
        try:
            save_again(signature.loaded, signature.key, HERE, batch_of_1=batch_of_1)
            return _attempt(replace(signature, loaded=tf.saved_model.load(HERE)), job)
        finally:
            os.chdir(before)


def _refusal(error: Exception, signature: SavedSignature, facts: KerasFacts) -> Refusal:
    return refusal(str(error), facts, free_sizes=has_free_sizes(signature.function))


def _attempt(signature: SavedSignature, job: dict[str, Any]) -> tuple[bytes, int]:
    """One run of the converter on the SavedModel in the working directory."""
    import tensorflow as tf

    with _loaded_once(signature.loaded):
        converter = tf.lite.TFLiteConverter.from_saved_model(HERE, signature_keys=[signature.key])
        samples = _apply_recipe(converter, job, signature)
        content = bytes(converter.convert())
    if _leaves_variables_unset(content):
        raise _UnsetVariablesError("it reads variables that nothing sets")
    return content, samples


@contextlib.contextmanager
def _loaded_once(loaded: Any) -> Iterator[None]:
    """Give the converter the SavedModel that is loaded already; it would load it twice more."""
    lite: Any = importlib.import_module("tensorflow.lite.python.lite")
    load = getattr(lite, "_load", None)
    if load is None:
        yield
        return
    lite._load = lambda *args, **kwargs: loaded
    try:
        yield
    finally:
        lite._load = load


def _leaves_variables_unset(content: bytes) -> bool:
    graphs = Flatbuffer(content).subgraphs()
    names = {operator.name for graph in graphs for operator in graph.operators}
    return "READ_VARIABLE" in names and "ASSIGN_VARIABLE" not in names


def _apply_recipe(converter: Any, job: dict[str, Any], signature: SavedSignature) -> int:
    """Tell the converter what the recipe says; returns the number of calibration samples."""
    import tensorflow as tf

    variant, samples = job["recipe"]["variant"], 0
    if variant != "converted":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if variant in ("int8", "int16x8"):
        feed = signature.feed(job["inputs"], "calibration_data")
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
