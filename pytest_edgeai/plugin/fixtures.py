"""Fixtures that hand a test the interpreter of a variant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_edgeai.model.variants import DESCRIPTIONS
from pytest_edgeai.plugin.collection import (
    ASKED,
    nearest_marks,
    note_what_is_asked,
    wanted_variants,
)
from pytest_edgeai.plugin.data import (
    calibrates,
    calibration,
    check_contract,
    evaluation,
    first_samples,
    preprocessing,
    stated_data,
)
from pytest_edgeai.plugin.session import edge_session

if TYPE_CHECKING:
    from pytest_edgeai.device.device import Device
    from pytest_edgeai.device.interpreter import Interpreter
    from pytest_edgeai.device.pool import Pool
    from pytest_edgeai.model.dataset import Dataset
    from pytest_edgeai.model.source import ResolvedSource
    from pytest_edgeai.model.tflite import Model
    from pytest_edgeai.model.variants import Variant
    from pytest_edgeai.plugin.subject import Subject

SUBJECTS = pytest.StashKey[list["Subject"]]()


@pytest.fixture(scope="session")
def edge_device(request: pytest.FixtureRequest) -> Device | Pool:
    """The device under test, or a pool of them, as named by --edge-device."""
    from pytest_edgeai.errors import UsageError

    session = edge_session(request.config)
    named = session.settings.device
    if len(named) > 1 and not hasattr(request, "param"):
        raise UsageError(
            f"several devices are named ({', '.join(named)}), but this test cannot run on each",
            "name the interpreter fixture among the arguments of a test function, not in a "
            "unittest.TestCase or by getfixturevalue()",
        )
    return session.device(getattr(request, "param", named[0]))


@pytest.fixture
def edge_model(request: pytest.FixtureRequest) -> Any:
    """The model under test: override it, or name it by marker, --edge-model or ini.

    Return a path to a .h5, .keras or .tflite file or a SavedModel folder,
    "package.module:function", a Keras model, a mapping from variant to .tflite files, or a
    pytest_edgeai.ModelSource.
    """
    return edge_session(request.config).settings.model


@pytest.fixture
def calibration_data(request: pytest.FixtureRequest) -> Any:
    """Typical inputs for int8 and int16x8, scaled as in training: override it.

    Return an array of shape (N, ...), a tuple of such arrays in the order of the model's inputs, a
    mapping of them by input name, a path to an .npz or .npy file, or a pytest_edgeai.ImageFolder.
    The default is what --edge-calibration-data names.
    """
    return stated_data(request, "calibration_data")


@pytest.fixture
def evaluation_data(request: pytest.FixtureRequest) -> Any:
    """Inputs with labels for accuracy budgets, scaled as in training: override it.

    Return a pair (inputs, labels), with inputs as for calibration_data, a path to an .npz file with
    x (or the inputs' names) and y, or a pytest_edgeai.ImageFolder. The default is what
    --edge-evaluation-data names.
    """
    return stated_data(request, "evaluation_data")


@pytest.fixture
def edge_decoder() -> Any:
    """How the model's outputs become predictions, where they are no class scores: override it.

    Return "softmax", "sigmoid", "reconstruction_error", "detections" (of
    TFLite_Detection_PostProcess, recognised without it), or a callable (inputs, outputs) ->
    predictions that is given batches.
    """
    return None


@pytest.fixture
def edge_preprocessing() -> Any:
    """How the model expects its images, a pytest_edgeai.Preprocessing: override it.

    The data and the model are checked against it. Without it they are checked against each other.
    """
    return None


@pytest.fixture
def edge_converter(request: pytest.FixtureRequest) -> Callable[[Variant], Model]:
    """Convert the model afresh: ``edge_converter("int8")``; made for ``benchmark``."""
    from pytest_edgeai.errors import ConversionError
    from pytest_edgeai.plugin.benchmark import CLOCK

    converter, source = edge_session(request.config).converter, _source(request)
    clock = request.node.stash.get(CLOCK, None)

    def convert(variant: Variant) -> Model:
        try:
            conversion = converter.convert_afresh(
                source, variant, calibration(request, source, variant)
            )
        except ConversionError as error:
            _add_log(request, variant, source, error.log)
            raise
        if clock is not None:
            clock.add(converter, conversion.elapsed_ns, 1)
        return conversion.model

    return convert


def _variant_fixture(variant: Variant) -> Any:
    def fixture(
        request: pytest.FixtureRequest, edge_device: Device | Pool, edge_model: Any
    ) -> Iterator[Interpreter]:
        yield from _opened(request, variant)

    fixture.__doc__ = f"The {variant} variant, loaded on the device; {DESCRIPTIONS[variant]}."
    return pytest.fixture(fixture, name=f"{variant}_interpreter")


converted_interpreter = _variant_fixture("converted")
dynamic_interpreter = _variant_fixture("dynamic")
int8_interpreter = _variant_fixture("int8")
float16_interpreter = _variant_fixture("float16")
int16x8_interpreter = _variant_fixture("int16x8")


@pytest.fixture
def interpreter(
    request: pytest.FixtureRequest, edge_device: Device | Pool, edge_model: Any
) -> Iterator[Interpreter]:
    """A variant, loaded on the device: one run of the test for each that is named.

    ``@pytest.mark.edge_variants("converted", "int8")`` names them, else --edge-variant; by default
    they are converted, dynamic and int8. A ready .tflite file is then tested once, as what it is.
    """
    from pytest_edgeai.plugin.markers import refuse_unknown_variants
    from pytest_edgeai.plugin.runs import variant_of_run

    refuse_unknown_variants(nearest_marks(request.node, "edge_variants"))
    variant = variant_of_run(request.node, request.param, _source(request))
    yield from _opened(request, variant)


def _opened(request: pytest.FixtureRequest, variant: str) -> Iterator[Interpreter]:
    from pytest_edgeai.device.interpreter import Interpreter
    from pytest_edgeai.plugin.benchmark import CLOCK

    device = _device(request)
    model = _models(request, variant)(variant)
    with device.seat() as seat, Interpreter(seat, model) as opened:
        subject = _subject(request, opened)
        request.node.stash.setdefault(SUBJECTS, []).append(subject)
        opened.clock = request.node.stash.get(CLOCK, None)
        opened.samples = partial(first_samples, request, len(opened.input_names))
        yield opened


def _device(request: pytest.FixtureRequest) -> Device | Pool:
    from pytest_edgeai.device.device import Device
    from pytest_edgeai.device.pool import Pool
    from pytest_edgeai.errors import UsageError, shown

    device = request.getfixturevalue("edge_device")
    if type(device) in (Device, Pool):
        return device  # type: ignore[no-any-return]
    raise UsageError(
        f"edge_device returned {shown(device)}, which is no device",
        "leave the fixture as it is: --edge-device=NAME says where the tests run",
    )


def _subject(request: pytest.FixtureRequest, opened: Interpreter) -> Subject:
    from pytest_edgeai.errors import EdgeAIError
    from pytest_edgeai.measure.quality import Quality
    from pytest_edgeai.plugin.subject import Subject

    session = edge_session(request.config)
    note_what_is_asked(request.node, session)  # a fixture may have added a mark
    budgets, mistake = request.node.stash[ASKED].budgets, request.node.stash[ASKED].mistake
    if mistake is not None:
        raise mistake
    subject = Subject(opened, request, budgets, session.find_baseline)
    data = None
    if any(budget.needs_data for budget in budgets):
        try:
            data = evaluation(request, len(opened.input_names))
        except EdgeAIError as error:  # the other budgets are judged without it
            subject.quality = error
    subject.preprocessing = preprocessing(request, data)
    if data is not None:

        def ask(baseline: str | None) -> Any:
            if baseline is None:
                subject.warnings += check_contract(request, _source(request), opened, data)
            return _outputs(request, opened, data, baseline)

        decoder = request.getfixturevalue("edge_decoder")
        open_baseline = partial(_open_baseline, request, opened)
        subject.quality = Quality(opened, data, decoder, ask, open_baseline)
    return subject


def _outputs(
    request: pytest.FixtureRequest, own: Interpreter, data: Dataset, baseline: str | None
) -> Any:
    """What an interpreter, or its baseline, puts out on the data."""
    from pytest_edgeai.device.interpreter import Interpreter
    from pytest_edgeai.device.spec import LOCAL
    from pytest_edgeai.judge.evidence import HOST

    session = edge_session(request.config)
    if baseline is None or baseline == own.variant:
        return session.predictions(own, data)
    if baseline == "source":
        return session.source_predictions(_source(request), data)
    if baseline == HOST:
        with session.device(LOCAL).seat() as here, Interpreter(here, own.model) as other:
            return session.predictions(other, data)
    with _open_baseline(request, own, baseline) as other:
        return session.predictions(other, data)


def _open_baseline(request: pytest.FixtureRequest, own: Interpreter, baseline: str) -> Interpreter:
    """Another variant of the model on the same device."""
    from pytest_edgeai.device.interpreter import Interpreter

    _refuse_without_baseline(_source(request), own.variant, baseline)
    return Interpreter(own.device, _models(request, baseline)(baseline))


def _refuse_without_baseline(source: ResolvedSource, variant: str, baseline: str) -> None:
    from pytest_edgeai.errors import UsageError

    if "" in source.files:
        keyword = variant.replace("-", "_")
        files = f'{baseline}="....tflite", {keyword}="{source.files[""].name}"'
        named = f', signature="{source.signature}"' if source.signature else ""
        raise UsageError(
            f"{source.name} is a single ready file: there is no {baseline!r} model to compare with",
            f"give both files: edge_model({files}{named})",
        )


def _models(request: pytest.FixtureRequest, variant: str) -> Callable[[str], Model]:
    """Convert a variant, and with it those that other tests of this file want of the same model.

    Of ready files only the one that is asked for is looked at.
    """
    from pytest_edgeai.errors import EdgeAIError
    from pytest_edgeai.model.variants import NAMES, VARIANTS

    session, source = edge_session(request.config), _source(request)
    together = set() if source.files else wanted_variants(request.node, request.session.items)
    calibrated = calibration(request, source, variant)
    if calibrated is None:
        together = {name for name in together if not calibrates(source, name)}
    ordered = [name for name in NAMES if name in together & {*VARIANTS} | {variant}]
    done = session.converter.convert(source, ordered, calibrated)

    def model(name: str) -> Model:
        conversion = done[name]
        _add_log(request, name, source, getattr(conversion, "log", ""))
        if isinstance(conversion, EdgeAIError):
            raise conversion
        return conversion.model

    return model


def _add_log(
    request: pytest.FixtureRequest, variant: str, source: ResolvedSource, log: str
) -> None:
    if log:
        title = f"converter log ({variant} of {source.name})"
        request.node.add_report_section("setup", title, log)


def _source(request: pytest.FixtureRequest) -> ResolvedSource:
    """The nearest marker's model, else the fixture's."""
    from pytest_edgeai.errors import UsageError, of_the_user
    from pytest_edgeai.model.source import resolve
    from pytest_edgeai.plugin.markers import model_of

    config, given = request.config, model_of(request.node)
    session = edge_session(config)
    folders = [request.node.path.parent, config.rootpath]
    if given is not None:
        with of_the_user("edge_model"):
            return resolve(given, folders, session.settings.signature)
    value = request.getfixturevalue("edge_model")
    if value is None:
        raise UsageError(
            "there is no model to test",
            'name one: @pytest.mark.edge_model("model.keras"), an `edge_model` fixture, '
            "--edge-model=PATH or ini edge_model",
        )
    if value is session.settings.model and config.getoption("edge_model") == value:
        session.option_model_used = True
        folders = [config.invocation_params.dir]
    with of_the_user("edge_model"):
        return resolve(value, folders, session.settings.signature)
