"""Fixtures that several test modules share.

pytester forgets what an inner run imports; ``OUTSIDE`` is imported once, outside of it: NumPy and
SciPy cannot be loaded twice in a process, Hypothesis takes a second (its pytest plugin imports it
at the end of every run), and the others a tenth of one.

Each worker has a home of its own, and thus is a machine of its own to all that it starts: an inner
run that times something does not keep the other worker from converting.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
from every_report import reports_in, wrong_in
from filelock import FileLock

from pytest_edgeai.device.keeper import Locks
from pytest_edgeai.device.lock import MachineLock

REALDATA_VARIABLE = "EDGEAI_REALDATA"
HERE = Path(__file__).parent
OUTSIDE = (
    "numpy",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "execnet",
    "filelock",
    "hypothesis.core",
    "rich.console",
    "rich.table",
    "tflite",
    "pytest_edgeai.convert.converter",
    "pytest_edgeai.device.pool",
    "pytest_edgeai.measure.footprint",
    "pytest_edgeai.measure.suspicions",
    "pytest_edgeai.measure.sustained",
    "pytest_edgeai.plugin.judging",
    "pytest_edgeai.plugin.subject",
    "pytest_edgeai.plugin.timing",
    "pytest_edgeai.report.saved.recording",
)
OF_THE_OUTER_RUN = (
    "PYTEST_ADDOPTS",
    "PYTEST_XDIST_WORKER",
    "PYTEST_XDIST_WORKER_COUNT",
    "CI",
    "BUILD_NUMBER",
    "CI_COMMIT_SHA",
    "GITHUB_ACTIONS",
    "GITHUB_SHA",
    "GITHUB_STEP_SUMMARY",
    "GITHUB_WORKSPACE",
)


def home_with_own_locks() -> str:
    """A folder with links to all that is in the user's home, but for what the package keeps."""
    home, own = Path.home(), Path(tempfile.mkdtemp(prefix="home-"))
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    for folder, left_out in ((".", ".cache"), (".cache", "pytest-edgeai")):
        (own / folder).mkdir(exist_ok=True)
        for path in (home / folder).glob("*"):
            if path.name != left_out:
                (own / folder / path.name).symlink_to(path)
    return str(own)


if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ["HOME"] = home_with_own_locks()
for name in OUTSIDE:
    importlib.import_module(name)
# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs the machine alone is last: else each such test stops the other worker."""
    items.sort(key=lambda item: item.get_closest_marker("alone") is not None)


def pytest_collection_finish() -> None:
    """Each inner run ends with collections of garbage, which need not look at all this again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """An inner run is no worker of the outer one, and prints the same on a build server."""
    for name in OF_THE_OUTER_RUN:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def every_report_is_as_the_schema_says(request: pytest.FixtureRequest) -> Iterator[None]:
    """Each JSON report that a test leaves in its folder, whichever run wrote it."""
    yield
    made = getattr(request.node, "funcargs", {})
    folders = [made[name] for name in ("tmp_path", "pytester") if name in made]
    for folder in folders:
        for path, content in reports_in(Path(getattr(folder, "path", folder))).items():
            assert wrong_in(content) == [], path


@pytest.fixture(autouse=True)
def room(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """With several workers, a test that is marked ``alone`` has the machine to itself."""
    if not hasattr(request.config, "workerinput"):
        yield
        return
    machine = MachineLock(Locks(tmp_path_factory.getbasetemp().parent / "room"))
    is_alone = request.node.get_closest_marker("alone") is not None
    with (machine.alone if is_alone else machine.together)(request.node.nodeid):
        yield


@pytest.fixture(scope="session")
def realdata(request: pytest.FixtureRequest) -> Path:
    """The folder of published models and data, with ``models/`` and ``broken/`` in it."""
    beside = request.config.rootpath.parent / "shared" / "realdata"
    named = os.environ.get(REALDATA_VARIABLE)
    for folder in (Path(named) if named else beside, beside):
        if (folder / "models").is_dir():
            return folder
    pytest.skip(f"no real models: neither {REALDATA_VARIABLE} ({named or 'unset'}) nor {beside}")


@pytest.fixture(scope="session")
def junit_schema(request: pytest.FixtureRequest) -> Path:
    """The schema by which Jenkins reads JUnit files; ``tests/boards/build .arm64`` finds it."""
    path = request.config.rootpath / ".arm64" / "schemas" / "junit-10.xsd"
    if not path.exists():
        pytest.skip(f"no {path}: tests/boards/build .arm64 makes it")
    return path


@pytest.fixture(scope="session")
def once(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Callable[..., Path]:
    """Make a folder once per run, also with xdist: ``once(name, make)``."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if hasattr(request.config, "workerinput") else base

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder = root / name
        with FileLock(root / f"{name}.lock"):
            done = folder / ".done"
            if not done.exists():
                folder.mkdir(exist_ok=True)
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def models(once: Callable[..., Path]) -> Path:
    """The folder that ``make_models.py`` writes."""
    return once("models", _written_by(HERE / "make_models.py"))


