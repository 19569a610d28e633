"""How large an input may be that is an index."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_edgeai.model.flatbuffer import OperatorRow, SubgraphRow, TensorRow
from pytest_edgeai.model.index_limits import index_limits, of_graph

Shape = tuple[int, ...]


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("word_of_number", [2]),
        ("masked_ids", [9]),
        ("best_k", [8]),
        ("parts_of_100", []),
        ("zebra_minus_apple", []),
    ],
)
def test_of_a_file(tiny: Path, name: str, limits: list[int]) -> None:
    found = index_limits(tiny / f"{name}.tflite")
    assert [*found.values()] == limits
    assert all(input_name.startswith("serving_default_") for input_name in found)


def test_of_no_model(tmp_path: Path) -> None:
    assert index_limits(tmp_path / "none.tflite") == {}
    (tmp_path / "other.tflite").write_bytes(b"....TFL3")
    assert index_limits(tmp_path / "other.tflite") == {}


def tensor(index: int, shape: Shape) -> TensorRow:
    return TensorRow(index, f"t{index}", "int32", shape, shape, (), (), 0, False, False)


def limits(name: str, reads: list[TensorRow], made: Shape, *before: str) -> dict[str, int]:
    """Of an operator that reads tensor 0, or what operators make of it, and others."""
    given = tensor(0, (2, 3))
    operators, value = [], given
    for number, passing in enumerate(before, 10):
        passed = tensor(number, (2, 3))
        operators.append(OperatorRow(passing, 1, False, (value,), (passed,)))
        value = passed
    inputs = tuple(value if read.index == 0 else read for read in reads)
    output = tensor(9, made)
    operators.append(OperatorRow(name, 1, False, inputs, (output,)))
    graph = SubgraphRow((), tuple(operators), (given,), (output,))
    return of_graph(graph)


IDS, TABLE = tensor(0, (2, 3)), tensor(1, (50, 8))


@pytest.mark.parametrize(
    ("name", "reads", "made", "limit"),
    [
        ("GATHER", [TABLE, IDS], (2, 3, 8), 49),
        ("GATHER", [TABLE, IDS], (50, 2, 3), 7),
        ("GATHER", [TABLE, IDS], (1, 1, 1), 7),
        ("GATHER", [tensor(1, (-1, 0)), IDS], (1, 1, 1), None),
        ("EMBEDDING_LOOKUP", [IDS, TABLE], (2, 8), 49),
        ("GATHER_ND", [tensor(1, (40, 30, 20, 5)), IDS], (2, 5), 19),
        ("SCATTER_ND", [IDS, TABLE, TABLE], (40, 30, 20, 5), 19),
        ("TOPK_V2", [TABLE, IDS], (2, 8), 8),
        ("ADD", [TABLE, IDS], (2, 3), None),
        ("GATHER", [IDS, TABLE], (2, 3), None),
    ],
)
def test_of_an_operator(name: str, reads: list[TensorRow], made: Shape, limit: int | None) -> None:
    assert limits(name, reads, made) == ({} if limit is None else {"t0": limit})


def test_values_that_are_passed_on() -> None:
    look_up = "GATHER", [TABLE, IDS], (2, 3, 8)
    assert limits(*look_up, "CAST", "RESHAPE", "SELECT_V2") == {"t0": 49}
    assert limits(*look_up, "CAST", "ADD") == {}
