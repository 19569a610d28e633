"""From what a model puts out to what a metric compares with the labels."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from pytest_edgeai import units
from pytest_edgeai.errors import DataError, EdgeAIError, UsageError, raised, shown
from pytest_edgeai.measure.answers import numbers, part_of
from pytest_edgeai.measure.detection import FOUND
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.inputs import parts, sample_count

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
    if not isinstance(decoder, str) or decoder not in DECODERS:
        raise UsageError(
            f"edge_decoder: {shown(decoder)} is not known",
            f"one of {', '.join(DECODERS)}, or a callable (inputs, outputs)",
        )
    if decoder == "reconstruction_error":
        return _called(reconstruction_error, data, outputs)
    return DECODERS[decoder](outputs)


def softmax(outputs: Outputs) -> Array:
    """Logits of shape (N, ..., classes) as probabilities."""
    logits = _numbers(outputs, "softmax")
    if logits.ndim < 2 or logits.shape[-1] < 2:
        raise DataError(
            f"edge_decoder 'softmax' needs logits of several classes, not of shape {logits.shape}",
            "'sigmoid' is for one logit",
        )
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def sigmoid(outputs: Outputs) -> Array:
    """Logits as probabilities."""
    from scipy.special import expit

    return np.asarray(expit(_numbers(outputs, "sigmoid")))


def reconstruction_error(inputs: Any, outputs: Outputs) -> Array:
    """Mean squared difference of an autoencoder's output from its input, shape (N,).

    The higher, the less the sample is like those that it learned.
    """
    made = _numbers(outputs, "reconstruction_error")
    given = [*parts(inputs).values()]
    if len(given) > 1 or made.size != np.size(given[0]):
        shapes = ", ".join(str(np.shape(values)) for values in given)
        raise DataError(
            f"outputs of shape {made.shape} do not reconstruct inputs of {shapes}",
            "edge_decoder 'reconstruction_error' is for models whose output is like their input",
        )
    squares = np.square(made - np.reshape(given[0], made.shape))
    return np.asarray(squares.reshape(len(made), -1).mean(axis=1))


def detections(outputs: Outputs) -> Array:
    """Outputs of TFLite_Detection_PostProcess as boxes, shape (N, boxes, 6).

    Rows are ymin, xmin, ymax, xmax, class, score; those beyond the count are NaN. The four outputs
    are told apart by what they hold, as converters name and order them differently: boxes by their
    four columns, the count by its one value, classes as whole numbers; where scores are whole
    numbers too, 0 and 1, the classes are those over 1, or else the first, as in TFLite.
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
    is_used = np.arange(boxes.shape[1]) < count[:, None]
    are_swapped = _are_scores(first[is_used], second[is_used])
    classes, scores = (second, first) if are_swapped else (first, second)
    found = np.concatenate([boxes, classes[..., None], scores[..., None]], axis=2).astype(float)
    found[~is_used] = np.nan
    return np.asarray(found)


def refuse_reconstruction(predictions: Any, data: Dataset) -> None:
    """Raise a DataError where an autoencoder's outputs would be taken for scores of classes.

    They are as its inputs, and the labels tell two kinds of samples apart.
    """
    labels, inputs = data.labels, next(data.batches(1))
    if isinstance(predictions, dict) or not isinstance(inputs, np.ndarray) or labels is None:
        return
    shape = np.shape(predictions)[1:]
    are_two = labels.ndim == 1 and bool(np.isin(labels, (0, 1)).all())
    if are_two and shape == np.shape(inputs)[1:] and np.prod(shape, dtype=int) > 2:
        raise DataError(
            f"the output has the shape of the input, {shape}, and the labels are 0 and 1: that "
            "looks like an autoencoder",
            "override the fixture edge_decoder: 'reconstruction_error' makes one score for each "
            "sample; lambda inputs, outputs: outputs takes them as scores of classes all the same",
        )


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
        size = sample_count(inputs)
        parts.append(_part(decoder, inputs, part_of(outputs, slice(begin, begin + size)), size))
        begin += size
    if all(part.ndim == 3 and part.shape[2] == FOUND for part in parts):
        most = max(part.shape[1] for part in parts)
        parts = [_filled(part, most) for part in parts]
    shapes = dict.fromkeys(str(part.shape[1:]) for part in parts)
    if len(shapes) > 1:
        raise DataError(
            f"edge_decoder returned predictions of the shapes {', '.join(shapes)}",
            "return predictions of one shape for all samples",
        )
    return np.concatenate(parts)


def _part(
    decoder: Callable[[Any, Outputs], Any], inputs: Any, outputs: Outputs, size: int
) -> Array:
    """What a decoder makes of copies: nobody else gets what it changes."""
    try:
        returned = decoder(*copy.deepcopy((inputs, outputs)))
    except EdgeAIError:
        raise
    except (Exception, SystemExit) as error:
        raise DataError(
            f"edge_decoder raised {raised(error)}",
            f"it was given {units.count(size, 'sample')}, and the outputs: {_form(outputs)}",
        ) from error
    try:
        part = np.asarray(returned)
    except ValueError:
        raise DataError(
            "edge_decoder returned predictions of different shapes for the samples of a batch",
            "return an array; pytest_edgeai.padded() makes one of a list of boxes per image",
        ) from None
    except Exception as error:
        raise DataError(f"edge_decoder returned what is no array: {raised(error)}") from error
    if part.ndim == 0 or len(part) != size or part.size == 0:
        raise DataError(
            f"edge_decoder returned {part.dtype} {part.shape} for {units.count(size, 'sample')}",
            "return one prediction per sample, in their order",
        )
    return part


def _filled(boxes: Array, most: int) -> Array:
    room = np.full((len(boxes), most - boxes.shape[1], FOUND), np.nan)
    return np.concatenate([boxes, room], axis=1)


def _numbers(outputs: Outputs, decoder: str) -> Array:
    return numbers(outputs, f"edge_decoder {decoder!r}").astype(np.float64)


def _looks_like_detections(outputs: Outputs) -> bool:
    if not isinstance(outputs, dict) or len(outputs) != 4:
        return False
    arrays = [np.asarray(values) for values in outputs.values()]
    boxes = [a for a in arrays if a.ndim == 3 and a.shape[2] == 4]
    rest = [a.shape for a in arrays if a.ndim == 2]
    has_count = sum(a.ndim == 1 for a in arrays) == 1
    return len(boxes) == 1 and has_count and rest == 2 * [boxes[0].shape[:2]]


def _are_scores(first: Array, second: Array) -> bool:
    """Whether the first holds scores and the second classes."""
    is_whole, other_is_whole = (bool((v == np.round(v)).all()) for v in (first, second))
    if is_whole and other_is_whole:
        return bool((first <= 1).all() and (second > 1).any())
    return other_is_whole


def _form(outputs: Outputs) -> str:
    if isinstance(outputs, dict):
        return ", ".join(f"{name} {np.shape(values)}" for name, values in outputs.items())
    return f"one of shape {np.shape(outputs)}"
