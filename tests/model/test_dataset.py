"""Arrays as data sets: what is taken, what is refused and how it is said, sampling, digests."""

from __future__ import annotations

import gc
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_edgeai.errors import DataError, UsageError
from pytest_edgeai.model.dataset import ArrayDataset, Dataset, as_dataset
from pytest_edgeai.model.inputs import by_name
from pytest_edgeai.model.labels import Array, class_indices

WHAT = "calibration_data"


def images(total: int = 6) -> Array:
    return np.arange(total * 4, dtype=np.uint8).reshape(total, 2, 2)


def refusal(value: object) -> str:
    with pytest.raises(DataError) as caught:
        as_dataset(value, WHAT)
    assert WHAT in caught.value.message
    assert caught.value.hint
    return str(caught.value)


def everything(dataset: Dataset, size: int = 4) -> Array:
    batches: list[Any] = list(dataset.batches(size))
    return np.concatenate(batches)


class TestWhatIsTaken:
    def test_an_array(self) -> None:
        dataset = as_dataset(images(), WHAT)
        assert isinstance(dataset, Dataset)
        assert len(dataset) == 6
        assert dataset.labels is None
        np.testing.assert_array_equal(everything(dataset), images())

    def test_a_data_set_is_returned_as_it_is(self) -> None:
        dataset = ArrayDataset(images())
        assert as_dataset(dataset, WHAT) is dataset

    def test_an_archive_that_is_open(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "data.npz", x=images(), y=np.arange(6))
        with np.load(tmp_path / "data.npz") as archive:
            dataset = as_dataset(archive, WHAT)
        np.testing.assert_array_equal(everything(dataset), images())
        assert dataset.labels is not None
        assert "cannot be read" in refusal(archive)

    def test_an_array_is_not_copied(self) -> None:
        values = images()
        (batch,) = as_dataset(values, WHAT).batches(10)
        assert np.shares_memory(batch, values)

    def test_a_list_of_samples(self) -> None:
        dataset = as_dataset([[1.0, 2.0], [3.0, 4.0]], WHAT)
        np.testing.assert_array_equal(everything(dataset), [[1, 2], [3, 4]])

    def test_what_has_an_array_interface(self) -> None:
        class Tensor:
            def __array__(self, dtype: object = None, copy: object = None) -> Array:
                return images(3)

        assert len(as_dataset(Tensor(), WHAT)) == 3

    def test_inputs_and_labels(self) -> None:
        dataset = as_dataset((images(3), [2, 0, 1]), WHAT)
        assert dataset.labels is not None
        assert dataset.labels.tolist() == [2, 0, 1]

    def test_inputs_and_no_labels(self) -> None:
        assert as_dataset((images(3), None), WHAT).labels is None

    def test_several_inputs_by_name(self) -> None:
        dataset = as_dataset(({"image": images(5), "angle": np.arange(5.0)}, range(5)), WHAT)
        first, last = dataset.batches(3)
        assert len(dataset) == 5
        assert isinstance(last, dict)
        np.testing.assert_array_equal(last["image"], images(5)[3:])
        assert last["angle"].tolist() == [3.0, 4.0]
        assert list(first) == ["image", "angle"]

    @pytest.mark.parametrize(
        "values",
        [
            [True, False],
            np.array([1, 2], "int8"),
            np.array([1, 2], "float16"),
            ["a", "b"],
            [b"a", b"b"],
        ],
    )
    def test_numbers_bools_and_text(self, values: object) -> None:
        assert len(as_dataset(values, WHAT)) == 2


