"""A runtime's refusal of a model, with what to do about it."""

from __future__ import annotations

import re

from pytest_edgeai.model.facts import ModelFacts

NO_REASON = "the runtime gives no reason"
OUT_OF_MEMORY = "out of memory"
MODEL_STEPS = ("load", "allocate_tensors", "invoke")
"""Steps that fail when the runtime cannot run a model; others fail on their arguments."""

_OLD_RUNTIME = re.compile("old tflite binary|older version of this builtin|builtin_code out of")
_NO_KERNEL = re.compile("not supported|unsupported|only supports?|supports? only")
_OPERATOR = re.compile(r"[Nn]ode number \d+ \((\w+)\)")


def hint(said: str, step: str, runtime: str, model: ModelFacts) -> str:
    """What to do about a refusal.

    Args:
        said: what the runtime said, and nothing else.
        step: the call that it refused.
        runtime: its name and version.
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
            "the runtime is older than the converter that wrote the file: "
            "update the runtime, or convert with an older TensorFlow"
        )
    if step in MODEL_STEPS and _NO_KERNEL.search(text) and model.activations_by_type.get("int16"):
        operator = _OPERATOR.search(said)
        return (
            f"{operator[1] if operator else 'an operator'} has no kernel for activations of 16 "
            f"bits in {runtime}: replace its layer, or test the int8 variant"
        )
    if OUT_OF_MEMORY in text or NO_REASON in text:
        return "often too little memory: take smaller inputs or a smaller model"
    if "not ready" in text:
        return "call allocate_tensors() after resize_tensor_input()"
    if step not in MODEL_STEPS:
        return ""
    return (
        f"{runtime} refuses this model: try its newest version or another --edge-runtime; "
        "if none takes it, convert it again"
    )
