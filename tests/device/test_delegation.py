"""Which operators a delegate took, as the runtime's nodes show it; compared with what it says."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ai_edge_litert
import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from pytest_edgeai.device import agent
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter

Open = Callable[..., Interpreter]

OUT_LOUD = """
import ctypes, importlib.util, json, sys

runtime, agent_file, library, offset, *paths = sys.argv[1:]
spec = importlib.util.spec_from_file_location("agent", agent_file)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
agent = module.Agent()
agent.hello(runtime)

with open("/proc/self/maps") as file:
    starts = [int(line.partition("-")[0], 16) for line in file if line.strip().endswith(library)]
ctypes.c_int.from_address(min(starts) + int(offset)).value = 0  # verbose
for path in paths:
    agent.load(path, "", 1)
    agent.interpreter.allocate_tensors()
    share, left = agent.delegated()
    print(json.dumps([path, share, left]), file=sys.stderr, flush=True)
"""
"""Prints what the runtime says of each model, and then what the agent makes of it."""
SAID = re.compile(r"Replacing (\d+) out of (\d+) node")
LEVEL = re.compile("_ZN6tflite.*MinimalLogger.*minimum_log_severity_E")


def level_of_logging(package: Path) -> tuple[Path, int]:
    """The library of a runtime that logs, and where in it is how much."""
    for library in sorted(package.glob("*.so")):
        with library.open("rb") as file:
            elf = ELFFile(file)
            tables = [elf.get_section_by_name(name) for name in (".symtab", ".dynsym")]
            for symbol in itertools.chain(*(table.iter_symbols() for table in tables if table)):
                if LEVEL.fullmatch(symbol.name) and symbol["st_value"]:
                    return library, symbol["st_value"]
    raise AssertionError(f"no level of logging in {package}")


def compared(
    python: str, runtime: str, package: Path, models: list[Path]
) -> dict[str, tuple[float, float]]:
    """The share by model: as the runtime says it, and as inferred."""
    library, offset = level_of_logging(package)
    given = [runtime, agent.__file__, library.resolve().name, str(offset), *map(str, models)]
    done = subprocess.run([python, "-c", OUT_LOUD, *given], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, said = {}, 0.0
    for line in done.stderr.splitlines():
        if match := SAID.search(line):
            said = int(match[1]) / int(match[2])
        elif line.startswith('["'):
            path, share, _ = json.loads(line)
            found[Path(path).name] = (said, share)
            said = 0.0
    assert len(found) == len(models)
    return found


@pytest.fixture(scope="module")
def files(realdata: Path) -> list[Path]:
    return sorted((realdata / "models").glob("*.tflite"))


def test_it_is_what_litert_says(files: list[Path]) -> None:
    package = Path(ai_edge_litert.__file__).parent
    found = compared(sys.executable, "litert", package, files)
    assert len({said for said, _ in found.values()}) > 4
    for name, (said, share) in found.items():
        assert share == pytest.approx(said), name


def test_it_is_what_tflite_runtime_says(files: list[Path], tflite_runtime_python: Path) -> None:
    (package,) = tflite_runtime_python.parent.parent.glob("lib/*/site-packages/tflite_runtime")
    found = compared(str(tflite_runtime_python), "tflite-runtime", package, files)
    assert {said for said, _ in found.values()} >= {0.0, 0.75, 1.0}
    for name, (said, share) in found.items():
        assert share == pytest.approx(said), name


@pytest.mark.parametrize(
    "name",
    ["ad01_fp32", "resnet8_cifar10_int8", "mobilenet_v1_0.25_224_uint8", "mnist_lstm_int8"],
)
def test_all_operators_are_counted(realdata: Path, open_model: Open, name: str) -> None:
    interpreter = open_model(realdata / "models" / f"{name}.tflite")
    operators = sum(kind.count for kind in interpreter.model.facts.operators)
    left = sum(interpreter.undelegated.values())
    assert interpreter.delegated == pytest.approx(1 - left / operators)


def test_a_custom_operator_stays_out(realdata: Path, open_model: Open) -> None:
    detector = open_model(realdata / "models" / "ssd_mobilenet_v1_coco_uint8.tflite")
    assert detector.undelegated["TFLite_Detection_PostProcess"] == 1
    assert 0.9 < detector.delegated < 1  # type: ignore[operator]


def test_an_older_runtime_delegates_less_of_an_int8_model(
    realdata: Path, open_model: Open, tflite_runtime: Device
) -> None:
    path = realdata / "models" / "resnet8_cifar10_int8.tflite"
    old, new = open_model(path, tflite_runtime), open_model(path)
    assert old.delegated == 0.0
    assert sum(old.undelegated.values()) == 16
    assert new.delegated > 0.8  # type: ignore[operator]


def test_it_is_told_of_the_size_that_it_has(tiny: Path, open_model: Open) -> None:
    interpreter = open_model(tiny / "mean_of_any.tflite")
    before = interpreter.delegated
    interpreter.delegated = None
    interpreter.predict(np.ones((1, 40, 2), np.float32))
    assert interpreter.delegated == before > 0  # type: ignore[operator]


def node(index: int, name: str, inputs: list[int], outputs: list[int]) -> dict[str, Any]:
    tensors = {"inputs": np.array(inputs, np.int32), "outputs": np.array(outputs, np.int32)}
    return {"index": index, "op_name": name, **tensors}


class TestGraph:
    """Tensors: 0 is the input, 9 a constant, -1 an optional one that is not given."""

    def test_two_parts_around_an_operator(self) -> None:
        nodes = [
            node(0, "CONV_2D", [0, 9, -1], [1]),
            node(1, "RELU", [1], [2]),
            node(2, "TOPK", [2], [3, 4]),
            node(3, "ADD", [3, 9], [5]),
            node(4, "CAST", [4], [6]),
            node(5, "DELEGATE", [0, 9], [2]),
            node(6, "DELEGATE", [3, 9], [5]),
        ]
        assert agent.taken_by_delegates(nodes) == {0, 1, 3}

    def test_an_output_in_the_middle_of_a_part(self) -> None:
        nodes = [
            node(0, "A", [0], [1]),
            node(1, "B", [1], [2]),
            node(2, "C", [1], [3]),
            node(3, "DELEGATE", [0], [1, 2]),
        ]
        assert agent.taken_by_delegates(nodes) == {0, 1}

    def test_what_goes_around_a_part(self) -> None:
        """The last one reads what the second made outside."""
        nodes = [
            node(0, "A", [0], [1]),
            node(1, "B", [1], [2]),
            node(2, "C", [1, 2], [3]),
            node(3, "DELEGATE", [0], [1]),
            node(4, "DELEGATE", [1, 2], [3]),
        ]
        assert agent.taken_by_delegates(nodes) == {0, 2}

    def test_none(self) -> None:
        assert agent.taken_by_delegates([node(0, "A", [0], [1])]) == set()


class TestAgent:
    """Runtimes that tell too little."""

    def test_no_list_of_nodes(self) -> None:
        one = agent.Agent()
        one.interpreter = object()
        assert one.delegated() is None

    def test_a_list_that_cannot_be_had(self) -> None:
        class Refusing:
            def _get_ops_details(self) -> None:
                raise ValueError("not yet")

        one = agent.Agent()
        one.interpreter = Refusing()
        assert one.delegated() is None
