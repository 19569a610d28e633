"""Images in folders, read as a model expects them: the preprocessing is named, never guessed."""

from __future__ import annotations

import copy
import hashlib
import io
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from pytest_edgeai.errors import DataError, UsageError
from pytest_edgeai.model.dataset import Dataset, batch_slices
from pytest_edgeai.model.folder import files_under
from pytest_edgeai.model.labels import sample_indices
from pytest_edgeai.units import count

if TYPE_CHECKING:
    from PIL import Image

Scaling = Literal["0..1", "-1..1", "0..255"]
Color = Literal["rgb", "grey", "gray"]
Resize = Literal["bilinear", "nearest", "bicubic", "lanczos", "box", "hamming"]

_DIVISOR_AND_OFFSET = {"0..1": (255.0, 0.0), "-1..1": (127.5, -1.0), "0..255": (1.0, 0.0)}
_PILLOW_MODES = {"rgb": "RGB", "grey": "L", "gray": "L"}
_RESIZES = ("bilinear", "nearest", "bicubic", "lanczos", "box", "hamming")
_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Preprocessing:
    """From an image file to float32 of shape (height, width, 3), or 1 for grey."""

    size: tuple[int, int]
    scaling: str
    color: str
    resize: str

    def __post_init__(self) -> None:
        _refuse_unknown("scaling", self.scaling, _DIVISOR_AND_OFFSET)
        _refuse_unknown("color", self.color, _PILLOW_MODES)
        _refuse_unknown("resize", self.resize, _RESIZES)
        if not _is_size(self.size):
            raise UsageError(
                f"ImageFolder: size={self.size!r} is not (height, width) in pixels.",
                "Give the height and width of the model's input, such as size=(224, 224).",
            )

    def read(self, path: Path) -> npt.NDArray[np.float32]:
        """The pixels of one file; a DataError names a file that cannot be read."""
        pixels = np.asarray(self._decode(path), dtype=np.float32)
        divisor, offset = _DIVISOR_AND_OFFSET[self.scaling]
        return (pixels / divisor + offset).reshape(*self.size, -1)

    def describe(self) -> str:
        height, width = self.size
        return f"{height}x{width} {self.color}, {self.resize}, {self.scaling}"

    def _decode(self, path: Path) -> Image.Image:
        try:
            from PIL import Image, ImageOps
        except ImportError as error:
            raise UsageError(
                f"Pillow, which reads {path}, cannot be imported: {error}",
                "Install it where pytest runs: python -m pip install pillow",
            ) from error
        content = io.BytesIO(_content(path))
        try:
            with Image.open(content) as opened:
                upright = ImageOps.exif_transpose(opened)
        except Exception as error:  # decoders raise whatever they ran into
            raise DataError(
                f"{path} cannot be read as an image: {error}",
                "Repair the file or take it out of the folder.",
            ) from error
        _refuse_deep(upright.mode, path)
        method = Image.Resampling[self.resize.upper()]
        return upright.convert(_PILLOW_MODES[self.color]).resize(self.size[::-1], method)


