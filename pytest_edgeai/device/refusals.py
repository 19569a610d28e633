"""A runtime's refusal of a model, with what to do about it."""

from __future__ import annotations

from pytest_edgeai.device.device import DeviceFacts
from pytest_edgeai.errors import EdgeAIError, InterpreterError
from pytest_edgeai.model.facts import ModelFacts

HINT_DAMAGED = "the file is damaged or no TensorFlow Lite model: write it again"
HINT_OLD_RUNTIME = (
    "the runtime is older than the converter that wrote the file: "
    "update the runtime, or convert with an older TensorFlow"
)


def explained(error: EdgeAIError, device: DeviceFacts, model: ModelFacts) -> InterpreterError:
    """The same refusal with the hint that fits it."""
    text, runtime = error.message.lower(), f"{device.runtime} {device.runtime_version}"
    custom = [operator.name for operator in model.operators if operator.custom]
    hint = f"{runtime} refuses this model: try its newest version, or another --edge-runtime"
    if "edgetpu" in " ".join(custom):
        hint = "compiled for an Edge TPU, which is not here: test the file it was compiled from"
    elif any(name.startswith("Flex") for name in custom):
        hint = "it needs Select TF ops: --edge-runtime tensorflow, or convert with builtins only"
    elif custom and ("custom op" in text or "unresolved" in text):
        hint = f"{runtime} does not know the custom operators {', '.join(custom)}"
    elif ("builtin_code" in text and "out of range" in text) or "version" in text:
        hint = HINT_OLD_RUNTIME
    return InterpreterError(error.message, hint)
