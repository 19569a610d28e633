"""The table of budgets, at the widths that terminals have."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from pytest_edgeai.judge.verdict import BudgetResult, Verdict
from pytest_edgeai.report.record import bare_record
from pytest_edgeai.report.table import table
from pytest_edgeai.units import value_text

ANSI = re.compile(r"\x1b\[[0-9;]*m")
SIZE = BudgetResult("max_size_mb", "size", 4_194_304, "bytes", 2_097_152, 1, "pass", "fits")
DROP = BudgetResult(
    "max_accuracy_drop", "accuracy drop", 0.02, "points", 0.0325, 300, "fail", "worse", "calibrate"
)

ACCURACY = BudgetResult(
    "min_accuracy", "accuracy", 0.9246, "fraction", 0.8841, 300, "fail", "worse", is_floor=True
)
FLOATS = BudgetResult("fully_quantized", "not quantised", 0, "count", 0, 1, "pass", "all integers")


def latency(verdict: Verdict, measured: float | None = 12.345) -> BudgetResult:
    return BudgetResult("max_latency_ms", "p95", 40.0, "ms", measured, 99, verdict, "why")


def entry(name: str, *results: BudgetResult, device: str = "local") -> dict[str, Any]:
    return {
        **bare_record(f"tests/test_line.py::{name}", "int8"),
        "device": device,
        "budgets": [{**result.as_dict(), "headroom": result.headroom} for result in results],
    }


def lines(text: str) -> list[str]:
    """Without the room between the columns."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_line_for_each_budget() -> None:
    floats = replace(FLOATS, measured=3, verdict="fail")
    results = [latency("pass"), SIZE, DROP, ACCURACY, FLOATS, floats]
    text = table([entry("test_ready", *results)], 100, colour=False)
    assert lines(text) == [
        "test variant device budget measured limit headroom verdict",
        "test_ready int8 local p95 12.3 ms 40 ms +69% pass",
        "size 2 MB 4 MB +50% pass",
        "accuracy drop 3.25 pt 2.00 pt -1.25 pt fail",
        "accuracy 88.41 % 92.46 % -4.05 pt fail",
        "not quantised none none pass",
        "not quantised 3 none fail",
    ]


def test_tests_without_budgets_are_left_out() -> None:
    text = table([bare_record("test_a.py::test_no_budget", None), entry("test_b", SIZE)], 80, False)
    assert "test_no_budget" not in text
    assert "test_b" in text


def test_what_was_not_measured_is_a_dash() -> None:
    text = table([entry("test_board", latency("skipped", None))], 100, colour=False)
    assert lines(text)[1] == "test_board int8 local p95 - 40 ms skipped"


def test_threads_that_a_budget_names() -> None:
    results = [replace(latency("pass"), threads=threads) for threads in (None, 1, 4)]
    text = table([entry("test_ready", *results)], 120, colour=False)
    assert [" ".join(line.split()).partition(" 12.3")[0] for line in text.splitlines()[1:]] == [
        "test_ready int8 local p95",
        "p95 (1 thread)",
        "p95 (4 threads)",
    ]


def test_narrow_terminals_have_variant_and_device_under_the_name() -> None:
    text = table([entry("test_ready", latency("pass"))], 80, colour=False)
    assert lines(text)[1:] == [
        "test_ready p95 12.3 ms 40 ms +69% pass",
        "int8 on local",
    ]


LONG = "test_the_inspection_station_accepts_the_model_that_was_trained_on_all_shifts[int8-line-7]"


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("width", [80, 120])
def test_never_wider_than_the_terminal(width: int, colour: bool) -> None:
    records = [
        entry(LONG, latency("pass"), SIZE, DROP, device="inspection-station-3"),
        entry("test_ready", latency("inconclusive", 123456.7)),
    ]
    plain = ANSI.sub("", table(records, width, colour))
    assert max(map(len, plain.splitlines())) <= width
    first_column = "".join(line.split(" ")[0] for line in plain.splitlines()[1:])
    assert LONG in first_column
    for text in ("inconclusive", "123,457 ms", "accuracy drop", "12.3 ms", "+69%"):
        assert text in plain


@pytest.mark.parametrize("width", [1, 20, 40])
def test_a_narrow_terminal_is_no_error(width: int) -> None:
    text = table([entry(LONG, latency("pass"), DROP)], width, colour=False)
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("term", ["dumb", "xterm", None])
def test_the_width_is_the_one_given(term: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("TERM") if term is None else monkeypatch.setenv("TERM", term)
    text = table([entry(LONG * 3, SIZE)], 70, colour=True)
    assert max(len(ANSI.sub("", line)) for line in text.splitlines()) <= 70


@pytest.mark.parametrize(
    "name",
    [
        "test_ready[int8]",
        "test_ready[bold]",
        "test_ready[/red]",
        "test_ready[:warning:]",
        "test_ready[a::b]",
        "test_ready[\\x1b]",
        "test_ready[link=a]",
        "TestLine::test_ready[it's-1]",
    ],
)
def test_names_are_shown_as_they_are(name: str) -> None:
    text = table([entry(name, SIZE, device="[red]pi[/]")], 120, colour=False)
    row = text.splitlines()[1]
    assert row.startswith(name + " ")
    assert "[red]pi[/]" in row


def test_colours_only_when_asked() -> None:
    results = [latency("pass"), latency("fail"), latency("inconclusive"), latency("skipped")]
    records = [entry("test_ready", *results)]
    plain, coloured = table(records, 100, colour=False), table(records, 100, colour=True)
    assert "\x1b" not in plain
    assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == plain.splitlines()
    for code, verdict in ((32, "pass"), (31, "fail"), (33, "inconclusive")):
        assert f"\x1b[{code}m{verdict}" in coloured
    assert "mskipped" not in coloured


def test_what_only_warns_is_no_red_row() -> None:
    warns = replace(latency("fail"), warns=True)
    text = table([entry("test_ready", warns)], 100, colour=True)
    assert "\x1b[33mfail" in text
    assert "\x1b[31m" not in text


def test_colours_whatever_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """pytest has decided; its own colours follow the same decision."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b[32mpass" in table([entry("test_ready", SIZE)], 100, colour=True)
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b" not in table([entry("test_ready", SIZE)], 100, colour=False)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "ms", "-"),
        (0.012345, "ms", "0.0123 ms"),
        (24_576, "bytes", "0.0234 MB"),
        (0.9773, "fraction", "97.73 %"),
        (-0.0025, "points", "-0.25 pt"),
        (-31.5, "score", "-31.5"),
        (1_234, "count", "1,234"),
        (0, "count", "none"),
    ],
)
def test_values_have_their_unit(value: float | None, unit: str, text: str) -> None:
    assert value_text(value, unit) == text


def test_tests_of_one_name_show_their_files() -> None:
    first, second = (entry("test_ready", SIZE) for _ in range(2))
    second["nodeid"] = "other/test_line.py::test_ready"
    text = table([first, second], 160, colour=False)
    assert first["nodeid"] in text
    assert second["nodeid"] in text
