"""How a variant is made."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pytest_edgeai.model.proof import EdgeType
from pytest_edgeai.model.variants import Variant

CALIBRATED: tuple[Variant, ...] = ("int8", "int16x8")


@dataclass(frozen=True)
class Recipe:
    """What the converter is told.

    Attributes:
        variant: the way to convert.
        int8_io: dtype of the int8 variant's inputs and outputs; ``None`` for the other variants.
    """

    variant: Variant
    int8_io: EdgeType | None = None

    @property
    def needs_calibration(self) -> bool:
        """Whether a representative dataset is needed to find the ranges of activations."""
        return self.variant in CALIBRATED

    def as_dict(self) -> dict[str, str | None]:
        """Plain data, for the job and the cache key."""
        return asdict(self)


def recipe(variant: Variant, int8_io: EdgeType = "uint8") -> Recipe:
    """The recipe of a variant."""
    return Recipe(variant, int8_io if variant == "int8" else None)
