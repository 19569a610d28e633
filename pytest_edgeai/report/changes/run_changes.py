"""What changed between two saved runs, as plain data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

from pytest_edgeai.judge import changes
from pytest_edgeai.judge.change import Change, beyond_noise
from pytest_edgeai.model.facts import facts_from
from pytest_edgeai.report.changes.paired_tests import (
    VERDICT_OF,
    Limits,
    delegated,
    scores,
    times,
    verdicts,
)
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.outcome import FAILED, incomplete
from pytest_edgeai.report.record import Record
from pytest_edgeai.report.saved.rejudging import reading

SCHEMA = 1


class Place(NamedTuple):
    """Whose change it is: a test's, or where ``test`` is None that of a model in all its tests."""

    test: str | None
    variant: str | None
    device: str | None
    model: str | None


Placed = tuple[Place, Change]


class _Pair(NamedTuple):
    before: Record
    after: Record


def run_changes(before: Document, after: Document, limits: Limits) -> Document:
    """All changes between two runs.

    Returns:
        ``schema``, ``before`` and ``after`` (the runs), ``fraction``, ``confidence``, ``changes``
        (each a ``Change`` with the ``Place``'s keys), ``incomplete`` (why a run says less than it
        should), ``only_before`` and ``only_after`` (tests).

    Raises:
        DamagedReportError: what is kept of a test cannot be read.
    """
    for document in (before, after):
        for test in document["tests"]:
            with reading(test, "the test"):
                _ = _key(test), test["evidence"].items(), test["budgets"], test["conditions"]
    pairs, only_before, only_after = _matched(before["tests"], after["tests"])
    placed = [*_of_models(pairs, before, after, limits), *_of_tests(pairs, limits)]
    told = beyond_noise([change for _, change in placed], limits.confidence)
    shown = _each_once([(place, change) for (place, _), change in zip(placed, told, strict=True)])
    return {
        "schema": SCHEMA,
        "before": before.get("run"),
        "after": after.get("run"),
        **limits._asdict(),
        "changes": [{**place._asdict(), **asdict(change)} for place, change in shown],
        "incomplete": [
            f"the run {which}: {text}"
            for which, run in (("before", before), ("after", after))
            for text in incomplete(run)
        ],
        "only_before": only_before,
        "only_after": only_after,
    }


def _matched(
    before: Sequence[Record], after: Sequence[Record]
) -> tuple[list[_Pair], list[str], list[str]]:
    """The same tests in both runs, in the order of the second; and those of only one of them.

    Where a test came to no interpreter, it is the same test on every device.
    """
    left, pairs, only_after = [*before], [], []
    for test in after:
        found = next((one for one in left if _is_same(one, test)), None)
        if found is None:
            only_after.append(_shown(test))
            continue
        left.remove(found)
        pairs.append(_Pair(found, test))
    return pairs, [_shown(test) for test in left], only_after


def _is_same(one: Record, other: Record) -> bool:
    (*mine, my_device), (*its, its_device) = _key(one), _key(other)
    return mine == its and (my_device == its_device or None in (my_device, its_device))


def _key(test: Record) -> tuple[Any, ...]:
    return test["test"], test["variant"], test["device"]


def _shown(test: Record) -> str:
    name = f"{test['nodeid']} ({test['variant']})" if test["variant"] else str(test["nodeid"])
    return f"{name}: {test['outcome']}" if test.get("outcome") in FAILED else name


def _of_tests(pairs: Iterable[_Pair], limits: Limits) -> Iterator[tuple[Place, Change]]:
    """What each test measured by itself."""
    for pair in pairs:
        place = _place(pair, pair.after["nodeid"])
        with reading(pair.after, "what changed in it"):
            found = [*times(*pair, limits), *verdicts(*pair)]
        yield from ((place, change) for change in found)


def _of_models(
    pairs: Iterable[_Pair], before: Document, after: Document, limits: Limits
) -> Iterator[tuple[Place, Change]]:
    """What is the same in all tests of a model; each once."""
    seen: set[tuple[object, ...]] = set()
    for pair in pairs:
        if None in (pair.before["model"], pair.after["model"]):
            continue
        with reading(pair.after, "what changed in its model"):
            found = [*_of_files(pair, before, after), *scores(*pair, limits)]
            found += [("delegated", change) for change in delegated(*pair)]
        for what, change in found:
            files = (test["model"]["key"] for test in pair)
            key = (what, change.what, pair.after["device"], pair.after["variant"], *files)
            if key not in seen:
                seen.add(key)
                yield _place(pair, None), change


def _each_once(placed: Sequence[Placed]) -> list[Placed]:
    """Without the verdicts of what is marked by itself: its reason names them."""
    marked = {(*place, of.what, of.side) for place, of in placed if of.side in ("worse", "better")}
    verdict_of: dict[tuple[object, ...], str] = {}
    left = []
    for place, change in placed:
        what = change.what.removeprefix(VERDICT_OF)
        keys = [(*of, what, change.side) for of in (place, place._replace(test=None))]
        measured = next((key for key in keys if key in marked), None)
        if what == change.what or measured is None:
            left.append((place, change))
        else:
            verdict_of[measured] = f"verdict {change.before} -> {change.after}"
    return [
        (place, _with(change, verdict_of.get((*place, change.what, change.side))))
        for place, change in left
    ]


def _with(change: Change, more: str | None) -> Change:
    return replace(change, reason=", ".join(filter(None, (change.reason, more))))


def _of_files(pair: _Pair, before: Document, after: Document) -> Iterator[tuple[str, Change]]:
    was, now = (
        facts_from(document["models"][test["model"]["key"]])
        for document, test in zip((before, after), pair, strict=True)
    )
    if was.sha256 == now.sha256:
        return
    for change in (changes.of_size(was.size_bytes, now.size_bytes), *changes.of_facts(was, now)):
        yield "file", change


def _place(pair: _Pair, test: str | None) -> Place:
    after = pair.after
    device = after["device"] or pair.before["device"]
    model = (after["model"] or pair.before["model"] or {}).get("name")
    return Place(test, after["variant"], device, model)
