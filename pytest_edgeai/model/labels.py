"""Labels of a data set: as class indices, and as what a smaller sample is stratified by."""

from __future__ import annotations

import reprlib
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_edgeai.errors import DataError, UsageError, shown

Array = npt.NDArray[Any]
FOR_NUMBERS = (
    "class labels are whole numbers from 0. Where a model puts out numbers, take metric="
    "'mean_absolute_error', 'root_mean_squared_error' or 'r2'"
)

_FOR_SEVERAL = (
    "This metric needs one class per sample. Several labels per sample are for f1_macro, f1_micro, "
    "f1_weighted, roc_auc and average_precision."
)


def class_indices(labels: Array, classes: int | None) -> tuple[npt.NDArray[np.int64], str]:
    """Labels as class indices of shape (N,), and how they were read.

    Args:
        labels: indices of shape (N,) or (N, 1), whole numbers or bools, -1 and 1 for two classes;
            or one-hot, (N, classes).
        classes: the model's number of classes; a single sigmoid output counts as two. None where
            the model answers with class indices, which may go to any number.

    Raises:
        DataError: labels that are no such thing, or outside 0..classes-1.
    """
    if labels.dtype.kind not in "biuf" or labels.ndim not in (1, 2):
        raise DataError(
            f"labels of shape {labels.shape} and dtype {labels.dtype} are not class labels.",
            f"Give class indices of shape (N,) or one-hot labels of shape (N, {classes or 'C'}).",
        )
    if labels.ndim == 2 and labels.shape[1] != 1:
        return _from_one_hot(labels, classes), "one-hot, taken as class indices"
    numbers = _whole(labels.reshape(-1))
    if classes in (2, None) and np.array_equal(np.unique(numbers), [-1, 1]):
        return np.asarray(numbers > 0, np.int64), "-1 and 1, taken as classes 0 and 1"
    _refuse_outside(numbers, classes)
    return numbers, "class indices"


def are_multi_label(labels: Array, columns: int) -> bool:
    """Whether labels are 0 and 1 for each of several classes, and not one class per sample."""
    if labels.ndim != 2 or labels.shape[1] != columns or columns < 2 or labels.dtype.kind == "S":
        return False
    return bool(np.isin(labels, (0, 1)).all() and (np.count_nonzero(labels, axis=1) != 1).any())


def outside_hint(numbers: Array, classes: int) -> str:
    """What class numbers outside of 0..classes-1 may come of."""
    outside = np.unique(numbers[(numbers < 0) | (numbers >= classes)])
    if numbers.min() == 1 and numbers.max() == classes:
        return (
            "Class k is the model's output k. Where labels count from 1, subtract 1 from them; "
            f"where 0 is a class without samples (background), the model needs {classes + 1} "
            "outputs."
        )
    if len(outside) == 1 and len(np.unique(numbers)) > 1:
        return (
            f"Class k is the model's output k. Where {outside[0]} marks what has no label, leave "
            "it out."
        )
    return "Class k is the model's output k: look for the data set, or the list of classes, of it."


def sample_indices(
    total: int, labels: Array | None, limit: int | None, seed: int
) -> npt.NDArray[np.intp] | None:
    """Sorted indices of ``limit`` samples drawn in class proportions; None to keep all of them.

    Equal labels make a class, with one-hot rows as well. Without labels, or with labels of more
    than two dimensions (masks), every sample is as likely.
    """
    if limit is not None and not (isinstance(limit, int | np.integer) and limit >= 1):
        what = f"a limit of {shown(limit)} samples"
        raise UsageError(f"{what} is not possible.", "Give 1 or more, or None.")
    if limit is None or limit >= total:
        return None
    random = np.random.default_rng(seed)
    groups = np.zeros(total, dtype=np.intp)
    if labels is not None and labels.ndim <= 2:
        classes: dict[bytes, int] = {}
        groups = np.array([classes.setdefault(row.tobytes(), len(classes)) for row in labels])
    sizes = np.bincount(groups)
    quotas = _class_quotas(sizes, limit, random)
    order = random.permutation(total)
    order = order[np.argsort(groups[order], kind="stable")]
    rank_in_class = np.arange(total) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    kept: npt.NDArray[np.intp] = order[rank_in_class < quotas[groups[order]]]
    return np.sort(kept)


def _class_quotas(
    sizes: npt.NDArray[np.intp], limit: int, random: np.random.Generator
) -> npt.NDArray[np.intp]:
    """Samples per class by largest remainder, ties at random; one of each if ``limit`` allows."""
    shared = np.ones(len(sizes), dtype=bool)
    left, total = limit, int(sizes.sum())
    while limit >= len(sizes):
        too_small = shared & (sizes * left < total)
        if not too_small.any():
            break
        shared &= ~too_small
        left, total = limit - int(np.count_nonzero(~shared)), int(sizes[shared].sum())
    quotas, remainders = np.divmod(np.where(shared, sizes * left, total), total)
    largest_first = np.lexsort((random.random(len(sizes)), -remainders))
    quotas[largest_first[: limit - quotas.sum()]] += 1
    return quotas


def _from_one_hot(labels: Array, classes: int | None) -> npt.NDArray[np.int64]:
    if classes is not None and labels.shape[1] != classes:
        raise DataError(
            f"labels have {labels.shape[1]} columns but the model has {classes} classes.",
            f"Give class indices of shape (N,) or one-hot labels of shape (N, {classes}).",
        )
    one_hot = (np.count_nonzero(labels, axis=1) == 1) & (np.count_nonzero(labels == 1, axis=1) == 1)
    if not one_hot.all():
        row = int(one_hot.argmin())
        raise DataError(
            f"labels are not one-hot: sample {row} has {reprlib.repr(labels[row].tolist())}.",
            _FOR_SEVERAL if np.isin(labels, (0, 1)).all() else FOR_NUMBERS,
        )
    return np.asarray(labels.argmax(axis=1), dtype=np.int64)


def _whole(labels: Array) -> npt.NDArray[np.int64]:
    is_whole = np.isfinite(labels) & (labels == np.floor(labels))
    if not is_whole.all():
        row = int(is_whole.argmin())
        raise DataError(
            f"labels are not whole numbers: sample {row} has {labels[row]}.", FOR_NUMBERS
        )
    return labels.astype(np.int64)


def _refuse_outside(numbers: npt.NDArray[np.int64], classes: int | None) -> None:
    low, high = int(numbers.min()), int(numbers.max())
    if low >= 0 and (classes is None or high < classes):
        return
    reach = f"go down to {low}" if low < 0 else f"reach {high}"
    known = "" if classes is None else f" but the model has {classes} classes (0..{classes - 1})"
    raise DataError(f"labels {reach}{known}.", outside_hint(numbers, classes or high + 1))
