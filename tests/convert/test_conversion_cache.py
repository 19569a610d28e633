"""Conversions that are kept: found again, told apart, mended, and not written where they cannot."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import HERE, Array, data_set, made, refused

from pytest_edgeai.convert.cache import ModelCache
from pytest_edgeai.convert.converter import Conversion, Converter
from pytest_edgeai.convert.origin import Origin
from pytest_edgeai.convert.recipe import recipe
from pytest_edgeai.convert.task import Task
from pytest_edgeai.errors import UsageError
from pytest_edgeai.model.dataset import ArrayDataset
from pytest_edgeai.model.source import content_digest, resolve

HINT = (
    "free space or mend its permissions, name another folder with --edge-cache-dir, "
    "or use --edge-no-cache"
)


@pytest.fixture
def filled(converter: Converter, models: Path, conversions: Path, tmp_path: Path) -> Path:
    """A cache with the digits model, converted, in it and nothing else."""
    path = made(converter, models / "digits.keras").model.path
    folder = tmp_path / "filled"
    folder.mkdir()
    for suffix in (".tflite", ".json"):
        shutil.copy(path.with_suffix(suffix), folder)
    return folder


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting a process fails."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")


def test_is_found_without_a_process(
    converter_with: Callable[..., Converter], filled: Path, models: Path, no_process: None
) -> None:
    converter = converter_with(cache=filled)
    for _ in range(2):
        assert made(converter, models / "digits.keras").log == ""
    assert (converter.tally.converted, converter.tally.cached) == (0, 1)


def test_converter_that_cannot_be_started(
    converter_with: Callable[..., Converter], tmp_path: Path, models: Path, no_process: None
) -> None:
    error = refused(converter_with(cache=tmp_path / "empty"), models / "digits.keras")
    assert error.message == (
        "converted of digits.keras: the converter's process could not be run: "
        "No such file or directory: /nowhere/python"
    )


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize(
    ("suffix", "damage"),
    [("tflite", flip_a_byte), ("tflite", remove), ("json", cut_short), ("json", remove)],
)
def test_damaged_entry_is_not_used(
    filled: Path, suffix: str, damage: Callable[[Path], None]
) -> None:
    (path,) = filled.glob(f"*.{suffix}")
    cache = ModelCache(filled)
    assert cache.get(path.stem) is not None
    assert not cache.is_damaged(path.stem)
    damage(path)
    assert cache.get(path.stem) is None
    assert cache.is_damaged(path.stem) is not (suffix == "json" and damage is remove)


@pytest.mark.parametrize("content", ["", "[]", "3", "{}", '{"sha256": 3}', "\x00\xff"])
def test_garbage_instead_of_facts(filled: Path, content: str) -> None:
    (path,) = filled.glob("*.json")
    path.write_bytes(content.encode("latin-1"))
    assert ModelCache(filled).get(path.stem) is None


def test_damaged_entry_is_made_again(
    converter_with: Callable[..., Converter], filled: Path, models: Path
) -> None:
    (path,) = filled.glob("*.tflite")
    sha256 = content_digest(path)
    flip_a_byte(path)
    converter = converter_with(cache=filled)
    conversion = made(converter, models / "digits.keras")
    assert conversion.log.startswith("the cached file was damaged and was made again\n")
    assert conversion.model.facts.sha256 == content_digest(path) == sha256
    assert converter.tally.converted == 1


def test_two_processes_on_an_empty_cache(models: Path, tmp_path: Path) -> None:
    """Both have the model in the end, one has converted it."""
    script = str(HERE / "converting.py")
    runs = [
        subprocess.Popen(
            [sys.executable, script, tmp_path / "cache", tmp_path / name, models / "digits.h5"],
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    tallies = sorted(run.communicate(timeout=120)[0].strip() for run in runs)
    assert tallies == ["Tally(converted=0, cached=1)", "Tally(converted=1, cached=0)"]


class TestKey:
    @pytest.fixture
    def task(self, models: Path) -> Task:
        path = models / "digits.keras"
        job = {"kind": "keras", "path": str(path), "safe_mode": True, "signature": "a"}
        data = ArrayDataset(np.zeros((3, 4)))
        source = resolve(path, [])
        return Task(source, Origin(content_digest(path), job), recipe("int8"), data)

    def test_is_the_same_for_the_same(self, task: Task) -> None:
        job = {**task.origin.job, "path": "/elsewhere/digits.keras"}
        again = replace(task, origin=Origin(task.origin.digest, job))
        assert replace(again, samples=ArrayDataset(np.zeros((3, 4)))).key == task.key

    @pytest.mark.parametrize("samples", [np.ones((3, 4)), np.zeros((4, 3)), np.zeros((2, 4))])
    def test_of_other_calibration_data(self, task: Task, samples: Array) -> None:
        assert replace(task, samples=ArrayDataset(samples)).key != task.key

    def test_of_other_recipes(self, task: Task) -> None:
        recipes = [recipe("int8", "int8"), recipe("int16x8"), recipe("dynamic")]
        assert len({replace(task, recipe=made).key for made in recipes} | {task.key}) == 4

    def test_of_another_source(self, task: Task, models: Path) -> None:
        other = Origin(content_digest(models / "digits.h5"), task.origin.job)
        assert replace(task, origin=other).key != task.key

    @pytest.mark.parametrize("changed", [{"safe_mode": False}, {"signature": "b"}], ids=str)
    def test_of_another_safe_mode_or_signature(self, task: Task, changed: dict[str, Any]) -> None:
        other = Origin(task.origin.digest, {**task.origin.job, **changed})
        assert replace(task, origin=other).key != task.key


class TestFolderThatCannotBeWritten:
    @pytest.mark.parametrize(
        ("folder", "reason"),
        [
            ("/proc/edgeai/cache", "No such file or directory"),
            ("{tmp_path}/file/cache", "Not a directory"),
            ("{tmp_path}/file", "File exists"),
        ],
    )
    def test_is_said(
        self,
        converter_with: Callable[..., Converter],
        tmp_path: Path,
        models: Path,
        folder: str,
        reason: str,
    ) -> None:
        (tmp_path / "file").touch()
        cache = Path(folder.format(tmp_path=tmp_path))
        error = refused(converter_with(cache=cache), models / "digits.keras")
        assert isinstance(error, UsageError)
        assert error.message == f"the conversion cache {cache} cannot be written: {reason}"
        assert error.hint == HINT

    def test_one_variant_without_data_does_not_hide_the_other(
        self, converter: Converter, models: Path
    ) -> None:
        source = resolve(models / "digits.keras", [])
        done = converter.convert(source, ["converted", "int8"], None)
        assert isinstance(done["converted"], Conversion)
        assert isinstance(done["int8"], UsageError)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 64 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        subprocess.run(mount, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted here: {error}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


class TestFullDisk:
    def test_of_the_cache(
        self,
        converter_with: Callable[..., Converter],
        small_disk: Path,
        models: Path,
        digits: Array,
        tmp_path: Path,
    ) -> None:
        """The float model does not fit, the quantised one does."""
        converter = converter_with(cache=small_disk / "cache")
        source = resolve(models / "digits.keras", [])
        done = converter.convert(source, ["converted", "int8"], data_set(digits))
        error = done["converted"]
        assert isinstance(error, UsageError)
        assert error.message.endswith("/cache cannot be written: No space left on device")
        assert error.hint == HINT
        assert isinstance(done["int8"], Conversion)
        names = {path.suffix for path in (small_disk / "cache").iterdir()}
        assert names == {".lock", ".tflite", ".json"}
        assert len(list((small_disk / "cache").glob("*.tflite"))) == 1
        assert not list(tmp_path.glob("run-*/*.tflite"))

    def test_of_the_calibration_data(
        self, conversions: Path, small_disk: Path, models: Path
    ) -> None:
        converter = Converter(ModelCache(conversions), small_disk, calibration_samples=500)
        calibration = np.random.default_rng(7).random((500, 8, 8, 1), np.float32)
        error = refused(converter, models / "digits.keras", "int8", calibration)
        assert isinstance(error, UsageError)
        assert error.message == (
            f"data for the converter in {small_disk} cannot be written: No space left on device"
        )
        assert error.hint == "free space there, or set TMPDIR to another folder"


def test_entry_holds_what_is_known_of_the_conversion(
    converter: Converter, models: Path, digits: Array
) -> None:
    path = made(converter, models / "digits.keras", "int8", digits).model.path
    facts = json.loads(path.with_suffix(".json").read_text())
    assert facts["calibration_samples"] == 50
    assert facts["loader"].startswith("keras 3")
    assert facts["sha256"] == content_digest(path)
    assert "tensorflow" in facts
