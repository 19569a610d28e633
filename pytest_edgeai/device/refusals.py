"""A runtime's refusal of a model, with what to do about it."""

from __future__ import annotations

import re

from pytest_edgeai.model.facts import ModelFacts

NO_REASON = "the runtime gives no reason"
OUT_OF_MEMORY = "out of memory"
MODEL_STEPS = ("load", "allocate_tensors", "invoke")
"""Steps that fail when the runtime cannot run a model; others fail on their arguments."""

TFLITE_RUNTIME = "tflite-runtime"
_OLD_RUNTIME = re.compile("old tflite binary|older version of this builtin|builtin_code out of")
_NO_KERNEL = re.compile("not supported|unsupported|only supports?|supports? only")
_OPERATOR = re.compile(r"[Nn]ode number \d+ \((\w+)\)")


def hint(said: str, step: str, runtime: str, model: ModelFacts, is_resized: bool = False) -> str:
    """What to do about a refusal.

    Args:
        said: what the runtime said, and nothing else.
        step: the call that it refused.
        runtime: its name and version.
        is_resized: whether inputs were given other sizes than the file has.
    """
    text = said.lower()
    custom = ", ".join(model.custom_operators)
    if "edgetpu" in custom and "custom op" in text:
        return "compiled for an Edge TPU, which is not here: test the file it was compiled from"
    if "select tensorflow op" in text:
        return f"it needs Select TF ops, which {runtime} does not have: convert with builtins only"
    if custom and "custom op" in text:
        return f"{runtime} does not know the custom operators {custom}"
    if _OLD_RUNTIME.search(text):
        return (
            f"{runtime} is older than the converter that wrote the file: {_newer(runtime)}, or "
            "convert with an older TensorFlow"
        )
    if OUT_OF_MEMORY in text or NO_REASON in text:
        return "often too little memory: take smaller inputs or a smaller model"
    if "not ready" in text:
        return "call allocate_tensors() after resize_tensor_input()"
    if step not in MODEL_STEPS and not step.startswith("signature "):
        return ""
    return _by_step(said, step, runtime, model, is_resized)


def _by_step(said: str, step: str, runtime: str, model: ModelFacts, is_resized: bool) -> str:
    """Where what it says is known of no kind of model."""
    operator = ", ".join(dict.fromkeys(_OPERATOR.findall(said)))
    if operator and _NO_KERNEL.search(said.lower()):
        return (
            f"{runtime} has no kernel of {operator} for {_types(model)}: replace it in the model, "
            "or test another variant"
        )
    if step == "allocate_tensors" and is_resized:
        return "the model does not take inputs of these sizes: those that the file has do"
    if step not in ("load", "allocate_tensors"):
        return (
            f"the model loads, so look at its inputs: {operator or 'it'} does not take these "
            "values, such as an index or a size that is out of range"
        )
    return (
        f"{runtime} refuses this model: {_newer(runtime)}, or try another --edge-runtime; if none "
        "takes it, convert it again"
    )


def _newer(runtime: str) -> str:
    if runtime.startswith(TFLITE_RUNTIME):
        return "ai-edge-litert follows it, as its last release is 2.14"
    return "update the runtime"


def _types(model: ModelFacts) -> str:
    """What it is asked to compute with."""
    computed = {"int16", "int8", "uint8"} & model.activations_by_type.keys()
    most = max(computed, key=lambda dtype: model.activations_by_type[dtype], default="")
    return f"{most} values" if most else "the types or shapes that this file gives it"
