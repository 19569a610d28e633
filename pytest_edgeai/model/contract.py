"""The contract between a model and its data: what contradicts it, and what that looks like.

What is declared counts; where nothing is, calibration and evaluation data are compared, since both
have to be prepared as the training data was.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from pytest_edgeai.errors import DataError
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.preprocessing import Preprocessing
from pytest_edgeai.model.profile import Profile

MOST_WIDER = 64.0
"""Pictures of the same kind, prepared alike, do not differ by so much in their range."""
CLEAR_T = 4.0
"""A difference of channels that so many standard errors separate from none is one."""
LEAST_SAMPLES = 8
NEAR = 0.1
"""A range that lies so near to another, as a share of its width, is the same."""
_HINT = (
    "prepare both as the training data was; where they are meant to differ, say how the model "
    "expects its images: override the fixture edge_preprocessing"
)

Range = tuple[float, float]


class Fed(NamedTuple):
    """One set of data, and what to call it."""

    what: str
    profile: Profile
    preprocessing: Preprocessing | None


def check_declared(declared: Preprocessing, fed: Fed) -> None:
    """Raise a DataError where data is not what a declared preprocessing makes."""
    said = "the fixture edge_preprocessing says"
    if fed.preprocessing is not None:
        differing = declared.differences(fed.preprocessing)
        if differing:
            raise DataError(
                f"{fed.what} is read otherwise than {said}: {'; '.join(differing)}",
                "give ImageFolder the same Preprocessing",
            )
        return
    profile, limits = fed.profile, declared.limits
    if profile.shape != declared.shape:
        raise DataError(
            f"{fed.what} has samples of shape {profile.shape}, {said} {declared.shape} "
            f"({declared.describe()}){swapped_axes(profile.shape, declared.shape)}"
        )
    width = limits[1] - limits[0]
    inside = limits[0] - NEAR * width <= profile.low and profile.high <= limits[1] + NEAR * width
    seen = (profile.low, profile.high)
    if not inside or explained(seen, limits):
        raise DataError(
            f"{fed.what} goes from {_text(seen)}, {said} {declared.scaling}",
            explained(seen, limits) or "scale it as the model expects",
        )


def check_model(declared: Preprocessing, shape: tuple[int, ...], limits: Range | None) -> None:
    """Raise a DataError where a model does not take what a declared preprocessing makes.

    Args:
        shape: of the input without its batch dimension; -1 for any size.
        limits: the smallest and largest real value of a quantised input.
    """
    said = f"the fixture edge_preprocessing says {declared.describe()}"
    fits = len(shape) == 3 and all(a in (-1, b) for a, b in zip(shape, declared.shape, strict=True))
    if not fits:
        raise DataError(
            f"the model takes samples of shape {shape}, and {said}"
            f"{swapped_axes(shape, declared.shape)}"
        )
    if limits is None:
        return
    if explained(declared.limits, limits):
        raise DataError(
            f"the model was quantised for values from {_text(limits)}, and {said}",
            f"calibrate it with data that goes from {_text(declared.limits)}; or, if the model is "
            "right as it is, say so in the fixture",
        )


def check_alike(one: Fed, other: Fed) -> None:
    """Raise a DataError where two data sets were not prepared alike."""
    if one.preprocessing is not None and other.preprocessing is not None:
        differing = one.preprocessing.differences(other.preprocessing)
        if differing:
            raise DataError(
                f"{one.what} and {other.what} are read differently: {'; '.join(differing)}", _HINT
            )
        return
    mine, its = one.profile, other.profile
    if mine.shape != its.shape:
        swapped = swapped_axes(mine.shape, its.shape)
        if not swapped:
            return  # it is another model's
        raise DataError(
            f"{one.what} has samples of shape {mine.shape}, {other.what} of {its.shape}{swapped}",
            _HINT,
        )
    if _are_ranges_unlike(mine, its):
        ranges = [(p.low, p.high) for p in (mine, its)]
        why = explained(ranges[0], ranges[1])
        raise DataError(
            f"{one.what} goes from {_text(ranges[0])}, {other.what} from {_text(ranges[1])}",
            f"if {other.what} is what the model expects: {why}" if why else _HINT,
        )
    if _are_channels_swapped(mine, its):
        raise DataError(
            f"red and blue are swapped between {one.what} and {other.what}: in the one the first "
            "channel is brighter than the last, in the other as much darker (RGB and BGR)",
            "OpenCV reads BGR: image[..., ::-1] makes RGB of it. " + _HINT,
        )


def check_classes(evaluated: Dataset, calibrated: Dataset) -> None:
    """Raise a DataError where class folders are missing, which shifts the numbers of others."""
    ours, theirs = (tuple(getattr(data, "classes", ())) for data in (evaluated, calibrated))
    missing = [name for name in theirs if name not in ours]
    if (
        not missing
        or not set(ours) < set(theirs)
        or getattr(evaluated, "are_classes_stated", False)
    ):
        return
    raise DataError(
        f"evaluation_data has no class folder {', '.join(missing)}, and calibration_data has: they "
        "are numbered in the order of their names, so that the labels of others are shifted",
        "make an empty folder for each class without images; or state all classes in the order of "
        "the model's outputs: ImageFolder(..., classes=[...])",
    )


def explained(seen: Range, wanted: Range) -> str:
    """What turns values of the one range into the other, where it is a usual mistake."""
    for is_seen, is_wanted, advice in _MISTAKES:
        if _is_range(seen, is_seen) and _is_range(wanted, is_wanted):
            return advice
    return ""


_MISTAKES: tuple[tuple[Range, Range, str], ...] = (
    ((0, 1), (0, 255), "they were divided by 255, and the model takes 0 to 255: leave it out"),
    ((0, 255), (0, 1), "they are pixels, and the model takes 0 to 1: x / 255"),
    (
        (0, 1),
        (-1, 1),
        "they were divided by 255, and the model takes -1 to 1: x * 2 - 1, or x / 127.5 - 1 of the "
        "pixels",
    ),
    ((0, 1 / 255), (0, 1), "they were divided by 255 twice: once is enough"),
    ((0, 1 / 255), (0, 255), "they were divided by 255 twice, and the model takes 0 to 255"),
    ((0, 1 / 255), (-1, 1), "they were divided by 255 twice, and the model takes x / 127.5 - 1"),
    (
        (-1, 1),
        (0, 1),
        "they go from -1 to 1, and the model takes 0 to 1: (x + 1) / 2, or x / 255 of the pixels",
    ),
    ((0, 255), (-1, 1), "they are pixels, and the model takes -1 to 1: x / 127.5 - 1"),
    (
        (-1, 1),
        (0, 255),
        "they go from -1 to 1, and the model takes 0 to 255: leave it out",
    ),
)


def _is_range(seen: Range, usual: tuple[float, float]) -> bool:
    """Whether values go from about the one end of a range to about the other, and not beyond."""
    width = usual[1] - usual[0]
    begins = abs(seen[0] - usual[0]) <= 0.3 * width
    return begins and abs(seen[1] - usual[1]) <= 0.3 * width


def _are_ranges_unlike(mine: Profile, its: Profile) -> bool:
    """Whether one was scaled otherwise, as far as that shows in honest data.

    Nights are darker than days, and a sensor at rest is silent: a narrower range is no mistake. A
    usual one is, and so are pictures of ranges that no light explains.
    """
    ranges = [(p.low, p.high) for p in (mine, its)]
    narrow, wide = sorted(high - low for low, high in ranges)
    is_usual, is_far = bool(explained(*ranges)), wide > MOST_WIDER * narrow
    if not (mine.is_image and its.is_image):
        return is_usual and is_far
    are_enough = min(mine.samples, its.samples) >= LEAST_SAMPLES
    return is_usual or (is_far and are_enough)


def _are_channels_swapped(mine: Profile, its: Profile) -> bool:
    """Whether first and last channel differ in the one as they do, reversed, in the other."""
    if mine.channels is None or its.channels is None:
        return False
    if min(mine.samples, its.samples) < LEAST_SAMPLES:
        return False
    (of_mine, t_mine), (of_its, t_its) = (_first_over_last(p.channels) for p in (mine, its))
    is_clear = abs(t_mine) > CLEAR_T and abs(t_its) > CLEAR_T and of_mine * of_its < 0
    return is_clear and 0.5 < abs(of_mine / of_its) < 2


def _first_over_last(channels: object) -> tuple[float, float]:
    """By how much the first channel is brighter than the last, and its t statistic."""
    import numpy as np

    values = np.asarray(channels)
    difference = values[:, 0] - values[:, -1]
    error = float(difference.std(ddof=1)) / math.sqrt(len(difference))
    mean = float(difference.mean())
    return mean, mean / error if error else math.copysign(math.inf, mean)


def swapped_axes(mine: Sequence[int], its: Sequence[int | None]) -> str:
    """How two pictures differ that are the same but for the order of their axes; else ""."""
    if len(mine) == 3 and len(its) == 3 and mine != its:
        if (mine[2], mine[0], mine[1]) == its or (mine[1], mine[2], mine[0]) == its:
            return ": one has its channels last (NHWC), the other first (NCHW)"
        if (mine[1], mine[0], mine[2]) == its:
            return ": height and width are swapped"
    return ""


def _text(ends: Range) -> str:
    return f"{ends[0]:.4g} to {ends[1]:.4g}"
