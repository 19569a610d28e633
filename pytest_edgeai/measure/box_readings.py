"""Other ways to read the boxes of labels: the usual mistakes, each of them undone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np

from pytest_edgeai.measure.class_order import in_order, order_text, renumbered
from pytest_edgeai.measure.readings import Array, Reading

Way = tuple[str, Callable[[Array], Array]]
"""What is undone, "" for nothing, and how."""

MOST_OF_AN_IMAGE = 2.0
"""Fractions of an image go to about 1; boxes that reach further are in pixels."""
SAME_PLACE = 0.5
"""Intersection over union from which two boxes are of one object, as in PASCAL VOC."""
_AS_IT_IS: Way = ("", lambda boxes: boxes)
_ONE_ID = np.array([0, 0, 0, 0, 1])
_SHIFTS: tuple[Way, ...] = (
    _AS_IT_IS,
    ("class ids lower by 1", lambda boxes: boxes - _ONE_ID),
    ("class ids higher by 1", lambda boxes: boxes + _ONE_ID),
)


def of_boxes(labels: Array, size: tuple[int, int] | None) -> Iterator[Reading]:
    """Ways to read boxes, and all their combinations: those with the fewest mistakes first.

    Args:
        labels: shape (N, boxes, 5), see ``detection.FORM``.
        size: height and width of the model's image, where it has one.
    """
    combined = product(_FORMS, _units(labels, size), _SHIFTS)
    for ways in sorted(combined, key=lambda ways: sum(bool(name) for name, _ in ways)):
        names = [name for name, _ in ways if name]
        values = labels.astype(np.float64)
        for _, undone in ways:
            values = undone(values)
        if names:
            yield Reading(" and ".join(names), values)


def _from_corner(boxes: Array) -> Array:
    x, y, width, height, number = np.moveaxis(boxes, -1, 0)
    return np.stack([y, x, y + height, x + width, number], axis=-1)


def _from_centre(boxes: Array) -> Array:
    x, y, width, height, number = np.moveaxis(boxes, -1, 0)
    return _from_corner(np.stack([x - width / 2, y - height / 2, width, height, number], axis=-1))


_FORMS: tuple[Way, ...] = (
    _AS_IT_IS,
    ("x and y swapped", lambda boxes: boxes[..., [1, 0, 3, 2, 4]]),
    ("boxes read as x, y, width, height (COCO)", _from_corner),
    ("boxes read as centre x, centre y, width, height (YOLO)", _from_centre),
)


def _units(labels: Array, size: tuple[int, int] | None) -> tuple[Way, ...]:
    """Pixels of the model's image as fractions of it, or the other way round."""
    if size is None:
        return (_AS_IT_IS,)
    height, width = size
    pixels = np.array([height, width, height, width, 1])
    shown = f"the image's {height} x {width} pixels"
    if np.nanmax(labels[..., :4]) > MOST_OF_AN_IMAGE:
        return _AS_IT_IS, (f"boxes divided by {shown}", lambda boxes: boxes / pixels)
    return _AS_IT_IS, (f"boxes multiplied by {shown}", lambda boxes: boxes * pixels)


def in_order_of_boxes(labels: Array, predicted: Array) -> Iterator[Reading]:
    """The classes of boxes in the order that fits best what is found in the same places.

    Args:
        predicted: shape (N, boxes, 6).
    """
    pairs = [pair for images in zip(labels, predicted, strict=True) for pair in _matched(*images)]
    if pairs:
        classes, answered = np.array(pairs, np.int64).T
        if order := in_order(classes, answered):
            numbers = renumbered(labels[..., 4], order)
            yield Reading(
                order_text(order), np.concatenate([labels[..., :4], numbers[..., None]], axis=-1)
            )


def _matched(wanted: Array, found: Array) -> Iterator[tuple[float, float]]:
    """The class of each labelled box of an image, and of what is found best in its place."""
    wanted, found = (rows[~np.isnan(rows).all(axis=1)] for rows in (wanted, found))
    if not len(found):
        return
    overlap = _overlap(wanted[:, None], found[None])
    for row, best in zip(wanted, overlap.argmax(axis=1), strict=True):
        if _overlap(row, found[best]) >= SAME_PLACE:
            yield row[4], found[best, 4]


def _overlap(one: Array, other: Array) -> Array:
    """Intersection over union of boxes (ymin, xmin, ymax, xmax)."""
    low, high = np.maximum(one[..., :2], other[..., :2]), np.minimum(one[..., 2:4], other[..., 2:4])
    both = np.maximum(high - low, 0).prod(axis=-1)
    first, second = ((boxes[..., 2:4] - boxes[..., :2]).prod(axis=-1) for boxes in (one, other))
    return np.asarray(both / np.maximum(first + second - both, 1e-12))
