"""One signature of a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_edgeai.device.batch import Array


class SignatureRunner:
    """One signature of a model, as ``get_signature_runner`` of ``tf.lite.Interpreter`` gives it."""

    def __init__(
        self,
        run: Callable[[str, dict[str, Any]], dict[str, Array]],
        key: str,
        inputs: dict[str, Any],
        outputs: dict[str, Any],
    ) -> None:
        self._run, self._key = run, key
        self._inputs, self._outputs = inputs, outputs

    def __call__(self, **inputs: Any) -> dict[str, Array]:
        return self._run(self._key, inputs)

    def get_input_details(self) -> dict[str, Any]:
        """Details of each input, by name."""
        return dict(self._inputs)

    def get_output_details(self) -> dict[str, Any]:
        """Details of each output, by name."""
        return dict(self._outputs)
