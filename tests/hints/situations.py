"""What goes wrong, and what a failing test has to say of it; one table for both.

``suite.py`` runs each situation, ``test_hints.py`` looks at what the failure says.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from samples import as_colours, machines, masks, objects, pairs, vectors

from pytest_edgeai import (
    edge_model,
    max_accuracy_drop,
    max_output_error,
    max_size_mb,
    min_accuracy,
    min_agreement,
)

MODELS = Path(os.environ.get("MODELS", "."))
METRICS = (
    "accuracy",
    "top_2_accuracy",
    "balanced_accuracy",
    "f1_macro",
    "f1_weighted",
    "roc_auc",
    "average_precision",
)
BY_INPUTS = ("accuracy", "f1_macro")
GUESSES = ("check that", "calibrate", "look at the scaling", "update", "layers whose error")
"""Advice for when nobody knows better."""

Data = Callable[[], tuple[Any, Any]]


class Situation(NamedTuple):
    """A failing test.

    Attributes:
        marks: its model, and the limits that it does not keep.
        data: its evaluation data.
        says: what its failure has to say, in this order.
        never: what it must not say.
        variant: which file of the model is tested.
        body: of the test.
    """

    marks: list[Any]
    data: Data
    says: tuple[str, ...]
    never: tuple[str, ...] = ()
    variant: str = "converted"
    body: Callable[[Any], None] = lambda interpreter: None


def files(name: str, int8: str = "int8") -> Any:
    """A model's file in float, and the one in integers."""
    paths = {
        "converted": f"{name}-converted.tflite",
        int8.partition("-")[0]: f"{name}-{int8}.tflite",
    }
    return edge_model(**{variant: MODELS / path for variant, path in paths.items()})


def changed(samples: Data, inputs: Any = None, labels: Any = None) -> Data:
    def made() -> tuple[Any, Any]:
        x, y = samples()
        return (x if inputs is None else inputs(x)), (y if labels is None else labels(y))

    return made


def without_the_last() -> tuple[Any, Any]:
    x, y = as_colours()
    return x[y < 3], y[y < 3]


def boxes(labels: Any) -> Data:
    """What a detector finds, and the boxes written in another way."""
    return changed(objects, labels=labels)


def xy_wh(b: Any, part: float = 0) -> Any:
    """x, y, width, height, of the corner or, with a half, of the centre."""
    top, left, bottom, right, number = np.moveaxis(b, -1, 0)
    width, height = right - left, bottom - top
    return np.stack([left + part * width, top + part * height, width, height, number], axis=-1)


ORDER = np.array([3, 2, 0, 1])
NEXT_ID = np.array([0, 0, 0, 0, 1])
NOT_DIVIDED = changed(as_colours, lambda x: x * 255)
TWICE = changed(as_colours, lambda x: x / 255)
BLUE_FIRST = changed(as_colours, lambda x: x[..., ::-1])
FROM_1 = changed(without_the_last, labels=lambda y: y + 1)
IN_ORDER = changed(as_colours, labels=lambda y: ORDER[y])

AS_UNIT = "with inputs from 0 to 1 (x / 255)"
DIVIDED_TWICE = "with inputs 255 times as large (divided by 255 twice)"
REVERSED = "with the channels in reverse order (RGB and BGR)"
LOWER = "with labels lower by 1"
ANOTHER_ORDER = (
    "with the classes in another order (2 for label 0, 3 for label 1, 1 for label 2, ...)"
)
ABOVE = "try: see above"


def of_classes() -> dict[str, Situation]:
    """Usual mistakes under every metric that compares classes, on the model in float."""
    usual = {"from 1": (FROM_1, LOWER), "in another order": (IN_ORDER, ANOTHER_ORDER)}
    inputs = {
        "not divided": (NOT_DIVIDED, AS_UNIT),
        "divided twice": (TWICE, DIVIDED_TWICE),
        "from -1": (changed(as_colours, lambda x: x * 2 - 1), AS_UNIT),
        "blue first": (BLUE_FIRST, REVERSED),
    }
    every = [(name, *usual[name], metric) for name in usual for metric in METRICS]
    every += [(name, *inputs[name], metric) for name in inputs for metric in BY_INPUTS]
    return {
        f"{name}, {metric}": Situation(
            [files("colours"), min_accuracy(0.9999, metric=metric)],
            data,
            (f"{says} {metric} would be 1", ABOVE),
            GUESSES,
        )
        for name, data, says, metric in every
    }


