"""Judging a test's budgets after its body, and what a failing one says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from pytest_edgeai import units
from pytest_edgeai.errors import EdgeAIWarning, as_text, shown
from pytest_edgeai.plugin import benchmark
from pytest_edgeai.plugin.collection import ASKED, MARKER_LINES
from pytest_edgeai.plugin.fixtures import SUBJECTS
from pytest_edgeai.plugin.session import edge_session
from pytest_edgeai.report import wording
from pytest_edgeai.report.plain import plain
from pytest_edgeai.report.record import bare_record, location

if TYPE_CHECKING:
    from pytest_edgeai.judge.verdict import BudgetResult
    from pytest_edgeai.plugin.subject import Subject
    from pytest_edgeai.report.record import Record


_TIMED = ("ms", "per_second")
_ADDRESS = re.compile(" at 0x[0-9a-f]+")
"""Where an object is differs from one xdist worker to the next."""


class BudgetsNotMet(pytest.fail.Exception):  # type: ignore[misc, name-defined]
    """Fails a test with all its budgets that do not pass.

    Attributes:
        summary: the same in a few words, for pytest's short summary.
        line: of the first of them, where the test's file has a line for each.
    """

    def __init__(self, text: str, summary: str, line: int | None = None) -> None:
        super().__init__(text, pytrace=False)
        self.summary = summary
        self.line = line


def judge(item: pytest.Item) -> None:
    """Judge every budget on every interpreter of a test; fail it with all that do not pass."""
    from pytest_edgeai.plugin.timing import time_subjects

    session, subjects = edge_session(item.config), item.stash[SUBJECTS]
    _use_benchmark(item, subjects)
    lines, texts, brief, doubts = item.stash.get(MARKER_LINES, {}), [], [], list[str]()
    at: list[int | None] = []
    for subject in subjects:
        subject.measure = lambda: time_subjects(subjects, session.settings.max_seconds)
        subject.max_seconds = session.settings.max_seconds
    for subject in subjects:
        subject.judge(session.settings)
        warned = [_doubt(subject, result) for result in subject.results if result.warns]
        doubts += [*subject.warnings, *warned]
        if failing := [result for result in subject.results if result.fails]:
            at += [lines.get(result.marker) for result in failing]
            where = {marker: f"{item.location[0]}:{line}" for marker, line in lines.items()}
            texts.append(_failure(subject, failing, where if len(set(at)) > 1 else {}))
            said = "; ".join(dict.fromkeys(map(_in_brief, failing)))
            brief.append(f"{said} ({subject.interpreter.variant})")
        _enter_in_benchmark(item, subject)
    failure = BudgetsNotMet("\n\n".join(texts), ", ".join(brief), at[0]) if texts else None
    try:
        for doubt in dict.fromkeys(doubts):
            item.warn(EdgeAIWarning(as_text(doubt)))
    finally:  # a run may make errors of warnings
        if failure is not None:
            raise failure from None
    if session.settings.save_baseline:
        for subject in subjects:
            session.save_baseline(subject)
    results = [result for subject in subjects for result in subject.results]
    if results and all(result.verdict == "skipped" for result in results):
        reasons = dict.fromkeys(result.reason for result in results)
        said = f"no budget of this test is judged here: {'; '.join(reasons)}"
        raise pytest.skip.Exception(said, _use_item_location=True)


def records(item: pytest.Item, report: pytest.TestReport) -> list[Record]:
    """The records of a test, plain data; without measurements where it came to no interpreter."""
    error = report.longreprtext if report.outcome == "failed" else None
    outcome = "error" if report.when == "setup" and report.failed else report.outcome
    test = _without_device(item)
    found = [subject.record(item.nodeid, test) for subject in item.stash.get(SUBJECTS, [])]
    if not found or report.when == "setup":
        variants: list[str | None] = [*sorted(item.stash[ASKED].variants)]
        found = [bare_record(item.nodeid, variant, test) for variant in variants or [None]]
    place = location(item.location)
    lines = item.stash.get(MARKER_LINES, {})
    for entry in found:
        entry.update(
            location=place, markers=[*item.stash[ASKED].marks], outcome=outcome, error=error
        )
        for budget in entry["budgets"]:
            budget["line"] = lines.get(budget["marker"], place["line"])
    return [plain(entry) for entry in found]


def _without_device(item: pytest.Item) -> str:
    """What a test is called on whichever device: its own name, and its other parameters."""
    callspec = getattr(item, "callspec", None)
    parent = item.parent.nodeid if item.parent else ""
    name = f"{parent}::{getattr(item, 'originalname', None) or item.name}"
    params = {} if callspec is None else {**callspec.params}
    params.pop("edge_device", None)
    if not params:
        return name
    values = [f"{key}={_ADDRESS.sub('', shown(value))}" for key, value in params.items()]
    return f"{name}[{', '.join(values)}]"


def _doubt(subject: Subject, result: BudgetResult) -> str:
    whom = f"{subject.variant} of {subject.interpreter.model.name}"
    return f"{whom}: {wording.warning(vars(result))}"


def _use_benchmark(item: pytest.Item, subjects: list[Subject]) -> None:
    """Describe the rounds of the test's own benchmark; judge latency on single inferences."""
    rounds_ns = benchmark.rounds_ns(item)
    if rounds_ns is None:
        return
    for subject in subjects:
        if benchmark.are_of(item, subject.interpreter):
            from pytest_edgeai.measure.latency import conditions_of

            own = subject.interpreter
            seen = {"before": own.before_bursts, "after": own.conditions(), **conditions_of(own)}
            benchmark.describe(
                item.funcargs["benchmark"],  # type: ignore[attr-defined]
                rounds_ns,
                conditions=seen,
                **_facts(subject),
            )
            if benchmark.are_single(item, rounds_ns):
                subject.rounds_ns = rounds_ns


