"""Boxes of objects in images, and how well found ones meet those that are there."""

from __future__ import annotations

import contextlib
import io
import reprlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]

BOX = 5
"""Columns of a box: ymin, xmin, ymax, xmax, class."""
FOUND = 6
"""Columns of a box that a model found: those of a box, and its score."""
OTHER_UNIT = 10
"""How many times further one set of boxes reaches than the other where units differ."""
MAX_DETECTIONS = 100
"""So many of an image count, those with the highest scores, as in COCO."""
FORM = "rows (ymin, xmin, ymax, xmax, class{}) per image, unused rows NaN: shape ({}, boxes, {})"


def padded(rows_per_image: Sequence[Any]) -> Array:
    """Boxes of images as one array, rows that an image does not use filled with NaN.

    Args:
        rows_per_image: for each image an array of shape (boxes, 5): ymin, xmin, ymax, xmax and
            class, or (boxes, 6) with the score; an empty one where there is nothing.

    Returns:
        float64, shape (images, most boxes of an image, 5 or 6).
    """
    rows = [_rows(row, image) for image, row in enumerate(rows_per_image)]
    columns = {row.shape[-1] for row in rows if row.ndim == 2}
    if not columns <= {BOX, FOUND} or len(columns) > 1 or any(r.size and r.ndim != 2 for r in rows):
        shapes = ", ".join(sorted({str(row.shape) for row in rows if row.size}))
        raise DataError(
            f"the boxes of the images have the shapes {shapes}",
            f"give (boxes, {BOX}) for each: ymin, xmin, ymax, xmax, class; {FOUND} with a score",
        )
    width = columns.pop() if columns else BOX
    result = np.full((len(rows), max([len(row) for row in rows], default=0), width), np.nan)
    for image, row in enumerate(rows):
        if row.size:
            result[image, : len(row)] = row
    return result


def _rows(rows: Any, image: int) -> Array:
    try:
        return np.asarray(rows, float)
    except (TypeError, ValueError):
        raise DataError(
            f"image {image} has no rows of numbers of one length: {reprlib.repr(rows)}",
            f"give (boxes, {BOX}) for each: ymin, xmin, ymax, xmax, class; {FOUND} with a score",
        ) from None


def average_precision(labels: Array, found: Array, iou: str) -> Callable[[Any], float]:
    """COCO's average precision of the images with these indices, by COCO's own evaluator.

    Averaged over the classes that occur among the labels, and over the overlaps (intersection over
    union) .50:.05:.95, or at one of them. Resampled images are evaluated once and counted again
    (Lin et al., "Microsoft COCO: Common Objects in Context", 2014; cocodataset.org).

    Args:
        labels: shape (images, boxes, 5), see ``FORM``.
        found: shape (images, boxes, 6).
        iou: "" for the average, "50" or "75".

    Raises:
        DataError: another shape, boxes that cannot be, or none among the labels.
    """
    from pycocotools.cocoeval import COCOeval

    _check(labels, BOX, "labels")
    _check(found, FOUND, "predictions")
    _check_alike(labels, found)
    n = len(labels)
    with contextlib.redirect_stdout(io.StringIO()):  # the evaluator reports to stdout
        evaluator = COCOeval(_coco(labels, labels), _coco(found, labels), "bbox")
        evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluator.params.maxDets = [MAX_DETECTIONS]
        if iou:
            evaluator.params.iouThrs = np.array([int(iou) / 100])
        evaluator.evaluate()
    of_image, recalls = evaluator.evalImgs, evaluator.params.recThrs
    classes = [_Matches(of_image[i : i + n], recalls) for i in range(0, len(of_image), n)]

    def value(at: Any) -> float:
        weights = np.bincount(at, minlength=n)
        precisions = [matches.precision(weights) for matches in classes]
        known = [one for one in precisions if not np.isnan(one)]
        return float(np.mean(known)) if known else float("nan")

    return value


def _check_alike(labels: Array, found: Array) -> None:
    """Refuse boxes in another unit, and classes that are numbered in another way."""
    largest = [float(np.nanmax(np.abs(rows[..., :4]), initial=0)) for rows in (labels, found)]
    if min(largest) > 0 and max(largest) > OTHER_UNIT * min(largest):
        raise DataError(
            f"boxes of the labels reach {largest[0]:.4g}, those of the predictions "
            f"{largest[1]:.4g}: that is not the same unit",
            "give both as fractions of the image's height and width, 0 to 1, or both in pixels",
        )
    known, predicted = (
        np.unique(rows[..., 4][~np.isnan(rows[..., 4])]) for rows in (labels, found)
    )
    if len(predicted) and not np.isin(known, predicted).any():
        raise DataError(
            f"no class of the labels ({_listed(known)}) is among those of the predictions "
            f"({_listed(predicted)})",
            "number the classes as the model does, most from 0, without a background",
        )


