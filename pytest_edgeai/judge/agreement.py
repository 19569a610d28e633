"""Budgets of whether two models, or two machines, answer alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from pytest_edgeai import units
from pytest_edgeai.judge.budget import DEFAULT_CONFIDENCE, Budget, at_most
from pytest_edgeai.judge.causes import BY_HOST, by_variant, causes
from pytest_edgeai.judge.claims import Interval
from pytest_edgeai.judge.compared import ComparedBudget
from pytest_edgeai.judge.evidence import BASELINES, HOST, Evidence
from pytest_edgeai.judge.flips import MOST_SAMPLES
from pytest_edgeai.judge.paired import share_interval
from pytest_edgeai.judge.requirements import require_number, require_one_of
from pytest_edgeai.judge.verdict import BudgetResult

_CONSTANT = "look at the scaling of evaluation_data, and at the model"


@dataclass(frozen=True)
class AgreementBudget(ComparedBudget):
    """A limit on the share of samples that get the same answer as from a baseline."""

    marker: ClassVar[str] = "min_agreement"

    @property
    def label(self) -> str:
        return "agreement"

    @property
    def bound(self) -> tuple[float, str]:
        return self.limit, "fraction"

    def judge(self, evidence: Evidence) -> BudgetResult:
        itself = self.of_itself(evidence)
        if itself is not None:
            return itself
        import numpy as np

        own, base = evidence.answered(), evidence.answered(self.baseline)
        shares, n = (own != base).reshape(len(own), -1).mean(axis=1), len(own)
        differ, whom = np.flatnonzero(shares), _whom(self.baseline)
        if n > 1 and len(np.unique([own, base])) == 1:
            reason = f"both answer class {own.flat[0]} to all {n:,} samples: that is no agreement"
            return self.result(None, n, "void", reason, _CONSTANT)
        if own.ndim == 1:
            share = 1 - len(differ) / n
            reason = f"{len(differ):,} of {units.count(n, 'sample')} get another answer than {whom}"
            interval = share_interval(n - len(differ), n, DEFAULT_CONFIDENCE)
            first = differ[:MOST_SAMPLES].tolist()
            details = [f"sample {i}: class {own[i]}, {whom} {base[i]}" for i in first]
        else:  # parts of a sample are no samples of their own: there is no interval
            share, interval = 1 - float(shares.mean()), Interval()
            parts = "labels are others" if own.ndim == 2 else "pixels get another class"
            reason = (
                f"{units.share(1 - share)} of the {parts} than {whom}, in {len(differ):,} of "
                f"{units.count(n, 'sample')}"
            )
            worst = np.argsort(-shares, kind="stable")[:MOST_SAMPLES].tolist()
            details = [f"sample {i}: {units.share(shares[i])}" for i in worst if shares[i]]
        by_chance = _by_chance(own, base)
        if at_most(self.limit, share) and n > 1 and at_most(share, by_chance):
            reason += f": no more than by chance, {units.share(by_chance)}"
            why = causes(evidence, self.baseline, differ.tolist(), n, advice=_CONSTANT)
            told = (*details, *why.details)
            return self.result(share, n, "void", reason, why.advice, interval, told, data=why.data)
        if at_most(self.limit, share):
            return self.result(share, n, "pass", reason, "", interval, tuple(details))
        advice = BY_HOST if self.baseline == HOST else by_variant(evidence.variant)
        why = causes(evidence, self.baseline, differ.tolist(), n, advice=advice)
        told = (*details, *why.details)
        return self.result(share, n, "fail", reason, why.advice, interval, told, data=why.data)


def _by_chance(own: Any, base: Any) -> float:
    """The agreement of two models that answer each class as often, whatever the sample (Cohen,
    "A Coefficient of Agreement for Nominal Scales", Educational and Psychological Measurement
    20(1), 1960)."""
    import numpy as np

    classes, places = np.unique([own, base], return_inverse=True)
    shares = [
        np.bincount(answers, minlength=len(classes)) / len(answers)
        for answers in places.reshape(2, -1)
    ]
    return float(shares[0] @ shares[1])


def _whom(baseline: str) -> str:
    return "on the host" if baseline == HOST else f"from {baseline}"


def min_agreement(limit: float, *, baseline: str = "converted") -> tuple[Budget, ...]:
    """Share of ``evaluation_data`` that must get the same answer (top-1) as from a baseline.

    Of masks, the share of their pixels that get the same class; of samples with several labels,
    the share of labels that are given, or not given, by both.

    Args:
        limit: a fraction, 0.99 is 99 %.
        baseline: a variant, ``"source"`` for the Keras model itself, or ``"host"`` for the same
            file on the machine that pytest runs on.
    """
    require_number("limit", limit, above=0.0, most=1.0, hint="a fraction: 0.99 is 99 %")
    require_one_of("baseline", baseline, (*BASELINES, HOST))
    return (AgreementBudget(float(limit), baseline),)
