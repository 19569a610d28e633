"""The file that runs on a device."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import execnet
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter as Runtime
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pytest_edgeai.device import agent
from pytest_edgeai.device.spec import RUNTIME_CHOICES
from pytest_edgeai.model.tflite import read_facts

OLDEST = (3, 9)
SOURCE = Path(agent.__file__)
SHAPES = hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)
NUMBERS = st.one_of(
    hnp.boolean_dtypes(),
    hnp.integer_dtypes(endianness="?"),
    hnp.unsigned_integer_dtypes(endianness="?"),
    hnp.floating_dtypes(endianness="?", sizes=(16, 32, 64)),
    hnp.complex_number_dtypes(endianness="?", sizes=(64, 128)),
)


def sent(value: Any) -> Any:
    """A value as it arrives on the other side."""
    return agent.unpack(execnet.loads(execnet.dumps(agent.pack(value))))


@given(hnp.arrays(NUMBERS, SHAPES))
def test_arrays_arrive_bit_by_bit(array: np.ndarray[Any, Any]) -> None:
    arrived = sent(array)
    assert (arrived.dtype, arrived.shape) == (array.dtype, array.shape)
    assert arrived.tobytes() == array.tobytes()
    assert arrived.flags.writeable


@given(hnp.arrays(object, SHAPES, elements=st.binary()))
def test_texts_arrive_with_their_zeros(array: np.ndarray[Any, Any]) -> None:
    arrived = sent(array)
    assert arrived.shape == array.shape
    assert arrived.tolist() == array.tolist()


@pytest.mark.parametrize("array", [np.array(["é", ""]), np.array([b"a", b""]), np.array("é")])
def test_texts_arrive_as_bytes(array: np.ndarray[Any, Any]) -> None:
    texts = [v if isinstance(v, bytes) else v.encode() for v in array.ravel().tolist()]
    assert sent(array).ravel().tolist() == texts


def test_slices_arrive() -> None:
    array = np.arange(24).reshape(2, 3, 4)[:, ::-2, 1:3]
    assert np.array_equal(sent(array), array)


@pytest.mark.parametrize("dtype", [np.float32, np.int8, np.bool_, np.bytes_, np.int64])
def test_types_arrive(dtype: type) -> None:
    assert sent({"dtype": dtype}) == {"dtype": dtype}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**31)) | st.text() | st.floats(allow_nan=False),
        lambda inner: (
            st.lists(inner)
            | st.tuples(inner, inner)
            | st.dictionaries(st.integers(0) | st.text(), inner)
        ),
        max_leaves=8,
    )
)
def test_plain_values_arrive(value: Any) -> None:
    assert sent(value) == value


def test_numbers_of_numpy_become_plain() -> None:
    assert sent([np.float32(0.5), np.int64(3), np.bool_(True)]) == [0.5, 3, True]


def test_tiny_model_is_a_model(tmp_path: Path) -> None:
    path = tmp_path / "relu.tflite"
    path.write_bytes(agent.RELU_MODEL)
    assert [operator.name for operator in read_facts(path).operators] == ["RELU"]
    interpreter = Runtime(model_content=agent.RELU_MODEL)
    interpreter.allocate_tensors()
    for value, answer in ((3.0, 3.0), (-3.0, 0.0)):
        interpreter.set_tensor(0, np.array([value], np.float32))
        interpreter.invoke()
        assert interpreter.get_tensor(1).tolist() == [answer]


def test_every_runtime_can_be_chosen() -> None:
    assert ("auto", *agent.RUNTIMES) == RUNTIME_CHOICES


class TestOldestPython:
    def test_syntax(self) -> None:
        ast.parse(SOURCE.read_text(), feature_version=OLDEST)

    def test_nothing_of_ours_is_needed(self) -> None:
        names = set()
        for node in ast.walk(ast.parse(SOURCE.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add(str(node.module).partition(".")[0])
        assert names - set(sys.stdlib_module_names) == {"numpy"}

    def test_it_compiles_there(self) -> None:
        python = _oldest()
        if python is None:
            pytest.skip("there is no Python 3.9 here")
        subprocess.run(
            [python, "-W", "error", "-c", "import sys; compile(sys.stdin.read(), 'agent', 'exec')"],
            input=SOURCE.read_text(),
            text=True,
            check=True,
        )


def _oldest() -> str | None:
    """A Python 3.9; a shim of pyenv may be one in name alone."""
    known = sorted(Path.home().glob(".pyenv/versions/3.9.*/bin/python"))
    for python in (*map(str, known), shutil.which("python3.9")):
        if python and subprocess.run([python, "--version"], capture_output=True).returncode == 0:
            return python
    return None


class TestHello:
    def test_a_runtime_is_proven_only_where_that_is_asked(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else its one-time costs would be hidden from the first model."""

        def refuse(interpreter_class: type) -> None:
            raise RuntimeError("a tiny model was run")

        monkeypatch.setattr(agent, "prove", refuse)
        assert agent.Agent().hello("litert")["runtime"] == "ai-edge-litert"
        with pytest.raises(RuntimeError, match="a tiny model was run"):
            agent.Agent().hello("litert", proving=True)


class TestResidentMemory:
    def test_the_peak_is_that_since_the_reset(self) -> None:
        np.ones(60_000_000, np.int8)
        agent.reset_peak()
        before, peak = agent.resident()
        assert peak - before < 1024**2
        np.ones(40_000_000, np.int8)
        risen = agent.resident()[1] - peak
        assert 35_000_000 < risen < 45_000_000

    def test_where_the_system_tells_only_the_peak(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on macOS, which has no /proc; nothing can be reset there."""
        before = agent.resident()[0]

        def refuse(path: str, *args: object) -> None:
            raise FileNotFoundError(path)

        monkeypatch.setattr(agent, "open", refuse, raising=False)
        agent.reset_peak()
        peak, same = agent.resident()
        assert peak == same >= before * 0.9
