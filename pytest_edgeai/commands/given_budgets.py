"""Budgets from a command line, and which tests of a saved run each of them is for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from pytest_edgeai.judge.budget import Budget
from pytest_edgeai.judge.expressions import parse_budget
from pytest_edgeai.judge.markers import parse_marker
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.saved.rejudging import is_measured, reading
from pytest_edgeai.report.saved.saved_run import ToJudge
from pytest_edgeai.suite.budgets import read_budgets

TOML = ".toml"


class Given(NamedTuple):
    """A text, or a table of a suite's file.

    Attributes:
        said: what it is called where it comes to nothing.
        budgets: what it stands for.
        variants: that it is for; () for all.
        test: the name of the test that it is for; "" for whichever measured what it needs.
    """

    said: str
    budgets: Sequence[Budget]
    variants: tuple[str, ...] = ()
    test: str = ""


def read_given(texts: Iterable[str], saved: Document) -> list[Given]:
    """What texts and files of a command line state.

    The tables of a file are for the tests of their names, as long as the run has any of them.

    Raises:
        UsageError: they cannot be read, or state what cannot be.
    """
    given: list[Given] = []
    for text in texts:
        if not text.endswith(TOML):
            marker, arguments = parse_budget(text)
            given.append(Given(text, parse_marker(marker, (), arguments)))
            continue
        tables = read_budgets(Path(text))
        is_of_run = any(_name(test) == table.name for test in saved["tests"] for table in tables)
        given += [
            Given(f"{text}: {table.name}", table.budgets, table.variants, table.name * is_of_run)
            for table in tables
        ]
    return given


def assigned(saved: Document, tests: Sequence[Record], given: Iterable[Given]) -> list[ToJudge]:
    """The tests that have any of these budgets, in their order."""
    of_test: list[list[Budget]] = [[] for _ in tests]
    for one in given:
        for budget in one.budgets:
            for place in _places(saved, tests, one, budget):
                of_test[place].append(budget)
    return [(test, budgets) for test, budgets in zip(tests, of_test, strict=True) if budgets]


def not_judged(
    saved: Document, given: Iterable[Given], stated: Sequence[ToJudge], judged: Sequence[Record]
) -> Iterator[str]:
    """What was given and judged on nothing.

    A table for a test of the run may be skipped, or not chosen, as long as others are judged.
    """
    told = {
        id(budget)
        for (_, budgets), test in zip(stated, judged, strict=True)
        for budget, result in zip(budgets, test["budgets"], strict=True)
        if result["verdict"] != "skipped"
    }
    for one in given:
        if one.test and not any(_is_for(one, test) for test in saved["tests"]):
            yield f"{one.said}: no test of the run has this name and one of its variants"
        elif not (one.test and told) and not any(id(budget) in told for budget in one.budgets):
            yield f"{one.said}: it is for no test of the run, or all of those skip it"


def _places(saved: Document, tests: Sequence[Record], one: Given, budget: Budget) -> Iterator[int]:
    """Where among the tests a budget is judged.

    Without a name it is for those tests of a (model, variant, device) that measured what it needs,
    or the first of them, which says that none did; what needs no measuring is judged once for all.
    What came to no model is an error, whatever it would have measured.
    """
    if one.test:
        yield from (place for place, test in enumerate(tests) if _is_for(one, test))
        return
    alike: dict[tuple[str, ...], list[int]] = {}
    for place, test in enumerate(tests):
        with reading(test, "the test"):
            if not test["markers"] or not _is_for(one, test):
                continue
            if test["model"] is None:
                yield place
                continue
            key = test["model"]["key"], test["variant"], test["device"]
            alike.setdefault(key, []).append(place)
    for places in alike.values():
        first = tests[places[0]]
        if is_measured(saved, {**first, "evidence": {}}, budget):
            yield places[0]
        else:
            yield from [n for n in places if is_measured(saved, tests[n], budget)] or places[:1]


def _is_for(one: Given, test: Record) -> bool:
    with reading(test, "the test"):
        is_of_variant = not one.variants or test["variant"] in one.variants
        return is_of_variant and one.test in ("", _name(test))


def _name(test: Record) -> str:
    """The function part of the test's id, without parameters."""
    with reading(test, "the test"):
        return str(test["nodeid"].partition("[")[0].rpartition("::")[2])