def _listed(classes: Array) -> str:
    shown = ", ".join(f"{number:g}" for number in classes[:5])
    return shown + (", ..." if len(classes) > 5 else "")


class _Matches:
    """One class's boxes in all images, matched by COCO's evaluator.

    A resample only differs in how often an image counts; the evaluator's own ``accumulate`` needs
    minutes for a thousand of them. Boxes of one image with the same score count together.
    """

    def __init__(self, of_image: list[Any], recalls: Array) -> None:
        seen = [(number, image) for number, image in enumerate(of_image) if image is not None]
        scores = np.concatenate([image["dtScores"] for _, image in seen])
        order = np.argsort(-scores, kind="stable")
        images = [np.full(len(image["dtScores"]), number) for number, image in seen]
        self._image = np.concatenate(images)[order]
        self._right = np.concatenate([image["dtMatches"] > 0 for _, image in seen], 1)[:, order]
        self._boxes = np.array([0 if image is None else len(image["gtIds"]) for image in of_image])
        self._recalls = recalls

    def precision(self, weights: Array) -> float:
        """Interpolated at 101 recalls, and averaged; NaN without boxes to be found."""
        there = int((self._boxes * weights).sum())
        if there == 0:
            return float("nan")
        each = weights[self._image]
        right, found = np.cumsum(self._right * each, axis=1), np.cumsum(each)
        precision = right / np.maximum(found, 1)
        best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
        best = np.pad(best, ((0, 0), (0, 1)))  # a recall that is not reached has precision 0
        reached = [np.searchsorted(of_overlap / there, self._recalls) for of_overlap in right]
        return float(np.take_along_axis(best, np.stack(reached), axis=1).mean())


def _check(rows: Array, columns: int, what: str) -> None:
    if rows.ndim != 3 or rows.shape[2] != columns or rows.dtype.kind not in "iuf":
        form = FORM.format(", score" if columns == FOUND else "", "images", columns)
        hint = "pytest_edgeai.padded() makes such an array of a list of boxes per image"
        raise DataError(f"{what} of {rows.dtype} {rows.shape} are no boxes: {form}", hint)
    is_used = ~np.isnan(rows).all(axis=2)
    used = rows[is_used]
    if columns == BOX and not len(used):
        raise DataError("there is not a single box among the labels", "label what is to be found")
    if not np.isfinite(used).all():
        image = np.nonzero(is_used)[0][~np.isfinite(used).all(axis=1)][0]
        raise DataError(
            f"{what} hold a box that is NaN or infinite in part, the first in image {image}",
            "rows that are not used are NaN in all columns",
        )
    backwards = (used[:, 2] < used[:, 0]) | (used[:, 3] < used[:, 1])
    if backwards.any():
        row = [round(float(value), 4) for value in used[backwards.argmax()]]
        raise DataError(
            f"{what} hold a box that ends before it begins: {row}",
            "the order is ymin, xmin, ymax, xmax",
        )
    broken = used[:, 4] != np.round(used[:, 4])
    if broken.any():
        raise DataError(
            f"{what} hold a box of class {used[broken.argmax(), 4]:g}",
            "classes are whole numbers; the order is ymin, xmin, ymax, xmax, class"
            + (", score" if columns == FOUND else ""),
        )


def _coco(rows: Array, labels: Array) -> Any:
    """Boxes as COCO's own data; the classes are the labels'."""
    from pycocotools.coco import COCO

    annotations: list[dict[str, Any]] = []
    for image, boxes in enumerate(rows):
        used = boxes[~np.isnan(boxes).all(axis=1)].tolist()
        for top, left, bottom, right, number, *score in used:
            annotations.append(
                {
                    "id": len(annotations) + 1,  # 0 would mean that nothing matches
                    "image_id": image,
                    "category_id": int(number),
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": 0,
                    **({"score": score[0]} if score else {}),
                }
            )
    coco = COCO()
    known = np.unique(labels[..., 4][~np.isnan(labels[..., 4])]).astype(int).tolist()
    coco.dataset = {
        "images": [{"id": image} for image in range(len(rows))],
        "categories": [{"id": number} for number in known],
        "annotations": annotations,
    }
    coco.createIndex()
    return coco
