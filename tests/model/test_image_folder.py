"""Image folders: what is found, how pixels are read, and what is said when they cannot be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pytest_edgeai.errors import DataError, EdgeAIError, UsageError
from pytest_edgeai.model import preprocessing
from pytest_edgeai.model.dataset import Array, Dataset, as_dataset
from pytest_edgeai.model.image_folder import ImageFolder
from pytest_edgeai.model.preprocessing import Preprocessing

RED, WHITE, BLACK = (255, 0, 0), (255, 255, 255), (0, 0, 0)


def draw(
    path: Path, color: object = RED, mode: str = "RGB", size: tuple[int, int] = (6, 4)
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path)  # type: ignore[arg-type]
    return path


def folder(root: Path, **changes: Any) -> ImageFolder:
    """Read at 4x6 pixels as they are, unless it is said otherwise."""
    taken = {key: changes.pop(key) for key in ("limit", "seed", "classes") if key in changes}
    how = Preprocessing(**{"size": (4, 6), "scaling": "0..255", **changes})
    return ImageFolder(root, how, **taken)


def pixels(root: Path, **changes: Any) -> Array:
    """All samples of a folder."""
    return np.concatenate(list(folder(root, **changes).batches(2)))


def refusal(make: Callable[[], object], kind: type[EdgeAIError] = DataError) -> str:
    with pytest.raises(kind) as caught:
        make()
    assert caught.value.hint
    return str(caught.value)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Three classes with 2, 4 and 6 images, every image of a colour of its own."""
    root = tmp_path / "parts"
    for number, (name, total) in enumerate([("bent", 2), ("good", 4), ("torn", 6)]):
        for index in range(total):
            draw(root / name / f"{index}.png", (number, index, 0))
    return root