def of_integers() -> dict[str, Situation]:
    """What lies beyond the range of a model in integers is tried on the one in float."""
    drop = max_accuracy_drop(0.01)
    least = min_accuracy(0.99)
    right, by_255, times_255 = (
        files("colours", int8) for int8 in ("int8", "int8-by_255", "int8-times_255")
    )
    of_converted = "accuracy of converted would be 100.00 % instead of"
    rows: dict[str, tuple[list[Any], Data, str]] = {
        "both divided twice": ([by_255, least], TWICE, f"{DIVIDED_TWICE} {of_converted}"),
        "both divided twice, drop": ([by_255, drop], TWICE, f"{DIVIDED_TWICE} {of_converted}"),
        "both not divided": ([times_255, least], NOT_DIVIDED, f"{AS_UNIT} {of_converted}"),
        "divided twice": ([right, least], TWICE, f"{DIVIDED_TWICE} accuracy would be 100.00 %"),
        "not divided": ([right, least], NOT_DIVIDED, f"{AS_UNIT} accuracy would be 100.00 %"),
        "not divided, drop": ([right, drop], NOT_DIVIDED, f"{AS_UNIT} accuracy would be 100.00 %"),
        "blue first": ([right, least], BLUE_FIRST, f"{REVERSED} accuracy would be 100.00 %"),
    }
    return {
        f"int8, {name}": Situation(marks, data, (says,), GUESSES, "int8")
        for name, (marks, data, says) in rows.items()
    }


def of_boxes() -> dict[str, Situation]:
    """Usual mistakes of boxes."""
    rows: dict[str, tuple[Any, str]] = {
        "ids from 1": (lambda b: b + NEXT_ID, "with class ids lower by 1"),
        "x first": (lambda b: b[..., [1, 0, 3, 2, 4]], "with x and y swapped"),
        "as in COCO": (xy_wh, "with boxes read as x, y, width, height (COCO)"),
        "as in YOLO": (lambda b: xy_wh(b, 0.5), "with boxes read as centre x, centre y, width"),
        "as in COCO, ids from 1": (
            lambda b: xy_wh(b) + NEXT_ID,
            "with boxes read as x, y, width, height (COCO) and class ids lower by 1",
        ),
        "in pixels": (
            lambda b: b * [3, 6, 3, 6, 1],
            "with boxes divided by the image's 3 x 6 pixels coco_map would be 1",
        ),
        "ids in another order": (
            lambda b: np.where(NEXT_ID, (b * 2 + 1) % 5, b),
            "with the classes in another order (",
        ),
    }
    return {
        name: Situation(
            [
                edge_model(MODELS / "detector-converted.tflite"),
                min_accuracy(0.9, metric="coco_map"),
            ],
            boxes(labels),
            (says, "coco_map would be 1"),
            GUESSES,
        )
        for name, (labels, says) in rows.items()
    }


def of_other_labels() -> dict[str, Situation]:
    """Masks, one score of two classes, several inputs, and labels that a model cannot have."""
    least = min_accuracy(0.95)
    left = changed(pairs, lambda x: {**x, "left": x["left"] * 255})
    masks_from_1 = changed(masks, labels=lambda y: y + 1)
    up_to_4 = changed(as_colours, labels=lambda y: y + 1)
    rows: dict[str, tuple[str, Any, Data, str]] = {
        "masks from 1": ("segments", min_accuracy(0.95, metric="mean_iou"), masks_from_1, LOWER),
        "masks in another order": (
            "segments",
            min_accuracy(0.95, metric="mean_iou"),
            changed(masks, labels=lambda y: 2 - y),
            "with the classes in another order (2 for label 0, 0 for label 2) mean_iou would be 1",
        ),
        "one of two inputs not divided": ("pair", least, left, f"{AS_UNIT} in input 'left'"),
        "labels beyond the classes": ("colours", least, up_to_4, f"{LOWER} accuracy would be 100"),
    }
    return {
        name: Situation(
            [edge_model(MODELS / f"{file}-converted.tflite"), mark], data, (says,), GUESSES
        )
        for name, (file, mark, data, says) in rows.items()
    }


