"""How a variant is made."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pytest_edgeai.errors import UsageError
from pytest_edgeai.model.proof import EdgeType
from pytest_edgeai.model.variants import VARIANTS, Variant

CALIBRATED: tuple[Variant, ...] = ("int8", "int16x8")


@dataclass(frozen=True)
class Recipe:
    """What the converter is told.

    Attributes:
        variant: the way to convert.
        int8_io: dtype of the int8 variant's inputs and outputs; ``None`` for the other variants.
    """

    variant: str
    int8_io: EdgeType | None = None

    @property
    def needs_calibration(self) -> bool:
        """Whether a representative dataset is needed to find the ranges of activations."""
        return self.variant in CALIBRATED

    def as_dict(self) -> dict[str, str | None]:
        """Plain data, for the job and the cache key."""
        return asdict(self)


def recipe(variant: str, int8_io: EdgeType = "uint8") -> Recipe:
    """The recipe of a variant.

    Raises:
        UsageError: no conversion makes it.
    """
    if variant not in VARIANTS:
        raise UsageError(
            f"no conversion makes a model that is {variant!r}: only a ready .tflite file may be",
            f"list variants that are converted: {', '.join(VARIANTS)}",
        )
    return Recipe(variant, int8_io if variant == "int8" else None)
