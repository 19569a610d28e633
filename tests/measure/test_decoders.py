"""From outputs to predictions: the decoders that have a name, and those that users write."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy import special

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.errors import DataError, UsageError
from pytest_edgeai.measure.decoders import (
    BATCH,
    decoded,
    detections,
    reconstruction_error,
    sigmoid,
    softmax,
)
from pytest_edgeai.model.dataset import ArrayDataset

Array = npt.NDArray[Any]
X = np.arange(12, dtype=np.float32).reshape(6, 2)
DATA = ArrayDataset(X, None)


def refusal(call: Callable[..., object], *args: Any) -> str:
    with pytest.raises(DataError) as caught:
        call(*args)
    return str(caught.value)


class TestNumbers:
    logits = np.random.default_rng(0).normal(scale=50, size=(6, 3)).astype(np.float32)

    def test_none_takes_them_as_they_are(self) -> None:
        assert decoded(None, DATA, self.logits) is self.logits
        several = {"a": self.logits, "b": self.logits}
        assert decoded(None, DATA, several) is several

    def test_softmax(self) -> None:
        made = decoded("softmax", DATA, self.logits)
        assert made == pytest.approx(special.softmax(self.logits.astype(float), axis=1))
        assert softmax(np.array([[1000.0, 0], [-1000, 0]])).tolist() == [[1, 0], [0, 1]]
        assert softmax(np.zeros((2, 4, 4, 5))) == pytest.approx(0.2)

    def test_sigmoid(self) -> None:
        made = decoded("sigmoid", DATA, self.logits[:, :1])
        assert made == pytest.approx(special.expit(self.logits[:, :1].astype(float)))
        assert sigmoid(np.array([1000.0, -1000, 0])).tolist() == [1, 0, 0.5]

    def test_reconstruction_error(self) -> None:
        outputs = np.zeros((6, 2), np.float32)
        wanted = (X.astype(float) ** 2).mean(axis=1)
        assert decoded("reconstruction_error", DATA, outputs) == pytest.approx(wanted)
        assert reconstruction_error({"x": np.ones((3, 2, 2))}, np.zeros((3, 4))).tolist() == [1] * 3

    def test_whole_numbers_do_not_wrap_around(self) -> None:
        black, white = np.zeros((1, 4), "u1"), np.full((1, 4), 255, "u1")
        for inputs, outputs in ((black, white), (white, black)):
            assert reconstruction_error(inputs, outputs).tolist() == [255**2]

    def test_the_reconstruction_error_of_a_real_model(
        self, realdata: Path, published: Callable[[str], Interpreter]
    ) -> None:
        """9.7071 by the README of the data; 9.70710781 is what was published."""
        features = np.fromfile(
            realdata / "anomaly" / "normal_id_01_00000000_hist_librosa.bin", "<f4"
        )
        windows = np.lib.stride_tricks.sliding_window_view(features, 640)[::128]
        data = ArrayDataset(windows, None)
        outputs = published("ad01_fp32").predict(windows)
        found = decoded("reconstruction_error", data, outputs)
        assert found.shape == (196,)
        assert found.mean() == pytest.approx(9.7071, abs=1e-4)

    @pytest.mark.parametrize(
        ("decoder", "outputs", "text"),
        [
            (
                "softmax",
                np.zeros((6, 1)),
                "needs logits of several classes, not of shape (6, 1)",
            ),
            ("softmax", np.zeros(6), "of shape (6,)\nhint: 'sigmoid' is for one logit"),
            ("softmax", np.full((6, 2), np.inf), "6 answers hold NaN or infinity, the first for s"),
            ("sigmoid", np.full((6, 2), np.nan), "6 answers hold NaN or infinity, the first for s"),
            ("softmax", {"a": 1, "b": 2}, "the outputs a, b: edge_decoder 'softmax' needs one"),
            ("sigmoid", {"a": 1, "b": 2}, "the outputs a, b: edge_decoder 'sigmoid' needs one"),
            ("reconstruction_error", np.zeros((6, 3)), "of shape (6, 3) do not reconstruct inputs"),
            ("reconstruction_error", {"a": X, "b": X}, "'reconstruction_error' needs one"),
            ("detections", np.zeros((6, 4)), "not those of TFLite_Detection_PostProcess: one of s"),
        ],
    )
    def test_refusals(self, decoder: str, outputs: Any, text: str) -> None:
        assert text in refusal(decoded, decoder, DATA, outputs)

    def test_several_inputs_are_not_reconstructed(self) -> None:
        inputs = {"a": np.zeros((3, 2)), "b": np.zeros((3, 1))}
        text = refusal(reconstruction_error, inputs, np.zeros((3, 2)))
        assert "outputs of shape (3, 2) do not reconstruct inputs of (3, 2), (3, 1)" in text

    def test_unknown(self) -> None:
        with pytest.raises(UsageError, match="edge_decoder: 'argmax' is not known") as caught:
            decoded("argmax", DATA, self.logits)
        assert "one of softmax, sigmoid, reconstruction_error, detections, or a callable" in str(
            caught.value
        )


class TestDetections:
    """Three images with room for two boxes; they have two, one and none."""

    boxes = np.arange(24, dtype=np.float32).reshape(3, 2, 4)
    classes = np.array([[7, 3], [2, 0], [0, 0]], np.float32)
    scores = np.array([[0.9, 0.4], [0.8, 0], [0, 0]], np.float32)
    count = np.array([2, 1, 0], np.float32)

    def outputs(self, order: tuple[int, ...], names: str = "dcba") -> dict[str, Array]:
        arrays = (self.boxes, self.classes, self.scores, self.count)
        return {name: arrays[number] for name, number in zip(names, order, strict=True)}

    @pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
    @pytest.mark.parametrize("decoder", [None, "detections"])
    def test_in_any_order(self, order: tuple[int, ...], decoder: str | None) -> None:
        made = decoded(decoder, DATA, self.outputs(order))
        assert made.shape == (3, 2, 6)
        assert made[0, :, :4].tolist() == self.boxes[0].tolist()
        assert made[0, :, 4].tolist() == [7, 3]
        assert made[0, :, 5] == pytest.approx([0.9, 0.4])
        assert made[1, 0, 4:] == pytest.approx([2, 0.8])
        assert np.isnan(made[1, 1]).all()
        assert np.isnan(made[2]).all()

    def test_classes_of_which_none_is_over_1_by_scores_that_are_not_whole(self) -> None:
        outputs = self.outputs((0, 2, 1, 3)) | {"a": np.ones(3), "b": np.zeros((3, 2))}
        assert detections(outputs)[0, 0, 4:] == pytest.approx([0, 0.9])

    @pytest.mark.parametrize("kind", [0, 1])
    def test_one_class_and_scores_of_1(self, kind: int) -> None:
        """They look alike: the order of TFLite_Detection_PostProcess tells."""
        outputs = self.outputs((0, 1, 2, 3)) | {
            "c": np.full((3, 2), kind),
            "b": np.ones((3, 2)),
        }
        assert detections(outputs)[0, 0, 4:].tolist() == [kind, 1]

    def test_whole_scores_of_many_classes(self) -> None:
        outputs = self.outputs((0, 2, 1, 3)) | {"c": np.ones((3, 2)), "b": np.full((3, 2), 9)}
        assert detections(outputs)[0, 0, 4:].tolist() == [9, 1]

    def test_what_lies_beyond_the_count_does_not_matter(self) -> None:
        outputs = self.outputs((0, 1, 2, 3))
        outputs["c"] = np.array([[7, 3], [2, 0.5], [9.25, -1]], np.float32)
        made = detections(outputs)
        assert made[1, 0, 4:] == pytest.approx([2, 0.8])

    def test_room_for_a_single_box(self) -> None:
        outputs = {
            "count": np.array([1, 0]),
            "scores": np.array([[0.5], [0]]),
            "boxes": np.ones((2, 1, 4)),
            "classes": np.array([[4], [0]]),
        }
        made = decoded(None, DATA, outputs)
        assert made.shape == (2, 1, 6)
        assert made[0, 0].tolist() == [1, 1, 1, 1, 4, 0.5]

    @pytest.mark.parametrize(
        "change",
        [
            {"a": np.ones((3, 1))},
            {"b": np.ones((3, 3))},
            {"d": np.ones((3, 2, 5))},
            {"e": np.ones(3)},
        ],
    )
    def test_others_are_left_alone_and_refused(self, change: dict[str, Array]) -> None:
        outputs = self.outputs((0, 1, 2, 3)) | change
        assert decoded(None, DATA, outputs) is outputs
        text = refusal(decoded, "detections", DATA, outputs)
        assert "the outputs are not those of TFLite_Detection_PostProcess: d (3, 2, " in text
        assert "a callable (inputs, outputs) that makes rows (ymin, xmin, ymax, xmax, cl" in text

    def test_of_a_real_model(self, realdata: Path, published: Callable[[str], Interpreter]) -> None:
        """Its known answers, by the README of the data."""
        wanted = {"cat": (16, 0.730), "bird": (15, 0.758), "parrot": (15, 0.809)}
        wanted["grace_hopper"] = (0, 0.711)
        images = []
        for name in wanted:
            (path,) = (realdata / "images").glob(f"{name}.*")
            with Image.open(path) as image:
                images.append(np.asarray(image.convert("RGB").resize((300, 300))))
        inputs = np.stack(images).astype(np.float32) / 128 - 1
        outputs = published("ssd_mobilenet_v1_coco_uint8").predict(inputs)
        assert len(outputs) == 4
        made = decoded(None, ArrayDataset(inputs, None), outputs)
        assert made.shape[::2] == (4, 6)
        for found, (kind, sure) in zip(made, wanted.values(), strict=True):
            top, left, bottom, right, *what = found[0]
            assert what == [kind, pytest.approx(sure, abs=0.02)]
            assert -0.1 < top < bottom < 1.1
            assert -0.1 < left < right < 1.1


class TestCallable:
    def test_it_gets_inputs_and_outputs_batch_by_batch(self) -> None:
        n = 2 * BATCH + 3
        data, outputs = ArrayDataset(np.arange(n)[:, None], None), np.arange(n)[:, None] * 10
        sizes = []

        def decoder(inputs: Array, outputs: Array) -> Array:
            sizes.append(len(inputs))
            return outputs[:, 0] - 9 * inputs[:, 0]

        assert decoded(decoder, data, outputs).tolist() == list(range(n))
        assert sizes == [BATCH, BATCH, 3]

    def test_several_inputs_and_outputs_by_name(self) -> None:
        data = ArrayDataset({"a": np.arange(6)[:, None], "b": np.ones((6, 2))}, None)
        outputs = {"u": np.arange(6), "v": np.zeros((6, 3))}
        made = decoded(lambda i, o: i["a"][:, 0] + o["u"] + i["b"][:, 1], data, outputs)
        assert made.tolist() == [1, 3, 5, 7, 9, 11]

    def test_it_cannot_change_what_others_get(self) -> None:
        outputs = np.ones((6, 2))

        def greedy(inputs: Array, outputs: Array) -> Array:
            inputs[:] = outputs[:] = 9
            return outputs

        (before,) = [batch.copy() for batch in DATA.batches(6)]
        assert (decoded(greedy, DATA, outputs) == 9).all()
        assert (outputs == 1).all()
        (after,) = DATA.batches(6)
        assert np.array_equal(before, after)

    def test_boxes_of_batches_are_filled_up(self) -> None:
        n = BATCH + 1
        data = ArrayDataset(np.zeros((n, 1)), None)
        made = decoded(lambda i, o: np.ones((len(i), len(i) % 7, 6)), data, np.zeros((n, 1)))
        assert made.shape == (n, 1, 6)
        assert not np.isnan(made).any()
        made = decoded(lambda i, o: np.ones((len(i), len(i) % 5, 6)), data, np.zeros((n, 1)))
        assert made.shape == (n, 4, 6)
        assert np.isnan(made[-1, 1:]).all()
        assert (made[-1, 0] == 1).all()

    @pytest.mark.parametrize(
        ("decoder", "text"),
        [
            (lambda i, o: o[:5], "edge_decoder returned float32 (5, 3) for 6 samples\nhint: retur"),
            (lambda i, o: o.mean(), "returned float32 () for 6 samples"),
            (lambda i, o: None, "returned object () for 6 samples"),
            (lambda i, o: {"boxes": o}, "returned object () for 6 samples"),
            (lambda i, o: [np.ones((k, 6)) for k in range(6)], "padded() makes one of a list of b"),
            (lambda i, o: o["boxes"], "edge_decoder raised IndexError: only integers"),
            (lambda o: o, "edge_decoder raised TypeError"),
        ],
    )
    def test_refusals(self, decoder: Any, text: str) -> None:
        assert text in refusal(decoded, decoder, DATA, np.ones((6, 3), np.float32))

    def test_predictions_of_one_sample_are_no_number(self) -> None:
        data = ArrayDataset(np.zeros((1, 1)), None)
        text = refusal(decoded, lambda i, o: 0.5, data, np.zeros((1, 1)))
        assert "edge_decoder returned float64 () for 1 sample\nhint" in text

    def test_shapes_that_differ_between_batches(self) -> None:
        n = BATCH + 1
        data = ArrayDataset(np.zeros((n, 1)), None)
        text = refusal(decoded, lambda i, o: np.ones((len(i), len(i))), data, np.zeros((n, 1)))
        assert f"predictions of the shapes ({BATCH},), (1,)" in text


@pytest.mark.parametrize(
    ("decoder", "text"),
    [
        (
            lambda inputs, outputs: np.empty((len(inputs), 0)),
            "edge_decoder returned float64 (3, 0)",
        ),
        (lambda inputs, outputs: sys.exit("done"), "edge_decoder raised SystemExit: done"),
    ],
)
def test_what_ends_without_predictions(decoder: Any, text: str) -> None:
    data = ArrayDataset(np.zeros((3, 2), np.float32))
    with pytest.raises(DataError) as caught:
        decoded(decoder, data, np.zeros((3, 2)))
    assert text in str(caught.value)
