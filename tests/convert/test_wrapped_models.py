"""SavedModels whose variables the converter leaves out, when it is given them as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from asking import data_set, made

from pytest_edgeai.convert.converter import Converter
from pytest_edgeai.model.source import resolve
from pytest_edgeai.model.variants import Variant

ROWS = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)


@pytest.mark.parametrize(
    ("variant", "calibration"), [("converted", None), ("int8", ROWS), ("dynamic", None)]
)
def test_it_answers_with_the_variables_of_the_source(
    converter: Converter, odd_models: Path, variant: Variant, calibration: object
) -> None:
    """A file that reads variables which nothing sets answers with what is in memory."""
    path, data = odd_models / "wrapped", data_set(ROWS)
    assert data is not None
    conversion = made(converter, path, variant, calibration)
    operators = {operator.name for operator in conversion.model.facts.operators}
    assert "READ_VARIABLE" not in operators
    if variant == "converted":
        (expected,) = converter.source_predictions(resolve(path, []), data).values()
        runner = Interpreter(str(conversion.model.path)).get_signature_runner()
        answers = np.concatenate([runner(x=row[None])["y"] for row in ROWS])
        np.testing.assert_allclose(answers, expected, atol=1e-5)


def test_a_failure_is_of_its_source_alone(
    converter: Converter, odd_models: Path, tmp_path: Path
) -> None:
    """A copy elsewhere has the same content, and what failed may have been its place."""
    copies = [tmp_path / name for name in ("first", "second")]
    for copy in copies:
        copy.symlink_to(odd_models / "odd")
    errors = [converter.convert(resolve(copy, []), ["converted"], None) for copy in copies]
    assert [str(error["converted"]).partition(":")[0] for error in errors] == [
        "converted of first",
        "converted of second",
    ]
