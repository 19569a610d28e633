"""The data fixtures of a test, and whether they keep the model's contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_edgeai.plugin.collection import FIXTURES_MODULE, wanted_variants
from pytest_edgeai.plugin.session import edge_session

if TYPE_CHECKING:
    from pytest_edgeai.device.interpreter import Interpreter
    from pytest_edgeai.model.contract import Fed
    from pytest_edgeai.model.dataset import Dataset
    from pytest_edgeai.model.preprocessing import Preprocessing
    from pytest_edgeai.model.source import ResolvedSource


def calibration(
    request: pytest.FixtureRequest, source: ResolvedSource, variant: str
) -> Dataset | None:
    """The calibration data, if this variant or another one converted with it needs it.

    What goes wrong for another test's sake is that test's to report.
    """
    together = wanted_variants(request.node, request.session.items) | {variant}
    if not any(calibrates(source, name) for name in together):
        return None
    return _calibration(request) if calibrates(source, variant) else _calibration_if_any(request)


def calibrates(source: ResolvedSource, variant: str) -> bool:
    """Whether this run calibrates the variant; calibration data have a say in nothing else."""
    from pytest_edgeai.convert.recipe import CALIBRATED

    return source.kind != "tflite" and variant in CALIBRATED


def _calibration(request: pytest.FixtureRequest, inputs: int | None = None) -> Dataset | None:
    value = request.getfixturevalue("calibration_data")
    return None if value is None else _as_dataset(request, value, "calibration_data", inputs)


def _calibration_if_any(
    request: pytest.FixtureRequest, inputs: int | None = None
) -> Dataset | None:
    try:
        return _calibration(request, inputs)
    except (Exception, pytest.skip.Exception, pytest.fail.Exception):
        return None


def first_samples(
    request: pytest.FixtureRequest, inputs: int, count: int
) -> Iterator[tuple[str, Any]]:
    """So many of the first samples of each data set that costs the test nothing, by its name.

    Of a fixture that fails it is the error, which is no matter of a test that does without.

    Args:
        inputs: how many the model has.
    """
    for name in ("evaluation_data", "calibration_data"):
        found = _beginning(request, name, inputs, count) if _is_at_hand(request, name) else None
        if found is not None:
            yield name, found


def _is_at_hand(request: pytest.FixtureRequest, name: str) -> bool:
    """Whether the test has a data fixture anyway, or shares it with others.

    One of function scope would be made for the timing alone.
    """
    if name in request.fixturenames:
        return True
    manager = request.session._fixturemanager
    definitions = manager.getfixturedefs(name, request.node) or ()
    is_shared = [
        found.scope != "function" or found.func.__module__ == FIXTURES_MODULE
        for found in definitions
    ]
    return is_shared[-1:] == [True]


def _beginning(request: pytest.FixtureRequest, name: str, inputs: int, count: int) -> Any:
    """The first samples, or what keeps them from being read; None where there is no data."""
    from pytest_edgeai.errors import DataError, EdgeAIError, raised

    try:
        value = request.getfixturevalue(name)
        if value is None:
            return None
        return next(_as_dataset(request, value, name, inputs).batches(count))
    except EdgeAIError as error:
        return error
    except (Exception, pytest.skip.Exception, pytest.fail.Exception) as error:
        return DataError(raised(error))


def read_data(
    path: Path,
    limit: int | None,
    how: Preprocessing | None,
    what: str,
    classes: tuple[str, ...] | None = None,
) -> Dataset:
    """A file, or a folder of images where it is known how they are read; a sample of so many.

    Args:
        classes: of a folder, in the order of the model's outputs.

    Raises:
        DataError: it cannot be read.
    """
    from pytest_edgeai.model.dataset import as_dataset
    from pytest_edgeai.model.image_folder import ImageFolder

    if path.is_dir() and how is not None:
        return ImageFolder(path, how, limit=limit, classes=classes)
    return as_dataset(path, what).take(limit)


def stated_data(request: pytest.FixtureRequest, what: str) -> Dataset | None:
    """What the options name; None where they name nothing."""
    session = edge_session(request.config)
    path = getattr(session.settings, what)
    if path is None:
        return None
    how = preprocessing(request, None)
    if (what, how) not in session.stated_data:
        session.stated_data[what, how] = read_data(path, None, how, what)
    return session.stated_data[what, how]


def evaluation(request: pytest.FixtureRequest, inputs: int) -> Dataset:
    """The evaluation data.

    Args:
        inputs: how many the model has.

    Raises:
        UsageError: there is none.
    """
    from pytest_edgeai.errors import UsageError

    value = request.getfixturevalue("evaluation_data")
    if value is None:
        raise UsageError(
            "there is no evaluation data for the accuracy budgets of this test",
            "define an `evaluation_data` fixture that returns (inputs, labels), an .npz path "
            "or an ImageFolder, or name a file: --edge-evaluation-data, or evaluation_data in an "
            ".edge.toml file",
        )
    return _as_dataset(request, value, "evaluation_data", inputs)


def _as_dataset(
    request: pytest.FixtureRequest, value: object, what: str, inputs: int | None
) -> Dataset:
    """What a fixture returned, whose objects may raise anything and answer anything.

    It is looked at once for all tests that share the fixture.

    Raises:
        UsageError: it is no data set.
    """
    from pytest_edgeai.errors import of_the_user
    from pytest_edgeai.model.dataset import as_dataset
    from pytest_edgeai.model.own_dataset import held

    known = edge_session(request.config).data
    looked_at, data = known.get((what, inputs), (None, None))
    if data is None or looked_at is not value:
        with of_the_user(what):
            data = held(as_dataset(value, what, inputs), what)
        known[what, inputs] = value, data
    return data


def forget(config: pytest.Config, fixture: str) -> None:
    """Keep nothing of a data fixture that is torn down."""
    known = edge_session(config).data
    for key in [key for key in known if key[0] == fixture]:
        del known[key]


def preprocessing(request: pytest.FixtureRequest, data: Dataset | None) -> Preprocessing | None:
    """What is declared; else what the evaluation data is read with."""
    from pytest_edgeai.errors import UsageError, shown
    from pytest_edgeai.model.preprocessing import Preprocessing

    declared = request.getfixturevalue("edge_preprocessing")
    if declared is not None and type(declared) is not Preprocessing:
        raise UsageError(
            f"edge_preprocessing returned {shown(declared)}",
            'return pytest_edgeai.Preprocessing(size=(224, 224), scaling="0..1")',
        )
    return declared or getattr(data, "preprocessing", None)


def check_contract(
    request: pytest.FixtureRequest, source: ResolvedSource, interpreter: Interpreter, data: Dataset
) -> list[str]:
    """Compare the evaluation data with what is declared, the model, and what calibrated it.

    Returns:
        What is no mistake for sure, a sentence each.

    Raises:
        DataError: they contradict each other.
    """
    from pytest_edgeai.model.contract import check_alike, check_classes

    order = interpreter.input_names
    is_calibrated = calibrates(source, interpreter.variant)
    calibrated = _calibration_if_any(request, len(order)) if is_calibrated else None
    if calibrated is not None:
        calibrated = calibrated.take(edge_session(request.config).settings.calibration_samples)
    if calibrated is not None:
        check_classes(data, calibrated)
    sets = {"evaluation_data": data, "calibration_data": calibrated}
    fed = {
        what: _fed(request, what, given, order) for what, given in sets.items() if given is not None
    }
    if request.getfixturevalue("edge_preprocessing") is not None:
        each = [one for by_input in fed.values() for one in by_input.values()]
        _check_declared(request, interpreter, each)
    elif calibrated is not None:
        for name, one in fed["evaluation_data"].items():
            if name in fed["calibration_data"]:
                check_alike(one, fed["calibration_data"][name])
    return [] if calibrated is None else _overlap(request, data, calibrated)


def _fed(
    request: pytest.FixtureRequest, what: str, data: Dataset, order: list[str]
) -> dict[str, Fed]:
    """The data of each input by name, whether it is given so or in the model's order."""
    from pytest_edgeai.model.contract import Fed

    profiles = {
        name if isinstance(name, str) else order[name] if name < len(order) else f"{name}": profile
        for name, profile in edge_session(request.config).profiles(data).items()
    }
    how = getattr(data, "preprocessing", None)
    return {
        name: Fed(f"{what}[{name!r}]" if name else what, profile, how)
        for name, profile in profiles.items()
    }


def _check_declared(
    request: pytest.FixtureRequest, interpreter: Interpreter, fed: list[Fed]
) -> None:
    from pytest_edgeai.device.quantisation import is_quantised, real_range
    from pytest_edgeai.errors import UsageError
    from pytest_edgeai.model.contract import check_declared, check_model

    declared, inputs = preprocessing(request, None), interpreter.get_input_details()
    assert declared is not None
    if len(inputs) > 1:
        raise UsageError(
            f"edge_preprocessing is for models with one input, and this one has {len(inputs)}"
        )
    (details,) = inputs
    for one in fed:
        check_declared(declared, one)
    shape = tuple(int(size) for size in details["shape_signature"])[1:]
    check_model(declared, shape, real_range(details) if is_quantised(details) else None)


def _overlap(request: pytest.FixtureRequest, data: Dataset, calibrated: Dataset) -> list[str]:
    from pytest_edgeai import units

    shared = edge_session(request.config).samples_in_both(data, calibrated)
    if not shared:
        return []
    count = units.count(shared, "sample")
    return [
        f"{count} of calibration_data {'is' if shared == 1 else 'are'} in evaluation_data, too: "
        "accuracy on data that the model was calibrated with says little of other data"
    ]