class TestSeveralInputsInOrder:
    """What is told apart by the number of inputs that the model has, where it can be."""

    left, right, labels = np.ones((50, 2, 2)), np.zeros((50, 2, 2)), np.arange(50) % 3

    @pytest.mark.parametrize("kind", [list, tuple])
    @pytest.mark.parametrize("count", [None, 2])
    def test_a_pair_is_two_inputs(self, kind: type, count: int | None) -> None:
        dataset = as_dataset(kind([self.left, self.right]), WHAT, count)
        (batch,) = dataset.batches(99)
        assert len(dataset) == 50
        assert dataset.labels is None
        assert isinstance(batch, tuple)
        assert [array.mean() for array in batch] == [1, 0]

    @pytest.mark.parametrize("kind", [list, tuple])
    @pytest.mark.parametrize("outer", [list, tuple])
    @pytest.mark.parametrize("count", [None, 2])
    def test_a_pair_with_labels(self, kind: type, outer: type, count: int | None) -> None:
        dataset = as_dataset(outer([kind([self.left, self.right]), self.labels]), WHAT, count)
        (batch,) = dataset.batches(99)
        assert isinstance(batch, tuple)
        assert len(batch) == 2
        assert dataset.labels is not None
        assert dataset.labels.tolist() == self.labels.tolist()
        assert "50 samples but 49 labels" in refusal(([self.left, self.right], self.labels[1:]))

    @pytest.mark.parametrize("kind", [list, tuple])
    def test_the_second_is_labels_where_the_model_has_one_input(self, kind: type) -> None:
        dataset = as_dataset(kind([self.left, self.labels]), WHAT, 1)
        assert dataset.labels is not None
        np.testing.assert_array_equal(everything(dataset, 99), self.left)
        unknown = as_dataset(kind([self.left, self.labels]), WHAT)
        (batch,) = unknown.batches(99)
        assert list(by_name(batch, ["image"], WHAT)) == ["image"]
        assert by_name(batch, ["image"], WHAT)["image"].shape == (50, 2, 2)

    def test_samples_are_drawn_alike_while_that_is_not_known(self) -> None:
        known, unknown = (as_dataset((self.left, self.labels), WHAT, n).take(9) for n in (1, None))
        (batch,) = unknown.batches(9)
        assert isinstance(batch, tuple)
        assert known.labels is not None
        assert known.labels.tolist() == batch[1].tolist()

    def test_a_list_of_samples_is_one_input(self) -> None:
        samples = [np.full((2, 2), n) for n in range(6)]
        assert everything(as_dataset(samples, WHAT)).shape == (6, 2, 2)
        few = samples[:3]
        assert everything(as_dataset(few, WHAT, 1)).shape == (3, 2, 2)
        for count in (None, 1):
            dataset = as_dataset((few, [0, 1, 2]), WHAT, count)
            assert everything(dataset).shape == (3, 2, 2)

    def test_a_list_of_the_only_input(self) -> None:
        dataset = as_dataset(([self.left], self.labels), WHAT, 1)
        np.testing.assert_array_equal(everything(dataset, 99), self.left)

    def test_one_number_for_all_samples(self) -> None:
        (batch,) = as_dataset({"x": self.left, "threshold": 0.5}, WHAT).batches(99)
        assert isinstance(batch, dict)
        assert batch["threshold"].tolist() == [0.5] * 50
        assert "holds single values, and no samples" in refusal({"a": 1, "b": 2})

    def test_other_inputs_than_the_model_has(self) -> None:
        for inputs, said in (
            (self.left, "one array"),
            ((self.left,) * 3, "3 arrays in order"),
            ({"left": self.left, "rihgt": self.right}, "left, rihgt"),
        ):
            with pytest.raises(DataError) as caught:
                by_name(inputs, ["left", "right"], WHAT)
            assert caught.value.message == (
                f"the model takes the inputs left, right, {WHAT} has {said}"
            )
        with pytest.raises(DataError, match=r"takes the input image, .* 3 arrays in order"):
            by_name((self.left,) * 3, ["image"], WHAT)

    def test_a_digest_tells_which_is_which(self) -> None:
        digests = {
            as_dataset(value, WHAT).digest()
            for value in (
                (self.left, self.right),
                (self.right, self.left),
                {"left": self.left, "right": self.right},
                ((self.left, self.right), self.labels),
            )
        }
        assert len(digests) == 4


