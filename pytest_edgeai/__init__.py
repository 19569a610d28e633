"""Model acceptance testing for edge AI, inside pytest.

The names below are loaded when they are first used, so that importing the package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_edgeai.device.device import Device
    from pytest_edgeai.device.interpreter import Interpreter
    from pytest_edgeai.errors import (
        ConversionError,
        DataError,
        DeviceError,
        EdgeAIError,
        EdgeAIWarning,
        InterpreterError,
        ModelError,
        TensorError,
        UsageError,
    )
    from pytest_edgeai.judge.metrics import Metric
    from pytest_edgeai.measure.detection import padded
    from pytest_edgeai.model.dataset import ArrayDataset
    from pytest_edgeai.model.image_folder import ImageFolder
    from pytest_edgeai.model.preprocessing import Preprocessing
    from pytest_edgeai.model.source import ModelSource
    from pytest_edgeai.plugin.markers import (
        edge_model,
        edge_variants,
        fully_quantized,
        max_accuracy_drop,
        max_latency_ms,
        max_memory_mb,
        max_output_error,
        max_regression,
        max_size_mb,
        max_startup_ms,
        max_sustained_latency_ms,
        min_accuracy,
        min_agreement,
        min_delegated,
        min_throughput,
        no_custom_ops,
    )

_HOMES = {
    "plugin.markers": (
        "edge_model",
        "edge_variants",
        "fully_quantized",
        "max_accuracy_drop",
        "max_latency_ms",
        "max_memory_mb",
        "max_output_error",
        "max_regression",
        "max_size_mb",
        "max_startup_ms",
        "max_sustained_latency_ms",
        "min_accuracy",
        "min_agreement",
        "min_delegated",
        "min_throughput",
        "no_custom_ops",
    ),
    "model.dataset": ("ArrayDataset",),
    "model.image_folder": ("ImageFolder",),
    "model.preprocessing": ("Preprocessing",),
    "judge.metrics": ("Metric",),
    "measure.detection": ("padded",),
    "model.source": ("ModelSource",),
    "device.device": ("Device",),
    "device.interpreter": ("Interpreter",),
    "errors": (
        "ConversionError",
        "DataError",
        "DeviceError",
        "EdgeAIError",
        "EdgeAIWarning",
        "InterpreterError",
        "ModelError",
        "TensorError",
        "UsageError",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "ArrayDataset",
    "ConversionError",
    "DataError",
    "Device",
    "DeviceError",
    "EdgeAIError",
    "EdgeAIWarning",
    "ImageFolder",
    "Interpreter",
    "InterpreterError",
    "Metric",
    "ModelError",
    "ModelSource",
    "Preprocessing",
    "TensorError",
    "UsageError",
    "edge_model",
    "edge_variants",
    "fully_quantized",
    "max_accuracy_drop",
    "max_latency_ms",
    "max_memory_mb",
    "max_output_error",
    "max_regression",
    "max_size_mb",
    "max_startup_ms",
    "max_sustained_latency_ms",
    "min_accuracy",
    "min_agreement",
    "min_delegated",
    "min_throughput",
    "no_custom_ops",
    "padded",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
