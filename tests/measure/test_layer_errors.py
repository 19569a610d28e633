"""Comparing layers, with real models that are damaged in one, or calibrated wrong."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from weights import Damage, damage, layers_with_weights

from pytest_edgeai.convert.cache import ModelCache
from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.errors import EdgeAIError, ModelError
from pytest_edgeai.judge.evidence import Layer
from pytest_edgeai.judge.layers import to_blame
from pytest_edgeai.measure.layers import compare_layers
from pytest_edgeai.model.dataset import ArrayDataset, Dataset
from pytest_edgeai.model.source import resolve
from pytest_edgeai.model.tflite import Model, read_facts

Open = Callable[[Path], Interpreter]
Compare = Callable[..., list[Layer]]
DAMAGES: tuple[Damage, ...] = ("negated", "shuffled", "zeroed", "half zeroed")
F = np.float32


@pytest.fixture
def compare(open_model: Open) -> Compare:
    """``compare(own, base, data)``: the layers on all samples of the data."""

    kept = cache(open_model)

    def compared(own: Path, base: Path, data: Dataset) -> list[Layer]:
        return compare_layers(open_model(own), kept(base), data, range(len(data)))

    return compared


@pytest.fixture(scope="session")
def photos(realdata: Path) -> Callable[..., ArrayDataset]:
    """``photos(size, scale)``: 16 parts of photographs."""
    names = ("bird.bmp", "cat.bmp", "parrot.jpg", "person.bmp")
    whole = [Image.open(realdata / "images" / name).convert("RGB") for name in names]

    def made(size: int, scale: float = 1.0) -> ArrayDataset:
        parts = []
        for image in whole:
            width, height = (extent // 2 for extent in image.size)
            for left, top in ((0, 0), (width, 0), (0, height), (width, height)):
                part = image.crop((left, top, left + width, top + height)).resize((size, size))
                parts.append(np.asarray(part, F) * scale)
        return ArrayDataset(np.stack(parts))

    return made


@pytest.fixture(scope="session")
def digits(models: Path) -> ArrayDataset:
    with np.load(models / "digits.npz") as file:
        return ArrayDataset(file["x"][100:116])


@pytest.fixture(scope="session")
def convert(
    conversions: Path, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Path]:
    """``convert(name, variant, calibration)``: the file that one of the small models becomes."""
    if importlib.util.find_spec("tensorflow") is None:
        pytest.skip("tensorflow is not installed: nothing converts")
    folder = tmp_path_factory.mktemp("run")

    def converted(
        name: str, variant: Any = "converted", calibration: Any = None, io: Any = "int8"
    ) -> Path:
        converter = Converter(ModelCache(conversions), folder, int8_io=io)
        data = None if calibration is None else ArrayDataset(calibration)
        done = converter.convert(resolve(str(models / name), [folder]), [variant], data)[variant]
        if isinstance(done, EdgeAIError):
            raise done
        return done.model.path

    return converted


def blamed(layers: list[Layer]) -> list[str]:
    return [layers[place].name for place in to_blame(layers)]


class TestDamagedLayers:
    @pytest.mark.parametrize("how", DAMAGES)
    def test_of_a_small_network(
        self, convert: Any, compare: Compare, digits: Any, tmp_path: Path, how: Damage
    ) -> None:
        base, own = convert("digits.keras"), convert("digits.keras", "int8", digits.inputs)
        names = layers_with_weights(own)
        assert len(names) == 3
        for name in names:
            damaged = damage(own, name, how, tmp_path / f"{name}.tflite")
            assert blamed(compare(damaged, base, digits)) == [name]

    @pytest.mark.parametrize("how", ["negated", "half zeroed"])
    def test_of_a_network_with_branches(
        self, realdata: Path, compare: Compare, photos: Any, tmp_path: Path, how: Damage
    ) -> None:
        self.check(realdata, "resnet8_cifar10", 10, compare, photos(32), tmp_path, how)

    def test_of_a_deep_network(
        self, realdata: Path, compare: Compare, photos: Any, tmp_path: Path
    ) -> None:
        self.check(realdata, "vww_96", 28, compare, photos(96, 1 / 255), tmp_path, "shuffled")

    def test_of_a_narrow_network(self, realdata: Path, compare: Compare, tmp_path: Path) -> None:
        """Its bottleneck hardly varies: an error is a small one, unless it is seen against that."""
        self.check(realdata, "ad01", 10, compare, sounds(realdata), tmp_path, "negated")

    def check(
        self, realdata: Path, name: str, count: int, compare: Compare, data: Dataset,
        folder: Path, how: Damage,
    ) -> None:  # fmt: skip
        base, own = pair(realdata, name)
        names = layers_with_weights(own)
        assert len(names) == count
        found = {
            layer: blamed(compare(damage(own, layer, how, folder / "it.tflite"), base, data))
            for layer in names
        }
        assert found == {layer: [layer] for layer in names}


def pair(realdata: Path, name: str) -> tuple[Path, Path]:
    """Two published conversions of one model: float and int8."""
    models, suffix = realdata / "models", "fp32" if name == "ad01" else "float"
    return models / f"{name}_{suffix}.tflite", models / f"{name}_int8.tflite"


def sounds(realdata: Path) -> ArrayDataset:
    path = realdata / "anomaly" / "normal_id_01_00000000_hist_librosa.bin"
    windows = np.lib.stride_tricks.sliding_window_view(np.fromfile(path, F), 640)[::128]
    return ArrayDataset(windows[:: len(windows) // 15][:16])


class TestHealthyModels:
    @pytest.mark.parametrize("variant", ["int8", "dynamic", "float16", "int16x8", "converted"])
    def test_of_a_small_network(
        self, convert: Any, compare: Compare, digits: Any, variant: str
    ) -> None:
        own = convert("digits.keras", variant, digits.inputs)
        layers = compare(own, convert("digits.keras"), digits)
        assert blamed(layers) == []
        assert {"conv2d_1", "dense_1", "dense_1_2"} < {layer.name for layer in layers}
        exact = variant == "converted"
        assert (layers[-1].error == 0) == exact
        assert all(layer.error < 0.1 for layer in layers)

    @pytest.mark.parametrize(
        ("name", "size", "scale"), [("resnet8_cifar10", 32, 1.0), ("vww_96", 96, 1 / 255)]
    )
    def test_of_published_networks(
        self, realdata: Path, compare: Compare, photos: Any, name: str, size: int, scale: float
    ) -> None:
        base, own = pair(realdata, name)
        layers = compare(own, base, photos(size, scale))
        assert blamed(layers) == []
        assert 0.01 < layers[-1].error < 1

    @pytest.mark.parametrize("own", ["ad01_int8", "ad01_dynamic"])
    def test_of_a_narrow_network(self, realdata: Path, compare: Compare, own: str) -> None:
        models = realdata / "models"
        layers = compare(models / f"{own}.tflite", models / "ad01_fp32.tflite", sounds(realdata))
        assert blamed(layers) == []

    def test_a_stateful_network_begins_anew_with_every_sample(
        self, realdata: Path, compare: Compare
    ) -> None:
        with np.load(realdata / "mnist" / "mnist_test3000.npz") as file:
            x = (file["x"][:12] / 255).astype(F)
        base, own = pair(realdata, "mnist_lstm")
        once = compare(own, base, ArrayDataset(x))
        assert blamed(once) == []
        again = compare(own, base, ArrayDataset(x[::-1].copy()))
        assert [layer.error for layer in again] == pytest.approx([layer.error for layer in once])


class TestWrongCalibration:
    @pytest.mark.parametrize("factor", [0.01, 0.0])
    def test_begins_at_the_input(
        self, convert: Any, compare: Compare, digits: Any, factor: float
    ) -> None:
        calibration = (digits.inputs * factor).astype(F)
        for io in ("int8", "float32"):
            own = convert("digits.keras", "int8", calibration, io)
            layers = compare(own, convert("digits.keras"), digits)
            guilty = [layers[place] for place in to_blame(layers)]
            assert [(layer.name, layer.operator) for layer in guilty] == [("input_layer", "INPUT")]
            assert guilty[0].saturated > 0.3
            assert guilty[0].error > 0.9

    def test_for_inputs_a_hundred_times_as_large(
        self, convert: Any, compare: Compare, digits: Any
    ) -> None:
        own = convert("digits.keras", "int8", (digits.inputs * 100).astype(F))
        layers = compare(own, convert("digits.keras"), digits)
        guilty = [layers[place] for place in to_blame(layers)]
        assert [layer.operator for layer in guilty] == ["INPUT"]
        assert guilty[0].saturated == 0


class TestKindsOfModels:
    def test_several_inputs_and_outputs(self, convert: Any, compare: Compare) -> None:
        generator = np.random.default_rng(0)
        data = {"left": generator.random((16, 4), F), "right": generator.random((16, 3), F)}
        own = convert("pair.keras", "int8", data)
        layers = compare(own, convert("pair.keras"), ArrayDataset(data))
        assert blamed(layers) == []
        inputs = [layer.name for layer in layers if layer.operator == "INPUT"]
        assert sorted(inputs) == ["left", "right"]

    def test_dynamic_shapes(self, tiny: Path, compare: Compare) -> None:
        path = tiny / "mean_of_any.tflite"
        data = ArrayDataset(np.random.default_rng(0).random((4, 7, 2), F))
        assert [layer.error for layer in compare(path, path, data)] == [0, 0]

    def test_a_batch_size_of_its_own(self, tiny: Path, compare: Compare) -> None:
        path = tiny / "batch_of_4.tflite"
        data = ArrayDataset(np.random.default_rng(0).random((6, 3), F))
        assert {layer.error for layer in compare(path, path, data)} == {0}

    def test_a_resource_begins_anew_with_every_sample(self, tiny: Path, compare: Compare) -> None:
        path = tiny / "counts.tflite"
        layers = compare(path, path, ArrayDataset(np.ones((3, 1), F)))
        assert {layer.error for layer in layers} == {0}

    def test_one_sample_is_enough(
        self, realdata: Path, compare: Compare, photos: Any, tmp_path: Path
    ) -> None:
        base, own = pair(realdata, "resnet8_cifar10")
        one = photos(32).pick(np.array([0]))
        assert blamed(compare(own, base, one)) == []
        damaged = damage(own, "conv2d_4", "negated", tmp_path / "it.tflite")
        assert blamed(compare(damaged, base, one)) == ["conv2d_4"]

    def test_nan_is_an_infinite_error(
        self, realdata: Path, compare: Compare, photos: Any, tmp_path: Path
    ) -> None:
        base, _ = pair(realdata, "resnet8_cifar10")
        # Of float32, shuffled bytes make some infinities.
        damaged = damage(base, "conv2d_3", "shuffled", tmp_path / "it.tflite")
        layers = compare(damaged, base, photos(32))
        assert blamed(layers) == ["conv2d_3"]
        assert math.inf in [layer.error for layer in layers]

    def test_integers_alone_are_nothing_to_compare(self, tiny: Path, compare: Compare) -> None:
        path = tiny / "twice_int32.tflite"
        with pytest.raises(ModelError, match="no tensor of the graphs holds real values"):
            compare(path, path, ArrayDataset(np.ones((2, 3), np.int32)))


def test_nothing_of_it_reaches_the_interpreters(
    realdata: Path, open_model: Open, photos: Any
) -> None:
    base, own = map(open_model, pair(realdata, "resnet8_cifar10"))
    data = photos(32)
    before = own.predict(data.inputs[:2])
    compare_layers(own, base, data, [3, 4])
    assert np.array_equal(own.predict(data.inputs[:2]), before)
    assert own.get_input_details()[0]["shape"].tolist() == [1, 32, 32, 3]


def test_values_are_those_of_the_runtime(tiny: Path, open_model: Open) -> None:
    """``y = 2x + 1`` against ``y = 2x``, by hand."""
    own = open_model(tiny / "scalar.tflite")
    x = np.array([1.0, 2.0, 4.0], F)
    (index,) = [int(d["index"]) for d in own.get_input_details()]
    (last,) = [int(d["index"]) for d in own.get_output_details()]
    sums = own.compare(own, x, [(last, 0.0, 0, index, 0.0, 0)])
    mean = x.mean()
    expected = [3, (x**2).sum(), ((x + 1) ** 2).sum(), 0, ((x - mean) ** 2).sum(), 0]
    assert sums.tolist() == [pytest.approx(expected)]


def test_an_old_runtime_that_adds_in_place(
    realdata: Path, tflite_runtime_python: Path, photos: Any, tmp_path: Path
) -> None:
    """What it overwrites is not blamed on others, nor are others blamed on it."""
    spec = DeviceSpec(python=str(tflite_runtime_python), runtime="tflite-runtime")
    device = Device(spec, call_limit_s=30)
    base, own = pair(realdata, "resnet8_cifar10")
    found = {}
    for name in ("conv2d_1", "conv2d_2", "conv2d_4"):
        damaged = damage(own, name, "shuffled", tmp_path / f"{name}.tflite")
        models = [Model(path, path.name, "int8", read_facts(path)) for path in (damaged, base)]
        with Interpreter(device, models[0]) as mine, Interpreter(device, models[1]) as its:
            found[name] = blamed(compare_layers(mine, its, photos(32), range(16)))
    assert found == {
        "conv2d_1": ["conv2d_1"],
        "conv2d_2": ["conv2d_2+add"],
        "conv2d_4": ["conv2d_4"],
    }