class TestFiles:
    def test_npz_with_labels(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "data.npz", x=images(3), y=[0, 1, 0])
        dataset = as_dataset(str(tmp_path / "data.npz"), WHAT)
        np.testing.assert_array_equal(everything(dataset), images(3))
        assert dataset.labels is not None
        assert dataset.labels.tolist() == [0, 1, 0]

    def test_npz_without_labels(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "data.npz", x=images(3))
        assert as_dataset(tmp_path / "data.npz", WHAT).labels is None

    def test_npz_with_inputs_by_name(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "data.npz", image=images(2), angle=[1.0, 2.0], y=[0, 1])
        (batch,) = as_dataset(tmp_path / "data.npz", WHAT).batches(2)
        assert isinstance(batch, dict)
        assert sorted(batch) == ["angle", "image"]

    def test_npy_holds_inputs(self, tmp_path: Path) -> None:
        np.save(tmp_path / "data.npy", images(3))
        np.testing.assert_array_equal(
            everything(as_dataset(tmp_path / "data.npy", WHAT)), images(3)
        )

    def test_npz_with_inputs_by_name_and_no_labels(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "data.npz", image=images(2), angle=[1.0, 2.0])
        dataset = as_dataset(tmp_path / "data.npz", WHAT)
        (batch,) = dataset.batches(2)
        assert isinstance(batch, dict)
        assert sorted(batch) == ["angle", "image"]
        assert dataset.labels is None

    def test_npz_with_numbered_arrays(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "one.npz", images(3))
        np.testing.assert_array_equal(everything(as_dataset(tmp_path / "one.npz", WHAT)), images(3))
        np.savez(tmp_path / "two.npz", images(3), np.arange(3))
        (batch,) = as_dataset(tmp_path / "two.npz", WHAT, 2).batches(3)
        assert isinstance(batch, tuple)
        dataset = as_dataset(tmp_path / "two.npz", WHAT, 1)
        assert dataset.labels is not None
        assert dataset.labels.tolist() == [0, 1, 2]

    def test_npz_without_inputs(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "data.npz", y=images(2))
        text = refusal(tmp_path / "data.npz")
        assert "holds y: there are no inputs" in text
        assert "np.savez(path, x=inputs, y=labels)" in text

    def test_arrays_of_objects_are_never_read(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "data.npz", x=np.array([{}, {}], dtype=object))
        text = refusal(tmp_path / "data.npz")
        assert "data.npz, which cannot be read" in text
        assert "Arrays of Python objects are never read" in text

    @pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut"])
    @pytest.mark.parametrize("name", ["data.npz", "data.npy"])
    def test_damaged(self, tmp_path: Path, name: str, content: bytes) -> None:
        (tmp_path / name).write_bytes(content)
        assert f"{name}, which cannot be read" in refusal(tmp_path / name)

    def test_an_archive_cut_short_is_closed(self, tmp_path: Path) -> None:
        path = tmp_path / "data.npz"
        np.savez(path, x=images(100))
        path.write_bytes(path.read_bytes()[:-30])
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert "cannot be read" in refusal(path)
            gc.collect()
        assert [warning for warning in caught if str(path) in str(warning.message)] == []

    def test_an_error_in_the_content_names_the_file(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "data.npz", x=images(3), y=[0, 1])
        text = refusal(tmp_path / "data.npz")
        assert "data.npz" in text
        assert "3 samples but 2 labels" in text

    def test_missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        text = refusal("data/none.npz")
        assert "data/none.npz, which does not exist" in text
        assert str(tmp_path) in text

    def test_a_folder_needs_its_preprocessing_named(self, tmp_path: Path) -> None:
        text = refusal(tmp_path)
        assert f"is the folder {tmp_path}" in text
        assert (
            f'ImageFolder("{tmp_path}", Preprocessing(size=(height, width), scaling="0..1"))'
            in text
        )

    def test_another_kind_of_file(self, tmp_path: Path) -> None:
        (tmp_path / "data.csv").write_text("1,2")
        assert "data.csv, which is no .npz or .npy file" in refusal(tmp_path / "data.csv")


