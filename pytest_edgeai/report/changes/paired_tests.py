"""What two tests, the same one in two runs, measured: change by change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from pytest_edgeai import units
from pytest_edgeai.judge import changes
from pytest_edgeai.judge.change import Change, Side, untold
from pytest_edgeai.judge.evidence import SustainedRun
from pytest_edgeai.judge.markers import given_again
from pytest_edgeai.judge.metrics import ERRORS, Metric
from pytest_edgeai.judge.regression import LATENCY
from pytest_edgeai.judge.verdict import MET
from pytest_edgeai.report.failures import error_line
from pytest_edgeai.report.outcome import FAILED
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.saved.draws import Draws
from pytest_edgeai.report.saved.kept import (
    Plain,
    latency_from,
    score_from,
    starts_from,
    sustained_from,
)
from pytest_edgeai.report.wording import statistic_text

KINDS = (
    ("latency", "latency", "ms"),
    ("memory", "memory", "bytes"),
    ("start_ups", "start-up", "ms"),
    ("sustained", "sustained p95", "ms"),
)
"""Of evidence: what each is called, and its unit."""
VERDICT_OF = "verdict of "
_FELL = ("fail", "error")


class Limits(NamedTuple):
    """When a change counts.

    Attributes:
        fraction: of latency, memory and start-up: smaller changes are none.
        confidence: that of all comparisons not one is marked by chance.
    """

    fraction: float = 0.10
    confidence: float = 0.95


def times(before: Record, after: Record, limits: Limits) -> Iterator[Change]:
    """Latency, memory, start-up and sustained latency, with each number of threads."""
    for kind, what, unit in KINDS:
        for threads, was, now in _by_threads(kind, before, after):
            found = [_in_one(what, unit, was)]
            if was is not None and now is not None:
                names = _named(before, after, threads)
                found = [*_timed(kind, was, now, names, limits.fraction)]
            own = before["threads"] == after["threads"] == threads
            suffix = "" if own else f" ({units.count(threads, 'thread')})"
            yield from (replace(change, what=change.what + suffix) for change in found)


def _timed(
    kind: str, was: Plain, now: Plain, names: list[str], fraction: float
) -> Iterator[Change]:
    if kind == "latency":
        yield from changes.of_latency(latency_from(was), latency_from(now), names, fraction)
    elif kind == "sustained":
        yield _sustained(sustained_from(was), sustained_from(now), fraction)
    else:
        what, unit = next(entry[1:] for entry in KINDS if entry[0] == kind)
        yield changes.of_starts(what, unit, starts_from(was), starts_from(now), fraction)


def _in_one(what: str, unit: str, was: Plain | None) -> Change:
    """What only one of the runs measured."""
    return untold(what, unit, f"measured {'after' if was is None else 'before'} only")


def scores(before: Record, after: Record, limits: Limits) -> Iterator[tuple[str, Change]]:
    """Metrics of the models themselves, with what tells one such comparison from others."""
    was_of, now_of = (
        {
            (e["metric"], e["own"]): e
            for e in _told(test, "scores")
            if e["baseline"] is None and not e["is_another"]
        }
        for test in (before, after)
    )
    for key in {**was_of, **now_of}:
        was, now = was_of.get(key), now_of.get(key)
        if was is None or now is None:
            yield str(key), _in_one(key[0], "score", was)
            continue
        draws = Draws.from_dict(was).values, Draws.from_dict(now).values
        both, metric = (score_from(was), score_from(now)), _metric(*key, after)
        yield (
            f"{key} {both[0].data} {both[1].data} {len(draws[0])} {len(draws[1])}",
            changes.of_score(metric, *both, draws, limits.confidence),
        )


def delegated(before: Record, after: Record) -> Iterator[Change]:
    """The share of operators that a delegate runs, where the runtime tells."""
    was, now = (test["conditions"].get("delegated") for test in (before, after))
    if was is not None and now is not None:
        yield changes.of_share("delegated", was, now)


def verdicts(before: Record, after: Record) -> Iterator[Change]:
    """Budgets that have another verdict, and an outcome of the test that none of them explains."""
    was_of, now_of = (_budgets(test) for test in (before, after))
    failed, why = after["outcome"] in FAILED, error_line(after)
    found = [_verdict(was_of[key]["verdict"], now_of[key]) for key in was_of if key in now_of]
    if failed and not now_of:
        found = [_lost(was, why) for was in was_of.values() if was["verdict"] == "pass"]
    told = [change for change in found if change is not None]
    yield from told
    is_met = all(b["verdict"] not in _FELL or b["warns"] for b in now_of.values())
    if before["outcome"] == "passed" and failed and is_met and not told:
        yield Change("outcome", "text", "passed", after["outcome"], "worse", why)


def _lost(budget: Plain, why: str) -> Change:
    return Change(
        f"{VERDICT_OF}{statistic_text(budget)}", "text", "pass", "not judged", "worse", why
    )


def _verdict(was: str, budget: Plain) -> Change | None:
    """Of what only warns there is none: what it measured is compared."""
    now = budget["verdict"]
    if was == now or {was, now} == {*MET} or budget["warns"]:
        return None
    what = f"{VERDICT_OF}{statistic_text(budget)}"
    return Change(what, "text", was, now, _side(was, now), budget["reason"])


def _side(was: str, now: str) -> Side:
    """What has never been told before is neither better nor worse."""
    if now in _FELL:
        return "worse" if was in MET else "changed"
    if now == "pass":
        return "better" if was in _FELL else "changed"
    return "untold"


def _budgets(test: Record) -> dict[tuple[Any, ...], Plain]:
    """By what is limited, and by the place among several limits on the same."""
    found: dict[tuple[Any, ...], Plain] = {}
    for budget in test["budgets"]:
        key = budget["marker"], budget["statistic"], budget["threads"]
        number = sum(known[:3] == key for known in found)
        found[(*key, number)] = budget
    return found


def _sustained(was: SustainedRun, now: SustainedRun, fraction: float) -> Change:
    """The p95 of the last windows, where the device is as hot as it becomes."""
    if len(was.windows) != len(now.windows):
        return untold("sustained p95", "ms", "the runs have other numbers of windows")
    before, after = (run.samples(run.windows[-1]) for run in (was, now))
    (found,) = changes.of_latency(before, after, ["p95"], fraction)
    return replace(found, what="sustained p95")


def _named(before: Record, after: Record, threads: int) -> list[str]:
    """The median, and the statistics that budgets of either run name with so many threads."""
    named = {
        _statistic(budget)
        for test in (before, after)
        for budget in test["budgets"]
        if (budget["threads"] or test["threads"]) == threads
    }
    return [name for name in LATENCY if name == "median" or name in named]


def _statistic(budget: Plain) -> str:
    if budget["marker"] == "min_throughput":
        return "mean"
    is_of_latency = budget["marker"] in ("max_latency_ms", "max_regression")
    return str(budget["statistic"]).split()[0] if is_of_latency else ""


def _by_threads(
    kind: str, before: Record, after: Record
) -> list[tuple[int, Plain | None, Plain | None]]:
    """The last answers of both runs, by threads."""
    was, now = (
        {entry["threads"] or test["threads"]: entry for entry in _told(test, kind)}
        for test in (before, after)
    )
    return [(threads, was.get(threads), now.get(threads)) for threads in {**was, **now}]


def _told(test: Record, kind: str) -> list[Plain]:
    return [entry for entry in test["evidence"].get(kind, ()) if "error" not in entry]


def _metric(name: str, is_own: bool, test: Record) -> Metric:
    """As the markers of a test state it."""
    if not is_own:
        return Metric(None, name not in ERRORS, name)
    stated = [given_again(mark["arguments"]).get("metric") for mark in test["markers"]]
    return next(of for of in stated if isinstance(of, Metric) and of.name == name)
