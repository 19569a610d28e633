"""Images in folders, read as a model expects them."""

from __future__ import annotations

import copy
import hashlib
import os
import reprlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pytest_edgeai.errors import DataError, UsageError, shown
from pytest_edgeai.model.dataset import Dataset, batch_slices, in_threads
from pytest_edgeai.model.folder import files_under
from pytest_edgeai.model.labels import sample_indices
from pytest_edgeai.model.preprocessing import Preprocessing, content
from pytest_edgeai.units import count

_SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


class ImageFolder:
    """Images of one sub-folder per class, or, without labels, directly in ``root``.

    Classes are numbered by sorted folder name, empty folders among them; images further down belong
    to the class folder they are under. Hidden files and files that do not end as images do are left
    out. EXIF orientation is applied.

    Args:
        root: the folder.
        preprocessing: how images are read.
        limit: as ``take(limit, seed)``.
        classes: names of the class folders in the order of the model's outputs; there need not be
            a folder for each, but none beside them.

    Raises:
        DataError: no folder, no images, images beside class folders, a folder of other files, or
            one that is none of the ``classes``.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        preprocessing: Preprocessing,
        *,
        limit: int | None = None,
        seed: int = 0,
        classes: Sequence[str] | None = None,
    ) -> None:
        self.preprocessing = _checked(preprocessing)
        self.root = _path(root)
        self.are_classes_stated = classes is not None
        by_class = _images_by_class(self.root.absolute(), classes)
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
        vars(picked).pop("_digest", None)
        picked._keep(indices)
        return picked

    def digest(self) -> str:
        return self._digest

    @cached_property
    def _digest(self) -> str:
        sha256 = hashlib.sha256(self.preprocessing.describe().encode())
        if self.labels is not None:
            sha256.update(self.labels.astype("<i8").tobytes())
        for fingerprint in self.fingerprints():
            sha256.update(fingerprint)
        return sha256.hexdigest()

    def fingerprints(self) -> Iterator[bytes]:
        yield from in_threads(_digest, self.paths)

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


def _digest(path: Path) -> bytes:
    return hashlib.sha256(content(path)).digest()


def _path(root: object) -> Path:
    try:
        return Path(root)  # type: ignore[arg-type]
    except Exception:
        raise UsageError(
            f"ImageFolder: root is {shown(root)}, which is no path.", "Give the path of a folder."
        ) from None


def _checked(preprocessing: object) -> Preprocessing:
    if isinstance(preprocessing, Preprocessing):
        return preprocessing
    raise UsageError(
        f"ImageFolder: preprocessing is {shown(preprocessing)}, which is no Preprocessing.",
        'Give Preprocessing(size=(224, 224), scaling="0..1"); where a function of your own reads '
        "the images, return the arrays that it makes: (inputs, labels).",
    )


def _images_by_class(root: Path, stated: Sequence[str] | None) -> dict[str, list[Path]]:
    """Image paths by class, as stated or sorted; images directly in ``root`` have the name ''."""
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
        _refuse_without_images(by_class, root)
        return by_class if stated is None else _in_order(by_class, stated, root)
    mixed = [name for name, paths in by_class.items() if paths]
    if mixed:
        raise DataError(
            f"ImageFolder: {root} has {count(len(loose), 'image')} of its own ({loose[0].name}) "
            f"beside folders with images ({', '.join(mixed)}).",
            "Put every image into the folder of its class, or all of them directly into the root.",
        )
    if stated is not None:
        raise DataError(
            f"ImageFolder: {root} has {count(len(loose), 'image')} and no class folders.",
            "Put every image into the folder of its class, or leave classes= out.",
        )
    return {"": loose}


def _in_order(
    by_class: dict[str, list[Path]], stated: Sequence[str], root: Path
) -> dict[str, list[Path]]:
    names = list(stated)
    if isinstance(stated, str) or len(set(names)) < len(names):
        raise DataError(
            f"ImageFolder: classes={reprlib.repr(stated)} is no list of different names.",
            "Give the names of the class folders in the order of the model's outputs.",
        )
    unknown = [name for name in by_class if name not in names]
    if unknown:
        raise DataError(
            f"ImageFolder: {root} has folders that are none of the classes: {', '.join(unknown)}.",
            f"Add them to classes, or move them elsewhere; it has {reprlib.repr(names)}.",
        )
    return {name: by_class.get(name, []) for name in names}


def _images(paths: Iterator[Path], root: Path) -> list[Path]:
    images = (p for p in paths if p.suffix.lower() in _SUFFIXES and not _hidden(p, root))
    return sorted((path for path in images if path.is_file()), key=Path.as_posix)


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)


def _refuse_without_images(by_class: dict[str, list[Path]], root: Path) -> None:
    """An empty folder is a class without images; one of other files may be anything."""
    endings = f"Image files end in {', '.join(_SUFFIXES)}."
    if not any(by_class.values()):
        others = _other_files(root, root)
        found = f"only files that end in {', '.join(others[:5])}" if others else "no files"
        raise DataError(f"ImageFolder: {root} has no images, {found}.", endings)
    others = [name for name, images in by_class.items() if not images]
    others = [name for name in others if _other_files(root / name, root)]
    if others:
        raise DataError(
            f"ImageFolder: {root} has folders of other files than images: {', '.join(others)}.",
            "Convert the images in them, or move the files elsewhere: an empty folder is a class "
            f"without images, and keeps its number. {endings}",
        )


def _other_files(folder: Path, root: Path) -> list[str]:
    """How the files end that are in a folder."""
    files = (path for path in folder.rglob("*") if path.is_file() and not _hidden(path, root))
    return sorted({path.suffix or path.name for path in files})
