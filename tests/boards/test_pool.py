"""Several boards of one kind."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sshd import Sshd
from suites import FAST, is_empty_soon, running

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.pool import Pool
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import DataError, DeviceError
from pytest_edgeai.measure.predictions import predictions
from pytest_edgeai.model.dataset import ArrayDataset
from pytest_edgeai.model.tflite import Model, read_facts

SAMPLES = 1500
FASTER = 1.5


@pytest.fixture
def two_boards(tmp_path: Path, board: Sshd) -> Iterator[tuple[Sshd, Sshd]]:
    """Boards of one core each; a folder each, as they are one machine."""
    homes = []
    for number in (0, 1):
        home = tmp_path / f"home-{number}"
        home.mkdir()
        homes.append(home)
    with (
        Sshd(tmp_path / "one", "one", homes[0], core=0) as one,
        Sshd(tmp_path / "two", "two", homes[1], core=1) as two,
    ):
        yield one, two


@pytest.fixture
def ssh_config(tmp_path: Path, two_boards: tuple[Sshd, Sshd]) -> Path:
    """Knows both."""
    path = tmp_path / "both"
    path.write_text("\n".join(board.ssh_config.read_text() for board in two_boards))
    return path


@pytest.fixture
def pool(ssh_config: Path) -> Iterator[Pool]:
    boards = [
        Device(DeviceSpec("pi", sys.executable, host=host, ssh_config=str(ssh_config)))
        for host in ("one", "two")
    ]
    pool = Pool("pi", boards)
    yield pool
    pool.close()


SLOW_MODEL = """
import sys, tensorflow as tf
layers = [tf.keras.layers.Conv2D(256, 3, padding="same") for _ in range(4)]
layers += [tf.keras.layers.GlobalAveragePooling2D()]
model = tf.keras.Sequential([tf.keras.Input((16, 16, 8)), *layers])
open(sys.argv[1], "wb").write(tf.lite.TFLiteConverter.from_keras_model(model).convert())
"""


@pytest.fixture(scope="session")
def slow_model(once: Callable[..., Path]) -> Path:
    """A float model that takes some milliseconds."""

    def make(folder: Path) -> None:
        command = [sys.executable, "-c", SLOW_MODEL, str(folder / "slow.tflite")]
        subprocess.run(command, check=True, capture_output=True)

    return once("slow", make) / "slow.tflite"


def model_at(path: Path) -> Model:
    return Model(path, path.name, "int8", read_facts(path))


def digits(realdata: Path) -> ArrayDataset:
    with np.load(realdata / "mnist" / "mnist_test3000.npz") as file:
        return ArrayDataset(file["x"].astype(np.float32) / 255, file["y"])


class TestAccuracy:
    def test_two_boards_are_faster_than_one(
        self, pool: Pool, slow_model: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By as much as they work at the same time, whatever else the machine does."""
        model = model_at(slow_model)
        data = ArrayDataset(np.random.default_rng(0).random((SAMPLES, 16, 16, 8), np.float32))
        one = Pool("one", [Device(pool.boards[0].spec)])
        with one.seat() as own, Interpreter(own, model) as interpreter:
            alone = predictions(interpreter, data)
        one.close()
        busy_s: Counter[str] = Counter()
        predict = Interpreter.predict

        def timed(interpreter: Interpreter, batch: Any) -> Any:
            begin = time.monotonic()
            answers = predict(interpreter, batch)
            busy_s[interpreter.device.spec.host] += time.monotonic() - begin
            return answers

        monkeypatch.setattr(Interpreter, "predict", timed)
        with pool.seat() as own, Interpreter(own, model) as interpreter:
            begin = time.monotonic()
            both = predictions(interpreter, data)
            whole_s = time.monotonic() - begin
        assert np.array_equal(alone, both)
        assert set(busy_s) == {"one", "two"}
        assert sum(busy_s.values()) >= FASTER * whole_s, (busy_s, whole_s)

    def test_a_board_that_is_lost_gives_back_what_it_had(
        self, pool: Pool, realdata: Path, two_boards: tuple[Sshd, Sshd]
    ) -> None:
        model, data = model_at(realdata / "models" / "mnist_lstm_int8.tflite"), digits(realdata)
        with pool.seat() as own, Interpreter(own, model) as interpreter:
            other = two_boards[1 - pool.boards.index(own)]
            threading.Timer(0.7, other.stop).start()
            answers = predictions(interpreter, data)
        assert int((answers.argmax(axis=1) == data.labels).sum()) == 2932

    def test_data_that_cannot_be_read_is_an_error_whoever_reads_it(
        self, pool: Pool, slow_model: Path
    ) -> None:
        model = model_at(slow_model)
        for _ in range(3):
            damaged = Damaged(np.zeros((700, 16, 16, 8), np.float32))
            refused = pytest.raises(DataError, match="image 600 is damaged")
            with pool.seat() as own, Interpreter(own, model) as interpreter, refused:
                predictions(interpreter, damaged)

    def test_a_busy_board_is_not_waited_for(self, pool: Pool, slow_model: Path) -> None:
        model = model_at(slow_model)
        data = ArrayDataset(np.zeros((1000, 16, 16, 8), np.float32))
        elsewhere = [Device(board.spec) for board in pool.boards]
        with pool.seat() as own, Interpreter(own, model) as interpreter:
            other = elsewhere[1 - pool.boards.index(own)]
            with other.alone("timing in another process"):
                assert len(predictions(interpreter, data)) == 1000
        for device in elsewhere:
            device.close()


