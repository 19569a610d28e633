"""Options: each a flag with an ini twin; first the flag counts, then ini, then the default.

Every pytest start imports this module, so its classes are plain: making a frozen dataclass takes
a millisecond.
"""

from __future__ import annotations

from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from pytest_edgeai.report.writers import EXTRA, FOLDER, KINDS, kind_of, missing_packages

if TYPE_CHECKING:
    from pytest_edgeai.model.proof import EdgeType


def positive_float(text: str) -> float:
    """A number over 0."""
    number = _number(text)
    if not 0 < number < float("inf"):
        raise ValueError(f"must be a number over 0, not {text}")
    return number


def positive_int(text: str) -> int:
    """A whole number from 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"must be a whole number from 1, not {text}")
    return int(text)


def confidence(text: str) -> float:
    """A number between 0.5 and 1."""
    number = _number(text)
    if not 0.5 < number < 1:
        raise ValueError(f"must be a number between 0.5 and 1, not {text}")
    return number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


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

    def value(self, text: str) -> Any:
        """What a text stands for; argparse shows the message of this error alone."""
        if self.choices and text not in self.choices:
            raise ArgumentTypeError(f"{text!r} is not one of {', '.join(self.choices)}")
        try:
            return self.type(text)
        except ValueError as error:
            raise ArgumentTypeError(str(error)) from None


OPTIONS = (
    Option("device", "device to test on, from [tool.pytest-edgeai.devices.NAME] in pyproject.toml "
           "or [devices.NAME] in edgeai.toml; repeat for several (default: local)",
           ("local",), metavar="NAME", repeat=True),
    Option("model", "model under test where no marker or fixture names one: a .h5, .keras or "
           ".tflite file, a SavedModel folder, or package.module:function", metavar="PATH"),
    Option("signature", "signature of the model under test, where it has several and no marker, "
           "fixture or suite names one (default: serving_default)", metavar="NAME"),
    Option("variant", "variant that the interpreter fixture runs where no marker says so; repeat "
           "for several (default: converted, dynamic, int8; of a .tflite file what it is)", (),
           repeat=True,
           choices=("converted", "dynamic", "int8", "float16", "int16x8", "weight-only",
                    "mixed")),
    Option("budget", "budget to test --edge-model with, without a test file: \"p95<=40ms\", "
           "\"size<=4MB\", ...; repeat for several", (), metavar="TEXT", repeat=True),
    Option("calibration_data", "calibration data where no fixture gives them: an .npz or .npy "
           "file, or a folder of images", metavar="PATH"),
    Option("evaluation_data", "evaluation data where no fixture gives them: an .npz file, or a "
           "folder of images", metavar="PATH"),
    Option("runtime", "interpreter library; auto takes the first that runs a tiny model "
           "(default: auto)", None, choices=("auto", "litert", "tflite-runtime", "tensorflow")),
    Option("threads", "interpreter threads (default: 1)", None, positive_int, metavar="N"),
    Option("max_seconds", "cap on one measurement of latency, warm-up included, of memory or of "
           "the start-up; it ends as soon as its budgets are decided (default: 30)",
           30.0, positive_float, metavar="S"),
    Option("confidence", "confidence of the verdicts on latency, memory and start-up "
           "(default: 0.95)",
           0.95, confidence, metavar="C"),
    Option("inconclusive", "what a budget does that the samples cannot decide (default: fail)",
           "fail", choices=("fail", "warn")),
    Option("performance", "what budgets of latency, throughput, memory and start-up do that are "
           "not met; warn on machines that do not count, such as shared CI runners "
           "(default: fail)", "fail", choices=("fail", "warn")),
    Option("baseline", "folder of the baselines that max_regression compares with "
           "(default: edge_baselines in the root folder)", "edge_baselines", metavar="PATH"),
    Option("call_timeout", "time limit for one call to an interpreter, in seconds (default: 60)",
           60.0, positive_float, metavar="S"),
    Option("convert_timeout", "time limit for one conversion, in seconds (default: 600)",
           600.0, positive_float, metavar="S"),
    Option("int8_io", "dtype of the int8 variant's inputs and outputs (default: uint8)",
           "uint8", choices=("uint8", "int8", "float32")),
    Option("calibration_samples", "use at most so many samples of calibration_data (default: 200)",
           200, positive_int, metavar="N"),
    Option("report", "write a report of the run, by suffix: .html, .json, .md, .jsonl (a line for "
           "each budget, appended), or a folder with report.html, results.json, summary.md and "
           "the tested models; repeat for several", (), metavar="PATH", repeat=True),
    Option("cache_dir", "folder for converted models (default: edgeai in pytest's cache)",
           metavar="PATH"),
)  # fmt: skip
SWITCHES = {
    "no_cache": "convert everything anew and keep nothing",
    "save_baseline": "record what the tests measure as the baseline of max_regression",
}


class Settings:
    """All options of a run, resolved; the attributes' names are the options'."""

    device: tuple[str, ...]
    model: str | None
    signature: str | None
    variant: tuple[str, ...]
    budget: tuple[str, ...]
    calibration_data: Path | None
    evaluation_data: Path | None
    runtime: str | None
    threads: int | None
    max_seconds: float
    confidence: float
    call_timeout: float
    convert_timeout: float
    int8_io: EdgeType
    calibration_samples: int
    report: tuple[str, ...]
    inconclusive: Literal["fail", "warn"]
    performance: Literal["fail", "warn"]
    use_cache: bool
    save_baseline: bool
    baseline: Path

    def __init__(self, values: dict[str, Any], cache_dir: Callable[[], Path | None]) -> None:
        self.__dict__.update(values)
        self._cache_dir = cache_dir

    @property
    def cache_dir(self) -> Path | None:
        """Where conversions are kept; pytest's cache is touched only when this is asked."""
        return self._cache_dir()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the flags and their ini twins."""
    group = parser.getgroup("edgeai", "model acceptance testing for edge AI")
    for option in OPTIONS:
        group.addoption(
            option.flag,
            action="append" if option.repeat else "store",
            dest=option.ini,
            default=None,
            type=option.value,
            metavar=option.metavar or f"{{{','.join(option.choices)}}}",
            help=option.help,
        )
        if option.repeat:
            parser.addini(option.ini, option.help, type="linelist", default=[])
        else:
            parser.addini(option.ini, option.help, type="string", default=None)
    for name, text in SWITCHES.items():
        group.addoption(
            f"--edge-{name.replace('_', '-')}",
            dest=f"edge_{name}",
            action="store_true",
            default=None,
            help=text,
        )
        parser.addini(f"edge_{name}", text, "bool", None)


def settings_of(config: pytest.Config) -> Settings:
    """The settings of a run.

    Raises:
        pytest.UsageError: a value that cannot be.
    """
    values = {option.name: _value(config, option) for option in OPTIONS}
    for name in values["report"]:
        _refuse_impossible_report(name, config.invocation_params.dir)
    values["use_cache"] = not _switch(config, "no_cache")
    values["save_baseline"] = _switch(config, "save_baseline")
    values["baseline"] = _path(config, "baseline", values["baseline"])
    for name in ("calibration_data", "evaluation_data"):
        values[name] = _path(config, name, values[name]) if values[name] else None
    given = values.pop("cache_dir")
    return Settings(values, lambda: _cache_dir(config, given))


def _refuse_impossible_report(name: str, base: Path) -> None:
    """Better now than after minutes of measuring."""
    kind = kind_of(name, base)
    if kind is None:
        known = f"{', '.join(KINDS)}, or a folder"
        raise pytest.UsageError(f"--edge-report={name}: unknown suffix (known: {known})")
    if kind != FOLDER and (missing := missing_packages(kind)):
        raise pytest.UsageError(
            f"--edge-report={name}: {' and '.join(missing)} missing\nhint: {EXTRA}"
        )


def _switch(config: pytest.Config, name: str) -> bool:
    flag = config.getoption(f"edge_{name}")
    return bool(_ini(config, f"edge_{name}") if flag is None else flag)


def _path(config: pytest.Config, name: str, given: str) -> Path:
    """A path of the command line counts from the working directory, any other from the root."""
    flag = config.getoption(f"edge_{name}") is not None
    base = config.invocation_params.dir if flag else config.rootpath
    return base / Path(given).expanduser()


def _value(config: pytest.Config, option: Option) -> Any:
    given = config.getoption(option.ini)
    if given is not None:
        return tuple(dict.fromkeys(given)) if option.repeat else given
    text = _ini(config, option.ini)
    if not text:
        return option.default
    try:
        if option.repeat:
            return tuple(dict.fromkeys(map(option.value, text)))
        return option.value(text)
    except ArgumentTypeError as error:
        raise pytest.UsageError(f"ini {option.ini}: {error}") from None


def _ini(config: pytest.Config, name: str) -> Any:
    try:
        return config.getini(name)
    except (ValueError, pytest.UsageError) as error:
        raise pytest.UsageError(f"ini {name}: {error}") from None


def _cache_dir(config: pytest.Config, given: str | None) -> Path | None:
    """Where conversions are kept; None where pytest's own cache is switched off."""
    if given is not None:
        return _path(config, "cache_dir", given)
    cache: pytest.Cache | None = getattr(config, "cache", None)
    return cache.mkdir("edgeai") if cache is not None else None
