"""A suite in which a user's every place is filled with odd values; between them ordinary tests."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from odd_values import ERRORS, VALUES

from pytest_edgeai import ImageFolder, Metric, ModelSource, Preprocessing, max_size_mb, min_accuracy

HERE = Path(__file__).parent
X = np.eye(2, dtype=np.float32).repeat(4, axis=0)
Y = np.arange(2).repeat(4)
HOW = Preprocessing(size=(8, 8), scaling="0..1")


def named(*names: str) -> dict[str, Any]:
    return {name: VALUES[name] for name in names}


FEW = named(
    "nan", "np_float32", "int_of_5001_digits", "enum", "surrogate", "magic_mock", "refuses_eq",
    "refuses_hash", "refuses_str",
)  # fmt: skip
"""For places that are like another one, which has them all."""
LEAST = named(
    "nan", "np_none", "np_objects", "int_of_5001_digits", "surrogate", "ragged", "generator",
    "magic_mock", "refuses_len", "refuses_array",
)  # fmt: skip
"""For places where each needs a model that is loaded and run."""
NUMBERS = named(
    *FEW, "minus_inf", "largest", "np_float16", "np_longdouble", "np_nan", "np_uint64", "np_bool",
    "np_complex", "np_scalar_array", "np_masked", "int_2_63", "int_of_401_digits", "fraction",
    "fraction_over_all_floats", "decimal_signalling_nan", "int_enum", "float_child",
    "refuses_float", "refuses_number", "none", "bytes", "dict", "class", "refuses_bool",
    "refuses_attributes", "np_several", "decimal", "true", "deep_list", "lambda",
)  # fmt: skip
"""What a metric may return."""
FEW_ERRORS = {
    name: ERRORS[name] for name in ("without_text", "surrogate", "no_text_at_all", "base")
}
TEXTS = [of for of in VALUES.values() if type(of) is str]
mark = pytest.mark


def right(labels: Any, predictions: Any) -> float:
    return 1.0


def returning(value: Any) -> Callable[..., Any]:
    return lambda *args: value


def raising(error: Callable[[], BaseException]) -> Callable[..., Any]:
    def odd(*args: Any) -> Any:
        raise error()

    return odd


def odd(values: Any, marked: Callable[[Any], Any]) -> Any:
    """A test with each of these values in a marker."""
    return pytest.mark.parametrize(
        "odd", [pytest.param(name, id=name, marks=marked(of)) for name, of in values.items()]
    )


def at(fixture: str, *values: Any) -> Any:
    """A test with each of these values in a fixture of the class."""
    names = [name for of in values for name in of]
    return pytest.mark.parametrize(fixture, names, indirect=True)


def made(name: str) -> Any:
    """The value of this name; of an exception, raised."""
    if name in ERRORS and name not in VALUES:
        raise ERRORS[name]()
    return VALUES[name]


@pytest.fixture
def edge_model() -> Any:
    return HERE / "m.tflite"


@pytest.fixture(scope="session")
def evaluation_data() -> Any:
    return X, Y


MARKERS: dict[str, Callable[[Any], Any]] = {
    "size": lambda v: mark.max_size_mb.with_args(v),
    "metric": lambda v: mark.min_accuracy.with_args(0.5, metric=v),
}
FEWER: dict[str, Callable[[Any], Any]] = {
    "model": lambda v: mark.edge_model.with_args(v),
    "size_by_name": lambda v: mark.max_size_mb.with_args(limit=v),
    "latency": lambda v: mark.max_latency_ms.with_args(p95=v),
    "latency_first": lambda v: mark.max_latency_ms.with_args(v),
    "threads": lambda v: mark.max_latency_ms.with_args(p95=1e6, threads=v),
    "device": lambda v: mark.max_latency_ms.with_args(p95=1e6, device=v),
    "confidence": lambda v: mark.max_latency_ms.with_args(p95=1e6, confidence=v),
    "startup": lambda v: mark.max_startup_ms.with_args(v),
    "memory": lambda v: mark.max_memory_mb.with_args(v),
    "throughput": lambda v: mark.min_throughput.with_args(v),
    "sustained": lambda v: mark.max_sustained_latency_ms.with_args(p95=v, seconds=1),
    "seconds": lambda v: mark.max_sustained_latency_ms.with_args(p95=0.1, seconds=v),
    "delegated": lambda v: mark.min_delegated.with_args(v),
    "quantized": lambda v: mark.fully_quantized.with_args(v),
    "custom_ops": lambda v: mark.no_custom_ops.with_args(v),
    "accuracy": lambda v: mark.min_accuracy.with_args(v),
    "accuracy_confidence": lambda v: mark.min_accuracy.with_args(0.5, confidence=v),
    "own_limit": lambda v: mark.min_accuracy.with_args(v, metric=right),
    "drop": lambda v: mark.max_accuracy_drop.with_args(v),
    "drop_baseline": lambda v: mark.max_accuracy_drop.with_args(0.1, baseline=v),
    "agreement": lambda v: mark.min_agreement.with_args(v),
    "agreement_baseline": lambda v: mark.min_agreement.with_args(0.1, baseline=v),
    "output_error": lambda v: mark.max_output_error.with_args(v),
    "norm": lambda v: mark.max_output_error.with_args(0.1, norm=v),
    "regression": lambda v: mark.max_regression.with_args(v),
    "regression_of": lambda v: mark.max_regression.with_args(0.1, of=v),
    "safe_mode": lambda v: mark.edge_model.with_args("no.keras", safe_mode=v),
    "file_of_variant": lambda v: mark.edge_model.with_args(converted=v),
    "unknown_argument": lambda v: mark.max_size_mb.with_args(1, odd=v),
    "metric_name": lambda v: mark.min_accuracy.with_args(0.5, metric=Metric(right, name=v)),
    "metric_direction": lambda v: mark.min_accuracy.with_args(
        0.5, metric=Metric(right, higher_is_better=v)
    ),
    "metric_function": lambda v: mark.min_accuracy.with_args(0.5, metric=Metric(v)),
}


def of_marker(marker: Callable[[Any], Any], values: Any) -> Any:
    @odd(values, marker)
    def test_it(odd: str, converted_interpreter: Any) -> None:
        """The marker says it all."""

    return test_it


for place, marker in MARKERS.items():
    globals()[f"test_marker_{place}"] = of_marker(marker, VALUES)
for place, marker in FEWER.items():
    globals()[f"test_marker_{place}"] = of_marker(marker, FEW)


@odd(FEW, lambda value: mark.edge_variants.with_args(value))
def test_marker_variants(odd: str, interpreter: Any) -> None: ...


@odd(NUMBERS, lambda value: min_accuracy(0.5, metric=returning(value)))
def test_metric_result(odd: str, converted_interpreter: Any) -> None: ...


@odd(ERRORS, lambda error: min_accuracy(0.5, metric=raising(error)))
@max_size_mb(1)
def test_metric_raises(odd: str, converted_interpreter: Any) -> None: ...


class TestDecoder:
    @pytest.fixture
    def edge_decoder(self, request: pytest.FixtureRequest) -> Any:
        return made(request.param)

    @at("edge_decoder", LEAST, FEW_ERRORS)
    @min_accuracy(0.5)
    def test_it(self, edge_decoder: Any, converted_interpreter: Any) -> None: ...


class TestDecoded:
    @pytest.fixture
    def edge_decoder(self, request: pytest.FixtureRequest) -> Any:
        name = request.param
        return lambda *args: made(name)

    @at("edge_decoder", LEAST, FEW_ERRORS)
    @min_accuracy(0.5)
    def test_it(self, edge_decoder: Any, converted_interpreter: Any) -> None: ...


class TestDecodedOnePerSample:
    @pytest.fixture
    def edge_decoder(self, request: pytest.FixtureRequest) -> Any:
        value = made(request.param)
        return lambda inputs, outputs: [value] * len(inputs)

    @at("edge_decoder", LEAST)
    @min_accuracy(0.5)
    def test_it(self, edge_decoder: Any, converted_interpreter: Any) -> None: ...


class TestModel:
    @pytest.fixture
    def edge_model(self, request: pytest.FixtureRequest) -> Any:
        return made(request.param)

    @at("edge_model", VALUES, FEW_ERRORS)
    @max_size_mb(1)
    def test_it(self, edge_model: Any, converted_interpreter: Any) -> None: ...


class TestModelSource:
    @pytest.fixture
    def edge_model(self, request: pytest.FixtureRequest) -> Any:
        return ModelSource(made(request.param))

    @at("edge_model", FEW)
    @max_size_mb(1)
    def test_it(self, edge_model: Any, converted_interpreter: Any) -> None: ...


class TestDevice:
    @pytest.fixture(scope="session")
    def edge_device(self, request: pytest.FixtureRequest) -> Any:
        return made(request.param)

    @at("edge_device", FEW, FEW_ERRORS)
    def test_it(self, edge_device: Any, converted_interpreter: Any) -> None: ...


class TestPreprocessing:
    @pytest.fixture
    def edge_preprocessing(self, request: pytest.FixtureRequest) -> Any:
        return made(request.param)

    @at("edge_preprocessing", LEAST, FEW_ERRORS)
    @max_size_mb(1)
    def test_it(self, edge_preprocessing: Any, converted_interpreter: Any) -> None: ...


class TestEvaluation:
    @pytest.fixture
    def evaluation_data(self, request: pytest.FixtureRequest) -> Any:
        return made(request.param)

    @at("evaluation_data", LEAST, FEW_ERRORS)
    @min_accuracy(0.5)
    def test_it(self, evaluation_data: Any, converted_interpreter: Any) -> None: ...


class TestInputs:
    @pytest.fixture
    def evaluation_data(self, request: pytest.FixtureRequest) -> Any:
        return made(request.param), Y

    @at("evaluation_data", LEAST)
    @min_accuracy(0.5)
    def test_it(self, evaluation_data: Any, converted_interpreter: Any) -> None: ...


class TestLabels:
    @pytest.fixture
    def evaluation_data(self, request: pytest.FixtureRequest) -> Any:
        return X, made(request.param)

    @at("evaluation_data", LEAST)
    @min_accuracy(0.5)
    def test_it(self, evaluation_data: Any, converted_interpreter: Any) -> None: ...


class TestEachLabel:
    @pytest.fixture
    def evaluation_data(self, request: pytest.FixtureRequest) -> Any:
        return X, [made(request.param)] * len(X)

    @at("evaluation_data", LEAST)
    @min_accuracy(0.5)
    @min_accuracy(0.5, metric=right)
    def test_it(self, evaluation_data: Any, converted_interpreter: Any) -> None: ...


class TestCalibration:
    @pytest.fixture
    def calibration_data(self, request: pytest.FixtureRequest) -> Any:
        return made(request.param)

    @at("calibration_data", LEAST, FEW_ERRORS)
    @max_size_mb(1)
    @mark.edge_model(converted="m.tflite", int8="m.tflite")
    def test_it(self, calibration_data: Any, int8_interpreter: Any) -> None: ...


class Samples:
    """A data set of a user's own; an odd one where a test asks for it."""

    labels: Any = Y

    def __len__(self) -> int:
        return len(X)

    def batches(self, size: int) -> Iterator[Any]:
        return (X[at : at + size] for at in range(0, len(X), size))

    def take(self, limit: int | None, seed: int = 0) -> Samples:
        return self

    def pick(self, indices: Any) -> Samples:
        return self

    def digest(self) -> str:
        return "own"

    def fingerprints(self) -> Iterator[bytes]:
        return iter([row.tobytes() for row in X])

    def describe(self) -> str:
        return "own samples"


