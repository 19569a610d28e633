"""What a suite without Python states: plain data, from a file or from the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_edgeai.model.source import ModelSource

if TYPE_CHECKING:
    from pytest_edgeai.model.preprocessing import Preprocessing


class Marking(NamedTuple):
    """A mark that a test gets."""

    name: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = {}


@dataclass(frozen=True)
class Data:
    """Where data are: an ``.npz`` or ``.npy`` file, or a folder of images.

    Attributes:
        limit: use a stratified, seeded sample of so many.
        classes: of a folder, the class folders in the order of the model's outputs.
    """

    path: Path
    limit: int | None = None
    classes: tuple[str, ...] | None = None


@dataclass(frozen=True)
class SuiteTest:
    """One table under ``tests``.

    Attributes:
        variants: those that it runs with; none for the run's own, or for what a file is.
        marks: of its budgets, and further ones.
        line: of the table.
        marker_lines: of each budget, by its marker.
    """

    name: str
    variants: tuple[str, ...]
    marks: tuple[Marking, ...]
    line: int = 1
    marker_lines: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Suite:
    """A whole file; None is what it leaves to the fixtures of a ``conftest.py``."""

    model: ModelSource
    tests: tuple[SuiteTest, ...]
    calibration_data: Data | None = None
    evaluation_data: Data | None = None
    decoder: str | None = None
    preprocessing: Preprocessing | None = None
