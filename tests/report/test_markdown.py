"""The Markdown report, read as a person does: rendered."""

from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from handmade import FAILS, PASSES, judged, made, whole
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pytest_edgeai.report.markdown import LONG, markdown, write_markdown
from pytest_edgeai.report.markdown_text import CUT, code, escaped, fenced
from pytest_edgeai.report.record import bare_record

SIZE = replace(
    PASSES, marker="max_size_mb", statistic="size", limit=1048576.0, unit="bytes", measured=500000
)
UNDECIDED = replace(PASSES, measured=39.9, verdict="inconclusive", reason="too near", advice="more")


class Shown(HTMLParser):
    """The text of a page, and the tags in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text, self.tags, self.rows = "", list[str](), list[list[str]]()
        self._in_cell = False
        self.feed(MarkdownIt("gfm-like", {"linkify": False}).render(text))

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self._in_cell = self._in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_cell:
            self.rows[-1][-1] += data


def shown(*records: Any, **run: Any) -> Shown:
    return Shown(markdown(made(*records, **run)))


def test_what_failed_comes_first(tmp_path: Path) -> None:
    page = shown(judged(tmp_path, [PASSES], "test_good"), judged(tmp_path, [SIZE, FAILS]))
    lines = [line for line in page.text.splitlines() if line.strip()]
    assert lines[:8] == [
        "Edge AI: 1 of 3 budgets not met",
        "2 pass · 1 fail · 1.5 s · commit 0123456789ab",
        "test_ready: int8 of relu.keras on pi",
        "1 of 2 budgets not met; tests/test_a.py:5",
        "max_latency_ms: p95 50 ms, limit 40 ms: 10 ms over (1.25 times the limit)",
        "p95 of 99 runs, at least 49 ms",
        "Try: wait",
        "test",
    ]


def test_all_budgets_are_in_the_table(tmp_path: Path) -> None:
    page = shown(judged(tmp_path, [SIZE, FAILS]))
    assert page.rows[1:] == [
        ["test_ready", "int8", "pi", "size", "0.477 MB", "1 MB", "+52%", "pass"],
        ["test_ready", "int8", "pi", "p95", "50 ms", "40 ms", "-25%", "fail"],
    ]
    assert "details" not in page.tags


def test_a_long_table_is_folded(tmp_path: Path) -> None:
    page = shown(judged(tmp_path, [PASSES] * (LONG + 1)))
    assert page.tags.index("details") < page.tags.index("table")
    assert f"All {LONG + 1} budgets" in page.text


def test_devices_and_conditions_are_a_line(tmp_path: Path) -> None:
    page = shown(judged(tmp_path, [PASSES]), judged(tmp_path, [SIZE], "test_other"))
    line = (
        "pi: ai-edge-litert 2.1.0, 4 threads, Cortex-A72 (aarch64), governor performance, "
        "1500 MHz, 51 to 55 °C, others 1% of the machine"
    )
    assert page.text.count(line) == 1


def test_a_reason_that_several_budgets_share_is_said_once(tmp_path: Path) -> None:
    page = shown(judged(tmp_path, [FAILS, replace(FAILS, statistic="p99", limit=30.0)]))
    assert page.text.count("at least 49 ms") == 1
    assert page.text.count("as above") == 1


def test_doubts_notes_and_baselines(tmp_path: Path) -> None:
    stale = replace(PASSES, advice="the baseline is stale")
    entry = judged(
        tmp_path, [stale, replace(UNDECIDED, warns=True)], baseline_file="edge_baselines/pi.json"
    )
    entry["warnings"] = ["10 samples are in both"]
    page = shown({**entry, "outcome": "passed"})
    assert "Edge AI: 1 of 2 budgets met" in page.text
    assert "test_ready (int8): 10 samples are in both" in page.text
    undecided = "test_ready (int8): max_latency_ms: p95 39.9 ms, limit 40 ms: inconclusive"
    assert f"{undecided}: too near; try: more" in page.text
    assert "test_ready (int8): p95: the baseline is stale" in page.text
    assert "edge_baselines/pi.json" in page.text


def test_an_undecided_budget_that_is_not_put_up_with_failed(tmp_path: Path) -> None:
    page = shown(judged(tmp_path, [UNDECIDED]))
    assert "Edge AI: 1 of 1 budget not met" in page.text
    assert "Warnings" not in page.text


def test_tests_that_failed_without_a_budget() -> None:
    entry = whole(bare_record("tests/test_a.py::test_b", "int8"), "error", "there is no `x`\n```")
    page = shown(entry)
    assert "Edge AI: no budget was judged, 1 test failed otherwise" in page.text
    assert "test_b: error\ntests/test_a.py:7\nthere is no `x`\n```\n" in page.text


def test_a_traceback_is_folded_under_what_it_comes_to() -> None:
    traceback = "def test_b():\n>   assert 1 == 2\nE   assert 1 == 2\n\ntest_a.py:3: AssertionError"
    page = shown(whole(bare_record("tests/test_a.py::test_b", "int8"), "failed", traceback))
    assert "test_b: failed\ntests/test_a.py:7\nassert 1 == 2\n" in page.text
    assert page.tags.count("details") == 1
    assert traceback in page.text


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (0, ""),
        (1, "Other tests of this run failed."),
        (2, "The run was interrupted: not all tests were run."),
        (3, "The run ended with an internal error: not all tests were run."),
    ],
)
def test_a_run_that_did_not_end_well_does_not_look_as_if(
    tmp_path: Path, status: int, said: str
) -> None:
    page = shown(judged(tmp_path, [PASSES]), exit_status=status)
    assert (said or "other tests") in page.text if said else "run" not in page.text.split("test")[0]


HOSTILE = "a|b `c` <b>d</b> *e* _f_ [g](h) ~~i~~ &amp; \\ $x$ @j #1 <!-- k"


def test_text_of_users_is_shown_as_it_is(tmp_path: Path) -> None:
    result = replace(FAILS, reason=HOSTILE, advice=f"- {HOSTILE}", details=(f"{HOSTILE}\n```",))
    page = shown(judged(tmp_path, [result], f"test_x[{HOSTILE}]", model=HOSTILE))
    assert page.text.count(HOSTILE) == 6
    assert page.rows[1][0] == f"test_x[{HOSTILE}]"
    assert not {"b", "s", "a"} & {*page.tags}
    assert page.tags.count("em") == page.text.count("Try:")


@given(st.text(st.characters(exclude_categories=["C"], exclude_characters=" "), max_size=30))
def test_any_text_is_shown_as_it_is(text: str) -> None:
    line = " ".join(text.split())
    assert Shown(f"- {escaped(text)}").text.strip() == line
    assert Shown(f"| a |\n|---|\n| {escaped(text)} |").rows[1] == [line]
    assert Shown(f"# {code(f'y{text}')}").text.strip() == " ".join(f"y{text}".split())
    assert Shown(fenced(text)).text.rstrip("\n") == text.rstrip("\n")


def test_no_more_than_is_shown(tmp_path: Path) -> None:
    document = made(*[judged(tmp_path, [FAILS, SIZE], f"test_größe_{n}") for n in range(300)])
    whole_text = markdown(document)
    assert CUT not in whole_text
    for most in (5_000, 20_001, len(whole_text.encode()) - 1):
        text = markdown(document, most)
        assert len(text.encode()) <= most
        assert text.endswith(f"{CUT}\n")
        assert text.startswith("## Edge AI: 300 of 600 budgets not met")
    assert markdown(document, len(whole_text.encode()) + len(CUT) + 3) == whole_text


def test_a_long_error_is_clipped() -> None:
    entry = whole(bare_record("tests/test_a.py::test_b", "int8"), "failed", "x" * 1_000_000)
    assert len(markdown(made(entry))) < 10_000


def test_it_is_written_whole(tmp_path: Path) -> None:
    document = made(judged(tmp_path, [FAILS]))
    write_markdown(tmp_path / "out" / "a.md", document)
    assert (tmp_path / "out" / "a.md").read_text() == markdown(document)
