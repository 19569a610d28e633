"""Budgets of what files say of themselves, on real files."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_edgeai.judge.markers import parse_marker
from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.model.tflite import read_facts


def judged(marker: str, path: Path, variant: str = "int8") -> BudgetResult:
    (budget,) = parse_marker(marker, (), {})
    evidence: Any = SimpleNamespace(facts=read_facts(path), variant=variant)
    return budget.judge(evidence)


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("resnet8_cifar10_int8", "pass"),
        ("mobilenet_v1_0.25_224_uint8", "pass"),
        ("ssd_mobilenet_v1_coco_uint8", "pass"),  # its float outputs are a custom operator's
        ("resnet8_cifar10_float", "fail"),
        ("ad01_dynamic", "fail"),
        ("mnist_lstm_float", "fail"),
    ],
)
def test_published_files(realdata: Path, name: str, verdict: str) -> None:
    result = judged("fully_quantized", realdata / "models" / f"{name}.tflite")
    assert result.verdict == verdict
    assert (result.limit, result.unit, result.headroom) == (0, "count", None)
    assert (result.measured == 0) == (verdict == "pass")


def test_what_is_in_float_is_named_and_counted(realdata: Path) -> None:
    path = realdata / "models" / "resnet8_cifar10_float.tflite"
    result, facts = judged("fully_quantized", path, "converted"), read_facts(path)
    edges = 2
    assert result.measured == len(facts.float_operators) + len(facts.float_weights) + edges
    assert result.reason.startswith("operators that compute in float: CONV_2D (9), ADD (3), ")
    weights, inputs = result.details
    assert f"weights in float: {facts.float_weights[0].name!r} float32" in weights
    assert f"input {facts.inputs[0].name!r} float32, output" in inputs
    assert "test int8_interpreter" in result.advice


def test_a_dynamic_range_file_computes_in_float(realdata: Path) -> None:
    result = judged("fully_quantized", realdata / "models" / "ad01_dynamic.tflite", "dynamic")
    assert result.reason == "operators that compute in float: FULLY_CONNECTED (10)"
    assert "weights" not in " ".join(result.details)


def test_an_int8_file_with_an_operator_in_float_has_other_advice(realdata: Path) -> None:
    path = realdata / "models" / "resnet8_cifar10_float.tflite"
    assert "no integer kernel" in judged("fully_quantized", path, "int8").advice


def test_a_mixture_names_the_layer_that_is_left_in_float(tiny: Path) -> None:
    result = judged("fully_quantized", tiny / "negated_mixed.tflite", "mixed")
    assert result.reason.startswith("operators that compute in float: NEG")
    assert "no integer kernel" in result.advice


def test_a_file_that_is_too_large_says_where_its_bytes_are(realdata: Path) -> None:
    path = realdata / "models" / "ad01_fp32.tflite"
    (budget,) = parse_marker("max_size_mb", (1e-3,), {})
    size_bytes = path.stat().st_size
    evidence: Any = SimpleNamespace(
        facts=read_facts(path), variant="converted", size_bytes=size_bytes
    )
    sizes = "functional_1/dense_9/MatMul (0.312 MB), functional_1/dense/MatMul (0.312 MB), "
    assert sizes in budget.judge(evidence).details[0]


def test_integers_that_were_never_real_are_integers(tiny: Path) -> None:
    for name in ("twice_int32", "next_int64", "not_bool", "steps"):
        assert judged("fully_quantized", tiny / f"{name}.tflite").verdict == "pass", name


def test_words_are_none(tiny: Path) -> None:
    result = judged("fully_quantized", tiny / "number_of_word.tflite")
    assert result.verdict == "fail"
    assert "string" in result.reason


def test_custom_operators(realdata: Path) -> None:
    none = judged("no_custom_ops", realdata / "models" / "vww_96_int8.tflite")
    assert (none.verdict, none.measured) == ("pass", 0)
    one = judged("no_custom_ops", realdata / "models" / "ssd_mobilenet_v1_coco_uint8.tflite")
    assert (one.verdict, one.measured, one.limit) == ("fail", 1, 0)
    assert one.reason == "operators that are not built in: TFLite_Detection_PostProcess"
    flex = judged("no_custom_ops", realdata / "broken" / "needs_flex_delegate.tflite")
    assert flex.verdict == "fail"
    assert "Flex" in flex.reason


class TestDelegated:
    def result(self, found: float | None, limit: float = 0.9, **left: int) -> BudgetResult:
        (budget,) = parse_marker("min_delegated", (limit,), {})
        evidence: Any = SimpleNamespace(delegated=found, undelegated=left)
        return budget.judge(evidence)

    @pytest.mark.parametrize(
        ("found", "verdict"), [(1.0, "pass"), (0.9, "pass"), (0.8999, "fail"), (0.0, "fail")]
    )
    def test_a_share(self, found: float, verdict: str) -> None:
        result = self.result(found, SOFTMAX=1, CONCATENATION=2)
        assert (result.verdict, result.measured, result.unit) == (verdict, found, "fraction")
        assert result.details == ("not delegated: CONCATENATION (2), SOFTMAX",)

    def test_a_runtime_that_does_not_tell_never_passes(self) -> None:
        for limit in (0.01, 1):
            result = self.result(None, limit)
            assert (result.verdict, result.measured) == ("inconclusive", None)
            assert "this runtime does not tell" in result.reason

    def test_headroom_is_above_the_limit(self) -> None:
        assert self.result(0.75, 0.5).headroom == pytest.approx(0.5)