@pytest.fixture(scope="session")
def tiny(once: Callable[..., Path]) -> Path:
    """The folder that ``device/make_models.py`` writes."""
    return once("tiny", _written_by(HERE / "device" / "make_models.py"))


def _written_by(script: Path) -> Callable[[Path], object]:
    def make(folder: Path) -> object:
        return subprocess.run([sys.executable, script, folder], check=True, capture_output=True)

    return make


@pytest.fixture(scope="session")
def conversions(once: Callable[..., Path]) -> Path:
    """A conversion cache that inner pytest runs share, so that nothing is converted twice."""
    return once("conversions", lambda folder: None)


@pytest.fixture(scope="session")
def tflite_runtime_python(once: Callable[..., Path]) -> Path:
    """A Python with tflite-runtime 2.14 and NumPy 1, in an environment of its own."""
    if sys.version_info >= (3, 12):
        pytest.skip("tflite-runtime has no wheels for Python 3.12 and newer")
    return _environment(once, "tflite-runtime", ["tflite-runtime==2.14.0", "numpy<2"])


@pytest.fixture(scope="session")
def numpy_2_python(once: Callable[..., Path]) -> Path:
    """A Python with tflite-runtime 2.14 and NumPy 2, which cannot work together."""
    if sys.version_info >= (3, 12):
        pytest.skip("tflite-runtime has no wheels for Python 3.12 and newer")
    return _environment(once, "numpy-2", ["tflite-runtime==2.14.0", "numpy>=2"])


def _environment(once: Callable[..., Path], name: str, requirements: list[str]) -> Path:
    def make(folder: Path) -> None:
        venv.create(folder, with_pip=True, symlinks=True)
        pip = [folder / "bin" / "python", "-m", "pip", "install", "--quiet", *requirements]
        subprocess.run(pip, check=True, capture_output=True)

    return once(f"python-{name}", make) / "bin" / "python"


DIGITS_CONFTEST = """
import numpy as np, pytest

@pytest.fixture
def edge_model():
    return {model!r}

@pytest.fixture(scope="session")
def data():
    with np.load({data!r}) as file:
        return file["x"], file["y"]

@pytest.fixture
def calibration_data(data):
    return data[0][:50]

@pytest.fixture
def evaluation_data(data):
    return data[0][100:], data[1][100:]
"""


@pytest.fixture
def digits_suite(
    pytester: pytest.Pytester, models: Path, conversions: Path, may_be_busy: None
) -> pytest.Pytester:
    """A project whose model under test is the digits network; conversions are shared."""
    pytester.makeini(f"[pytest]\nedge_cache_dir = {conversions}\n")
    model, data = str(models / "digits.keras"), str(models / "digits.npz")
    pytester.makeconftest(DIGITS_CONFTEST.format(model=model, data=data))
    return pytester


@pytest.fixture
def may_be_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever else computes on this machine makes nothing void."""
    monkeypatch.setattr("pytest_edgeai.judge.conditions.OTHERS_SHARE", 2)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a disk needs root")
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    subprocess.run(mount, check=True)
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
