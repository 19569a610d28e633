"""How an image becomes a model's input: part of the model's contract, said once."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from pytest_edgeai.errors import DataError, UsageError

if TYPE_CHECKING:
    from PIL import Image

Scaling = Literal["0..1", "-1..1", "0..255"]
Color = Literal["rgb", "bgr", "grey", "gray"]
Layout = Literal["nhwc", "nchw"]
Resize = Literal["bilinear", "nearest", "bicubic", "lanczos", "box", "hamming"]

_DIVISOR_AND_OFFSET = {"0..1": (255.0, 0.0), "-1..1": (127.5, -1.0), "0..255": (1.0, 0.0)}
_PILLOW_MODES = {"rgb": "RGB", "bgr": "RGB", "grey": "L", "gray": "L"}
_RESIZES = ("bilinear", "nearest", "bicubic", "lanczos", "box", "hamming")
_LAYOUTS = ("nhwc", "nchw")


@dataclass(frozen=True)
class Preprocessing:
    """From an image to float32 as a model takes it.

    Resizing is Pillow's, which averages when it shrinks (but for ``nearest``); ``tf.image.resize``
    does so only with ``antialias=True``.

    Args:
        size: (height, width) in pixels.
        scaling: the range that pixel values of 0 to 255 are brought to.
        color: the order of the channels, or ``gray`` (``grey``) for a single one.
        layout: ``nhwc`` for (height, width, channels), as TensorFlow has it; ``nchw`` for
            (channels, height, width), as PyTorch has it.
        resize: the resampling method.

    Raises:
        UsageError: a size, scaling, color, layout or resize that there is not.
    """

    size: tuple[int, int]
    scaling: Scaling
    color: Color = "rgb"
    layout: Layout = "nhwc"
    resize: Resize = "bilinear"

    def __post_init__(self) -> None:
        _refuse_unknown("scaling", self.scaling, _DIVISOR_AND_OFFSET)
        _refuse_unknown("color", self.color, _PILLOW_MODES)
        _refuse_unknown("layout", self.layout, _LAYOUTS)
        _refuse_unknown("resize", self.resize, _RESIZES)
        if not _is_size(self.size):
            raise UsageError(
                f"Preprocessing: size={self.size!r} is not (height, width) in pixels.",
                "Give the height and width of the model's input, such as size=(224, 224).",
            )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one sample."""
        channels = 1 if _PILLOW_MODES[self.color] == "L" else 3
        height, width = (int(side) for side in self.size)
        return (channels, height, width) if self.layout == "nchw" else (height, width, channels)

    @property
    def limits(self) -> tuple[float, float]:
        """What pixel values of 0 and 255 become."""
        divisor, offset = _DIVISOR_AND_OFFSET[self.scaling]
        return offset, 255 / divisor + offset

    def read(self, path: Path) -> npt.NDArray[np.float32]:
        """One file as a sample of shape ``shape``.

        Raises:
            DataError: a file that cannot be read, or has more than 8 bits per channel.
        """
        return self.apply(_decoded(path), str(path))

    def apply(self, image: Image.Image, what: str = "the image") -> npt.NDArray[np.float32]:
        """A Pillow image as a sample of shape ``shape``.

        Raises:
            DataError: more than 8 bits per channel.
        """
        from PIL import Image

        _refuse_deep(image.mode, what)
        method = Image.Resampling[self.resize.upper()]
        resized = image.convert(_PILLOW_MODES[self.color]).resize(self.size[::-1], method)
        divisor, offset = _DIVISOR_AND_OFFSET[self.scaling]
        pixels = np.asarray(resized, dtype=np.float32).reshape(*self.size, -1) / divisor + offset
        pixels = pixels[..., ::-1] if self.color == "bgr" else pixels
        return pixels.transpose(2, 0, 1) if self.layout == "nchw" else pixels

    def describe(self) -> str:
        """All of it, in a few words."""
        height, width = self.size
        return f"{height}x{width} {self.color} {self.layout}, {self.resize}, {self.scaling}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data: for a report, or for the program that feeds the model on the device."""
        return {**asdict(self), "size": [int(side) for side in self.size]}

    def differences(self, other: Preprocessing) -> list[str]:
        """In which points another one differs: ``color rgb, not bgr``."""
        return [
            f"{field.name} {mine}, not {its}"
            for field in fields(self)
            if (mine := getattr(self, field.name)) != (its := getattr(other, field.name))
        ]


def _decoded(path: Path) -> Image.Image:
    """The image in a file, turned as its EXIF data says."""
    try:
        from PIL import Image, ImageOps
    except ImportError as error:
        raise UsageError(
            f"Pillow, which reads {path}, cannot be imported: {error}",
            "Install it where pytest runs: python -m pip install pillow",
        ) from error
    file = io.BytesIO(content(path))
    try:
        with Image.open(file) as opened:
            return ImageOps.exif_transpose(opened)
    except Exception as error:  # decoders raise whatever they ran into
        raise DataError(
            f"{path} cannot be read as an image: {error}",
            "Repair the file or take it out of the folder.",
        ) from error


def content(path: Path) -> bytes:
    """The bytes of an image file.

    Raises:
        DataError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error}", "The file was there when ImageFolder was made."
        ) from error


def _refuse_unknown(option: str, value: object, known: Iterable[str]) -> None:
    if value not in tuple(known):
        names = ", ".join(f'"{name}"' for name in known)
        raise UsageError(f"Preprocessing: there is no {option}={value!r}.", f"Known are {names}.")


def _refuse_deep(mode: str, what: str) -> None:
    # Pillow clips these to 255 on the way to 8 bits, which leaves a white picture.
    if mode == "F" or mode.startswith("I"):
        raise DataError(
            f"{what} has more than 8 bits per channel (Pillow mode {mode}).",
            "Convert it to 8 bits in the way that the training did.",
        )


def _is_size(size: object) -> bool:
    return (
        isinstance(size, (tuple, list))
        and len(size) == 2
        and all(isinstance(side, (int, np.integer)) and side > 0 for side in size)
    )
