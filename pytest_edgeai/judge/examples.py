"""Arguments that each marker may have, from which hints are made."""

from __future__ import annotations

import inspect
from typing import Any

from pytest_edgeai.judge.markers import MARKERS

EXAMPLES: dict[str, dict[str, Any]] = {
    "max_latency_ms": {"p95": 40},
    "min_throughput": {"per_second": 30},
    "max_size_mb": {"limit": 4},
    "fully_quantized": {},
    "no_custom_ops": {},
    "min_delegated": {"share": 0.9},
    "max_memory_mb": {"limit": 50},
    "max_startup_ms": {"limit": 200},
    "max_accuracy_drop": {"limit": 0.02},
    "min_accuracy": {"limit": 0.9},
    "min_agreement": {"limit": 0.99},
    "max_output_error": {"limit": 0.05},
    "max_regression": {"fraction": 0.1},
    "max_sustained_latency_ms": {"p95": 40, "seconds": 300},
}


def with_limit(marker: str, limit: float | None) -> dict[str, Any]:
    """The example with another limit, for a marker that has nothing but a limit to be stated."""
    example = EXAMPLES[marker]
    return example if limit is None or len(example) != 1 else dict.fromkeys(example, limit)


def takes_first(marker: str, argument: str) -> bool:
    """Whether the argument may be given without its name."""
    first = next(iter(inspect.signature(MARKERS[marker]).parameters.values()), None)
    return first is not None and first.name == argument and first.kind is not first.KEYWORD_ONLY


def called(marker: str, arguments: dict[str, Any]) -> str:
    """A marker as it is called in Python: ``max_size_mb(4)``."""
    given = [
        f"{value:g}" if takes_first(marker, name) else f"{name}={value:g}"
        for name, value in arguments.items()
    ]
    return f"{marker}({', '.join(given)})" if given else marker