class Damaged(ArrayDataset):
    """Data of which one sample cannot be read."""

    def batches(self, size: int) -> Iterator[Any]:
        for number, batch in enumerate(super().batches(size)):
            if (number + 1) * size > 600:
                raise DataError("image 600 is damaged")
            yield batch


class TestSeats:
    def test_all_that_a_test_asks_for_is_on_one_board(self, pool: Pool) -> None:
        with pool.seat() as first, pool.seat() as second:
            assert first is second

    def test_another_process_gets_the_other_board(self, pool: Pool, ssh_config: Path) -> None:
        boards = [Device(board.spec) for board in pool.boards]
        elsewhere = Pool("pi", boards)
        with pool.seat() as mine, elsewhere.seat() as its:
            assert mine.spec.host != its.spec.host
        elsewhere.close()

    def test_a_board_that_cannot_be_reached_is_left_out(
        self, pool: Pool, two_boards: tuple[Sshd, Sshd]
    ) -> None:
        two_boards[0].stop()
        for _ in range(3):
            with pool.seat() as board:
                assert board.spec.host == "two"
                if board.left_out:
                    assert "(one): the host is there, but no ssh server" in board.left_out["one"]

    def test_none_can_be_reached(self, pool: Pool, two_boards: tuple[Sshd, Sshd]) -> None:
        for board in two_boards:
            board.stop()
        with (
            pytest.raises(DeviceError, match=r"no board of 'pi' can be reached: .*; "),
            pool.seat(),
        ):
            pass


SUITE = """
import pytest, time
from pytest_edgeai import max_size_mb

@pytest.mark.parametrize("number", range(4))
@max_size_mb(9)
def test_it(number, converted_interpreter):
    time.sleep(1)
"""


def test_workers_have_a_board_each(
    digits_suite: pytest.Pytester, tiny: Path, ssh_config: Path, two_boards: tuple[Sshd, Sshd]
) -> None:
    model = str(tiny / "scalar.tflite")
    digits_suite.makeconftest(f"import pytest\n@pytest.fixture\ndef edge_model(): return {model!r}")
    digits_suite.makepyfile(test_it=SUITE)
    (digits_suite.path / "edgeai.toml").write_text(
        f'[devices.pi]\nhosts = ["one", "two"]\nssh_config = "{ssh_config}"\n'
        f'python = "{sys.executable}"\n'
    )
    with running(digits_suite, "--edge-device=pi", "-n2") as run:
        run.output()
    hosts = [test["conditions"]["host"] for test in run.tests()]
    assert sorted(set(hosts)) == ["one", "two"]
    assert {test["device"] for test in run.tests()} == {"pi"}
    assert all(map(is_empty_soon, two_boards))


def test_the_header_says_how_many(
    digits_suite: pytest.Pytester, ssh_config: Path, models: Path
) -> None:
    (digits_suite.path / "edgeai.toml").write_text(
        f'[devices.pi]\nhosts = ["one", "two"]\nssh_config = "{ssh_config}"\n'
        f'python = "{sys.executable}"\n'
    )
    digits_suite.makepyfile("def test_it(converted_interpreter): pass")
    result = digits_suite.runpytest(*FAST, "--edge-device=pi")
    result.stdout.fnmatch_lines(["edgeai: device pi (2 boards): ai-edge-litert *"])
    content = json.loads((digits_suite.path / "report.json").read_text())
    assert content["tests"][0]["conditions"]["host"] in ("one", "two")
