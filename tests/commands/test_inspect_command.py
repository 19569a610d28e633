"""``edgeai inspect``: facts of files side by side, and which runtimes run them."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pytest_edgeai.model.tflite import Model, read_facts
from pytest_edgeai.report.inspection import Inspected, as_document, side_by_side

HAS_TFLITE_RUNTIME = any(d.name == "tflite-runtime" for d in metadata.distributions())
CRASHING_RUNTIME = """
import os
from ai_edge_litert.interpreter import *

class Interpreter(Interpreter):
    def __init__(self, model_path=None, **others):
        if model_path:
            os.abort()
        super().__init__(**others)
"""


class Said(NamedTuple):
    """What the command says."""

    status: int
    out: str
    err: str


Inspect = Callable[..., Said]
ON_LITERT = "--runtime=litert"
WITHOUT_TENSORFLOW = (ON_LITERT, "--runtime=tflite-runtime")
"""It takes seconds to import."""


@pytest.fixture
def inspect(tmp_path: Path) -> Inspect:
    """``inspect(*arguments)``; 80 columns wide, with ``PYTHONPATH=tmp_path``."""

    def said(*arguments: object) -> Said:
        command = [sys.executable, "-m", "pytest_edgeai", "inspect", *map(str, arguments)]
        environment = {**os.environ, "COLUMNS": "80", "PYTHONPATH": str(tmp_path)}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
        return Said(done.returncode, done.stdout, done.stderr)

    return said


def rows(text: str) -> dict[str, str]:
    """The cells of each line that begins with a label; what is folded below it is left out."""
    parts = [line.split("  ", 1) for line in text.splitlines() if line and line[0] != " "]
    return {part[0]: part[1].strip() for part in parts if len(part) == 2}


def test_one_file(inspect: Inspect, realdata: Path) -> None:
    said = inspect(*WITHOUT_TENSORFLOW, realdata / "models/mobilenet_v2_1.0_224_uint8.tflite")
    assert said.status == 0
    assert not said.err
    shown = rows(said.out)
    assert shown["looks like"] == "int8 with uint8 inputs and outputs"
    assert shown["size"] == "3.44 MB"
    assert shown["needs a runtime"] == "of TensorFlow Lite 1.5.0"
    assert shown["in 8 bits or fewer"] == "100.00 %"
    assert shown["CONV_2D"] == "36 (version 1)"
    assert "uint8 [1, 224, 224, 3]\n" in said.out
    assert "scale 0.007812, zero point 128\n" in said.out
    litert = shown[f"ai-edge-litert {metadata.version('ai-edge-litert')}"]
    assert litert.startswith("runs, ")
    assert litert.endswith(" by XNNPACK")
    if not HAS_TFLITE_RUNTIME:
        assert shown["tflite-runtime"] == "not installed"


def test_before_and_after_quantisation(inspect: Inspect, realdata: Path) -> None:
    files = [realdata / f"models/ad01_{name}.tflite" for name in ("fp32", "dynamic", "int8")]
    said = inspect(ON_LITERT, *files)
    assert said.status == 0
    assert "\x1b" not in said.out
    assert max(map(len, said.out.splitlines())) <= 80
    shown = rows(said.out)
    assert shown["looks like"].split()[:3] == ["converted", "dynamic", "int8"]
    assert shown["float32"].split() == ["264,192", "-", "-"]
    assert shown["int8"].split() == ["-", "264,192", "264,192"]
    assert shown["in 8 bits or fewer"].split() == ["0.00", "%", "100.00", "%", "100.00", "%"]
    versions = [word for word in shown["FULLY_CONNECTED"].split() if word.endswith(")")]
    assert versions == ["1)", "3)", "4)"]


@pytest.mark.parametrize(("columns", "at_once"), [(80, 3), (120, 5)])
def test_many_files_are_several_tables(realdata: Path, columns: int, at_once: int) -> None:
    paths = sorted(realdata.glob("models/*.tflite"))
    found = [Inspected(Model(path, path.name, "", read_facts(path)), ()) for path in paths]
    text = side_by_side(found, columns, colour=False)
    assert max(map(len, text.splitlines())) <= columns
    assert text.count("looks like") == -(-len(paths) // at_once)


def test_json_has_all_facts(inspect: Inspect, realdata: Path) -> None:
    path = realdata / "models/vww_96_int8.tflite"
    said = inspect("--json", path)
    (file,) = json.loads(said.out)["files"]
    facts = read_facts(path).as_dict()
    assert {key: file[key] for key in facts} == facts
    assert (file["path"], file["variant"]) == (str(path), "int8")
    by_name = {trial["runtime"]: trial for trial in file["runtimes"]}
    assert list(by_name) == ["ai-edge-litert", "tflite-runtime", "tensorflow"]
    assert by_name["ai-edge-litert"]["outcome"] == "runs"
    assert by_name["tensorflow"]["outcome"] == "runs"


REFUSED = {
    "fails_in_invoke": "does not know the custom operators fake-op-double",
    "needs_edgetpu": "compiled for an Edge TPU",
    "needs_flex_delegate": "it needs Select TF ops",
    "valid_but_refused_by_runtime": "refuses this model",
}


def test_what_a_runtime_refuses(inspect: Inspect, realdata: Path) -> None:
    said = inspect(*(realdata / f"broken/{name}.tflite" for name in REFUSED))
    version = metadata.version("ai-edge-litert")
    text = " ".join(said.out.split())
    assert said.status == 1
    assert text.count("fails") >= 8
    for name, hint in REFUSED.items():
        told = text.partition(f"{name}.tflite on ai-edge-litert {version}: ")[2]
        assert hint in told.partition(".tflite on ")[0]


@pytest.mark.skipif(HAS_TFLITE_RUNTIME, reason="tflite-runtime is installed here, and tried")
def test_what_a_runtime_that_is_missing_is_too_old_for(inspect: Inspect, realdata: Path) -> None:
    said = inspect(*WITHOUT_TENSORFLOW, realdata / "broken/op_newer_than_tflite_runtime.tflite")
    assert said.status == 0
    assert rows(said.out)["tflite-runtime"] == "not tried"
    assert "its last release, 2.14.0, is older than the 2.17.0" in " ".join(said.out.split())


@pytest.mark.skipif(HAS_TFLITE_RUNTIME, reason="tflite-runtime is installed here")
def test_a_runtime_that_crashes_takes_nothing_with_it(
    inspect: Inspect, realdata: Path, tmp_path: Path
) -> None:
    (tmp_path / "tflite_runtime").mkdir()
    (tmp_path / "tflite_runtime" / "interpreter.py").write_text(CRASHING_RUNTIME)
    path = realdata / "models/ad01_int8.tflite"
    said = inspect(*WITHOUT_TENSORFLOW, "--json", path)
    assert said.status == 1
    trials = {trial["runtime"]: trial for trial in json.loads(said.out)["files"][0]["runtimes"]}
    assert trials["tflite-runtime"]["outcome"] == "fails"
    assert "the process ended with SIGABRT in load" in trials["tflite-runtime"]["says"]
    assert trials["ai-edge-litert"]["outcome"] == "runs"


@pytest.mark.skipif(HAS_TFLITE_RUNTIME, reason="tflite-runtime is installed here")
def test_a_runtime_that_is_broken_says_nothing_of_the_file(
    inspect: Inspect, realdata: Path, tmp_path: Path
) -> None:
    (tmp_path / "tflite_runtime").mkdir()
    (tmp_path / "tflite_runtime" / "interpreter.py").write_text("raise ImportError('no GLIBC')")
    said = inspect(*WITHOUT_TENSORFLOW, realdata / "models/ad01_int8.tflite")
    assert said.status == 0
    assert rows(said.out)["tflite-runtime"] == "not tried"
    assert "ImportError: no GLIBC" in said.out or "built for NumPy 1" in said.out


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("git_lfs_pointer", "is a git-lfs pointer, not the file itself"),
        ("eight_bytes", "is a damaged TensorFlow Lite model"),
        ("zero_inputs_zero_outputs", "has no inputs and no outputs: nothing can be tested"),
        ("no_such_file", "does not exist"),
    ],
)
def test_what_cannot_be_read(inspect: Inspect, realdata: Path, name: str, reason: str) -> None:
    said = inspect(realdata / "models/ad01_int8.tflite", realdata / f"broken/{name}.tflite")
    assert (said.status, said.out) == (2, "")
    assert f"{name}.tflite" in said.err
    assert reason in said.err
    assert "Traceback" not in said.err


def mixed(realdata: Path, **changes: Any) -> Inspected:
    """A model that is neither float nor int8."""
    path = realdata / "models/ad01_int8.tflite"
    weights = read_facts(realdata / "models/ad01_fp32.tflite").float_weights[:2]
    facts = read_facts(path)
    changed = dataclasses.replace(
        facts,
        float_weights=weights,
        float_operators=("CONV_3D",),
        float_layers=("",),
        int8_weight_share=0.5,
        **changes,
    )
    return Inspected(Model(path, path.name, "mixed", changed), ())


def test_a_mixture_says_why_it_is_not_int8(realdata: Path) -> None:
    found = mixed(realdata)
    text = " ".join(side_by_side([found], 80, colour=False).split())
    assert "mixed: int8 with 1 operator in float: CONV_3D and 2 weights in float" in text
    assert "ad01_int8.tflite is not int8: - 2 weights in float:" in text
    assert "- 1 operator computing in float: CONV_3D" in text
    (file,) = as_document([found])["files"]
    assert file["variant"] == "mixed"
    assert file["description"].startswith("mixed: int8 with 1 operator in float: CONV_3D")
    assert len(file["contradictions"]) == 2


def test_files_of_one_name_are_told_apart(realdata: Path) -> None:
    one = mixed(realdata)
    others = [
        Inspected(dataclasses.replace(one.model, path=Path(folder) / "model.tflite"), ())
        for folder in ("before", "after")
    ]
    first = side_by_side(others, 80, colour=False).splitlines()[0]
    assert first.split() == ["before/model.tflite", "after/model.tflite"]


def test_help_is_for_who_never_saw_it(inspect: Inspect) -> None:
    said = inspect("--help")
    assert said.status == 0
    assert "side by side" in said.out
    assert "--json" in said.out


def test_each_signature_is_a_column(inspect: Inspect, models: Path) -> None:
    path = models / "signatures.tflite"
    said = inspect(ON_LITERT, path)
    assert said.status == 0
    assert said.out.splitlines()[0].split() == ["signatures:classify", "signatures:embed"]
    shown = rows(said.out)
    assert shown["signatures"].split("  ")[0] == "classify, embed"
    assert shown["FULLY_CONNECTED"].split() == ["12", "(version", "1)", "-"]
    files = json.loads(inspect(ON_LITERT, "--json", path).out)["files"]
    assert [file["signature"] for file in files] == ["classify", "embed"]
    assert [file["outputs"][0]["shape"] for file in files] == [[1, 4], [1, 4]]
    assert {file["runtimes"][0]["outcome"] for file in files} == {"runs"}
    (file,) = json.loads(inspect(ON_LITERT, "--json", "--signature=embed", path).out)["files"]
    assert file["signature"] == "embed"
    said = inspect("--signature=detect", path)
    assert said.status == 2
    assert "has no signature 'detect'; it has these:\n- classify(x: " in said.err


def test_a_model_that_damages_memory_does_not_run(inspect: Inspect, models: Path) -> None:
    """TensorFlow writes the values outside of the output, and says that it has run."""
    said = inspect("--json", models / "damaging.tflite")
    assert said.status == 1
    trials = {trial["runtime"]: trial for trial in json.loads(said.out)["files"][0]["runtimes"]}
    assert trials["tensorflow"]["outcome"] == "fails"
    assert "the process ended with SIG" in trials["tensorflow"]["says"]


DYING_RUNTIME = """
import atexit, os
from ai_edge_litert.interpreter import *

