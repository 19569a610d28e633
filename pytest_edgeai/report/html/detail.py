"""All that the report shows of one test when it is opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.html.accuracy import Pairs, Picture, moved_charts, pairs, pictures
from pytest_edgeai.report.html.chart import Chart
from pytest_edgeai.report.html.conditions import Fact, facts
from pytest_edgeai.report.html.footprint import footprint_charts
from pytest_edgeai.report.html.history import Earlier, Entry, baseline_text, by_test, history_charts
from pytest_edgeai.report.html.latency import latency_charts
from pytest_edgeai.report.html.layers import layer_charts
from pytest_edgeai.report.html.models import baseline_of
from pytest_edgeai.report.html.rows import SIGNS, VERDICTS
from pytest_edgeai.report.html.sustained import sustained_charts
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.wording import missed_by, statistic_text, verdict_text

MOST_ERROR = 4_000
"""Characters of what pytest says of a failing test; its end tells most."""
MOST_PICTURES = 1_500_000
"""Characters of all pictures of a report; failing tests have theirs first."""


@dataclass(frozen=True)
class Judged:
    """One budget in words."""

    name: str
    verdict: str
    gap: str
    reason: str
    advice: str
    details: list[str]

    @property
    def sign(self) -> str:
        return SIGNS[self.verdict]


@dataclass(frozen=True)
class Detail:
    """What is shown of a test; ``models`` are the SHA-256 of its baseline and of itself."""

    test: Record
    where: str
    error: str
    budgets: list[Judged]
    charts: list[Chart]
    pairs: list[Pairs]
    pictures: list[Picture]
    models: tuple[str | None, str] | None
    conditions: list[Fact]
    baseline: str
    history: list[Chart]


def details(document: Document, history: Sequence[Entry]) -> list[Detail]:
    """One for each test, in their order."""
    shown, earlier = _shown_pictures(document["tests"]), by_test(history)
    return [
        _detail(document, test, earlier, uris)
        for test, uris in zip(document["tests"], shown, strict=True)
    ]


def _detail(document: Document, test: Record, earlier: Earlier, uris: Mapping[str, str]) -> Detail:
    model, location = test["model"], test["location"]
    return Detail(
        test=test,
        where=f"{location['file']}:{location['line']}" if location else test["nodeid"],
        error=_shortened(test["error"] or ""),
        budgets=_judged(test),
        charts=[*_charts(test)],
        pairs=[*pairs(test)],
        pictures=pictures(test, uris),
        models=model and (baseline_of(document, test), model["key"]),
        conditions=facts(test["conditions"]),
        baseline=baseline_text(test),
        history=[*history_charts(test, earlier)],
    )


def _charts(test: Record) -> Iterator[Chart]:
    yield from latency_charts(test)
    yield from sustained_charts(test)
    yield from footprint_charts(test)
    yield from moved_charts(test)
    yield from layer_charts(test)


def _judged(test: Record) -> list[Judged]:
    ordered = sorted(test["budgets"], key=lambda budget: VERDICTS.index(verdict_text(budget)))
    return [
        Judged(
            statistic_text(budget),
            verdict_text(budget),
            _gap(budget),
            budget["reason"],
            budget["advice"],
            _without_plot(budget),
        )
        for budget in ordered
    ]


def _without_plot(budget: dict[str, Any]) -> list[str]:
    """Its details; a sustained run's windows stand in a chart."""
    return [
        text for text in budget["details"] if "windows" not in budget["data"] or "\n" not in text
    ]


def _gap(budget: dict[str, Any]) -> str:
    measured, limit = (
        units.value_text(budget[key], budget["unit"]) for key in ("measured", "limit")
    )
    known = ["" if budget["measured"] is None else measured, f"limit {limit}", missed_by(budget)]
    return ", ".join(filter(None, known))


def _shortened(error: str) -> str:
    if len(error) <= MOST_ERROR:
        return error
    return f"[...]\n{error[-MOST_ERROR:]}"


def _shown_pictures(tests: list[Record]) -> list[dict[str, str]]:
    """The pictures of each test, as far as the report has room for them."""
    left, shown = MOST_PICTURES, [dict[str, str]() for _ in tests]
    by_outcome = sorted(range(len(tests)), key=lambda place: tests[place]["outcome"] == "passed")
    for place in by_outcome:
        for index, uri in tests[place]["pictures"].items():
            left -= len(uri)
            if left >= 0:
                shown[place][index] = uri
    return shown


def model_pairs(found: Sequence[Detail]) -> list[tuple[str | None, str]]:
    """Baselines and models, each pair once: many tests are of the same model."""
    return list(dict.fromkeys(one.models for one in found if one.models))