class TestWhatIsRefused:
    def test_none(self) -> None:
        assert "is None" in refusal(None)

    @pytest.mark.parametrize("value", [images, iter([images()]), ([images()] for _ in range(2))])
    def test_a_representative_dataset(self, value: object) -> None:
        assert "such as a converter's representative_dataset" in refusal(value)

    def test_tf_data(self) -> None:
        class PrefetchDataset:
            def as_numpy_iterator(self) -> None: ...

        text = refusal(PrefetchDataset())
        assert "tf.data.Dataset (PrefetchDataset)" in text
        assert "Convert it to arrays" in text

    @pytest.mark.parametrize(
        ("value", "kind"),
        [({1, 2}, "set"), (object(), "object")],
    )
    def test_unknown_types(self, value: object, kind: str) -> None:
        text = refusal(value)
        assert f"of type {kind}" in text
        assert "Give an array of samples; for several inputs a tuple of arrays" in text

    def test_objects(self) -> None:
        assert "dtype object; only numbers, bools and text" in refusal([None, 1])

    def test_complex_numbers(self) -> None:
        assert "dtype complex128" in refusal(np.ones(3, dtype=complex))

    def test_ragged_lists(self) -> None:
        text = refusal([[1, 2], [3]])
        assert "cannot be made one array (list)" in text
        assert "same shape" in text

    @pytest.mark.parametrize("value", [5, np.float32(5), np.array(5)])
    def test_a_single_value(self, value: object) -> None:
        assert "is the single value" in refusal(value)

    def test_a_single_label(self) -> None:
        assert f"labels of {WHAT} is the single value 1" in refusal((images(), 1))

    def test_a_tuple_that_is_no_pair(self) -> None:
        assert "a tuple of 3, not (inputs, labels)" in refusal((1, 2, 3))

    @pytest.mark.parametrize("value", [[], np.zeros((0, 28, 28)), np.zeros((3, 0))])
    def test_empty(self, value: object) -> None:
        assert f"is empty: shape {np.asarray(value).shape}" in refusal(value)

    def test_an_empty_dict(self) -> None:
        assert "is empty" in refusal({})

    def test_inputs_that_are_not_named(self) -> None:
        assert "has the keys [0], not input names" in refusal({0: images()})

    def test_a_named_input_is_named_in_the_error(self) -> None:
        assert f"{WHAT}['angle'] is empty" in refusal({"image": images(), "angle": []})

    def test_inputs_of_different_counts(self) -> None:
        text = refusal({"image": images(6), "angle": np.ones(5)})
        assert "different numbers of samples: image 6, angle 5" in text

    def test_labels_of_another_count(self) -> None:
        assert "6 samples but 1 label." in refusal((images(6), [0]))
        text = refusal((images(6), np.zeros(1)))
        assert "have different numbers of samples: 6 and 1" in text

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    def test_values_that_are_not_finite(self, value: float) -> None:
        values = np.zeros((9, 2, 2), dtype=np.float32)
        values[4, 1] = value
        values[7, 0, 0] = value
        assert "holds 3 NaN or infinite values, the first in sample 4." in refusal(values)

    @pytest.mark.filterwarnings("error")
    def test_a_single_nan_is_found_without_a_warning(self) -> None:
        assert "holds 1 NaN or infinite value, the first in sample 1." in refusal([1.0, np.nan])

    @pytest.mark.parametrize("size", [0, -1])
    def test_batch_size(self, size: int) -> None:
        with pytest.raises(UsageError, match=f"a batch size of {size} is not possible"):
            list(ArrayDataset(images()).batches(size))


@pytest.mark.parametrize("size", [1, 4, 6, 7])
def test_batches_are_all_samples_in_order(size: int) -> None:
    batches: list[Any] = list(ArrayDataset(images(6)).batches(size))
    assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
    np.testing.assert_array_equal(np.concatenate(batches), images(6))


def test_picked_samples_come_in_the_order_asked_for() -> None:
    picked = ArrayDataset(images(6), np.arange(6)).pick(np.array([4, 1]))
    np.testing.assert_array_equal(everything(picked, 2), images(6)[[4, 1]])
    assert picked.labels is not None
    assert picked.labels.tolist() == [4, 1]


def taken(labels: object, limit: int, seed: int = 0) -> list[int]:
    """The positions of the samples that ``take`` leaves."""
    values = np.asarray(labels)
    subset = ArrayDataset(np.arange(len(values)), values).take(limit, seed)
    positions = everything(subset, 1000)
    np.testing.assert_array_equal(subset.labels, values[positions])
    return [int(position) for position in positions]


