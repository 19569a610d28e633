"""What a ``.tflite`` file says of itself, as plain data."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FLOAT_TYPES = frozenset(
    {"float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"}
)
EIGHT_BIT_TYPES = frozenset({"int8", "uint8"})
SMALL_INTEGER_TYPES = EIGHT_BIT_TYPES | {"int4", "uint4", "int2"}
"""Types of 8 bits or fewer that quantised weights are stored in."""

WEIGHT_TYPES = FLOAT_TYPES | SMALL_INTEGER_TYPES | {"int16"}


@dataclass(frozen=True)
class TensorFacts:
    """One tensor.

    ``shape_signature`` has -1 for a dimension that may change, and is ``shape`` in files that do
    not say. ``scales`` and ``zero_points`` are empty when the tensor is not quantised; a tensor
    quantised as a whole has one of each. ``by_custom`` is true for an input that only custom
    operators read and for an output that a custom operator makes.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    shape_signature: tuple[int, ...]
    scales: tuple[float, ...] = ()
    zero_points: tuple[int, ...] = ()
    by_custom: bool = False

    @property
    def quantized(self) -> bool:
        """Integers that stand for real values; a scale of 0 means no quantisation."""
        return self.dtype not in FLOAT_TYPES and any(self.scales)

    @property
    def elements(self) -> int:
        """Numbers in it; dimensions that may change count as the file has them."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class OperatorFacts:
    """One kind of operator: ``CONV_2D`` or a custom operator's own name, and how many there are."""

    name: str
    version: int
    count: int
    custom: bool


@dataclass(frozen=True)
class ModelFacts:
    """What the file holds: the graph that a signature names, and those that its operators run.

    Inputs and outputs are the first one's; without a signature that is the file's main graph.

    Weights are the constants of two dimensions or more, in float or in quantised integers, that an
    operator of the runtime reads; biases, shapes and the constants of custom operators are not
    among them, and a constant that is shared counts once.
    """

    size_bytes: int
    sha256: str
    inputs: tuple[TensorFacts, ...]
    outputs: tuple[TensorFacts, ...]
    operators: tuple[OperatorFacts, ...]
    tensors_by_type: dict[str, int]
    """All tensors, constants included: how many of each type."""
    activations_by_type: dict[str, int]
    """Tensors that operators of the runtime compute: how many of each type."""
    weights_by_type: dict[str, int]
    """Weight elements of each stored type."""
    int8_weight_share: float | None
    """Share of the weight elements stored in 8 bits or fewer; None when there are no weights."""
    dequantized_weight_share: float | None
    """Share of them that are stored so and made floats before anything computes with them."""
    largest_tensors: dict[str, int]
    """The constants that take most of the file, by name: how many bytes each, the largest first."""
    float_weights: tuple[TensorFacts, ...]
    """Weights still in float, the largest first."""
    float_operators: tuple[str, ...]
    """Operators that compute on float values, one name per instance; custom ones are left out."""
    float_layers: tuple[str, ...]
    """For each of these the layer that it is of, as the file calls it; "" where it does not."""
    quantized_operators: tuple[str, ...]
    """Operators that read and make quantised values, one name per instance."""
    signatures: tuple[str, ...]
    """The keys of all signatures of the file."""
    stateful: bool
    """Values are kept from one inference to the next, until the interpreter is reset."""
    min_runtime_version: str = ""
    """The oldest TensorFlow Lite that has all operators, as the converter wrote it, or ""."""
    signature: str = ""
    """The key of the signature that is tested; "" where the file has none."""
    graph: int = 0
    """The number of its graph; 0 is the main one, which runs where nothing else is asked for."""

    @property
    def custom_operators(self) -> tuple[str, ...]:
        """Names of operators that the runtime does not have by itself; Flex ones start so."""
        return tuple(operator.name for operator in self.operators if operator.custom)

    def as_dict(self) -> dict[str, Any]:
        """The facts as JSON data: text, numbers, lists and dictionaries only."""
        plain: dict[str, Any] = _plain(dataclasses.asdict(self))
        return plain | {"custom_operators": list(self.custom_operators)}


def facts_from(plain: Mapping[str, Any]) -> ModelFacts:
    """The facts that ``ModelFacts.as_dict`` made plain data of."""
    given = {field.name: plain[field.name] for field in dataclasses.fields(ModelFacts)}
    for name in ("inputs", "outputs", "float_weights"):
        given[name] = tuple(TensorFacts(**_tuples(tensor)) for tensor in given[name])
    given["operators"] = tuple(OperatorFacts(**operator) for operator in given["operators"])
    return ModelFacts(**_tuples(given))


def _tuples(plain: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(of) if isinstance(of, list) else of for key, of in plain.items()}


@dataclass(frozen=True)
class Model:
    """A ``.tflite`` file with what is known of it.

    ``name`` is what people call it: the source it was converted from, such as ``digits.keras``, or
    the file itself. ``source`` is the same for all variants that are tested as one model.
    """

    path: Path
    name: str
    variant: str
    facts: ModelFacts
    source: str = ""


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