class ImageFolder:
    """Images of one sub-folder per class, or, without labels, directly in ``root``.

    Classes are numbered by sorted folder name; images further down belong to the class folder they
    are under. Hidden files and files that do not end as images do are left out. EXIF orientation
    is applied. Resizing is Pillow's, which averages when it shrinks (but for ``nearest``);
    ``tf.image.resize`` does so only with ``antialias=True``.

    Args:
        root: the folder.
        size: (height, width) in pixels.
        scaling: the range that pixel values of 0 to 255 are brought to.
        color: ``rgb`` for batches of shape (n, height, width, 3), ``grey`` or ``gray`` for
            (n, ..., 1).
        resize: the resampling method.
        limit: as ``take(limit, seed)``.

    Raises:
        DataError: no folder, no images, a class without images, or images beside class folders.
        UsageError: a size, scaling, color or resize that there is not.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        size: tuple[int, int],
        scaling: Scaling,
        color: Color = "rgb",
        resize: Resize = "bilinear",
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        self.preprocessing = Preprocessing(size, scaling, color, resize)
        self.root = Path(root)
        by_class = _images_by_class(self.root.absolute())
        self.classes = tuple(name for name in by_class if name)
        self.paths = tuple(path for paths in by_class.values() for path in paths)
        self.labels: npt.NDArray[np.int64] | None = None
        if self.classes:
            sizes = [len(paths) for paths in by_class.values()]
            self.labels = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
        self._keep(sample_indices(len(self), self.labels, limit, seed))

    def __len__(self) -> int:
        return len(self.paths)

    def __repr__(self) -> str:
        return f"<ImageFolder: {self.describe()}>"

    def batches(self, size: int) -> Iterator[npt.NDArray[np.float32]]:
        for part in batch_slices(len(self), size):
            yield np.stack([self.preprocessing.read(path) for path in self.paths[part]])

    def take(self, limit: int | None, seed: int = 0) -> Dataset:
        keep = sample_indices(len(self), self.labels, limit, seed)
        return self if keep is None else self.pick(keep)

    def pick(self, indices: npt.NDArray[np.intp]) -> Dataset:
        picked = copy.copy(self)
        picked._keep(indices)
        return picked

    def digest(self) -> str:
        sha256 = hashlib.sha256(self.preprocessing.describe().encode())
        if self.labels is not None:
            sha256.update(self.labels.astype("<i8").tobytes())
        for path in self.paths:
            sha256.update(hashlib.sha256(_content(path)).digest())
        return sha256.hexdigest()

    def describe(self) -> str:
        classes = f"{len(self.classes):,} class{'es' if len(self.classes) > 1 else ''}"
        return (
            f"images under {self.root.as_posix()}/: {count(len(self), 'file')}, "
            f"{classes if self.classes else 'no labels'}, {self.preprocessing.describe()}"
        )

    def _keep(self, indices: npt.NDArray[np.intp] | None) -> None:
        if indices is None:
            return
        self.paths = tuple(self.paths[index] for index in indices)
        self.labels = None if self.labels is None else self.labels[indices]


def _images_by_class(root: Path) -> dict[str, list[Path]]:
    """Image paths by class name, both sorted; images directly in ``root`` have the name ''."""
    if not root.is_dir():
        problem = "is a file" if root.exists() else "does not exist"
        raise DataError(
            f"ImageFolder: {root} {problem}.",
            f"Give a folder; relative paths start at the working directory, {Path.cwd()}.",
        )
    loose = _images(root.iterdir(), root)
    folders = sorted(path for path in root.iterdir() if path.is_dir() and not _hidden(path, root))
    by_class = {folder.name: _images(files_under(folder), root) for folder in folders}
    if not loose:
        _refuse_empty(by_class, root)
        return by_class
    mixed = [name for name, paths in by_class.items() if paths]
    if mixed:
        raise DataError(
            f"ImageFolder: {root} has {count(len(loose), 'image')} of its own ({loose[0].name}) "
            f"beside folders with images ({', '.join(mixed)}).",
            "Put every image into the folder of its class, or all of them directly into the root.",
        )
    return {"": loose}


def _images(paths: Iterator[Path], root: Path) -> list[Path]:
    images = (p for p in paths if p.suffix.lower() in _SUFFIXES and not _hidden(p, root))
    return sorted((path for path in images if path.is_file()), key=Path.as_posix)


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _refuse_empty(by_class: dict[str, list[Path]], root: Path) -> None:
    endings = f"Image files end in {', '.join(_SUFFIXES)}."
    empty = [name for name, paths in by_class.items() if not paths]
    if len(empty) == len(by_class):
        others = sorted({p.suffix or p.name for p in root.rglob("*") if p.is_file()})
        found = f"only files that end in {', '.join(others[:5])}" if others else "no files"
        raise DataError(f"ImageFolder: {root} has no images, {found}.", endings)
    if empty:
        raise DataError(
            f"ImageFolder: {root} has classes without images: {', '.join(empty)}.",
            f"Add images or remove the folders. {endings}",
        )


def _refuse_unknown(option: str, value: object, known: Iterable[str]) -> None:
    if value not in tuple(known):
        names = ", ".join(f'"{name}"' for name in known)
        raise UsageError(f"ImageFolder: there is no {option}={value!r}.", f"Known are {names}.")


def _refuse_deep(mode: str, path: Path) -> None:
    # Pillow clips these to 255 on the way to 8 bits, which leaves a white picture.
    if mode == "F" or mode.startswith("I"):
        raise DataError(
            f"{path} has more than 8 bits per channel (Pillow mode {mode}).",
            "Convert it to 8 bits in the way that the training did.",
        )


def _is_size(size: object) -> bool:
    return (
        isinstance(size, (tuple, list))
        and len(size) == 2
        and all(isinstance(side, (int, np.integer)) and side > 0 for side in size)
    )


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read: {error}", "The file was there when ImageFolder was made."
        ) from error
