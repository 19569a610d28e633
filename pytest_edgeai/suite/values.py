"""The values in a ``*.edge.toml`` file; one that cannot be is a UsageError without its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.markers import parse_marker
from pytest_edgeai.model.source import ModelSource, resolve
from pytest_edgeai.model.variants import VARIANTS
from pytest_edgeai.suite.suite import Data, Marking, own_variants

DATA_KEYS = ("path", "limit")
EXAMPLE = "[tests.ready]\nmax_size_mb = 4"


def model(value: Any, folder: Path) -> tuple[tuple[str, ...], ModelSource]:
    """The variants that it is, where it is not converted, and the model."""
    texts = value.values() if isinstance(value, dict) else [value]
    if value is None:
        raise UsageError("the model is missing", 'name it: model = "model.keras"')
    if not all(isinstance(text, str) for text in texts):
        raise UsageError(
            f"{value!r} names no model",
            'give a path, "package.module:function", or a table of .tflite files by variant',
        )
    try:
        source = resolve(value, [folder])
    except UsageError as error:
        raise UsageError(error.message.removeprefix("edge_model: "), error.hint) from None
    location = source.files if isinstance(value, dict) else source.path or value
    return own_variants(source) if source.files else (), ModelSource(location)


def data(value: Any, folder: Path, is_read_somehow: bool) -> Data:
    """A path, or a table of a path and a limit; a folder where it is said how images are read."""
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
    path = (folder / Path(name).expanduser()).absolute()
    if not path.exists():
        raise UsageError(f"there is no {path}", "check the path: it counts from this file")
    if path.is_dir() and not is_read_somehow:
        raise UsageError(
            f"{path} is a folder, and how its images are read is not said",
            'add [preprocessing] with size = [224, 224] and scaling = "-1..1", as in training',
        )
    if path.is_file() and path.suffix.lower() not in (".npz", ".npy"):
        raise UsageError(f"{path} is no .npz or .npy file, nor a folder of images")
    return Data(path, limit)


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


def variants(value: Any, files: tuple[str, ...]) -> tuple[str, ...]:
    """Variants that there are; of ready files those that are given."""
    given, known = names(value), files or VARIANTS
    unknown = [name for name in given if name not in known]
    if unknown:
        raise UsageError(
            f"{', '.join(map(repr, unknown))} is not a variant"
            + (" that the model has a file of" if files else ""),
            f"known: {', '.join(known)}",
        )
    return tuple(given)


def names(value: Any) -> list[str]:
    """A list of names, each once."""
    if not isinstance(value, list) or not value or not all(isinstance(e, str) for e in value):
        raise UsageError(f"must be a list of names, not {value!r}")
    twice = next((name for name in value if value.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice!r} is there twice")
    return value


def budgets(name: str, value: Any) -> list[Marking]:
    """The marks of one marker, the last first, as decorators are applied."""
    values = value if isinstance(value, list) else [value]
    if not values:
        raise UsageError("the list is empty: there is no limit in it")
    return [_budget(name, one) for one in reversed(values)]


def _budget(name: str, value: Any) -> Marking:
    if value is False or not isinstance(value, bool | int | float | str | dict):
        raise UsageError(
            f"a budget is a limit, a table of arguments, or true where it takes none, not {value!r}"
        )
    args = () if value is True or isinstance(value, dict) else (value,)
    mark = Marking(name, args, value if isinstance(value, dict) else {})
    try:
        parse_marker(*mark[:2], dict(mark.kwargs))
    except UsageError as error:
        raise UsageError(error.message.removeprefix(f"@{name}: "), error.hint) from None
    return mark