LOST = ("one step of the input 'keras", "feature 2 varies by 0.001", "scale the features alike")


def of_lost_features() -> dict[str, Situation]:
    """A feature that varies by 0.002 beside one that varies by 100,000."""
    limits = {
        "accuracy": min_accuracy(0.9),
        "drop": max_accuracy_drop(0.01),
        "agreement": min_agreement(0.9),
        "output error": max_output_error(0.1),
    }
    by_speed = Situation(
        [files("machine_by_speed"), min_accuracy(0.9)],
        lambda: machines(of=0),
        (
            "converted answers them well (accuracy 100.00 %)",
            "max_output_error(0.1) names the layers",
        ),
        GUESSES,
        "int8",
    )
    where = Situation(
        [files("machine_by_speed"), max_output_error(0.1)],
        lambda: machines(of=0),
        ("layers whose error jumps first", "try: calibrate"),
        ("see above", "one step"),
        "int8",
    )
    return {"lost within the model": by_speed, "lost within the model, where": where} | {
        f"lost feature, {name}": Situation(
            [files("machine"), limit], machines, LOST, GUESSES, "int8"
        )
        for name, limit in limits.items()
    }


def row_7(interpreter: Any) -> None:
    """There are three."""
    interpreter.predict(np.array([7], np.int32))


def of_files() -> dict[str, Situation]:
    """What files and runtimes are refused for."""
    small = "int8, or dynamic without calibration, comes to about 0.05"
    largest = "its largest tensors: "
    smaller = "make the layers of the largest tensors smaller"
    return {
        "a bit too large": Situation(
            [files("large"), max_size_mb(0.1)], vectors, (largest, f"try: {small}"), ("prune",)
        ),
        "far too large": Situation(
            [files("large"), max_size_mb(0.01)], vectors, (largest, f"try: {smaller}; {small}")
        ),
        "too large in 8 bits": Situation(
            [files("large"), max_size_mb(0.01)],
            vectors,
            (largest, f"try: {smaller}"),
            ("int8, or dynamic",),
            "int8",
        ),
        "index out of range": Situation(
            [edge_model(MODELS / "row-converted.tflite"), max_size_mb(1)],
            vectors,
            ("hint: the model loads, so look at its inputs: GATHER does not take these values",),
            ("update the runtime", "refuses this model"),
            body=row_7,
        ),
        "no kernel for int16": Situation(
            [files("differing", "int16x8"), min_accuracy(0.9)],
            vectors,
            ("has no kernel of SQUARED_DIFFERENCE for int16 values: replace it in the model",),
            ("update the runtime",),
            "int16x8",
        ),
    }


def healthy() -> dict[str, Situation]:
    """Models that only just miss a limit: nobody is to blame."""
    noise = np.random.default_rng(0).random(120) < 0.2
    wrong = changed(as_colours, labels=lambda y: np.where(noise, (y + 1) % 4, y))
    by_speed = changed(lambda: machines(of=0), labels=lambda y: np.where(noise, 1 - y, y))
    never = ("see above", "with ", "one step")
    return {
        f"healthy {variant}, {metric}": Situation(
            [files("colours"), min_accuracy(0.9, metric=metric)],
            wrong,
            ("try: check that evaluation_data is scaled as in training",),
            never,
            variant,
        )
        for variant in ("converted", "int8")
        for metric in ("accuracy", "f1_macro")
    } | {
        "features lost that say nothing": Situation(
            [files("by_speed"), min_accuracy(0.95)], by_speed, ("try: check that",), never, "int8"
        )
    }


SITUATIONS = {
    **of_classes(),
    **of_integers(),
    **of_boxes(),
    **of_other_labels(),
    **of_lost_features(),
    **of_files(),
    **healthy(),
}
