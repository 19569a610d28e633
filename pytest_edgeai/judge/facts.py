"""Budgets of what the file says of itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.evidence import Evidence, FileFacts, FileTensor
from pytest_edgeai.judge.verdict import BudgetResult

_INTEGERS = ("int", "uint", "bool")
_OF_INTEGERS = ("int8", "int16x8", "mixed")
"""What was quantised already: an operator in float is one that has no other kernel."""
_QUANTISE = "test int8_interpreter: only a full integer conversion, calibrated, quantises all of it"
_OPERATORS = "replace these operators, which have no integer kernel, or move them out of the model"
_EDGES = (
    "let inputs and outputs be integers: --edge-int8-io=uint8 or int8, or, where the file is "
    "converted elsewhere, inference_input_type and inference_output_type"
)
_CUSTOM = (
    "build the model from built-in operators, or do this step outside of it: where it ships, a "
    "runtime has to have these registered"
)


@dataclass(frozen=True)
class QuantizedBudget(Budget):
    """That a model computes on integers throughout."""

    marker: ClassVar[str] = "fully_quantized"

    @property
    def label(self) -> str:
        return "not quantised"

    @property
    def bound(self) -> tuple[float, str]:
        return 0, "count"

    def judge(self, evidence: Evidence) -> BudgetResult:
        facts = evidence.facts
        operators, weights, edges = facts.float_operators, facts.float_weights, _edges(facts)
        found = unquantised(facts)
        if not found:
            reason = "all operators, weights, inputs and outputs are integers"
            return self.result(0, 1, "pass", reason)
        if evidence.variant in _OF_INTEGERS:
            operators = [*map(_with_layer, operators, facts.float_layers)]
        lists = {
            "operators that compute in float": units.kinds(Counter(operators)),
            "weights in float": units.listed([_text(weight) for weight in weights]),
            "inputs and outputs that are no integers": units.listed(edges),
        }
        reason, *details = [f"{what}: {items}" for what, items in lists.items() if items]
        advice = _advice(evidence.variant, bool(operators or weights))
        return self.result(found, 1, "fail", reason, advice, details=tuple(details))


def unquantised(facts: FileFacts) -> int:
    """How many operators and weights are in float, and inputs and outputs no integers."""
    return len(facts.float_operators) + len(facts.float_weights) + len(_edges(facts))


def custom_operators(facts: FileFacts) -> Counter[str]:
    """How many operators are not built in, by name."""
    custom: Counter[str] = Counter()
    for kind in facts.operators:
        custom[kind.name] += kind.count * kind.custom
    return +custom


def _edges(facts: FileFacts) -> list[str]:
    """Inputs and outputs that are no integers, but for what custom operators take and make."""
    named = [("input", t) for t in facts.inputs] + [("output", t) for t in facts.outputs]
    return [
        f"{kind} {_text(tensor)}"
        for kind, tensor in named
        if not tensor.dtype.startswith(_INTEGERS) and not tensor.by_custom
    ]


def _with_layer(operator: str, layer: str) -> str:
    return f"{operator} of {layer}" if layer else operator


def _text(tensor: FileTensor) -> str:
    return f"{tensor.name!r} {tensor.dtype}"


def _advice(variant: str, computes_in_float: bool) -> str:
    if not computes_in_float:
        return _EDGES
    return _OPERATORS if variant in _OF_INTEGERS else _QUANTISE


@dataclass(frozen=True)
class CustomOperatorsBudget(Budget):
    """That a model has no operators that the runtime does not have by itself."""

    marker: ClassVar[str] = "no_custom_ops"

    @property
    def label(self) -> str:
        return "custom operators"

    @property
    def bound(self) -> tuple[float, str]:
        return 0, "count"

    def judge(self, evidence: Evidence) -> BudgetResult:
        custom = custom_operators(evidence.facts)
        if not custom:
            return self.result(0, 1, "pass", "all operators are built in")
        reason = f"operators that are not built in: {units.kinds(custom)}"
        return self.result(sum(custom.values()), 1, "fail", reason, _CUSTOM)


def fully_quantized() -> tuple[Budget, ...]:
    """Operators, weights, inputs and outputs are integers, as the file says.

    What custom operators take and make has no say.
    """
    return (QuantizedBudget(),)


def no_custom_ops() -> tuple[Budget, ...]:
    """No operators that the runtime does not have by itself, Flex ones included."""
    return (CustomOperatorsBudget(),)
