"""The signature under test of a SavedModel; runs where TensorFlow is imported."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pytest_edgeai.convert.feed import Feed
from pytest_edgeai.convert.input_order import input_order
from pytest_edgeai.convert.inputs import Files
from pytest_edgeai.convert.keras_file import Refusal
from pytest_edgeai.errors import ModelError
from pytest_edgeai.model.inputs import as_keyword
from pytest_edgeai.model.signatures import SignatureTexts, chosen_signature, tensor_text

HERE = "."
"""The working directory, where the SavedModel is.

TensorFlow takes characters such as brackets in a longer path for a pattern.
"""


@dataclass(frozen=True)
class SavedSignature:
    """One signature of the SavedModel in the working directory.

    Attributes:
        loaded: the whole of it, which keeps variables and tables alive.
        input_order: names of the inputs in the model's order, as the SavedModel has them.
    """

    loaded: Any
    key: str
    input_order: list[str]

    @property
    def function(self) -> Any:
        """The concrete function."""
        return self.loaded.signatures[self.key]

    @cached_property
    def _keywords(self) -> dict[str, str]:
        """What the function calls each input, in the model's order."""
        taken = self.function.structured_input_signature[1]
        by_keyword = {as_keyword(name): name for name in taken}
        known = {name: by_keyword.get(as_keyword(name), name) for name in self.input_order}
        return known if set(known.values()) == set(taken) else {name: name for name in taken}

    def feed(self, files: Files, what: str) -> Feed:
        """A job's samples for it; ``what`` is what messages call them."""
        taken = self.function.structured_input_signature[1]
        specs = {name: taken[keyword] for name, keyword in self._keywords.items()}
        return Feed(files, specs, what)

    def run(self, batch: dict[str, Any]) -> dict[str, Any]:
        """The outputs by name, as arrays."""
        import tensorflow as tf

        given = {self._keywords[name]: tf.constant(array) for name, array in batch.items()}
        outputs = self.function(**given)
        return {name: value.numpy() for name, value in outputs.items()}


def load_signature(named: str) -> SavedSignature:
    """Load the SavedModel in the working directory.

    Args:
        named: the signature that the source names; "" for the only one there can be.
    """
    import tensorflow as tf

    loaded = tf.saved_model.load(HERE)
    if not loaded.signatures:
        raise Refusal(
            "the SavedModel has no signature", "save it with signatures, or model.export()"
        )
    texts = [_texts(key, function) for key, function in sorted(loaded.signatures.items())]
    try:
        key = chosen_signature(named, texts, "the SavedModel")
    except ModelError as error:
        raise Refusal(error.message, error.hint) from None
    return SavedSignature(loaded, key, input_order(Path(HERE), key))


def _texts(key: str, function: Any) -> SignatureTexts:
    sides = (function.structured_input_signature[1], function.structured_outputs)
    inputs, outputs = (
        tuple(
            tensor_text(name, spec.dtype.name, spec.shape.as_list() if spec.shape.rank else [])
            for name, spec in sorted(side.items())
        )
        for side in sides
    )
    return SignatureTexts(key, inputs, outputs)
