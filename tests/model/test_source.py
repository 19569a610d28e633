"""Where a model comes from: what is found, and what is said of what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_edgeai.errors import UsageError
from pytest_edgeai.model.source import ModelSource, ResolvedSource, content_digest, resolve


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """Two folders; the first holds ``both.keras``, the second that and one of each kind."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        (folder / "both.keras").touch()
    for name in ("model.keras", "model.h5", "model.hdf5", "model.tflite", "model.lite", "a.txt"):
        (second / name).touch()
    (second / "saved").mkdir()
    (second / "saved" / "saved_model.pb").touch()
    (second / "empty").mkdir()
    return [first, second]


def refusal(value: Any, folders: list[Path]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        resolve(value, folders)
    assert caught.value.message.startswith("edge_model: ")
    return caught.value


class TestPaths:
    @pytest.mark.parametrize(
        ("name", "kind"),
        [
            ("model.keras", "keras"),
            ("model.h5", "keras"),
            ("model.hdf5", "keras"),
            ("model.tflite", "tflite"),
            ("model.lite", "tflite"),
            ("saved", "saved_model"),
        ],
    )
    def test_kinds(self, folders: list[Path], name: str, kind: str) -> None:
        for value in (name, Path(name), folders[1] / name, ModelSource(name)):
            source = resolve(value, folders)
            assert (source.kind, source.name, source.path) == (kind, name, folders[1] / name)
            assert source.safe_mode

    def test_first_folder_wins(self, folders: list[Path]) -> None:
        assert resolve("both.keras", folders).path == folders[0] / "both.keras"

    def test_upper_folder(self, folders: list[Path]) -> None:
        path = resolve("../second/model.h5", folders[:1]).path
        assert path is not None
        assert path.resolve() == (folders[1] / "model.h5").resolve()

    def test_home(self, folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(folders[1]))
        assert resolve("~/model.h5", []).path == folders[1] / "model.h5"

    def test_safe_mode(self, folders: list[Path]) -> None:
        assert not resolve(ModelSource("model.h5", safe_mode=False), folders).safe_mode

    def test_nowhere(self, folders: list[Path]) -> None:
        error = refusal("models/no.keras", folders)
        first, second = (folder / "models/no.keras" for folder in folders)
        assert error.message == f"edge_model: there is no {first} nor {second}"
        assert error.hint.startswith("check the path, or train the model first")

    def test_absolute_path_is_named_once(self, folders: list[Path], tmp_path: Path) -> None:
        message = refusal(tmp_path / "no.keras", folders).message
        assert message == f"edge_model: there is no {tmp_path / 'no.keras'}"

    def test_one_folder_twice_is_named_once(self, folders: list[Path]) -> None:
        message = refusal("no.keras", [folders[0], folders[0]]).message
        assert message == f"edge_model: there is no {folders[0] / 'no.keras'}"

    def test_folder_without_a_saved_model(self, folders: list[Path]) -> None:
        error = refusal("empty", folders)
        path = folders[1] / "empty"
        assert error.message == (
            f"edge_model: the folder {path} holds no saved_model.pb, nor does a numbered folder "
            "in it"
        )
        assert "or a SavedModel folder" in error.hint

    @pytest.mark.parametrize("given", ["serving", "serving/10", "serving/10/saved_model.pb"])
    def test_version_of_a_served_model(self, tmp_path: Path, given: str) -> None:
        for version in ("9", "10", "backup"):
            (tmp_path / "serving" / version).mkdir(parents=True)
            (tmp_path / "serving" / version / "saved_model.pb").touch()
        (tmp_path / "serving" / "11").mkdir()  # still being written
        source = resolve(given, [tmp_path])
        assert (source.kind, source.name) == ("saved_model", "serving/10")
        assert source.path == tmp_path / "serving" / "10"

    @pytest.mark.parametrize("file", ["saved_model.pb", "saved_model.pbtxt"])
    def test_file_of_a_saved_model(self, tmp_path: Path, file: str) -> None:
        (tmp_path / "net").mkdir()
        (tmp_path / "net" / file).touch()
        source = resolve(f"net/{file}", [tmp_path])
        assert (source.kind, source.name, source.path) == ("saved_model", "net", tmp_path / "net")

    @pytest.mark.parametrize(
        ("name", "kind"), [("M.H5", "keras"), ("M.Keras", "keras"), ("M.TFLITE", "tflite")]
    )
    def test_suffix_in_any_case(self, tmp_path: Path, name: str, kind: str) -> None:
        (tmp_path / name).touch()
        assert resolve(name, [tmp_path]).kind == kind

    @pytest.mark.parametrize("name", ["a.txt", "model"])
    def test_unknown_suffix(self, folders: list[Path], name: str) -> None:
        (folders[1] / "model").touch()
        error = refusal(name, folders)
        assert f"{name}: unknown kind of file {Path(name).suffix!r}" in error.message
        assert error.hint.startswith("give a path to a .h5, .keras or .tflite file")


class TestBuilders:
    @pytest.mark.parametrize("target", ["model:build", "package.model:build_it"])
    def test_module_and_function(self, folders: list[Path], target: str) -> None:
        source = resolve(target, folders)
        assert (source.kind, source.name, source.target) == ("builder", target, target)
        assert source.folders == tuple(folders)

    def test_file_for_a_module(self, folders: list[Path]) -> None:
        error = refusal("model.py:build", folders)
        assert error.message == 'edge_model: "model.py:build" names a file, not a module'
        assert error.hint == 'give "model:build"'

    @pytest.mark.parametrize("target", ["models/model:build", "model:", "a:b:c", "a b:c"])
    def test_path_like_it(self, folders: list[Path], target: str) -> None:
        assert f"{folders[0] / target}" in refusal(target, folders).message


class TestReadyFiles:
    def test_by_variant(self, folders: list[Path]) -> None:
        source = resolve({"converted": "model.lite", "int8": "model.tflite"}, folders)
        assert (source.kind, source.name) == ("tflite", "model.lite, model.tflite")
        assert source.files == {
            "converted": folders[1] / "model.lite",
            "int8": folders[1] / "model.tflite",
        }

    def test_one_file_for_several_variants(self, folders: list[Path]) -> None:
        files = {"int8": "model.tflite", "dynamic": "model.tflite"}
        assert resolve(files, folders).name == "model.tflite"

    def test_alone(self, folders: list[Path]) -> None:
        assert resolve("model.tflite", folders).files == {"": folders[1] / "model.tflite"}

    def test_unknown_variants(self, folders: list[Path]) -> None:
        error = refusal({"int8": "model.tflite", "uint8": "a", "float": "b"}, folders)
        assert error.message == "edge_model: uint8, float: not a variant"
        assert error.hint == (
            "give .tflite files by variant: converted, dynamic, int8, float16, int16x8, "
            "weight-only, mixed"
        )

    def test_empty_mapping(self, folders: list[Path]) -> None:
        assert refusal({}, folders).message == "edge_model: an empty mapping: not a variant"

    def test_file_that_is_not_there(self, folders: list[Path]) -> None:
        assert "there is no" in refusal({"int8": "no.tflite"}, folders).message


class TestLiveModels:
    class Net:
        """What a Keras model has."""

        name = "net"

        def get_weights(self) -> list[Any]:
            return []

        def export(self, folder: str) -> None: ...

    def test_named_after_the_model(self) -> None:
        model = self.Net()
        source = resolve(model, [])
        assert (source.kind, source.name, source.model) == ("live", "net (live)", model)

    def test_two_are_not_the_same_source(self) -> None:
        assert resolve(self.Net(), []) != resolve(self.Net(), [])

    @pytest.mark.parametrize("value", [None, 3, b"model.keras", ["model.keras"], object()])
    def test_something_else(self, value: Any) -> None:
        error = refusal(value, [])
        assert error.message == f"edge_model: a {type(value).__name__} is not a model source"
        assert '"package.module:function", a Keras model, or a mapping from variant' in error.hint


class TestContentDigest:
    def test_of_a_file(self, tmp_path: Path) -> None:
        for name, content in (("one", b"x"), ("same", b"x"), ("other", b"y")):
            (tmp_path / name).write_bytes(content)
        one, same, other = (content_digest(tmp_path / name) for name in ("one", "same", "other"))
        assert one == same != other
        assert len(one) == 64

    def test_of_a_folder(self, tmp_path: Path) -> None:
        """Its own name does not count; names, places and contents in it do."""
        trees = [{"a": "1", "b/c": "2"}, {"a": "1", "b/c": "2"}, {"a": "2", "b/c": "1"}]
        trees += [{"a": "1", "bc": "2"}, {"a": "1", "b/c": "2", "d": ""}]
        digests = []
        for number, tree in enumerate(trees):
            for name, content in tree.items():
                path = tmp_path / str(number) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            digests.append(content_digest(tmp_path / str(number)))
        assert digests[0] == digests[1]
        assert len(set(digests)) == 4


def test_source_shows_no_model_in_its_repr() -> None:
    model = TestLiveModels.Net()
    assert "object at" not in repr(resolve(model, []))
    assert isinstance(resolve(model, []), ResolvedSource)
