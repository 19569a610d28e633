"""The values in a ``*.edge.toml`` file; one that cannot be is a UsageError without its place."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pytest_edgeai.errors import UsageError
from pytest_edgeai.model.source import ModelSource, ResolvedSource, resolve
from pytest_edgeai.model.variants import NAMES
from pytest_edgeai.suite.suite import Data

DATA_KEYS = ("path", "limit", "classes")
EXAMPLE = "[tests.ready]\nmax_size_mb = 4"
ELSEWHERE_CALLED = {
    "float": "converted",
    "float32": "converted",
    "fp32": "converted",
    "fp16": "float16",
}


def model(
    value: Any, folder: Path, signature: str | None, default_signature: str | None
) -> tuple[ResolvedSource, ModelSource]:
    """The model as it was found, and as the suite states it."""
    texts = value.values() if isinstance(value, dict) else [value]
    if value is None:
        raise UsageError("the model is missing", 'name it: model = "model.keras"')
    if not all(isinstance(text, str) for text in texts):
        raise UsageError(
            f"{value!r} names no model",
            'give a path, "package.module:function", or a table of .tflite files by variant',
        )
    try:
        source = resolve(ModelSource(value, signature=signature), [folder], default_signature)
    except UsageError as error:
        raise UsageError(error.message.removeprefix("edge_model: "), error.hint) from None
    location = source.files if isinstance(value, dict) else source.path or value
    return source, ModelSource(location, signature=signature)


def signature(value: Any) -> str:
    """The key of a signature."""
    if not isinstance(value, str) or not value:
        raise UsageError(f"{value!r} names no signature", 'give its key: signature = "detect"')
    return value


def data(value: Any, folder: Path, is_read_somehow: bool) -> Data:
    """A path, or a table of it and what goes with it; a folder where it is said how it is read."""
    table = value if isinstance(value, dict) else {"path": value}
    for key in table:
        if key not in DATA_KEYS:
            raise UsageError(f"there is no {key!r}", f"known: {', '.join(DATA_KEYS)}")
    name, limit = table.get("path"), table.get("limit")
    if not isinstance(name, str):
        raise UsageError(
            f"{value!r} names no data",
            'give "data.npz", or {path = "parts/train", limit = 200} for a folder of images',
        )
    if limit is not None and not (type(limit) is int and limit > 0):
        raise UsageError(f"limit must be a whole number from 1, not {limit!r}")
    classes = table.get("classes")
    if classes is not None:
        classes = names(classes, 'classes = ["good", "bent"]')
    path = (folder / Path(name).expanduser()).absolute()
    if not path.exists():
        raise UsageError(f"there is no {path}", "check the path: it counts from this file")
    if path.is_file() and classes is not None:
        raise UsageError(f"classes are those of a folder of images, and {path.name} is a file")
    if path.is_dir() and not is_read_somehow:
        raise UsageError(
            f"{path} is a folder, and how its images are read is not said",
            'add [preprocessing] with size = [224, 224] and scaling = "-1..1", as in training',
        )
    if path.is_file() and path.suffix.lower() not in (".npz", ".npy"):
        raise UsageError(f"{path} is no .npz or .npy file, nor a folder of images")
    return Data(path, limit, None if classes is None else tuple(classes))


def tables(value: Any) -> dict[str, Any]:
    """The tests by name."""
    if not isinstance(value, dict) or not value:
        wrong = "there are no tests" if value in (None, {}) else f"{value!r} is no table of tests"
        raise UsageError(wrong, f"add one:\n{EXAMPLE}")
    return value


def decoder(value: Any) -> str:
    """A name that ``edge_decoder`` may have."""
    from pytest_edgeai.measure.decoders import DECODERS

    if not isinstance(value, str) or value not in DECODERS:
        raise UsageError(
            f"{value!r} is no decoder",
            f"one of {', '.join(DECODERS)}; a function is an edge_decoder fixture in conftest.py",
        )
    return value


def preprocessing(key: str, value: Any) -> Any:
    """One argument of ``Preprocessing``, whatever the others are."""
    from pytest_edgeai.model.preprocessing import Preprocessing

    given = tuple(value) if key == "size" and isinstance(value, list) else value
    right: dict[str, Any] = {"size": (1, 1), "scaling": "0..1"}
    try:
        Preprocessing(**{**right, key: given})
    except UsageError as error:
        size = "the height and width of the model's input, such as size = [224, 224]"
        hint = size if key == "size" else error.hint
        raise UsageError(error.message.removeprefix("Preprocessing: "), hint) from None
    return given


def variants(value: Any, files: tuple[str, ...]) -> tuple[str, ...]:
    """Variants that there are; of ready files those that are given."""
    given, known = names(value, 'variants = ["int8"]'), files or NAMES
    unknown = [name for name in given if name not in known]
    if unknown:
        meant = [found for name in unknown if (found := _meant(name)) in known]
        hint = f"did you mean {', '.join(meant)}? " if meant else ""
        raise UsageError(
            f"{', '.join(map(repr, unknown))} is not a variant"
            + (" that the model has a file of" if files else ""),
            f"{hint}known: {', '.join(known)}",
        )
    return tuple(given)


def _meant(name: str) -> str:
    """The variant that is called so elsewhere, or is nearest; empty for none."""
    plain = re.sub(r"[^a-z0-9]", "", name.lower())
    near = get_close_matches(ELSEWHERE_CALLED.get(plain, plain), NAMES, 1, cutoff=0.8)
    return near[0] if near else ""


def names(value: Any, example: str) -> list[str]:
    """A list of names, each once."""
    if isinstance(value, str):
        key = example.partition(" = ")[0]
        raise UsageError(
            f"must be a list of names, not {value!r}", f"write {key} = [{json.dumps(value)}]"
        )
    if not isinstance(value, list) or not all(isinstance(e, str) for e in value):
        raise UsageError(f"must be a list of names, not {value!r}", f"for example {example}")
    if not value:
        raise UsageError("the list is empty", f"take the line out, or name one: {example}")
    twice = next((name for name in value if value.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice!r} is there twice")
    return value