class Interpreter(Interpreter):
    def __init__(self, model_path=None, **others):
        super().__init__(model_path=model_path, **others)
        self.path = model_path
        if model_path:  # the tiny model that proves a runtime is given as bytes
            atexit.register({at_exit})

    def __del__(self):
        if self.path:
            {freed}
"""


@pytest.mark.skipif(HAS_TFLITE_RUNTIME, reason="tflite-runtime is installed here")
@pytest.mark.parametrize(
    ("at_exit", "freed", "says"),
    [
        ("os.abort", "pass", "the process ended with SIGABRT in exit"),
        ("int", "os.abort()", "the process ended with SIGABRT in unload"),
        ("int", "pass", ""),
    ],
)
def test_a_process_that_dies_at_its_end(
    inspect: Inspect, realdata: Path, tmp_path: Path, at_exit: str, freed: str, says: str
) -> None:
    (tmp_path / "tflite_runtime").mkdir()
    text = DYING_RUNTIME.format(at_exit=at_exit, freed=freed)
    (tmp_path / "tflite_runtime" / "interpreter.py").write_text(text)
    said = inspect(*WITHOUT_TENSORFLOW, "--json", realdata / "models/ad01_int8.tflite")
    trials = {trial["runtime"]: trial for trial in json.loads(said.out)["files"][0]["runtimes"]}
    trial = trials["tflite-runtime"]
    assert trial["outcome"] == ("fails" if says else "runs")
    assert says in trial["says"]
    assert ("has probably damaged its memory" in trial["hint"]) == bool(says)
    assert said.status == bool(says)