def _enter_in_benchmark(item: pytest.Item, subject: Subject) -> None:
    if subject.any_latency is not None:
        benchmark.replay(item, subject.request, subject.any_latency, **_facts(subject))


def _facts(subject: Subject) -> dict[str, Any]:
    interpreter = subject.interpreter
    return {
        "variant": interpreter.variant,
        "model": interpreter.model.name,
        "device": interpreter.device.name,
    }


def _failure(subject: Subject, failing: list[BudgetResult], stated: dict[str, str]) -> str:
    """What was measured, the limit, by how much, under which conditions, and what to try.

    Args:
        stated: the place of a budget's limit, by marker, where the failure's own does not say it.
    """
    interpreter = subject.interpreter
    where = interpreter.device.name
    if interpreter.device.spec.host:
        where += f" ({interpreter.device.spec.host})"
    head = f"{interpreter.variant} of {interpreter.model.name} on {where}"
    count = f"{len(failing)} of {units.count(len(subject.results), 'budget')} not met"
    lines = [f"{head}: {count}"]
    shown: list[object] = []
    for result in failing:
        lines += ["", f"  {result.marker}: {_gap(result)}"]
        if result.marker in stated:
            lines.append(f"    stated at {stated[result.marker]}")
        if result.reason in shown:
            lines.append("    as above")
            continue
        details = [result.reason, *result.details]
        if "conditions" in result.data:
            details += _conditions_text(result.data["conditions"])
        elif result.unit in _TIMED and result.measured is not None and result.threads not in shown:
            details += _conditions(subject, result.threads)
            shown.append(result.threads)
        shown.append(result.reason)
        if result.advice:
            details.append(f"try: {result.advice}")
        lines += map(wording.indented, details)
    return "\n".join(lines)


def _in_brief(result: BudgetResult) -> str:
    measured, limit = (units.value_text(v, result.unit) for v in (result.measured, result.limit))
    if result.verdict == "error":
        return result.reason.partition("\n")[0]
    if result.verdict != "fail":
        return f"{result.statistic} {result.verdict}"
    sign = "<" if result.is_floor else ">"
    return f"{result.statistic} {measured} {sign} {limit}"


def _gap(result: BudgetResult) -> str:
    return wording.gap(vars(result))


def _conditions(subject: Subject, threads: int | None) -> list[str]:
    from pytest_edgeai.judge.statistics import statistic

    samples = subject.latency(threads)
    seen = samples.conditions
    figures = ", ".join(
        f"{name} {units.milliseconds(statistic(name, samples.ms))}"
        for name in ("median", "p95", "max")
    )
    inputs, machine = _conditions_text(seen)
    return [f"{figures}; {inputs}", machine]


def _conditions_text(seen: dict[str, Any]) -> tuple[str, str]:
    """Inputs, and runtime, threads and machine of a measurement's conditions."""
    machine = f"{wording.runtime_text(seen)}, {wording.machine_text(seen)}"
    return f"inputs: {seen['input']}", machine
