"""Broken and damaged models in one run: each a failed test, and the healthy one last passes."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import subprocess
import sys
import time
import uuid
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import pytest

COPIES = 200
CALL_TIMEOUT_S = 4
VARIABLE = "EDGEAI_TEST_RUN"
SUITE = """
import numpy as np, pytest
from pathlib import Path
from pytest_edgeai import edge_model

HERE = Path(__file__).parent

def each(folder, keyword):
    paths = sorted((HERE / folder).iterdir())
    return [pytest.param(path.name, marks=edge_model(**{keyword: path})) for path in paths]

@pytest.mark.parametrize("name", each("damaged", "int8"))
def test_damaged(name, int8_interpreter):
    same_answers(int8_interpreter)

@pytest.mark.parametrize("name", each("broken", "location"))
def test_broken(name, converted_interpreter):
    converted_interpreter.invoke()

@edge_model(int8=HERE / "intact.tflite")
def test_healthy(int8_interpreter):
    same_answers(int8_interpreter)

def same_answers(interpreter):
    with np.load(HERE / "digits.npz") as file:
        answers = interpreter.predict((file["x"][:100] / 255).astype(np.float32))
    recorded = HERE / "answers.npy"
    if not recorded.exists():
        np.save(recorded, answers)
    changed = (answers != np.load(recorded)).any(axis=1).sum()
    assert changed == 0, f"{changed} answers are not the intact model's"
"""

# How a test may end, by the first of these that its message shows.
ENDINGS = {
    "crashed": r"the process ended with SIG\w+ in ",
    "hung": r"did not return within ",
    "other answers": r"answers are not the intact model's",
    "refused by the runtime": r" of \S+: (load|allocate_tensors|invoke): ",
    "refused when read": r"\.tflite",
}


def damaged(content: bytes, seed: int) -> bytes:
    """A copy that is cut short, or has 10 to 100 flipped bits."""
    generator = random.Random(seed)
    if seed % 2:
        return content[: generator.randrange(len(content))]
    copy = bytearray(content)
    for _ in range(generator.choice((10, 30, 100))):
        copy[generator.randrange(len(copy))] ^= 1 << generator.randrange(8)
    return bytes(copy)


@pytest.fixture
def suite(tmp_path: Path, realdata: Path) -> Path:
    """A project with the damaged copies, the broken files and the intact model."""
    intact = realdata / "models" / "mnist_lstm_int8.tflite"
    shutil.copy(intact, tmp_path / "intact.tflite")
    (tmp_path / "damaged").mkdir()
    for seed in range(COPIES):
        copy = tmp_path / "damaged" / f"copy{seed:03}.tflite"
        copy.write_bytes(damaged(intact.read_bytes(), seed))
    shutil.copytree(realdata / "broken", tmp_path / "broken")
    shutil.copy(realdata / "mnist" / "mnist_test3000.npz", tmp_path / "digits.npz")
    (tmp_path / "test_models.py").write_text(SUITE)
    (tmp_path / "pytest.ini").touch()
    return tmp_path


def run(suite: Path, *args: str) -> tuple[int, str]:
    """The exit status and what is printed; no process that the run started may remain."""
    mark = uuid.uuid4().hex
    command = [sys.executable, "-m", "pytest", "-rA", "-p", "no:cacheprovider", *args]
    process = subprocess.Popen(
        [*command, f"--edge-call-timeout={CALL_TIMEOUT_S}"],
        cwd=suite,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, VARIABLE: mark},
    )
    output, _ = process.communicate(timeout=900)
    assert with_environment(mark) == []
    return process.returncode, output


def with_environment(mark: str) -> list[str]:
    """Command lines of the processes that inherited this value of ``VARIABLE``."""
    line, found = f"{VARIABLE}={mark}".encode(), []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):  # ended meanwhile
            if line in path.read_bytes().split(b"\0"):
                found.append(path.with_name("cmdline").read_text())
    return found


def ending(message: str) -> str:
    """Which of ``ENDINGS`` a message is."""
    return next((name for name, text in ENDINGS.items() if re.search(text, message)), message)


def judge(suite: Path, *args: str, healthy: tuple[str, ...] = ()) -> Counter[str]:
    """Run the suite and count how its tests ended; all must fail but the ``healthy`` ones."""
    status, output = run(suite, *args, "-k", "healthy")
    assert status == 0, output  # this run records the intact model's answers
    report = suite / "junit.xml"
    _, output = run(suite, *args, f"--junitxml={report}")
    cases = list(ElementTree.parse(report).iter("testcase"))
    assert cases[-1].get("name") == "test_healthy"
    assert len(cases[-1]) == 0, output
    passed = tuple(str(case.get("name")) for case in cases[:-1] if not len(case))
    assert passed == healthy
    messages = {case.get("name"): case[0].text or "" for case in cases[:-1] if len(case)}
    endings = {name: ending(message) for name, message in messages.items()}
    assert set(endings.values()) <= set(ENDINGS), endings
    return Counter(endings.values())


@pytest.mark.skipif(sys.platform != "linux", reason="it looks into /proc")
def test_a_process_that_stays_is_seen() -> None:
    environment = {**os.environ, VARIABLE: "stays"}
    with subprocess.Popen(["sleep", "60"], env=environment, start_new_session=True) as process:
        end = time.monotonic() + 5  # a process that has just begun shows no environment yet
        while not (found := with_environment("stays")) and time.monotonic() < end:
            time.sleep(0.05)
        process.kill()
    assert found == ["sleep\x0060\x00"]


def test_on_litert(suite: Path) -> None:
    # This runtime knows the operator that is too new for the other one.
    newer = "test_broken[op_newer_than_tflite_runtime.tflite]"
    counts = judge(suite, healthy=(newer,))
    print(dict(counts))
    assert counts["other answers"] > 0
    assert counts["refused when read"] > 0


def test_on_tflite_runtime(suite: Path, tflite_runtime_python: Path) -> None:
    table = f'[devices.old]\npython = "{tflite_runtime_python}"\nruntime = "tflite-runtime"\n'
    (suite / "edgeai.toml").write_text(table)
    counts = judge(suite, "--edge-device=old")
    print(dict(counts))
    assert counts["other answers"] > 0
    assert counts["refused by the runtime"] > 0
