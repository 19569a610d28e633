"""Signatures of a model, and the names they give to tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pytest_edgeai.device.quantisation import Array, Details
from pytest_edgeai.errors import TensorError

__tracebackhide__ = True
"""A failing call shows in the test that made it, not here."""


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


class Signatures:
    """The signatures of a loaded model.

    Args:
        ask: a request to the device, as ``AgentProcess.request``.
        what: the model, for messages.
        tested: the key of the one that is tested; "" where there is none.
    """

    def __init__(self, ask: Callable[..., tuple[Any, int]], what: str, tested: str) -> None:
        self._ask, self._what, self._tested = ask, what, tested

    def all(self) -> dict[str, Any]:
        """Signature keys with the names of their inputs and outputs."""
        step = "get_signature_list"
        return dict(self._ask("call", step, step=step)[0])

    def details(self, key: str | None) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """A key, that under test where none is given, and details of inputs and outputs by name.

        Raises:
            TensorError: the model has no signature, or none of this name.
        """
        key = key or self._tested
        if not key:
            raise TensorError(f"{self._what} has no signature")
        inputs, outputs = self._ask("signature", key, step="get_signature_runner")[0]
        return key, inputs, outputs

    def names(self, side: str, tensors: Sequence[Details]) -> list[str]:
        """What the signature calls the ``inputs`` or ``outputs``, else their own names."""
        if not self._tested:
            return tensor_names(tensors, {})
        _, inputs, outputs = self.details(None)
        return tensor_names(tensors, inputs if side == "inputs" else outputs)


def tensor_names(tensors: Sequence[Details], by_name: Mapping[str, Details]) -> list[str]:
    """What a signature calls each tensor, else its own name; no name comes twice.

    Args:
        by_name: the signature's tensors by name; one tensor may have several names.
    """
    names_of: dict[int, list[str]] = {}
    for name, details in by_name.items():
        names_of.setdefault(int(details["index"]), []).append(name)
    names: list[str] = []
    for details in tensors:
        index, own = int(details["index"]), str(details["name"])
        left = names_of.get(index)
        name = left.pop(0) if left else own
        names.append(f"{name}#{index}" if name in names else name)
    return names


def named(tensors: Sequence[Details], names: Sequence[str]) -> list[Details]:
    """The same tensors under other names."""
    return [{**details, "name": name} for details, name in zip(tensors, names, strict=True)]