class TestTake:
    class_labels = st.lists(st.integers(0, 6), min_size=2, max_size=80)

    @settings(database=None)
    @given(labels=class_labels, seed=st.integers(0, 99), data=st.data())
    def test_class_proportions_are_kept(
        self, labels: list[int], seed: int, data: st.DataObject
    ) -> None:
        limit = data.draw(st.integers(1, len(labels) - 1))
        positions = taken(labels, limit, seed)
        assert len(positions) == limit
        assert positions == sorted(set(positions))
        ideals = {name: limit * size / len(labels) for name, size in Counter(labels).items()}
        chosen = Counter(labels[position] for position in positions)
        if limit >= len(ideals):
            assert set(chosen) == set(ideals)
        # A class too small for a sample of its own takes one from the larger classes.
        if limit < len(ideals) or min(ideals.values()) >= 1:
            assert all(abs(chosen[name] - ideal) < 1 for name, ideal in ideals.items())
        else:
            assert all(chosen[name] < max(ideal, 1) + 1 for name, ideal in ideals.items())

    def test_rare_classes_are_kept(self) -> None:
        labels = [0] * 990 + [1] * 8 + [2, 3]
        chosen = Counter(labels[position] for position in taken(labels, 10))
        assert chosen == {0: 7, 1: 1, 2: 1, 3: 1}

    def test_as_many_as_classes_takes_one_of_each(self) -> None:
        labels = [0] * 50 + [1] * 3 + [2]
        assert [labels[position] for position in taken(labels, 3)] == [0, 1, 2]

    def test_sorted_classes_are_all_seen(self) -> None:
        labels = np.repeat(np.arange(10), 100)
        assert Counter(labels[taken(labels, 50)].tolist()) == dict.fromkeys(range(10), 5)

    @pytest.mark.parametrize(
        "form", [np.eye(3), np.array([[0.0], [1.0], [2.0]]), np.array(list("abc"))]
    )
    def test_any_form_of_class_labels(self, form: Array) -> None:
        classes = np.repeat([0, 1, 2], [60, 30, 10])
        for seed in range(5):
            chosen = classes[taken(form[classes], 10, seed)]
            assert np.bincount(chosen).tolist() == [6, 3, 1]

    @pytest.mark.parametrize("labels", [np.repeat([0, 1], 50), np.arange(100) / 7])
    def test_a_seed_decides(self, labels: Array) -> None:
        assert taken(labels, 20, seed=3) == taken(labels, 20, seed=3)
        assert taken(labels, 20, seed=3) != taken(labels, 20, seed=4)

    @pytest.mark.parametrize("labels", [None, np.zeros((100, 2, 2)), np.arange(100) / 7])
    def test_without_classes_every_sample_is_as_likely(self, labels: Array | None) -> None:
        dataset = ArrayDataset(np.arange(100), labels)
        drawn = np.concatenate([everything(dataset.take(10, seed)) for seed in range(200)])
        hits = np.bincount(drawn, minlength=100)
        assert hits.sum() == 2000
        assert hits.min() > 0
        assert hits.max() < 50

    @pytest.mark.parametrize("limit", [None, 6, 7])
    def test_no_less_than_all_is_the_same(self, limit: int | None) -> None:
        dataset = ArrayDataset(images(6))
        assert dataset.take(limit) is dataset

    def test_several_inputs_stay_together(self) -> None:
        dataset = ArrayDataset({"a": np.arange(50), "b": np.arange(50) * 2}, np.arange(50) % 2)
        (batch,) = dataset.take(9).batches(9)
        assert isinstance(batch, dict)
        np.testing.assert_array_equal(batch["a"] * 2, batch["b"])

    @pytest.mark.parametrize("limit", [0, -3])
    def test_less_than_one_is_refused(self, limit: int) -> None:
        with pytest.raises(UsageError, match=f"a limit of {limit} samples is not possible"):
            ArrayDataset(images()).take(limit)


class TestDigest:
    def test_equal_content_has_an_equal_digest(self) -> None:
        values = np.arange(24.0).reshape(6, 4)
        digest = ArrayDataset(values, np.arange(6)).digest()
        assert len(bytes.fromhex(digest)) == 32
        assert ArrayDataset(np.asfortranarray(values), np.arange(6)).digest() == digest

    def test_content_larger_than_a_chunk(self) -> None:
        values = np.zeros((9, 1 << 20), dtype=np.uint8)
        before = ArrayDataset(values).digest()
        values[-1, -1] = 1
        assert ArrayDataset(values).digest() != before

    def test_every_difference_counts(self) -> None:
        values = np.arange(24, dtype=np.int32).reshape(6, 4)
        labels = np.arange(6)
        changed = values.copy()
        changed[5, 3] = 0
        digests = [
            ArrayDataset(values).digest(),
            ArrayDataset(changed).digest(),
            ArrayDataset(values.reshape(6, 2, 2)).digest(),
            ArrayDataset(values.view(np.uint32)).digest(),
            ArrayDataset(values, labels).digest(),
            ArrayDataset(values, labels[::-1]).digest(),
            ArrayDataset({"a": values}).digest(),
            ArrayDataset({"b": values}).digest(),
            ArrayDataset(values).take(3).digest(),
        ]
        assert len(set(digests)) == len(digests)

    def test_the_order_of_named_inputs_does_not_count(self) -> None:
        a, b = np.ones(3), np.zeros(3)
        one, other = ArrayDataset({"a": a, "b": b}), ArrayDataset({"b": b, "a": a})
        assert one.digest() == other.digest()


