"""Budgets of how far a model's outputs are from another's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_edgeai import units
from pytest_edgeai.errors import DataError
from pytest_edgeai.judge.budget import Budget, at_most
from pytest_edgeai.judge.causes import BY_HOST, by_variant, causes
from pytest_edgeai.judge.compared import ComparedBudget
from pytest_edgeai.judge.evidence import BASELINES, HOST, Evidence, OutputErrors
from pytest_edgeai.judge.flips import MOST_SAMPLES
from pytest_edgeai.judge.requirements import require_number, require_one_of
from pytest_edgeai.judge.verdict import BudgetResult

NORMS = ("max", "mean", "rms")


@dataclass(frozen=True)
class OutputErrorBudget(ComparedBudget):
    """A limit on the difference between a model's outputs and a baseline's, real values."""

    marker: ClassVar[str] = "max_output_error"
    norm: str = "max"

    @property
    def label(self) -> str:
        return f"output error ({self.norm})"

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit, "score"

    def judge(self, evidence: Evidence) -> BudgetResult:
        itself = self.of_itself(evidence)
        if itself is not None:
            return itself
        import numpy as np

        errors = {
            name: norms[self.norm] for name, norms in evidence.output_errors(self.baseline).items()
        }
        of_sample = np.stack([*errors.values()])
        by_output = {name: float(_norm(error, self.norm)) for name, error in errors.items()}
        worst_output = max(by_output, key=lambda name: by_output[name])
        measured, n = by_output[worst_output], of_sample.shape[1]
        worst = np.argsort(-of_sample.max(axis=0), kind="stable")[:MOST_SAMPLES]
        of_which = f" of output {worst_output!r}" if len(errors) > 1 else ""
        reason = (
            f"{_WHAT[self.norm]}{of_which} from {self.baseline} on {units.count(n, 'sample')}, in "
            "the outputs' own unit"
        )
        named = ", ".join(f"{i} ({units.significant(of_sample[:, i].max())})" for i in worst)
        details = (f"samples that differ most, by index: {named}",)
        if at_most(measured, self.limit):
            return self.result(measured, n, "pass", reason, details=details)
        advice = BY_HOST if self.baseline == HOST else by_variant(evidence.variant)
        why = causes(evidence, self.baseline, worst.tolist(), n, advice=advice)
        told = (*details, *why.details)
        return self.result(measured, n, "fail", reason, why.advice, details=told, data=why.data)


_WHAT = {
    "max": "the largest difference of a single value",
    "mean": "the mean difference of the values",
    "rms": "the root mean square of the differences",
}


def output_errors(own: dict[str, Any], base: dict[str, Any]) -> OutputErrors:
    """Norms of the differences of two models' outputs, by output name and norm, sample by sample.

    Outputs of other names are paired in their order.

    Args:
        own, base: outputs by name, real values, shape (N, ...).

    Raises:
        DataError: outputs of other numbers or shapes, or with NaN or infinity.
    """
    import numpy as np

    if len(own) != len(base):
        raise DataError(
            f"the model has the outputs {', '.join(own)}, and the baseline {', '.join(base)}",
            "max_output_error compares models with the same outputs",
        )
    partners = base if own.keys() == base.keys() else dict(zip(own, base.values(), strict=True))
    errors = {}
    for name, values in own.items():
        mine, its = np.asarray(values), np.asarray(partners[name])
        if mine.shape != its.shape or mine.dtype.kind not in "biuf":
            raise DataError(
                f"output {name!r}: {mine.dtype} {mine.shape} cannot be compared with the "
                f"baseline's {its.dtype} {its.shape}"
            )
        for whose, values in (("of the model", mine), ("of the baseline", its)):
            is_finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
            if not is_finite.all():
                raise DataError(
                    f"output {name!r} {whose} holds NaN or infinity, the first for sample "
                    f"{is_finite.argmin()}"
                )
        difference = np.abs(mine.astype(np.float64) - its.astype(np.float64))
        rows = difference.reshape(len(difference), -1)
        errors[name] = {norm: _norm(rows, norm, axis=1) for norm in NORMS}
    return errors


def _norm(error: Any, norm: str, axis: int | None = None) -> Any:
    if norm == "rms":
        return (error**2).mean(axis) ** 0.5
    return error.max(axis) if norm == "max" else error.mean(axis)


def max_output_error(
    limit: float, *, norm: str = "max", baseline: str = "converted"
) -> tuple[Budget, ...]:
    """How far outputs on ``evaluation_data`` may be from a baseline's, in the outputs' own unit.

    Args:
        limit: a difference of real (dequantised) values.
        norm: ``"max"``, the largest difference of a single value; ``"mean"``; or ``"rms"``. With
            several outputs that of the worst one.
        baseline: a variant, ``"source"`` for the Keras model itself, or ``"host"`` for the same
            file on the machine that pytest runs on.
    """
    require_number("limit", limit, least=0.0)
    require_one_of("norm", norm, NORMS)
    require_one_of("baseline", baseline, (*BASELINES, HOST))
    return (OutputErrorBudget(float(limit), baseline, norm),)