METHODS = ("labels", "__len__", "batches", "digest", "fingerprints", "describe")


class TestOwnSamples:
    @pytest.fixture
    def evaluation_data(self, request: pytest.FixtureRequest) -> Any:
        method, _, name = request.param.partition("-")
        body = property(lambda self: made(name)) if method == "labels" else lambda *args: made(name)
        own = {"digest": lambda self: request.param, method: body}  # answers are asked once for all
        return type("OddSamples", (Samples,), own)()

    @at(
        "evaluation_data",
        [f"{m}-{name}" for m in METHODS for name in [*list(LEAST)[3:], "no_text_at_all"]],
    )
    @min_accuracy(0.5)
    @max_size_mb(1)
    def test_it(self, evaluation_data: Any, converted_interpreter: Any) -> None: ...


class TestImageFolder:
    @pytest.fixture
    def evaluation_data(self, request: pytest.FixtureRequest) -> Any:
        argument, _, name = request.param.partition("-")
        arguments = {"root": HERE / "images", "preprocessing": HOW, argument: made(name)}
        return ImageFolder(**arguments)

    @at(
        "evaluation_data",
        [
            f"{argument}-{n}"
            for argument in ("root", "preprocessing", "limit", "seed")
            for n in LEAST
        ],
    )
    @min_accuracy(0.5)
    def test_it(self, evaluation_data: Any, converted_interpreter: Any) -> None: ...


@pytest.mark.parametrize("odd", FEW.values(), ids=FEW)  # pytest itself makes no id of some
@max_size_mb(1)
def test_parameter(odd: Any, converted_interpreter: Any) -> None: ...


@pytest.mark.parametrize("odd", TEXTS, ids=TEXTS)
@max_size_mb(1)
def test_id(odd: Any, converted_interpreter: Any) -> None: ...


@pytest.mark.parametrize("error", FEW_ERRORS)
@max_size_mb(1)
def test_body_raises(error: str, converted_interpreter: Any) -> None:
    raise ERRORS[error]()


@pytest.mark.parametrize("odd", TEXTS, ids=range(len(TEXTS)))
@max_size_mb(1)
def test_warns(odd: str, converted_interpreter: Any) -> None:
    warnings.warn(odd, stacklevel=1)


@pytest.mark.parametrize("odd", ["np_float32", "decimal", "enum", "surrogate", "bytes"])
@max_size_mb(1)
def test_records(odd: str, record_property: Any, converted_interpreter: Any) -> None:
    record_property("odd", VALUES[odd])


@min_accuracy(0.5)
@max_size_mb(1)
def test_innocent(converted_interpreter: Any) -> None: ...