class TestDescribe:
    def test_images_and_class_labels(self) -> None:
        inputs = np.zeros((3000, 28, 28), dtype=np.uint8)
        dataset = ArrayDataset(inputs, np.arange(3000) % 10)
        assert dataset.describe() == "3,000 samples of 28x28 uint8, labels 0..9"

    def test_a_column_of_labels(self) -> None:
        dataset = ArrayDataset([1.0], [[7]])
        assert dataset.describe() == "1 sample of float64, labels 7..7"

    def test_several_inputs_and_one_hot_labels(self) -> None:
        inputs = {"image": np.zeros((2, 4, 4, 3), np.float32), "word": np.array(["a", "b"])}
        text = ArrayDataset(inputs, np.eye(2)).describe()
        assert text == "2 samples of image: 4x4x3 float32, word: text, labels of 2 float64"

    def test_no_labels(self) -> None:
        assert repr(ArrayDataset([[1, 2]])) == "<ArrayDataset: 1 sample of 2 int64, no labels>"


class TestClassIndices:
    @pytest.mark.parametrize(
        "labels",
        [
            np.array([2, 0, 1]),
            np.array([2, 0, 1], dtype=np.uint8),
            np.array([2.0, 0.0, 1.0], dtype=np.float32),
            np.array([[2], [0], [1]]),
        ],
    )
    def test_indices(self, labels: Array) -> None:
        indices, text = class_indices(labels, 3)
        assert indices.dtype == np.int64
        assert indices.tolist() == [2, 0, 1]
        assert text == "class indices"

    def test_bools(self) -> None:
        indices, _ = class_indices(np.array([True, False]), 2)
        assert indices.tolist() == [1, 0]

    @pytest.mark.parametrize(
        ("labels", "hint"),
        [
            ([1, 3, 10], "subtract 1 from them; where 0 is a class without samples (background)"),
            ([0, 4, 255], "Where 255 marks what has no label, leave it out"),
            ([0, 4, 12, 17], "look for the data set, or the list of classes, of it"),
            ([0.5, 2.25], "Where a model puts out numbers, take metric='mean_absolute_error'"),
        ],
    )
    def test_what_may_be_wrong(self, labels: list[float], hint: str) -> None:
        with pytest.raises(DataError) as caught:
            class_indices(np.array(labels), 10)
        assert hint in caught.value.hint

    @pytest.mark.parametrize("dtype", [bool, np.int32, np.float32])
    def test_one_hot(self, dtype: type) -> None:
        indices, text = class_indices(np.eye(4, dtype=dtype)[[3, 0, 3]], 4)
        assert indices.dtype == np.int64
        assert indices.tolist() == [3, 0, 3]
        assert text == "one-hot, taken as class indices"

    def test_one_hot_for_a_single_sigmoid(self) -> None:
        indices, _ = class_indices(np.eye(2)[[1, 0]], 2)
        assert indices.tolist() == [1, 0]

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ([1, 10], r"labels reach 10 but the model has 10 classes \(0\.\.9\)"),
            ([-1, 3], r"labels go down to -1 but the model has 10 classes \(0\.\.9\)"),
            ([0.0, 1.5], r"not whole numbers: sample 1 has 1\.5"),
            ([np.nan, 1.0], r"not whole numbers: sample 0 has nan"),
            ([1.0, np.inf], r"not whole numbers: sample 1 has inf"),
            (np.eye(12), r"labels have 12 columns but the model has 10 classes"),
            (np.full((2, 10), 0.1), r"not one-hot: sample 0 has \[0\.1, 0\.1"),
            (np.eye(10)[[1, 2]] * [[1], [0]], r"not one-hot: sample 1 has"),
            (np.eye(10)[[1, 2]] * [[1], [2]], r"not one-hot: sample 1 has"),
            (np.eye(10)[[1, 2]] + [[0], [0.5]] * np.eye(10)[3], r"not one-hot: sample 1 has"),
            (np.ones((2, 10), int), r"not one-hot: sample 0 has \[1, 1"),
            (np.zeros((2, 2, 2)), r"shape \(2, 2, 2\) and dtype float64 are not class labels"),
            (["cat", "dog"], r"shape \(2,\) and dtype <U3 are not class labels"),
        ],
    )
    @pytest.mark.filterwarnings("error")
    def test_refused(self, labels: object, message: str) -> None:
        with pytest.raises(DataError, match=message) as caught:
            class_indices(np.asarray(labels), 10)
        assert caught.value.hint
