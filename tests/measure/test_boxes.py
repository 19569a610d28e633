"""Average precision of boxes against COCO's evaluator, used as its own demo uses it."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from pytest_edgeai import padded
from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.metrics import metric_of
from pytest_edgeai.judge.paired import resampled_interval
from pytest_edgeai.measure.detection import average_precision
from pytest_edgeai.measure.metrics import score
from pytest_edgeai.model.dataset import ArrayDataset

Array = npt.NDArray[Any]
Rows = list[list[float]]
NAMES = ("coco_map", "coco_map_50", "coco_map_75")
"""In the order of the evaluator's stats."""


def scored(name: str, labels: Any, found: Any) -> Score:
    labels = np.asarray(labels)
    return score(metric_of(name), ArrayDataset(np.zeros((len(labels), 1)), labels), found)


def value(name: str, labels: Any, found: Any) -> float:
    return scored(name, labels, found).value


def refusal(labels: Any, found: Any) -> str:
    with pytest.raises(DataError) as caught:
        scored("coco_map", labels, found)
    return str(caught.value)


def coco_stats(labels: list[Rows], found: list[Rows]) -> list[float]:
    """AP, AP50 and AP75 by the evaluator with its defaults, from COCO's JSON."""
    boxes = [(image, row) for image, rows in enumerate(labels) for row in rows]
    kinds = {int(row[4]) for rows in [*labels, *found] for row in rows}
    coco = COCO()
    coco.dataset = {
        "images": [{"id": image} for image in range(len(labels))],
        "categories": [{"id": kind} for kind in sorted(kinds)],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": int(row[4]),
                "bbox": [row[1], row[0], row[3] - row[1], row[2] - row[0]],
                "area": (row[3] - row[1]) * (row[2] - row[0]),
                "iscrowd": 0,
            }
            for number, (image, row) in enumerate(boxes, start=1)
        ],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
    results = [
        {
            "image_id": image,
            "category_id": int(row[4]),
            "bbox": [row[1], row[0], row[3] - row[1], row[2] - row[0]],
            "score": row[5],
        }
        for image, rows in enumerate(found)
        for row in rows
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return list(evaluator.stats[:3])


def boxes(extra: int = 0) -> st.SearchStrategy[Rows]:
    """Up to six boxes of few sizes, classes and scores: they overlap, and tie."""
    corner, size = st.integers(0, 4), st.integers(1, 4)
    row = st.tuples(corner, corner, size, size, st.integers(0, 2 + extra), st.integers(1, 4))
    made = row.map(lambda r: [r[0], r[1], r[0] + r[2], r[1] + r[3], r[4], r[5] / 4])
    return st.lists(made, max_size=6)


def without_scores(rows: list[Rows]) -> list[Rows]:
    return [[row[:5] for row in image] for image in rows]


IMAGES = st.lists(st.tuples(boxes(), boxes(extra=1)), min_size=2, max_size=6)


def labels_and_found(images: list[tuple[Rows, Rows]]) -> tuple[list[Rows], list[Rows]]:
    """With one box more that is found, so that there is something to be found."""
    labels, found = without_scores([first for first, _ in images]), [b for _, b in images]
    return [[*labels[0], [0, 0, 2, 2, 1]], *labels[1:]], [
        [*found[0], [0, 0, 2, 2, 1, 0.9]],
        *found[1:],
    ]


@settings(max_examples=60)
@given(IMAGES)
def test_it_is_the_evaluators(images: list[tuple[Rows, Rows]]) -> None:
    labels, found = labels_and_found(images)
    wanted = coco_stats(labels, found)
    for number, name in enumerate(NAMES):
        result = scored(name, padded(labels), padded(found))
        assert result.value == pytest.approx(wanted[number], abs=1e-12)
        assert result.resampled is not None
        assert result.resampled(np.arange(len(images))) == result.value


@settings(max_examples=60)
@given(IMAGES, st.integers(0, 99))
def test_resamples_are_the_evaluators_of_images_drawn_anew(
    images: list[tuple[Rows, Rows]], seed: int
) -> None:
    """Without ties: which of equal scores comes first is nobody's choice."""
    labels, found = labels_and_found(images)
    found = [
        [[*row[:5], row[5] - rank / 100 - image / 1000] for rank, row in enumerate(rows)]
        for image, rows in enumerate(found)
    ]
    at = np.random.default_rng(seed).integers(len(images), size=len(images))
    at[0] = 0
    wanted = coco_stats([labels[i] for i in at], [found[i] for i in at])
    for number, name in enumerate(NAMES):
        resampled = scored(name, padded(labels), padded(found)).resampled
        assert resampled is not None
        assert resampled(at) == pytest.approx(wanted[number], abs=1e-12)


def test_more_than_a_hundred_of_an_image() -> None:
    """The best hundred of each class count."""
    random = np.random.default_rng(0)
    corner = random.uniform(0, 400, size=(2, 150, 2))
    around = np.concatenate([corner, corner + 30], axis=2)
    labels = [[[*row, number % 2] for number, row in enumerate(image)] for image in around]
    found = [
        [[*row, 0, random.random()] for row in image + random.normal(size=image.shape)]
        for image in np.concatenate([around, around], axis=1)
    ]
    assert len(found[0]) == 300
    wanted = coco_stats(labels, found)
    assert 0 < wanted[0] < wanted[1] < 1
    for number, name in enumerate(NAMES):
        assert value(name, padded(labels), padded(found)) == pytest.approx(wanted[number])


LABELS = padded([[[0, 0, 10, 10, 0]], [[0, 0, 10, 10, 0]], []])
FOUND = padded(
    [
        [[0, 0, 10, 10, 0, 0.9], [50, 50, 60, 60, 0, 0.95]],  # exactly; and something that is not
        [[0, 0, 10, 8, 0, 0.8]],  # four fifths of it
        [],
    ]
)


def test_by_hand() -> None:
    """Sorted by score: wrong, right, right up to an overlap of 0.8.

    At overlaps .50 to .80 the precisions are 0, 1/2 and 2/3 at recalls 0, 1/2 and 1, interpolated
    2/3 at all 101 recalls. At .85 to .95 the second is missed: 1/2 at the 51 recalls up to 1/2.
    """
    assert value("coco_map_50", LABELS, FOUND) == pytest.approx(2 / 3)
    assert value("coco_map_75", LABELS, FOUND) == pytest.approx(2 / 3)
    mean = (7 * 2 / 3 + 3 * 51 / 101 / 2) / 10
    assert value("coco_map", LABELS, FOUND) == pytest.approx(mean)


def test_an_image_that_is_drawn_twice_counts_twice() -> None:
    """Two of the first: wrong, wrong, right, right; and nothing of the second."""
    resampled = scored("coco_map", LABELS, FOUND).resampled
    assert resampled is not None
    assert resampled(np.array([0, 0, 2])) == pytest.approx(1 / 2)
    assert resampled(np.array([1, 1, 2])) == pytest.approx(7 / 10)
    assert np.isnan(resampled(np.array([2, 2, 2]))), "there is nothing to be found"


def test_doubled_and_missed_boxes() -> None:
    labels = padded([[[0, 0, 10, 10, 0], [20, 20, 30, 30, 0]]])
    once = padded([[[0, 0, 10, 10, 0, 0.9]]])
    twice = padded([[[0, 0, 10, 10, 0, 0.9], [0, 0, 10, 10, 0, 0.8]]])
    assert value("coco_map", labels, once) == pytest.approx(51 / 101)
    assert value("coco_map", labels, twice) == pytest.approx(51 / 101), "after all that is right"
    first = padded([[[0, 0, 10, 10, 0, 0.8], [0, 0, 9, 9, 0, 0.9]]])
    assert value("coco_map_50", labels, first) == pytest.approx(51 / 101)
    assert value("coco_map", labels, first) < 51 / 101


def test_classes_that_no_label_has_do_not_count() -> None:
    more = np.concatenate([FOUND, padded([[[0, 0, 9, 9, 7, 1.0]]] * 3)], axis=1)
    assert value("coco_map", LABELS, more) == value("coco_map", LABELS, FOUND)


def test_the_interval_holds_the_value() -> None:
    """Few boxes of many classes: nearly all resamples are better than the samples are."""
    random = np.random.default_rng(0)
    labels, found = [], []
    for _ in range(60):
        corner, kinds = random.uniform(0, 200, size=(5, 2)), random.integers(80, size=5)
        labels.append(np.column_stack([corner, corner + 50, kinds]))
        moved = corner + random.normal(size=(5, 2)) * 5
        found.append(np.column_stack([moved, moved + 50, kinds, random.random(5)]))
    result = scored("coco_map", padded(labels), padded(found))
    assert result.resampled is not None
    interval = resampled_interval(result.resampled, result.kept_proportions, 0.95)
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low <= result.value < interval.high


class TestPadded:
    def test_boxes_of_images_as_one_array(self) -> None:
        made = padded([[[0, 1, 2, 3, 4]], [], np.ones((2, 5), int)])
        assert (made.shape, made.dtype) == ((3, 2, 5), np.float64)
        assert made[0, 0].tolist() == [0, 1, 2, 3, 4]
        assert np.isnan(made[0, 1]).all()
        assert np.isnan(made[1]).all()
        assert (made[2] == 1).all()

    def test_with_scores(self) -> None:
        assert padded([np.zeros((0, 6)), np.ones((3, 6))]).shape == (2, 3, 6)

    @pytest.mark.parametrize("nothing", [[[], []], [np.zeros((0, 5)), np.zeros((0, 5))]])
    def test_of_images_without_boxes(self, nothing: Any) -> None:
        assert padded(nothing).shape == (2, 0, 5)

    def test_empty_boxes_with_scores_stay_such(self) -> None:
        assert padded([np.zeros((0, 6)), np.zeros((0, 6))]).shape == (2, 0, 6)

    @pytest.mark.parametrize(
        ("rows", "text"),
        [
            ([[0, 0, 1, 1, 0]], "have the shapes (5,)"),
            ([np.ones((2, 4))], "have the shapes (2, 4)"),
            ([np.ones((2, 5)), np.ones((2, 6))], "have the shapes (2, 5), (2, 6)"),
            ([[[0, 0, 1, 1]], [[0, 0, 1, 1, 2]]], "have the shapes (1, 4), (1, 5)"),
        ],
    )
    def test_other_shapes(self, rows: Any, text: str) -> None:
        with pytest.raises(DataError) as caught:
            padded(rows)
        assert text in caught.value.message
        assert "give (boxes, 5) for each: ymin, xmin, ymax, xmax, class; 6" in caught.value.hint

    def test_rows_of_different_lengths(self) -> None:
        with pytest.raises(DataError, match="image 1 has no rows of numbers"):
            padded([[], [[0, 0, 1, 1, 2], [0, 0]]])


def changed(rows: Array, at: Any, new: Any) -> Array:
    rows = rows.copy()
    rows[at] = new
    return rows


@pytest.mark.parametrize(
    ("labels", "found", "text"),
    [
        (LABELS[..., :4], FOUND, "labels of float64 (3, 1, 4) are no boxes: rows (ymin, xmin, yma"),
        (LABELS, FOUND[..., :5], "predictions of float64 (3, 2, 5) are no boxes: rows (ymin, xmin"),
        (LABELS, FOUND[0], "pytest_edgeai.padded() makes such an array of a list of boxes per im"),
        (LABELS, {"a": 1, "b": 2}, "has the outputs a, b\nhint: override the fixture edge_decoder"),
        (LABELS * np.nan, FOUND, "there is not a single box among the labels"),
        (LABELS[:, :0], FOUND, "there is not a single box among the labels"),
        (changed(LABELS, (0, 0, 3), -1), FOUND, "labels hold a box that ends before it begins: ["),
        (LABELS, changed(FOUND, (0, 1, 2), 1), "predictions hold a box that ends before it begi"),
        (
            LABELS,
            changed(FOUND, (1, 0, 5), np.nan),
            "or infinite in part, the first in image 1",
        ),
        (
            LABELS,
            changed(FOUND, (1, 0, 2), np.inf),
            "or infinite in part, the first in image 1",
        ),
        (changed(LABELS, (1, 0, 4), np.nan), FOUND, "labels hold a box that is NaN or infinite in"),
        (changed(LABELS, (1, 0, 4), 0.5), FOUND, "labels hold a box of class 0.5"),
        (LABELS, FOUND * np.nan, "the model answers the same to all 3 samples, whose labels diff"),
    ],
)
def test_refusals(labels: Any, found: Any, text: str) -> None:
    assert text in refusal(labels, found)


class TestAlike:
    """Labels and predictions have to be in one unit, and number classes in one way."""

    found = padded([[[0.1, 0.1, 0.5, 0.5, 0, 0.9]], [[0.2, 0.2, 0.6, 0.6, 1, 0.8]]])

    def test_boxes_in_pixels(self) -> None:
        labels = padded([[[30, 30, 150, 150, 0]], [[60, 60, 180, 180, 1]]])
        with pytest.raises(DataError, match=r"reach 180, those of the predictions 0\.6"):
            average_precision(labels, self.found, "")

    def test_classes_that_nobody_finds(self) -> None:
        labels = padded([[[0.1, 0.1, 0.5, 0.5, 17]], [[0.2, 0.2, 0.6, 0.6, 18]]])
        with pytest.raises(
            DataError, match=r"no class of the labels \(17, 18\) is among .* \(0, 1"
        ):
            average_precision(labels, self.found, "")

    def test_pixels_on_both_sides(self) -> None:
        """COCO's precision does not depend on the unit."""
        labels = padded([[[0.1, 0.1, 0.5, 0.5, 0]], [[0.2, 0.2, 0.6, 0.6, 1]]])
        scale = np.array([300, 300, 300, 300, 1])
        larger = average_precision(labels * scale, self.found * [*scale, 1], "")
        assert larger(np.arange(2)) == average_precision(labels, self.found, "")(np.arange(2)) == 1
