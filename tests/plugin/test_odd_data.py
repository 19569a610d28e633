"""Inputs, outputs and labels of less usual forms, from fixture to verdict."""

from __future__ import annotations

from pathlib import Path

import pytest
import sklearn.metrics  # noqa: F401  # once, as pytester forgets what an inner run imports
from PIL import Image

CONFTEST = """
import numpy as np, pytest
from pathlib import Path
from pytest_edgeai import *

TINY = Path({tiny!r})
RANDOM = np.random.default_rng(0)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, tiny: Path) -> pytest.Pytester:
    """Ready files are tested, so that nothing is converted."""
    pytester.makeconftest(CONFTEST.format(tiny=str(tiny)))
    return pytester


def test_inputs_in_order_by_name_and_in_files(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        from conftest import *

        APPLE, ZEBRA = RANDOM.random((2, 30, 2), np.float32)
        LABELS = (ZEBRA - APPLE).argmax(axis=1)
        GIVEN = {
            "tuple": ((APPLE, ZEBRA), LABELS),
            "list": [[APPLE, ZEBRA], LABELS],
            "names": ({"zebra": ZEBRA, "apple": APPLE}, LABELS),
            "file": "by_name.npz",
            "no_labels": (APPLE, ZEBRA),
            "wrong": ({"zebra": ZEBRA, "aple": APPLE}, LABELS),
            "one": (APPLE, LABELS),
        }

        @pytest.fixture(params=GIVEN)
        def evaluation_data(request):
            np.savez("by_name.npz", zebra=ZEBRA, apple=APPLE, y=LABELS)
            return GIVEN[request.param]

        @pytest.fixture
        def edge_decoder():
            return lambda inputs, outputs: outputs["second"]

        @pytest.mark.edge_model(str(TINY / "zebra_minus_apple.tflite"))
        @pytest.mark.usefixtures("evaluation_data")
        @min_accuracy(1)
        def test_it(converted_interpreter): ...
        """
    )
    result = suite.runpytest()
    result.assert_outcomes(passed=4, failed=3)
    result.stdout.fnmatch_lines(
        [
            "*test_it[[]no_labels[]]*",
            "*evaluation_data has no labels*",
            "*test_it[[]wrong[]]*",
            "*: the model takes the inputs apple, zebra, the batch has zebra, aple",
            "*test_it[[]one[]]*",
            "*'zebra' takes a batch of shape (N, 2), not (30,)*",
        ]
    )
    result.stdout.no_fnmatch_line("*2 samples but*")


def test_whole_number_outputs_are_classes(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        from conftest import *

        SCORES = RANDOM.random((30, 3), np.float32)
        MASKS = RANDOM.random((6, 4, 5, 3), np.float32)

        class TestClassifier:
            @pytest.fixture
            def evaluation_data(self):
                return SCORES, SCORES.argmax(axis=1)

            @pytest.mark.edge_model(str(TINY / "argmax.tflite"))
            @min_accuracy(1)
            @min_accuracy(1, metric="f1_macro")
            @min_agreement(1, baseline="host")
            def test_it(self, converted_interpreter): ...

        class TestMasks:
            @pytest.fixture(params=["plain", "with_channel", "ignored"])
            def evaluation_data(self, request):
                labels = MASKS.argmax(axis=-1)
                if request.param == "ignored":
                    labels[:, 0] = 255
                return MASKS, labels[..., None] if request.param == "with_channel" else labels

            @pytest.mark.edge_model(str(TINY / "argmax_mask.tflite"))
            @pytest.mark.usefixtures("evaluation_data")
            @min_accuracy(1, metric="mean_iou", ignore_label=255)
            @min_agreement(1, baseline="host")
            def test_it(self, converted_interpreter): ...
        """
    )
    result = suite.runpytest("--edge-report=report.json", "-v")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*mean_iou_ignoring_255 * 1 * pass"])


def test_outputs_without_rows_and_scalar_inputs(suite: pytest.Pytester) -> None:
    suite.makepyfile(
        """
        from conftest import *

        @pytest.mark.edge_model(str(TINY / "over_one_half.tflite"))
        def test_no_rows(converted_interpreter):
            assert converted_interpreter.predict(np.zeros((1, 4), np.float32)).shape == (1, 0)
            assert converted_interpreter.predict(np.ones((1, 4), np.float32)).tolist() == [[1] * 4]

        @pytest.mark.edge_model(str(TINY / "scalar.tflite"))
        def test_scalar(converted_interpreter):
            assert converted_interpreter.predict([1.0, 2.0]).tolist() == [3, 5]
        """
    )
    suite.runpytest().assert_outcomes(passed=2)


def draw(folder: Path, names: tuple[str, ...], missing: tuple[str, ...] = ()) -> None:
    """Pictures whose only bright channel is the class."""
    for number, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        for index in range(0 if name in missing else 5):
            colour = [20 + index] * 3
            colour[number] = 200
            Image.new("RGB", (1, 1), tuple(colour)).save(folder / name / f"{index}.png")


def test_class_folders(suite: pytest.Pytester) -> None:
    parts = suite.path / "parts"
    draw(parts / "whole", ("a", "b", "c"))
    draw(parts / "empty", ("a", "b", "c"), missing=("b",))
    draw(parts / "stated", ("z", "b", "c"), missing=("b",))
    draw(parts / "removed", ("a", "b", "c"), missing=("b",))
    (parts / "removed" / "b").rmdir()
    suite.makepyfile(
        """
        from conftest import *

        HOW = Preprocessing(size=(1, 1), scaling="0..1")
        ORDER = {"stated": ["z", "b", "c"]}

        @pytest.fixture(params=["whole", "empty", "stated", "removed"])
        def evaluation_data(request):
            return ImageFolder(f"parts/{request.param}", HOW, classes=ORDER.get(request.param))

        @pytest.mark.edge_model(str(TINY / "pixel_scores.tflite"))
        @pytest.mark.usefixtures("evaluation_data")
        @min_accuracy(1)
        def test_it(converted_interpreter): ...
        """
    )
    result = suite.runpytest()
    result.assert_outcomes(passed=3, failed=1)
    result.stdout.fnmatch_lines(["*test_it[[]removed[]]*", "*2 class folders and the model has 3*"])


def test_the_order_of_classes_in_a_suite_without_python(
    pytester: pytest.Pytester, tiny: Path
) -> None:
    draw(pytester.path / "parts", ("z", "b", "c"), missing=("b",))
    stated = pytester.path / "stated.edge.toml"
    stated.write_text(
        f"""
        model = "{tiny / "pixel_scores.tflite"}"
        evaluation_data = {{path = "parts", classes = ["z", "b", "c"]}}
        preprocessing = {{size = [1, 1], scaling = "0..1"}}

        [tests.right]
        min_accuracy = 1
        """
    )
    text = stated.read_text().replace(', classes = ["z", "b", "c"]', "")
    (pytester.path / "by_name.edge.toml").write_text(text)
    result = pytester.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["FAILED by_name.edge.toml::right* accuracy 0.00 % < 100.00 %*"])
