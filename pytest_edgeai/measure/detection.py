"""Boxes of objects in images, and how well found ones meet those that are there."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pytest_edgeai.errors import DataError

Array = np.ndarray[Any, np.dtype[Any]]

BOX = 5
"""Columns of a box: ymin, xmin, ymax, xmax, class."""
FOUND = 6
"""Columns of a box that a model found: those of a box, and its score."""
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
    rows = [np.asarray(row, float) for row in rows_per_image]
    columns = {row.shape[1] for row in rows if row.ndim == 2 and row.size}
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
        DataError: another shape, boxes that end before they begin, or no boxes among the labels.
    """
    from pycocotools.cocoeval import COCOeval

    n = len(labels)
    _check(labels, BOX, "labels")
    _check(found, FOUND, "predictions")
    if np.isnan(labels[..., 0]).all():
        raise DataError("there is not a single box among the labels", "label what is to be found")
    with contextlib.redirect_stdout(io.StringIO()):  # the evaluator reports to stdout
        evaluator = COCOeval(_coco(labels, labels), _coco(found, labels), "bbox")
        evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluator.params.maxDets = [MAX_DETECTIONS]
        if iou:
            evaluator.params.iouThrs = np.array([int(iou) / 100])
        evaluator.evaluate()
    of_image = evaluator.evalImgs
    classes = len(evaluator.params.catIds)

    def value(at: Any) -> float:
        evaluator.evalImgs = [of_image[c * n + i] for c in range(classes) for i in at]
        with contextlib.redirect_stdout(io.StringIO()):
            evaluator.accumulate()
        precision = evaluator.eval["precision"]
        known = precision[precision > -1]
        return float(known.mean()) if known.size else float("nan")

    return value


def _check(rows: Array, columns: int, what: str) -> None:
    if rows.ndim != 3 or rows.shape[2] != columns or rows.dtype.kind not in "iuf":
        form = FORM.format(", score" if columns == FOUND else "", "images", columns)
        hint = "pytest_edgeai.padded() makes such an array of a list of boxes per image"
        raise DataError(f"{what} of {rows.dtype} {rows.shape} are no boxes: {form}", hint)
    used = rows[~np.isnan(rows).any(axis=2)]
    backwards = (used[:, 2] < used[:, 0]) | (used[:, 3] < used[:, 1])
    if backwards.any():
        row = [round(float(value), 4) for value in used[backwards.argmax()]]
        raise DataError(
            f"{what} hold a box that ends before it begins: {row}",
            "the order is ymin, xmin, ymax, xmax",
        )


def _coco(rows: Array, labels: Array) -> Any:
    """Boxes as COCO's own data; the classes are the labels'."""
    from pycocotools.coco import COCO

    annotations: list[dict[str, Any]] = []
    for image, boxes in enumerate(rows):
        for top, left, bottom, right, number, *score in boxes[
            ~np.isnan(boxes).any(axis=1)
        ].tolist():
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