class TestWhatIsFound:
    def test_classes_by_sorted_name(self, parts: Path) -> None:
        dataset = folder(parts)
        assert isinstance(dataset, Dataset)
        assert as_dataset(dataset, "evaluation_data") is dataset
        assert dataset.classes == ("bent", "good", "torn")
        assert dataset.labels is not None
        assert dataset.labels.tolist() == [0] * 2 + [1] * 4 + [2] * 6
        assert dataset.paths[0] == parts / "bent" / "0.png"
        assert [path.parent.name for path in dataset.paths[2:7]] == ["good"] * 4 + ["torn"]

    def test_classes_are_sorted_whatever_the_file_system_lists_first(self, tmp_path: Path) -> None:
        names = list("hbkdagcjfie")
        for name in names:
            draw(tmp_path / name / "a.png")
        assert folder(tmp_path).classes == tuple(sorted(names))

    def test_images_without_classes(self, tmp_path: Path) -> None:
        second, first = draw(tmp_path / "b.png"), draw(tmp_path / "a.JPG")
        dataset = folder(tmp_path)
        assert dataset.paths == (first, second)
        assert dataset.labels is None
        assert dataset.classes == ()

    def test_images_further_down_belong_to_the_class(self, tmp_path: Path) -> None:
        draw(tmp_path / "good" / "camera 1" / "a.png")
        draw(tmp_path / "good" / "b.png")
        dataset = folder(tmp_path)
        assert dataset.classes == ("good",)
        assert len(dataset) == 2

    def test_hidden_and_other_files_are_left_out(self, parts: Path) -> None:
        draw(parts / ".cache" / "a.png")
        draw(parts / "bent" / ".thumbs" / "a.png")
        draw(parts / "bent" / "._0.png")
        (parts / "bent" / "notes.txt").write_text("bent by hand")
        (parts / "readme.md").write_text("parts")
        assert len(folder(parts)) == 12

    def test_a_relative_path_counts_from_where_it_was_given(
        self, parts: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(parts.parent)
        relative = ImageFolder("parts", Preprocessing((4, 6), "0..1"))
        monkeypatch.chdir(tmp_path)
        assert sum(len(batch) for batch in relative.batches(5)) == 12

    def test_folders_behind_links_are_read_once(self, parts: Path) -> None:
        (parts.parent / "more").mkdir()
        draw(parts.parent / "more" / "a.png")
        (parts / "bent" / "more").symlink_to(parts.parent / "more")
        (parts / "bent" / "round").symlink_to(parts / "bent")
        assert len(folder(parts)) == 13

    def test_missing(self, tmp_path: Path) -> None:
        text = refusal(lambda: folder(tmp_path / "none"))
        assert f"{tmp_path / 'none'} does not exist" in text
        assert str(Path.cwd()) in text

    def test_a_file(self, tmp_path: Path) -> None:
        path = draw(tmp_path / "a.png")
        assert f"{path} is a file" in refusal(lambda: folder(path))

    def test_empty(self, tmp_path: Path) -> None:
        assert f"{tmp_path} has no images, no files" in refusal(lambda: folder(tmp_path))

    def test_no_images_among_the_files(self, tmp_path: Path) -> None:
        (tmp_path / "good").mkdir()
        (tmp_path / "good" / "a.heic").write_bytes(b"x")
        (tmp_path / "labels.csv").write_text("a")
        text = refusal(lambda: folder(tmp_path))
        assert "has no images, only files that end in .csv, .heic" in text
        assert ".jpg, .pgm, .png" in text

    def test_a_folder_of_other_files(self, parts: Path) -> None:
        (parts / "lost").mkdir()
        (parts / "lost" / "a.txt").write_text("x")
        text = refusal(lambda: folder(parts))
        assert "has folders of other files than images: lost." in text
        assert "an empty folder is a class without images" in text

    def test_an_empty_folder_is_a_class(self, parts: Path) -> None:
        (parts / "dull").mkdir()
        (parts / "dull" / ".gitkeep").touch()
        found = folder(parts)
        assert found.classes == ("bent", "dull", "good", "torn")
        assert found.labels is not None
        assert np.bincount(found.labels).tolist() == [2, 0, 4, 6]

    def test_classes_in_a_stated_order(self, parts: Path) -> None:
        found = folder(parts, classes=["torn", "dull", "bent", "good"])
        assert found.classes == ("torn", "dull", "bent", "good")
        assert found.labels is not None
        assert np.bincount(found.labels).tolist() == [6, 0, 2, 4]
        assert found.paths[0].parent.name == "torn"
        assert found.digest() != folder(parts).digest()

    @pytest.mark.parametrize(
        ("classes", "text"),
        [
            (["torn", "bent"], "has folders that are none of the classes: good."),
            (["torn", "bent", "good", "good"], "is no list of different names"),
            ("torn", "classes='torn' is no list of different names"),
        ],
    )
    def test_classes_that_cannot_be(self, parts: Path, classes: Any, text: str) -> None:
        assert text in refusal(lambda: folder(parts, classes=classes))

    def test_classes_of_images_without_folders(self, tmp_path: Path) -> None:
        draw(tmp_path / "a.png")
        assert "has 1 image and no class folders" in refusal(
            lambda: folder(tmp_path, classes=["a", "b"])
        )

    def test_images_beside_classes(self, parts: Path) -> None:
        draw(parts / "stray.png")
        text = refusal(lambda: folder(parts))
        assert "has 1 image of its own (stray.png)" in text
        assert "(bent, good, torn)" in text

    def test_a_folder_of_other_files_beside_images(self, tmp_path: Path) -> None:
        draw(tmp_path / "a.png")
        (tmp_path / "notes").mkdir()
        assert folder(tmp_path).classes == ()


class TestOptions:
    def test_scaling_has_no_default(self) -> None:
        with pytest.raises(TypeError, match="scaling"):
            Preprocessing(size=(4, 6))  # type: ignore[call-arg]

    @pytest.mark.parametrize(
        ("option", "value", "known"),
        [
            ("scaling", "0-1", '"0..1", "-1..1", "0..255"'),
            ("scaling", [0, 1], '"0..1", "-1..1", "0..255"'),
            ("color", "rbg", '"rgb", "bgr", "grey", "gray"'),
            ("layout", "hwc", '"nhwc", "nchw"'),
            ("resize", "area", '"bilinear", "nearest", "bicubic", "lanczos", "box", "hamming"'),
        ],
    )
    def test_unknown(self, parts: Path, option: str, value: object, known: str) -> None:
        text = refusal(lambda: folder(parts, **{option: value}), UsageError)
        assert f"there is no {option}={value!r}" in text
        assert f"Known are {known}" in text

    @pytest.mark.parametrize("size", [None, 224, (224,), (0, 5), (2.5, 4), (4, 4, 3)])
    def test_size(self, parts: Path, size: object) -> None:
        text = refusal(lambda: folder(parts, size=size), UsageError)
        assert f"size={size!r} is not (height, width)" in text
        assert "size=(224, 224)" in text


class TestPixels:
    def test_shape_and_dtype(self, parts: Path) -> None:
        values = pixels(parts, size=(5, 3))
        assert values.shape == (12, 5, 3, 3)
        assert values.dtype == np.float32

    def test_color_order_is_rgb(self, tmp_path: Path) -> None:
        draw(tmp_path / "a.png", (10, 20, 30))
        assert (pixels(tmp_path) == [10, 20, 30]).all()

    def test_grey(self, tmp_path: Path) -> None:
        draw(tmp_path / "a.png", RED)
        values = pixels(tmp_path, color="gray")
        assert values.shape == (1, 4, 6, 1)
        assert (values == 76).all()  # ITU-R 601: 0.299 * 255

    @pytest.mark.parametrize(
        ("scaling", "low", "middle", "high"),
        [("0..1", 0, 51 / 255, 1), ("-1..1", -1, -0.6, 1), ("0..255", 0, 51, 255)],
    )
    def test_scaling(
        self, tmp_path: Path, scaling: str, low: float, middle: float, high: float
    ) -> None:
        draw(tmp_path / "a.png", (0, 51, 255))
        values = pixels(tmp_path, scaling=scaling)
        assert values.dtype == np.float32
        np.testing.assert_allclose(values[0, 0, 0], [low, middle, high], rtol=1e-6)

    @pytest.mark.parametrize(
        ("mode", "color"),
        [("L", 255), ("1", 1), ("P", 0), ("RGBA", (255, 255, 255, 9)), ("CMYK", 0)],
    )
    def test_other_modes_become_rgb(self, tmp_path: Path, mode: str, color: object) -> None:
        picture = Image.new(mode, (6, 4), color)  # type: ignore[arg-type]
        if mode == "P":
            picture.putpalette(WHITE)
        picture.save(tmp_path / "a.tif")
        assert (pixels(tmp_path) == 255).all()
        assert (pixels(tmp_path, color="grey") == 255).all()

    def test_exif_orientation_is_applied(self, tmp_path: Path) -> None:
        stored = np.zeros((4, 6, 3), dtype=np.uint8)
        stored[:, :2] = 255
        exif = Image.Exif()
        exif[0x0112] = 6  # turn clockwise to see it upright
        Image.fromarray(stored).save(tmp_path / "a.png", exif=exif)
        upright = pixels(tmp_path, size=(6, 4))[0]
        np.testing.assert_array_equal(upright, np.rot90(stored, -1))

    @pytest.mark.parametrize("resize", preprocessing._RESIZES)
    def test_resize_is_the_named_method(self, tmp_path: Path, resize: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
        picture = Image.fromarray(noise)
        picture.save(tmp_path / "a.png")
        expected = picture.resize((6, 4), Image.Resampling[resize.upper()])
        np.testing.assert_array_equal(pixels(tmp_path, resize=resize)[0], np.asarray(expected))

    @pytest.mark.parametrize("size", [1, 5, 12, 100])
    def test_batches_are_all_samples_in_order(self, parts: Path, size: int) -> None:
        batches = list(folder(parts).batches(size))
        assert [len(batch) for batch in batches[:-1]] == [size] * (len(batches) - 1)
        first_pixels = np.concatenate(batches)[:, 0, 0, :2].tolist()
        assert first_pixels == [[c, i] for c, total in enumerate([2, 4, 6]) for i in range(total)]

    def test_batches_are_read_one_at_a_time(self, parts: Path) -> None:
        dataset = folder(parts)
        batches = dataset.batches(2)
        next(batches)
        dataset.paths[4].unlink()
        next(batches)
        with pytest.raises(DataError):
            next(batches)


class TestFilesThatCannotBeRead:
    def test_no_image(self, tmp_path: Path) -> None:
        (tmp_path / "a.png").write_text("no image")
        assert f"{tmp_path / 'a.png'} cannot be read as an image" in refusal(
            lambda: pixels(tmp_path)
        )

    @pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.bmp"])
    def test_cut_short(self, tmp_path: Path, name: str) -> None:
        noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        path = tmp_path / name
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[:700])
        text = refusal(lambda: pixels(tmp_path))
        assert f"{path} cannot be read as an image" in text
        assert "take it out of the folder" in text

    def test_gone(self, tmp_path: Path) -> None:
        path = draw(tmp_path / "a.png")
        dataset = folder(tmp_path)
        path.unlink()
        assert f"{path} cannot be read" in refusal(lambda: list(dataset.batches(1)))
        assert f"{path} cannot be read" in refusal(dataset.digest)

    @pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
    def test_more_than_eight_bits(self, tmp_path: Path, dtype: type) -> None:
        Image.fromarray(np.full((4, 6), 3000, dtype=dtype)).save(tmp_path / "a.tif")
        text = refusal(lambda: pixels(tmp_path))
        assert "a.tif has more than 8 bits per channel" in text
        assert "Convert it to 8 bits" in text

    def test_without_pillow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        draw(tmp_path / "a.png")
        monkeypatch.setitem(sys.modules, "PIL", None)
        dataset = folder(tmp_path)
        text = refusal(lambda: list(dataset.batches(1)), UsageError)
        assert "Pillow" in text
        assert "python -m pip install pillow" in text

    def test_batch_size(self, parts: Path) -> None:
        with pytest.raises(UsageError, match="a batch size of 0 is not possible"):
            list(folder(parts).batches(0))


class TestTake:
    def test_classes_keep_their_shares_and_numbers(self, parts: Path) -> None:
        whole = folder(parts)
        half = whole.take(6, seed=1)
        assert isinstance(half, ImageFolder)
        assert half.labels is not None
        assert half.labels.tolist() == [0, 1, 1, 2, 2, 2]
        assert half.classes == whole.classes
        assert list(half.paths) == [path for path in whole.paths if path in half.paths]
        assert len(whole) == 12

    def test_limit_is_the_same_as_take(self, parts: Path) -> None:
        limited = folder(parts, limit=5, seed=7)
        assert limited.paths == folder(parts).take(5, seed=7).paths  # type: ignore[attr-defined]
        assert len({folder(parts, limit=5, seed=seed).paths for seed in range(8)}) > 1

    def test_without_labels(self, tmp_path: Path) -> None:
        for index in range(5):
            draw(tmp_path / f"{index}.png")
        dataset = folder(tmp_path, limit=3)
        assert len(dataset) == 3
        assert dataset.labels is None

    @pytest.mark.parametrize("limit", [None, 12, 13])
    def test_no_less_than_all_is_the_same(self, parts: Path, limit: int | None) -> None:
        dataset = folder(parts)
        assert dataset.take(limit) is dataset

    def test_less_than_one_is_refused(self, parts: Path) -> None:
        with pytest.raises(UsageError, match="a limit of 0 samples is not possible"):
            folder(parts, limit=0)


class TestDigest:
    def test_the_place_of_the_folder_does_not_count(self, parts: Path) -> None:
        before = folder(parts).digest()
        assert len(bytes.fromhex(before)) == 32
        assert folder(parts).digest() == before
        moved = parts.rename(parts.with_name("moved"))
        assert folder(moved).digest() == before

    @pytest.mark.parametrize(
        "changes",
        [{"size": (6, 4)}, {"scaling": "0..1"}, {"color": "grey"}, {"resize": "box"}, {"limit": 6}],
    )
    def test_preprocessing_counts(self, parts: Path, changes: dict[str, Any]) -> None:
        assert folder(parts, **changes).digest() != folder(parts).digest()

    def test_content_counts(self, parts: Path) -> None:
        before = folder(parts).digest()
        draw(parts / "torn" / "5.png", BLACK)
        assert folder(parts).digest() != before

    def test_the_class_of_an_image_counts(self, parts: Path) -> None:
        before = folder(parts).digest()
        last_bent = parts / "bent" / "9.png"
        (parts / "good" / "0.png").rename(last_bent)  # same files in the same order
        assert folder(parts).digest() != before


class TestDescribe:
    def test_with_classes(self, parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(parts.parent)
        assert folder(Path("parts"), size=(224, 192), scaling="0..1").describe() == (
            "images under parts/: 12 files, 3 classes, 224x192 rgb nhwc, bilinear, 0..1"
        )

    def test_without_classes(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        draw(Path("loose/a.png"))
        assert repr(folder(Path("loose"), color="grey", resize="nearest")) == (
            "<ImageFolder: images under loose/: 1 file, no labels, 4x6 grey nhwc, nearest, 0..255>"
        )
