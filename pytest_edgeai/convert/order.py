"""The order of a model's inputs and outputs in its ``.tflite`` file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tflite


def in_order(content: bytes, inputs: Sequence[str], outputs: Sequence[str]) -> bytes:
    """The same file with its inputs and outputs in the order of these names.

    The converter puts them into an order of its own. A file whose only signature has other names
    is left as it is, and so is the side that no names are given for.
    """
    data = bytearray(content)
    model = tflite.Model.GetRootAs(data)
    if model.SignatureDefsLength() != 1:
        return content
    signature = model.SignatureDefs(0)
    subgraph = model.Subgraphs(signature.SubgraphIndex())
    maps = [signature.Inputs(place) for place in range(signature.InputsLength())]
    _put(subgraph.InputsAsNumpy(), maps, inputs)
    maps = [signature.Outputs(place) for place in range(signature.OutputsLength())]
    _put(subgraph.OutputsAsNumpy(), maps, outputs)
    return bytes(data)


def _put(places: Any, maps: Sequence[Any], names: Sequence[str]) -> None:
    """Write the tensors' numbers in the order of the names into the file's own vector."""
    numbers = {tensor.Name().decode(): tensor.TensorIndex() for tensor in maps}
    wanted = [numbers[name] for name in names if name in numbers]
    if wanted and sorted(wanted) == sorted(places):
        places[:] = wanted
