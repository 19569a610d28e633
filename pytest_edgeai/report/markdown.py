"""A run as Markdown, for pull requests and CI systems: first what is wrong, then all budgets."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.judge.verdict import MET
from pytest_edgeai.report.comparison import differences
from pytest_edgeai.report.markdown_text import (
    MOST_BYTES,
    clipped,
    code,
    escaped,
    fenced,
    fitted,
)
from pytest_edgeai.report.outcome import (
    Test,
    described,
    error_in_brief,
    failed_otherwise,
    incomplete,
    notes,
    tally,
    unmet,
    warned,
)
from pytest_edgeai.report.table import cells
from pytest_edgeai.report.wording import gap, machine_text, own_name, runtime_text
from pytest_edgeai.report.writing import replace_text

LONG = 12
"""Budgets in a table that is shown without a click."""
Document = dict[str, Any]


def write_markdown(path: Path, document: Document) -> None:
    """Write a run.

    Raises:
        OSError: the path cannot be written.
    """
    replace_text(path, markdown(document))


def markdown(document: Document, most_bytes: int = MOST_BYTES) -> str:
    """A run in GitHub's Markdown, in at most so many bytes of UTF-8."""
    return fitted(_blocks(document), most_bytes)


def _blocks(document: Document) -> Iterator[str]:
    tests: list[Test] = document["tests"]
    yield from _head(document)
    for test in tests:
        if missed := unmet(test):
            yield from _failure(test, missed, len(test["budgets"]))
    for nodeid, why in document["run"].get("uncollected", {}).items():
        yield f"### {escaped(nodeid)}: not collected"
        yield fenced(why)
    for test in failed_otherwise(document):
        yield f"### {escaped(_name(test))}: {test['outcome']}"
        brief = error_in_brief(test)
        yield f"{_place(test, None)}\n\n{fenced(brief)}"
        if (whole := test["error"] or brief).strip() != brief:
            yield _folded("All of it", fenced(whole))
    yield from _listed("Warnings", _said(document, warned))
    yield from _listed(
        "Notes", [*map(escaped, described(document["tests"])), *_said(document, notes)]
    )
    yield from _table(tests)
    yield from _listed("", map(_device_line, _first_of_each_device(tests)))
    yield from _listed("", map(escaped, differences(document["comparisons"])))
    yield from _listed("Baselines recorded", _baselines(tests))


def _head(document: Document) -> Iterator[str]:
    run, counts = document["run"], tally(document)
    yield f"## Edge AI: {counts.text}"
    told = [f"{number:,} {verdict}" for verdict, number in counts.verdicts.most_common()]
    told += [units.seconds(run["duration_s"])] if "duration_s" in run else []
    if run["commit"]:
        told.append(f"commit {code(run['commit'][:12])}")
    yield " · ".join(told)
    lacks = incomplete(document)
    yield from (f"**{escaped(text)}**" for text in lacks)
    if run["exit_status"] == 1 and not (lacks or counts.unmet or counts.otherwise):
        yield "**Other tests of this run failed.**"


def _failure(test: Test, missed: Sequence[dict[str, Any]], count: int) -> Iterator[str]:
    """One interpreter's budgets that are not met; each reason once."""
    yield f"### {escaped(_name(test))}: {_whom(test)}"
    yield f"{len(missed)} of {units.count(count, 'budget')} not met; {_place(test, missed[0])}"
    for number, budget in enumerate(missed):
        above = [other["reason"] for other in missed[:number]]
        why = "as above" if budget["reason"] in above else escaped(clipped(budget["reason"]))
        lines = [f"- **{budget['marker']}: {escaped(gap(budget))}**", why]
        if budget["advice"]:
            lines.append(f"*Try:* {escaped(clipped(budget['advice']))}")
        yield "<br>\n  ".join(lines)
    if details := [text for budget in missed for text in budget["details"]]:
        yield _folded("Details", fenced("\n".join(dict.fromkeys(details))))


def _table(tests: Sequence[Test]) -> Iterator[str]:
    rows = [
        row for test in tests for row in map(_row, [test] * len(test["budgets"]), test["budgets"])
    ]
    if not rows:
        return
    text = "\n".join(
        [
            "| test | variant | device | budget | measured | limit | headroom | verdict |",
            "|---|---|---|---|--:|--:|--:|---|",
            *rows,
        ]
    )
    yield text if len(rows) <= LONG else _folded(f"All {len(rows):,} budgets", text)


def _row(test: Test, budget: dict[str, Any]) -> str:
    *columns, verdict = map(escaped, cells(budget))
    is_well = budget["verdict"] in MET
    shown = [
        escaped(clipped(_name(test), 120)),
        escaped(test["variant"] or ""),
        escaped(test["device"] or ""),
        *columns,
        verdict if is_well else f"**{verdict}**",
    ]
    return f"| {' | '.join(shown)} |"


def _name(test: Test) -> str:
    return own_name(test["nodeid"])


def _whom(test: Test) -> str:
    return escaped(f"{test['variant']} of {test['model']['name']} on {test['device']}")


def _place(test: Test, budget: dict[str, Any] | None) -> str:
    place = test["location"] or {"file": test["nodeid"], "line": 1}
    return code(f"{place['file']}:{budget['line'] if budget else place['line']}")


def _said(document: Document, of_test: Any) -> Iterator[str]:
    """What is said of tests, the same of several once."""
    found: dict[str, None] = {}
    for test in document["tests"]:
        for text in of_test(test):
            found[f"{escaped(_name(test))} ({escaped(test['variant'] or '')}): {escaped(text)}"] = (
                None
            )
    return iter(found)


def _first_of_each_device(tests: Iterable[Test]) -> list[Test]:
    """The first test of each device that timed something, else its first."""
    found: dict[str, Test] = {}
    for test in tests:
        if test["conditions"]:
            known = found.setdefault(test["device"], test)
            if "before" in test["conditions"] and "before" not in known["conditions"]:
                found[test["device"]] = test
    return [*found.values()]


def _device_line(test: Test) -> str:
    seen = test["conditions"]
    texts = [runtime_text(seen)] + ([machine_text(seen)] if "before" in seen else [])
    return f"**{escaped(test['device'])}**: {escaped(', '.join(texts))}"


def _baselines(tests: Iterable[Test]) -> list[str]:
    return [code(path) for path in dict.fromkeys(t["baseline_file"] for t in tests) if path]


def _listed(heading: str, lines: Iterable[str]) -> Iterator[str]:
    if items := [f"- {line}" for line in lines]:
        yield "\n".join([f"**{heading}**\n" if heading else "", *items]).lstrip()


def _folded(summary: str, text: str) -> str:
    return f"<details><summary>{html.escape(summary)}</summary>\n\n{text}\n\n</details>"
