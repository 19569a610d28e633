"""What of a run is to be looked at: what is not met, and what is doubtful."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pytest_edgeai import units
from pytest_edgeai.judge.verdict import MET
from pytest_edgeai.model.variants import MIXED, WEIGHT_ONLY
from pytest_edgeai.report.wording import verdict_text, warning

Test = Mapping[str, Any]
FAILED = ("failed", "error")
ENDINGS = {2: "was interrupted", 3: "ended with an internal error", 4: "could not begin"}
"""By pytest's exit status."""
MOST_LINES = 10
"""Of an error."""


def incomplete(document: Mapping[str, Any]) -> list[str]:
    """Why a run does not tell all that it should, a sentence each."""
    run = document["run"]
    names, status = run.get("uncollected", {}), run.get("exit_status")
    if status in ENDINGS and not names:
        return [f"The run {ENDINGS[status]}: not all tests were run."]
    return [f"{nodeid} was not collected: its tests were not run." for nodeid in names]


def unmet(test: Test) -> list[dict[str, Any]]:
    """The budgets that failed a test."""
    if test["outcome"] not in FAILED:
        return []
    return [b for b in test["budgets"] if b["verdict"] not in MET and not b["warns"]]


def warned(test: Test) -> list[str]:
    """What is doubtful about a test's data, and budgets that only warn in this run."""
    return [*test["warnings"], *(warning(b) for b in test["budgets"] if b["warns"])]


def notes(test: Test) -> list[str]:
    """What budgets that pass have to tell, such as a stale baseline."""
    return [
        f"{budget['statistic']}: {budget['advice']}"
        for budget in test["budgets"]
        if budget["verdict"] == "pass" and budget["advice"]
    ]


def described(tests: Iterable[Test]) -> list[str]:
    """What models are whose variant alone does not tell, each once."""
    models = [test["model"] for test in tests if test["variant"] in (WEIGHT_ONLY, MIXED)]
    return list(dict.fromkeys(f"{of['name']} is {of['description']}" for of in models if of))


def failed_otherwise(document: Mapping[str, Any]) -> list[Test]:
    """Tests that failed before their budgets were judged, or by something else; each once."""
    by_budgets = {test["nodeid"] for test in document["tests"] if unmet(test)}
    failed = {
        test["nodeid"]: test
        for test in reversed(document["tests"])
        if test["outcome"] in FAILED and test["nodeid"] not in by_budgets
    }
    return [*failed.values()][::-1]


def error_in_brief(test: Test) -> str:
    """What a traceback comes to; an error without one as it is."""
    lines = (test["error"] or "no message").strip().splitlines()
    told = [line[1:].strip() for line in lines if line.startswith("E  ")]
    return "\n".join((told or lines)[:MOST_LINES])


class Tally(NamedTuple):
    """How a run went; budgets that were skipped are not among the judged."""

    judged: int
    met: int
    unmet: int
    verdicts: Counter[str]
    otherwise: int

    @property
    def text(self) -> str:
        """One line: ``2 of 14 budgets not met``."""
        if self.unmet:
            text = f"{self.unmet:,} of {units.count(self.judged, 'budget')} not met"
        elif not self.judged:
            text = "no budget was judged"
        elif self.met == self.judged:
            text = f"{units.count(self.met, 'budget')} met"
        else:
            text = f"{self.met:,} of {units.count(self.judged, 'budget')} met"
        if self.otherwise:
            text += f", {units.count(self.otherwise, 'test')} failed otherwise"
        return text


def tally(document: Mapping[str, Any]) -> Tally:
    """How many budgets were judged, met and not met."""
    tests = document["tests"]
    verdicts = Counter(verdict_text(budget) for test in tests for budget in test["budgets"])
    missed = sum(len(unmet(test)) for test in tests)
    judged = verdicts.total() - verdicts["skipped"]
    return Tally(judged, verdicts["pass"], missed, verdicts, len(failed_otherwise(document)))
