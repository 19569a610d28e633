"""Where a model comes from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from pytest_edgeai.errors import UsageError
from pytest_edgeai.model.folder import files_under
from pytest_edgeai.model.variants import NAMES

Kind = Literal["keras", "saved_model", "builder", "live", "tflite"]

_BUILDER = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_SAVED_MODEL_FILES = ("saved_model.pb", "saved_model.pbtxt")
_ACCEPTED = (
    "a path to a .h5, .keras or .tflite file or a SavedModel folder, "
    '"package.module:function", a Keras model, or a mapping from variant to .tflite files'
)


@dataclass(frozen=True)
class ModelSource:
    """What is converted, or the ``.tflite`` files that are ready.

    Return one from an ``edge_model`` fixture to say more than a path can.

    Args:
        location: a path to a ``.h5``, ``.keras`` or ``.tflite`` file or a SavedModel folder;
            ``"package.module:function"`` that builds a Keras model; a Keras model; or a mapping
            from variant to ``.tflite`` file.
        safe_mode: keep Keras from running code that is stored in the file (Lambda layers).
        signature: which one is meant, where the model has several.
    """

    location: Any
    safe_mode: bool = True
    signature: str | None = None


@dataclass(frozen=True)
class ResolvedSource:
    """A source that was found.

    Attributes:
        kind: how it is read.
        name: what messages call it.
        path: the file or folder, for the kinds that have one.
        target: ``"module:function"`` of a builder.
        folders: where a builder's module is looked up before ``sys.path``.
        model: the live Keras model.
        files: the ready ``.tflite`` files by variant; ``""`` for one that was given alone.
        safe_mode: as in ``ModelSource``.
        signature: the one that is named; "" for none.
    """

    kind: Kind
    name: str
    path: Path | None = None
    target: str = ""
    folders: tuple[Path, ...] = ()
    model: Any = field(default=None, repr=False)
    files: Mapping[str, Path] = field(default_factory=dict, hash=False)
    safe_mode: bool = True
    signature: str = ""


def resolve(
    value: Any, folders: Iterable[Path], default_signature: str | None = None
) -> ResolvedSource:
    """Find a source; relative paths are looked up in ``folders``, in that order.

    Args:
        default_signature: the one that is meant where the source names none.

    Raises:
        UsageError: nothing is there, or it is nothing that can be converted.
    """
    source = value if isinstance(value, ModelSource) else ModelSource(value)
    signature = (default_signature or None) if source.signature is None else source.signature
    if signature is not None and not (isinstance(signature, str) and signature):
        raise UsageError(f"edge_model: {signature!r} names no signature", 'give its key: "detect"')
    found = _located(source, list(folders))
    if not signature:
        return found
    return replace(found, signature=signature, name=f"{found.name}:{signature}")


def _located(source: ModelSource, folders: list[Path]) -> ResolvedSource:
    location = source.location
    if isinstance(location, Mapping):
        return _ready_files(location, folders)
    if isinstance(location, str) and _BUILDER.fullmatch(location):
        return _builder(location, folders)
    if isinstance(location, str | Path):
        path = _saved_model(_find(location, folders))
        kind = _kind_of(path)
        files = {"": path} if kind == "tflite" else {}
        return ResolvedSource(kind, _name(path), path, files=files, safe_mode=source.safe_mode)
    if hasattr(location, "get_weights") and hasattr(location, "export"):
        name = f"{getattr(location, 'name', '') or type(location).__name__} (live)"
        return ResolvedSource("live", name, model=location)
    raise UsageError(
        f"edge_model: a {type(location).__name__} is not a model source", f"give {_ACCEPTED}"
    )


def content_digest(path: Path) -> str:
    """SHA-256 of a file, or of a folder's relative paths and contents, as hex."""
    if path.is_file():
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return digest.hexdigest()
    files = sorted(files_under(path))
    lines = [f"{file.relative_to(path).as_posix()}\0{content_digest(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _builder(target: str, folders: list[Path]) -> ResolvedSource:
    module, _, function = target.partition(":")
    if module.endswith(".py"):
        raise UsageError(
            f'edge_model: "{target}" names a file, not a module',
            f'give "{module.removesuffix(".py")}:{function}"',
        )
    return ResolvedSource("builder", target, target=target, folders=tuple(folders))


def _ready_files(files: Mapping[Any, Any], folders: list[Path]) -> ResolvedSource:
    unknown = [str(name) for name in files if name not in NAMES]
    if unknown or not files:
        raise UsageError(
            f"edge_model: {', '.join(unknown) or 'an empty mapping'}: not a variant",
            f"give .tflite files by variant: {', '.join(NAMES)}",
        )
    found = {str(variant): _find(path, folders) for variant, path in files.items()}
    names = list(dict.fromkeys(path.name for path in found.values()))
    return ResolvedSource("tflite", ", ".join(names), files=found)


def _find(location: str | Path, folders: list[Path]) -> Path:
    path = Path(location).expanduser()
    candidates = [path] if path.is_absolute() else [folder / path for folder in folders]
    candidates = list(dict.fromkeys(candidate.absolute() for candidate in candidates))
    for candidate in candidates:
        if candidate.exists():
            return candidate
    tried = " nor ".join(str(candidate) for candidate in candidates)
    raise UsageError(
        f"edge_model: there is no {tried}",
        'check the path, or train the model first; a function that builds it is "module:function"',
    )


def _kind_of(path: Path) -> Kind:
    if path.is_dir():
        return "saved_model"
    suffix = path.suffix.lower()
    if suffix in (".h5", ".hdf5", ".keras"):
        return "keras"
    if suffix in (".tflite", ".lite"):
        return "tflite"
    raise UsageError(
        f"edge_model: {path}: unknown kind of file {path.suffix!r}", f"give {_ACCEPTED}"
    )


def _saved_model(path: Path) -> Path:
    """The folder of a SavedModel, where its file or the folder of its versions was given.

    Of several versions it is the newest, as for TensorFlow Serving.
    """
    if path.name in _SAVED_MODEL_FILES and path.is_file():
        return path.parent
    if not path.is_dir() or _holds_saved_model(path):
        return path
    versions = [each for each in path.iterdir() if each.name.isdecimal()]
    versions = [each for each in versions if _holds_saved_model(each)]
    if not versions:
        raise UsageError(
            f"edge_model: the folder {path} holds no saved_model.pb, nor does a numbered folder "
            "in it",
            f"give {_ACCEPTED}",
        )
    return max(versions, key=lambda each: int(each.name))


def _holds_saved_model(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _SAVED_MODEL_FILES)


def _name(path: Path) -> str:
    """A version is named with the folder that it is in."""
    return f"{path.parent.name}/{path.name}" if path.name.isdecimal() else path.name
