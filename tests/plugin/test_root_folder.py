"""A value apart from its flag that would give a run another root folder, with other limits."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pytest_edgeai.plugin.options import OPTIONS

ROOT = Path(__file__).parents[2]
FAST = ("-p", "no:hypothesispytest", "-p", "no:benchmark", "-p", "no:xdist")
APART = re.compile(
    rf"(?:{'|'.join(option.flag for option in OPTIONS)})"
    r"[ \n]+(?:[\"'{./~]|[A-Z]{2,}|\S+\.(?:tflite|keras|json|jsonl|html|md|npz)\b|\S+/)"
)


@pytest.fixture
def here(pytester: pytest.Pytester, tiny: Path) -> pytest.Pytester:
    """A project in ``mine``, and another one beside it with ``m.tflite`` and limits of its own."""
    for name, line in (("mine", ""), ("other", "edge_budget = size<=0.000001MB")):
        pytester.mkdir(name).joinpath("pytest.ini").write_text(f"[pytest]\n{line}\n")
    shutil.copy(tiny / "number_of_word.tflite", pytester.path / "other" / "m.tflite")
    (pytester.path / "mine" / "test_mine.py").write_text("def test_mine(): pass\n")
    pytester.chdir()
    return pytester


def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *args: str) -> pytest.RunResult:
    monkeypatch.chdir(pytester.path / "mine")
    return pytester.runpytest_subprocess(*FAST, *args)


@pytest.mark.parametrize("flag", ["--edge-model", "--edge-baseline", "--edge-cache-dir"])
@pytest.mark.parametrize("value", ["../other/m.tflite", "../other"])
def test_said_before_anything_runs(
    here: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, flag: str, value: str
) -> None:
    result = run(here, monkeypatch, flag, value)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    other, mine = here.path / "other", here.path / "mine"
    result.stderr.fnmatch_lines(
        [
            f"ERROR: {flag} {value}: pytest took the value for a path to collect, and with it the "
            f"root folder {other} (ini file {other / 'pytest.ini'}), instead of the root folder "
            f"{mine} (ini file {mine / 'pytest.ini'})",
            f"hint: write {flag}={value}",
        ]
    )
    assert "collected" not in result.stdout.str()


def test_of_several_workers_too(here: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here.path / "mine")
    result = here.runpytest_subprocess(*FAST[:4], "-n1", "--edge-model", "../other/m.tflite")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --edge-model ../other/m.tflite: pytest took*"])


def test_from_the_environment(here: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "--edge-model '../other/m.tflite'")
    assert run(here, monkeypatch).ret == pytest.ExitCode.USAGE_ERROR


@pytest.mark.parametrize(
    "args",
    [
        ("--edge-model=../other/m.tflite",),
        ("--edge-model", "../other/m.tflite", "--rootdir=.", "-c", "pytest.ini"),
        ("--edge-model", "../other/m.tflite", "../other/m.tflite"),  # it is a path to collect, too
        ("--edge-model", "../other/none.tflite"),
        ("--edge-device", "local"),
    ],
)
def test_silent_where_the_root_folder_is_that_of_the_tests(
    here: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    assert "pytest took" not in run(here, monkeypatch, *args, "--co").stderr.str()


def test_with_an_equals_sign_the_project_is_its_own(
    here: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(
        here, monkeypatch, "--edge-model=../other/m.tflite", "--edge-budget=size<=1MB", "-q"
    )
    result.assert_outcomes(passed=1)


def test_documents_and_messages_write_an_equals_sign() -> None:
    files = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "docs").rglob("*.yml")]
    files += [
        path for path in (ROOT / "pytest_edgeai").rglob("*") if path.suffix in (".py", ".yml")
    ]
    apart = {
        path.relative_to(ROOT).as_posix(): found.group()
        for path in files
        if (found := APART.search(path.read_text()))
    }
    assert apart.keys() == {"pytest_edgeai/plugin/root_folder.py"}, apart  # which tells of it
