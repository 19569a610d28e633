"""Options: each a flag with an ini twin; first the flag counts, then ini, then the default.

Every pytest start imports this module, so its classes are plain: making a frozen dataclass takes
a millisecond.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_edgeai.model.proof import EdgeType

REPORT_SUFFIXES = (".json",)


def positive_float(text: str) -> float:
    """A number over 0."""
    number = float(text)
    if not 0 < number < float("inf"):
        raise ValueError(f"must be over 0, not {text}")
    return number


def positive_int(text: str) -> int:
    """A whole number from 1."""
    number = int(text)
    if number < 1:
        raise ValueError(f"must be from 1, not {text}")
    return number


def confidence(text: str) -> float:
    """A number between 0 and 1."""
    number = float(text)
    if not 0 < number < 1:
        raise ValueError(f"must be between 0 and 1, not {text}")
    return number


class Option:
    """One setting: ``--edge-<name>`` and ini ``edge_<name>``."""

    def __init__(
        self,
        name: str,
        help: str,
        default: Any = None,
        type: Callable[[str], Any] = str,
        choices: tuple[str, ...] = (),
        metavar: str | None = None,
        repeat: bool = False,
    ) -> None:
        self.name, self.help, self.default = name, help, default
        self.type, self.choices, self.metavar, self.repeat = type, choices, metavar, repeat
        self.flag = f"--edge-{name.replace('_', '-')}"
        self.ini = f"edge_{name}"


OPTIONS = (
    Option("device", "device to test on, from [tool.pytest-edgeai.devices.NAME] in pyproject.toml "
           "or [devices.NAME] in edgeai.toml; repeat for several (default: local)",
           ("local",), metavar="NAME", repeat=True),
    Option("model", "model under test where no marker or fixture names one: a .h5, .keras or "
           ".tflite file, a SavedModel folder, or package.module:function", metavar="PATH"),
    Option("runtime", "interpreter library; auto takes the first that runs a tiny model "
           "(default: auto)", None, choices=("auto", "litert", "tflite-runtime", "tensorflow")),
    Option("threads", "interpreter threads (default: 1)", None, positive_int, metavar="N"),
    Option("max_seconds", "cap on one latency measurement, warm-up included (default: 30)",
           30.0, positive_float, metavar="S"),
    Option("confidence", "confidence of percentile claims; decides how many runs they need "
           "(default: 0.95)", 0.95, confidence, metavar="C"),
    Option("call_timeout", "time limit for one call to an interpreter, in seconds (default: 60)",
           60.0, positive_float, metavar="S"),
    Option("convert_timeout", "time limit for one conversion, in seconds (default: 600)",
           600.0, positive_float, metavar="S"),
    Option("int8_io", "dtype of the int8 variant's inputs and outputs (default: uint8)",
           "uint8", choices=("uint8", "int8", "float32")),
    Option("calibration_samples", "use at most so many samples of calibration_data (default: 200)",
           200, positive_int, metavar="N"),
    Option("report", "write the records of the run to a file, by suffix: .json; repeat for several",
           (), metavar="PATH", repeat=True),
    Option("cache_dir", "folder for converted models (default: edgeai in pytest's cache)",
           metavar="PATH"),
)  # fmt: skip


class Settings:
    """All options of a run, resolved; the attributes' names are the options'."""

    device: tuple[str, ...]
    model: str | None
    runtime: str | None
    threads: int | None
    max_seconds: float
    confidence: float
    call_timeout: float
    convert_timeout: float
    int8_io: EdgeType
    calibration_samples: int
    report: tuple[str, ...]
    cache_dir: Path | None
    use_cache: bool

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the flags and their ini twins."""
    group = parser.getgroup("edgeai", "model acceptance testing for edge AI")
    for option in OPTIONS:
        kwargs: dict[str, Any] = {"dest": option.ini, "default": None, "help": option.help}
        if option.choices:
            kwargs["choices"] = option.choices
        elif option.type is not str:
            kwargs["type"] = option.type
        if option.metavar:
            kwargs["metavar"] = option.metavar
        group.addoption(option.flag, action="append" if option.repeat else "store", **kwargs)
        if option.repeat:
            parser.addini(option.ini, option.help, type="linelist", default=[])
        else:
            parser.addini(option.ini, option.help, type="string", default=None)
    group.addoption(
        "--edge-no-cache",
        dest="edge_no_cache",
        action="store_true",
        default=None,
        help="convert everything anew and keep nothing",
    )
    parser.addini("edge_no_cache", "convert everything anew and keep nothing", "bool", None)


def settings_of(config: pytest.Config) -> Settings:
    """The settings of a run.

    Raises:
        pytest.UsageError: a value that cannot be.
    """
    values = {option.name: _value(config, option) for option in OPTIONS}
    for path in values["report"]:
        if Path(path).suffix not in REPORT_SUFFIXES:
            raise pytest.UsageError(
                f"--edge-report {path}: unknown suffix (known: {', '.join(REPORT_SUFFIXES)})"
            )
    no_cache = config.getoption("edge_no_cache")
    values["use_cache"] = not (config.getini("edge_no_cache") if no_cache is None else no_cache)
    values["cache_dir"] = _cache_dir(config, values["cache_dir"])
    return Settings(values)


def _value(config: pytest.Config, option: Option) -> Any:
    given = config.getoption(option.ini)
    if given is not None:
        return tuple(given) if option.repeat else given
    text = config.getini(option.ini)
    if not text:
        return option.default
    return tuple(text) if option.repeat else _parsed(option, text)


def _parsed(option: Option, text: str) -> Any:
    if option.choices and text not in option.choices:
        raise pytest.UsageError(f"ini {option.ini}: {text!r} is not one of {option.choices}")
    try:
        return option.type(text)
    except ValueError as error:
        raise pytest.UsageError(f"ini {option.ini}: {error}") from None


def _cache_dir(config: pytest.Config, given: str | None) -> Path | None:
    """Where conversions are kept; None where pytest's own cache is switched off."""
    if given is not None:
        return config.rootpath / Path(given).expanduser()
    cache: pytest.Cache | None = getattr(config, "cache", None)
    return cache.mkdir("edgeai") if cache is not None else None
