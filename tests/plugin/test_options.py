"""Each option: first the flag counts, then its ini twin, then the default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_edgeai.plugin.options import OPTIONS, Option, Settings, settings_of

# Option: (default, (ini text, value), (flag text, value)).
MATRIX: dict[str, tuple[Any, tuple[str, Any], tuple[str, Any]]] = {
    "device": (("local",), ("\n  local\n  pi", ("local", "pi")), ("pi", ("pi",))),
    "model": (None, ("a.keras", "a.keras"), ("b.keras", "b.keras")),
    "signature": (None, ("a", "a"), ("b", "b")),
    "variant": ((), ("\n  int8\n  dynamic", ("int8", "dynamic")), ("float16", ("float16",))),
    "runtime": (None, ("litert", "litert"), ("tensorflow", "tensorflow")),
    "threads": (None, ("2", 2), ("4", 4)),
    "max_seconds": (30.0, ("2.5", 2.5), ("7", 7.0)),
    "confidence": (0.95, ("0.9", 0.9), ("0.99", 0.99)),
    "call_timeout": (60.0, ("5", 5.0), ("6", 6.0)),
    "convert_timeout": (600.0, ("50", 50.0), ("61", 61.0)),
    "int8_io": ("uint8", ("int8", "int8"), ("float32", "float32")),
    "calibration_samples": (200, ("20", 20), ("50", 50)),
    "inconclusive": ("fail", ("warn", "warn"), ("warn", "warn")),
    "performance": ("fail", ("warn", "warn"), ("warn", "warn")),
    "report": ((), ("a.json", ("a.json",)), ("b.json", ("b.json",))),
}
PATHS = ("cache_dir", "baseline", "calibration_data", "evaluation_data")
BY_NAME = {option.name: option for option in OPTIONS}
DEVICE = '[devices.pi]\npython = "python3"\n'


def settings(pytester: pytest.Pytester, ini: str = "", *args: str) -> Settings:
    pytester.makeini(f"[pytest]\n{ini}\n")
    (pytester.path / "edgeai.toml").write_text(DEVICE)
    return settings_of(pytester.parseconfigure(*args))


def test_the_matrix_has_every_option() -> None:
    assert set(MATRIX) == set(BY_NAME) - {*PATHS, "budget"}


@pytest.mark.parametrize("name", MATRIX)
def test_flag_then_ini_then_default(pytester: pytest.Pytester, name: str) -> None:
    option = BY_NAME[name]
    default, (ini_text, ini_value), (flag_text, flag_value) = MATRIX[name]
    ini, flag = f"{option.ini} = {ini_text}", f"{option.flag}={flag_text}"
    assert getattr(settings(pytester), name) == default
    assert getattr(settings(pytester, f"{option.ini} ="), name) == default
    assert getattr(settings(pytester, ini), name) == ini_value
    assert getattr(settings(pytester, "", flag), name) == flag_value
    assert getattr(settings(pytester, ini, flag), name) == flag_value


@pytest.mark.parametrize(
    "option", [o for o in OPTIONS if o.repeat and o.name in MATRIX], ids=lambda o: o.name
)
def test_repeated_flags_add_up_and_count_once(pytester: pytest.Pytester, option: Option) -> None:
    values = {
        "device": ("pi", "local"),
        "report": ("b.json", "a.json"),
        "variant": ("int8", "converted"),
    }[option.name]
    flags = [f"{option.flag}={value}" for value in (*values, values[0])]
    assert getattr(settings(pytester, "", *flags), option.name) == values


def test_no_cache(pytester: pytest.Pytester) -> None:
    assert settings(pytester).use_cache
    assert not settings(pytester, "edge_no_cache = true").use_cache
    assert settings(pytester, "edge_no_cache = false").use_cache
    assert not settings(pytester, "edge_no_cache = false", "--edge-no-cache").use_cache


def test_save_baseline(pytester: pytest.Pytester) -> None:
    assert not settings(pytester).save_baseline
    assert settings(pytester, "edge_save_baseline = true").save_baseline
    assert settings(pytester, "", "--edge-save-baseline").save_baseline


def test_baselines_are_in_the_root_folder_or_where_the_flag_says(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = pytester.mkdir("inside")
    monkeypatch.chdir(inside)
    assert settings(pytester).baseline == pytester.path / "edge_baselines"
    assert settings(pytester, "edge_baseline = kept").baseline == pytester.path / "kept"
    assert settings(pytester, "", "--edge-baseline=mine").baseline == inside / "mine"


@pytest.mark.parametrize("name", ["calibration_data", "evaluation_data"])
def test_data_of_ini_is_relative_to_it_and_of_flag_to_where_you_are(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    inside, option = pytester.mkdir("inside"), BY_NAME[name]
    monkeypatch.chdir(inside)
    assert getattr(settings(pytester), name) is None
    ini = f"{option.ini} = a.npz"
    assert getattr(settings(pytester, ini), name) == pytester.path / "a.npz"
    assert getattr(settings(pytester, ini, f"{option.flag}=b.npz"), name) == inside / "b.npz"


def test_cache_dir_of_ini_is_relative_to_it_and_of_flag_to_where_you_are(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = pytester.mkdir("inside")
    monkeypatch.chdir(inside)
    assert settings(pytester, "edge_cache_dir = kept").cache_dir == pytester.path / "kept"
    given = settings(pytester, "edge_cache_dir = kept", "--edge-cache-dir=mine").cache_dir
    assert given == inside / "mine"
    assert settings(pytester, "edge_cache_dir = ~/kept").cache_dir == Path("~/kept").expanduser()


def test_cache_dir_is_in_the_cache_of_pytest_and_made_when_asked(pytester: pytest.Pytester) -> None:
    folder = pytester.path / ".pytest_cache" / "d" / "edgeai"
    found = settings(pytester)
    assert not folder.exists()
    assert found.cache_dir == folder
    assert folder.is_dir()
    assert settings(pytester, "", "-p", "no:cacheprovider").cache_dir is None


WRONG = [
    ("threads", "0", "must be a whole number from 1, not 0"),
    ("threads", "two", "must be a whole number from 1, not two"),
    ("threads", "1.5", "must be a whole number from 1, not 1.5"),
    ("max_seconds", "0", "must be a number over 0, not 0"),
    ("max_seconds", "nan", "must be a number over 0, not nan"),
    ("max_seconds", "inf", "must be a number over 0, not inf"),
    ("max_seconds", "soon", "must be a number over 0, not soon"),
    ("confidence", "95", "must be a number between 0.5 and 1, not 95"),
    ("call_timeout", "-1", "must be a number over 0, not -1"),
    ("calibration_samples", "-5", "must be a whole number from 1, not -5"),
    ("runtime", "litert2", "'litert2' is not one of auto, litert, tflite-runtime, tensorflow"),
    ("variant", "int16", "'int16' is not one of converted, dynamic, int8, float16, int16x8, *"),
    ("int8_io", "int16", "'int16' is not one of uint8, int8, float32"),
]


@pytest.mark.parametrize(("name", "text", "message"), WRONG)
def test_a_wrong_value_ends_the_run_before_it_begins(
    pytester: pytest.Pytester, name: str, text: str, message: str
) -> None:
    option = BY_NAME[name]
    flagged = pytester.runpytest(f"{option.flag}={text}")
    flagged.stderr.fnmatch_lines([f"*error: argument {option.flag}: {message}"])
    pytester.makeini(f"[pytest]\n{option.ini} = {text}\n")
    from_ini = pytester.runpytest()
    from_ini.stderr.fnmatch_lines([f"ERROR: ini {option.ini}: {message}"])
    assert flagged.ret == from_ini.ret == pytest.ExitCode.USAGE_ERROR


def test_a_wrong_bool_in_ini(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nedge_no_cache = perhaps\n")
    result = pytester.runpytest()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: ini edge_no_cache: *perhaps*"])


@pytest.mark.parametrize("name", ["report.xml", "report.JSON", "report.json.txt"])
def test_a_report_of_an_unknown_kind(pytester: pytest.Pytester, name: str) -> None:
    result = pytester.runpytest(f"--edge-report={name}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    known = ".html, .json, .jsonl, .md, or a folder"
    result.stderr.fnmatch_lines([f"ERROR: --edge-report={name}: unknown suffix (known: {known})"])


def test_options_in_toml(pytester: pytest.Pytester) -> None:
    pytester.makepyprojecttoml(
        "[tool.pytest.ini_options]\n"
        'edge_threads = 2\nedge_report = ["a.json"]\nedge_no_cache = true\n'
    )
    found = settings_of(pytester.parseconfigure())
    assert (found.threads, found.report, found.use_cache) == (2, ("a.json",), False)


def test_every_option_is_in_the_help(pytester: pytest.Pytester) -> None:
    result = pytester.runpytest("--help")
    for option in (*OPTIONS, Option("no_cache", "")):
        result.stdout.fnmatch_lines([f"*{option.flag}*"])
        result.stdout.fnmatch_lines([f"*{option.ini} (*"])
