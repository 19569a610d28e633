"""From what a model puts out to what a metric compares with the labels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError, UsageError
from pytest_edgeai.measure.detection import FOUND
from pytest_edgeai.model.dataset import Dataset

Array = np.ndarray[Any, np.dtype[Any]]
Outputs = Any
"""An array of shape (N, ...), or a dict of them by output name."""
Decoder = str | Callable[[Any, Outputs], Any] | None
"""A name of ``DECODERS``, or ``(inputs, outputs) -> predictions``, called batch by batch."""

BATCH = 64


def decoded(decoder: Decoder, data: Dataset, outputs: Outputs) -> Any:
    """Predictions on a data set, one per sample.

    Args:
        decoder: None takes the outputs as they are, unless they are those of
            TFLite_Detection_PostProcess.
        outputs: real values, all samples.

    Raises:
        UsageError: no such decoder.
        DataError: outputs that it cannot decode, or other than one prediction per sample.
    """
    if decoder is None:
        return detections(outputs) if _looks_like_detections(outputs) else outputs
    if callable(decoder):
        return _called(decoder, data, outputs)
    if decoder not in DECODERS:
        raise UsageError(
            f"edge_decoder: {decoder!r} is not known",
            f"one of {', '.join(DECODERS)}, or a callable (inputs, outputs)",
        )
    if decoder == "reconstruction_error":
        return _called(reconstruction_error, data, outputs)
    return DECODERS[decoder](outputs)


def softmax(outputs: Outputs) -> Array:
    """Logits of shape (N, ..., classes) as probabilities."""
    logits = _only(outputs, "softmax").astype(np.float64)
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def sigmoid(outputs: Outputs) -> Array:
    """Logits as probabilities."""
    from scipy.special import expit

    return np.asarray(expit(_only(outputs, "sigmoid").astype(np.float64)))


def reconstruction_error(inputs: Any, outputs: Outputs) -> Array:
    """Mean squared difference of an autoencoder's output from its input, shape (N,).

    The higher, the less the sample is like those that it learned.
    """
    made, given = _only(outputs, "reconstruction_error"), np.asarray(inputs)
    if isinstance(inputs, dict) or made.size != given.size:
        raise DataError(
            f"outputs of shape {made.shape} do not reconstruct inputs of {given.shape}",
            "edge_decoder 'reconstruction_error' is for models whose output is like their input",
        )
    squares = np.square(made.reshape(len(given), -1) - given.reshape(len(given), -1))
    return np.asarray(squares.mean(axis=1, dtype=np.float64))


def detections(outputs: Outputs) -> Array:
    """Outputs of TFLite_Detection_PostProcess as boxes, shape (N, boxes, 6).

    Rows are ymin, xmin, ymax, xmax, class, score; those beyond the count are NaN. The four outputs
    are told apart by what they hold, as converters name and order them differently: boxes by their
    four columns, the count by its one value, classes as whole numbers.
    """
    if not _looks_like_detections(outputs):
        raise DataError(
            f"the outputs are not those of TFLite_Detection_PostProcess: {_form(outputs)}",
            "give edge_decoder a callable (inputs, outputs) that makes rows (ymin, xmin, ymax, "
            "xmax, class, score)",
        )
    arrays = [np.asarray(values) for values in outputs.values()]
    boxes = next(a for a in arrays if a.ndim == 3)
    count = next(a for a in arrays if a.ndim == 1)
    first, second = (a for a in arrays if a.ndim == 2)
    classes, scores = (first, second) if _are_classes(first, second) else (second, first)
    found = np.concatenate([boxes, classes[..., None], scores[..., None]], axis=2).astype(float)
    found[np.arange(found.shape[1]) >= count[:, None]] = np.nan
    return np.asarray(found)


DECODERS: dict[str, Callable[..., Array]] = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "reconstruction_error": reconstruction_error,
    "detections": detections,
}
"""Decoders by name."""


def _called(decoder: Callable[[Any, Outputs], Any], data: Dataset, outputs: Outputs) -> Any:
    """What a decoder makes of the samples, batch by batch; boxes filled up to one width."""
    parts, begin = [], 0
    for inputs in data.batches(BATCH):
        size = len(next(iter(inputs.values()))) if isinstance(inputs, dict) else len(inputs)
        end = begin + size
        part = np.asarray(decoder(inputs, _cut(outputs, begin, end)))
        if len(np.atleast_1d(part)) != size:
            raise DataError(
                f"edge_decoder returned {part.dtype} {part.shape} for {size:,} samples",
                "return one prediction per sample, in their order",
            )
        parts.append(part)
        begin = end
    if all(part.ndim == 3 and part.shape[2] == FOUND for part in parts):
        most = max(part.shape[1] for part in parts)
        parts = [_filled(part, most) for part in parts]
    return np.concatenate(parts)


def _filled(boxes: Array, most: int) -> Array:
    room = np.full((len(boxes), most - boxes.shape[1], FOUND), np.nan)
    return np.concatenate([boxes, room], axis=1)


def _cut(outputs: Outputs, begin: int, end: int) -> Outputs:
    if isinstance(outputs, dict):
        return {name: values[begin:end] for name, values in outputs.items()}
    return outputs[begin:end]


def _only(outputs: Outputs, decoder: str) -> Array:
    if isinstance(outputs, dict):
        raise DataError(
            f"the model has the outputs {', '.join(outputs)}: edge_decoder {decoder!r} takes one",
            "give edge_decoder a callable (inputs, outputs) that knows which to take",
        )
    return np.asarray(outputs)


def _looks_like_detections(outputs: Outputs) -> bool:
    if not isinstance(outputs, dict) or len(outputs) != 4:
        return False
    arrays = [np.asarray(values) for values in outputs.values()]
    boxes = [a for a in arrays if a.ndim == 3 and a.shape[2] == 4]
    rest = [a.shape for a in arrays if a.ndim == 2]
    has_count = sum(a.ndim == 1 for a in arrays) == 1
    return len(boxes) == 1 and has_count and rest == 2 * [boxes[0].shape[:2]]


def _are_classes(first: Array, second: Array) -> bool:
    """Whether the first holds classes and the second scores."""
    whole = [bool((values == np.round(values)).all()) for values in (first, second)]
    return whole[0] and (not whole[1] or bool(first.max() > 1))


def _form(outputs: Outputs) -> str:
    if isinstance(outputs, dict):
        return ", ".join(f"{name} {np.shape(values)}" for name, values in outputs.items())
    return f"one of shape {np.shape(outputs)}"
