"""The HTML report: what stands in it, that nothing escapes into it, and how large it becomes."""

from __future__ import annotations

import copy
import html
import json
import re
import zlib
from base64 import b64decode
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from runs import Document, named, repeated

from pytest_edgeai.judge.verdict import BudgetResult
from pytest_edgeai.report.document import document
from pytest_edgeai.report.html.accuracy import moved_charts, pictures
from pytest_edgeai.report.html.detail import MOST_PICTURES
from pytest_edgeai.report.html.history import by_test, history_charts
from pytest_edgeai.report.html.latency import MOST_POINTS, course, latency_charts
from pytest_edgeai.report.html.sustained import sustained_charts
from pytest_edgeai.report.html_report import page, write_html
from pytest_edgeai.report.packing import pack, unpack
from pytest_edgeai.report.record import bare_record
from pytest_edgeai.report.wording import missed_by


class Page(HTMLParser):
    """The elements, texts and charts of a page and of its tests' details."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.charts: list[dict[str, Any]] = []
        self._in: dict[str, str | None] = {}
        self._packed = ""
        self.feed(text)
        self.details: dict[str, list[str]] = json.loads(zlib.decompress(b64decode(self._packed)))
        for detail in (*self.details["tests"], *self.details["models"]):
            self.feed(detail)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._in = dict(attrs) if tag in ("script", "pre") else {}

    def handle_endtag(self, tag: str) -> None:
        self._in = {}

    def handle_data(self, data: str) -> None:
        if "hidden" in self._in:
            self.charts.append(json.loads(data))
        elif self._in.get("id") == "details":
            self._packed = data
        elif self._in.get("id") != "plotly":
            self.texts.append(data)

    @property
    def opened(self) -> str:
        """The details of all tests, as HTML."""
        return "\n".join(self.details["tests"])

    @property
    def text(self) -> str:
        """All that is there to be read."""
        return "".join(self.texts)

    @property
    def verdicts(self) -> list[str]:
        """Of the rows, in their order."""
        return [str(attrs["data-verdict"]) for _, attrs in self.elements if "data-verdict" in attrs]

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


def of_results(*results: BudgetResult, **known: Any) -> Document:
    budgets = [{**result.as_dict(), "headroom": result.headroom, "line": 1} for result in results]
    record = {**bare_record("test_a.py::test_it", "int8"), "outcome": "failed", "error": None}
    return document({"exit_status": 1}, [{**record, "budgets": budgets, **known}])


def test_every_budget_is_a_row_and_failures_stand_first(run: Document) -> None:
    found = Page(page(run))
    wanted = Counter(b["verdict"] for test in run["tests"] for b in test["budgets"])
    wanted += Counter({"fail": 1, "error": 1})  # a body that fails, a model that is missing
    assert Counter(found.verdicts) == wanted
    order = list(dict.fromkeys(found.verdicts))
    assert order == [v for v in ("fail", "error", "inconclusive", "skipped", "pass") if v in order]
    assert {"fail", "error", "inconclusive", "skipped", "pass"} <= set(order)


def test_what_only_warns_stands_behind_what_fails() -> None:
    fails = BudgetResult("max_latency_ms", "p95", 40.0, "ms", 50.0, 99, "fail", "why")
    found = Page(page(of_results(replace(fails, warns=True), fails)))
    assert found.verdicts == ["fail", "fail (warns)"]
    assert "v-fail-(warns)" in {str(attrs.get("class")) for _, attrs in found.elements}


def test_the_head_counts_verdicts_and_names_the_device(run: Document) -> None:
    text = Page(page({**run, "run": {**run["run"], "commit": "0123abcd"}})).text
    said = " ".join(text.partition("Budgets\n")[0].split())
    verdicts = Counter(Page(page(run)).verdicts)
    assert f"{verdicts['fail']} fail" in said
    assert f"{verdicts['pass']} pass" in said
    for fact in (run["run"]["pytest"], "0123abcd", "ai-edge-litert", "device local"):
        assert fact in said


def test_a_failing_test_says_why_and_what_to_try(run: Document) -> None:
    text = Page(page(run)).text
    for budget in named(run, "test_the_rest")["budgets"]:
        assert budget["reason"] in text
        assert budget["advice"] in text


def test_a_failing_row_says_by_how_much(run: Document) -> None:
    text, missed = page(run), 0
    for test in run["tests"]:
        for budget in test["budgets"]:
            if words := missed_by(budget):
                missed += 1
                assert f'<small class="missed">{html.escape(words)}</small>' in text
    assert missed == text.count('<small class="missed">') > 0
    assert "times the limit" in text


def test_all_that_was_measured_is_drawn(run: Document) -> None:
    found = Page(page(run))
    titles = re.findall(r"<figcaption><b>([^<]*)</b>", found.opened)
    assert {
        "Latency",
        "Latency over the run",
        "Sustained run",
        "Memory above that without the model",
        "Start-up",
        "What int8 makes of samples that converted alone has right (accuracy drop)",
        "Error by layer (accuracy drop)",
    } <= set(titles)
    pictures = [a for _, a in found.elements if a.get("role") == "img" and a["aria-label"]]
    assert len(found.charts) == found.count("figure") == len(pictures) >= len(titles)


def test_variants_of_a_model_are_compared(run: Document) -> None:
    for test in run["tests"]:
        if test["model"]:
            test["model"]["source"] = "digits.keras"
    found = Page(page(run))
    (bubbles,) = (chart for chart in found.charts if "sizeref" in str(chart))
    sizes = {
        f"{test['variant']} on {test['device']}": [test["model"]["size_bytes"]]
        for test in run["tests"]
        if test["model"]
    }
    assert {trace["name"]: trace["marker"]["size"] for trace in bubbles["data"]} == sizes
    assert len({trace["marker"]["symbol"] for trace in bubbles["data"]}) == 2
    assert "tensors of float32" in found.text


def test_flipped_samples_are_shown_with_their_classes(run: Document) -> None:
    test = named(run, "test_the_rest")
    (drop,) = (b for b in test["budgets"] if b["marker"] == "max_accuracy_drop")
    (own, base) = sorted(test["evidence"]["scores"], key=lambda score: str(score["baseline"] or ""))
    index = drop["data"]["lost"][0]
    label, before, now = (
        unpack(of)[index] for of in (own["classes"], base["answered"], own["answered"])
    )
    text = Page(page(run)).opened
    assert (
        f"sample {index}, right in converted, wrong in int8: "
        f"label {label}, converted {before}, int8 {now}" in text
    )
    assert "accuracy, int8 against converted: McNemar p" in text
    assert "before" not in text.partition("<h4>Samples</h4>")[2].partition("</ul>")[0]
    lost, gained = len(drop["data"]["lost"]), len(drop["data"]["gained"])
    cells = re.findall(r'<td class="number">([0-9,]+)</td>', text.partition("McNemar p")[2])[:4]
    assert [int(cells[1]), int(cells[2])] == [lost, gained]
    assert sum(map(int, cells)) == own["samples"]


def test_a_flipped_sample_names_the_baseline_of_its_budget(run: Document) -> None:
    test = named(run, "test_the_rest")
    (drop,) = (b for b in test["budgets"] if b["marker"] == "max_accuracy_drop")
    index = str(drop["data"]["lost"][0])
    of_dynamic = {**drop, "data": {**drop["data"], "lost": [int(index) + 1], "gained": []}}
    test["budgets"] = [drop, of_dynamic]
    test["markers"] = [
        {"marker": "max_accuracy_drop", "arguments": {"limit": 0.01, **baseline}}
        for baseline in ({}, {"baseline": "dynamic"})
    ]
    first, second = pictures(test, {index: "", str(int(index) + 1): ""})
    assert first.kind == "right in converted, wrong in int8"
    assert second.kind == "right in dynamic, wrong in int8"
    assert [chart.layout["xaxis"]["title"]["text"] for chart in moved_charts(test)] == [
        "answer of int8"
    ] * 2


def test_pictures_have_a_limit_and_failing_tests_come_first(run: Document) -> None:
    picture = "data:image/png;base64," + "A" * 100_000
    for test in run["tests"]:
        test["pictures"] = {"0": picture} if test["budgets"] else {}
        for budget in test["budgets"]:
            budget["data"] = {**budget["data"], "lost": [0], "gained": []}
    many = repeated(run, 60)
    found = Page(page(many))
    text = found.opened
    assert text.count(picture) == MOST_PICTURES // len(picture)
    failing = [one for one in many["tests"] if one["outcome"] != "passed"]
    assert len(failing) > text.count(picture), "the limit does not choose"
    for detail in found.details["tests"]:
        if picture in detail:
            assert "✗" in detail or "!</span> error" in detail or "skipped" in detail


def written_by_users(run: Document, text: str) -> Page:
    """The page of a run in which all that users can write is this text."""
    run = copy.deepcopy(run)
    run["run"]["commit"] = text
    for test in run["tests"]:
        test.update(device=text, nodeid=f"test_a.py::test_it[{text}]", error=text)
        if test["model"]:
            test["model"]["name"] = text
        for budget in test["budgets"]:
            budget.update(statistic=text, reason=text, advice=text, details=[text])
            for layer in budget["data"].get("layers", []):
                layer["name"] = text
        for score in test["evidence"].get("scores", []):
            score["metric"] = text
    for facts in run["models"].values():
        facts["operators"][0]["name"] = text
    history = [{"time": text, "commit": text, **entry} for entry in _entries(run)]
    return Page(page(run, history))


@pytest.mark.parametrize("text", ["</script><b>bold</b>", "<img src=x onerror=alert(1)>", "'\"&"])
def test_what_users_write_is_text(run: Document, text: str) -> None:
    found, harmless = written_by_users(run, text), written_by_users(run, "harmless")
    assert found.text.count(text) == harmless.text.count("harmless") > 50
    in_charts = html.escape(text, quote=False)  # plotly would take it for formatting
    assert json.dumps(found.charts).count(json.dumps(in_charts)[1:-1]) > 20
    assert [tag for tag, _ in found.elements] == [tag for tag, _ in harmless.elements]


def _entries(run: Document) -> list[dict[str, Any]]:
    return [
        {key: test[key] for key in ("nodeid", "device", "variant")}
        | {key: budget[key] for key in ("statistic", "measured", "limit", "verdict")}
        for test in run["tests"]
        for budget in test["budgets"]
    ]


def test_earlier_runs_are_drawn_with_this_one(run: Document) -> None:
    test = named(run, "test_the_rest")
    entries = [{"time": f"2026-01-0{day}", "commit": f"c{day}", **entry}
               for day in (2, 1) for entry in _entries({"tests": [test]})]  # fmt: skip
    entries[-1] |= {"statistic": "of another budget"}
    found = Page(page(run, entries))
    assert "<b>start-up</b> 2 earlier runs" in found.opened
    (chart,) = (c for c in found.charts if c["data"][0].get("name") == "start-up")
    measured, limits = chart["data"]
    assert len(measured["y"]) == len(limits["y"]) == 3
    assert measured["hovertext"][0].startswith("2026-01-01")
    assert measured["hovertext"][2].startswith("this run")


def test_charts_of_earlier_runs_have_whole_runs(run: Document) -> None:
    test = named(run, "test_the_rest")
    for times, step in ((1, 1), (3, 1), (24, 3), (300, 10)):
        entries = [{"time": f"{n:04}", "commit": "", **_entries({"tests": [test]})[0]}
                   for n in range(times)]  # fmt: skip
        (chart,) = history_charts(test, by_test(entries))
        assert (chart.layout["xaxis"]["tick0"], chart.layout["xaxis"]["dtick"]) == (1, step)


@pytest.mark.parametrize(
    ("unit", "before", "now", "is_drawn"),
    [
        ("count", 0, 0, False),
        ("count", 2, 0, True),
        ("ms", 3.0, 3.0, True),
        ("ms", None, None, False),
        ("ms", None, 3.0, True),
    ],
)
def test_earlier_runs_that_tell_nothing_are_not_drawn(
    unit: str, before: float | None, now: float | None, is_drawn: bool
) -> None:
    result = BudgetResult("a_marker", "what", 0, unit, now, 1, "pass", "why")
    (test,) = of_results(result)["tests"]
    entries = [{"time": "", "commit": "", **entry, "measured": before}
               for entry in _entries({"tests": [test]})]  # fmt: skip
    assert bool([*history_charts(test, by_test(entries))]) == is_drawn


def test_a_model_is_compared_by_what_there_is(run: Document) -> None:
    for left_out, heading in (
        ((), "accuracy, latency and size"),
        (("scores",), "latency and size"),
        (("latency",), "accuracy and size"),
    ):
        test = named(run, "test_both[int8]")
        test["evidence"] = {k: v for k, v in test["evidence"].items() if k not in left_out}
        text = Page(page({**run, "tests": [test]})).text
        assert f"{test['model']['source']}: {heading}\n" in text


def test_a_distribution_has_every_run(run: Document) -> None:
    test = named(run, "test_both[int8]")
    samples = unpack(test["evidence"]["latency"][0]["samples_ns"]) / 1e6
    distribution, _ = latency_charts(test)
    assert sum(distribution.data[0]["y"]) == len(samples)
    assert f"{len(samples):,} runs" in distribution.text


def test_an_interval_without_an_end_says_so(run: Document) -> None:
    """In the table and under the chart; the grey goes to the end of the axis."""
    test = copy.deepcopy(named(run, "test_both[int8]"))
    budget = next(one for one in test["budgets"] if one["statistic"] == "p95")
    budget.update(low=0.001, high=None)
    chart, _ = latency_charts(test)
    assert "p95 at least 0.001 ms, no upper bound (grey)" in chart.text
    grey = [(shape["x0"], shape["x1"]) for shape in chart.layout["shapes"]]
    assert (0.001, chart.layout["xaxis"]["range"][1]) in grey
    assert "at least 0.001 ms, no upper bound" in page({**run, "tests": [test]})


@pytest.mark.parametrize("n", [1, 2, 199, 200, 201, 5_000, 100_003])
def test_a_course_is_short_and_keeps_the_extremes(n: int) -> None:
    samples = np.random.default_rng(0).lognormal(size=n)
    traces = course(samples)
    values = [value for trace in traces for value in trace["y"]]
    assert len(values) <= MOST_POINTS
    assert max(values) == pytest.approx(samples.max(), rel=1e-3)
    assert min(values) == pytest.approx(samples.min(), rel=1e-3)


@pytest.mark.parametrize("times", [[7], [5_000_000] * 300, [0, 0, 0], [1, 10**12]])
def test_unusual_times_are_drawn(times: list[int]) -> None:
    budget = BudgetResult("max_latency_ms", "p95", 1.0, "ms", 5.0, len(times), "void", "why")
    latency = {
        "threads": None,
        "samples_ns": pack(times),
        "conditions": {},
        "looks": [],
        "more": "",
    }
    assert len(Page(page(of_results(budget, evidence={"latency": [latency]}))).charts) == 2


def test_heat_and_clock_of_a_sustained_run() -> None:
    windows = [
        {"begin_s": 60.0 * number, "seconds": 60.0, "runs": 9, "median_ms": 3.0, "p95_ms": 4.0}
        | {"temperature_c": 50.0 + 10 * number, "frequency_mhz": 1500.0 - 100 * number}
        for number in range(3)
    ]
    data = {"windows": windows, "ratio": {}, "conditions": {}}
    marker = "max_sustained_latency_ms"
    result = BudgetResult(marker, "sustained p95", 5.0, "ms", 4.0, 27, "pass", "why", data=data)
    (chart,) = sustained_charts(of_results(result)["tests"][0])
    assert "50 to 70 °C; 1,500 to 1,300 MHz" in chart.text
    assert [trace["name"] for trace in chart.data] == ["p95", "median", "limit 5 ms", "°C", "MHz"]


def unmeasured(verdict: Any, measured: float | None = None) -> BudgetResult:
    return BudgetResult("min_accuracy", "my metric", 0.5, "score", measured, 0, verdict, "a reason")


@pytest.mark.parametrize(
    ("content", "verdicts"),
    [
        (document({}, []), []),
        (of_results(), ["fail"]),
        (of_results(outcome="error", error="E   no model"), ["error"]),
        (of_results(outcome="passed"), ["no budget"]),
        (of_results(outcome="skipped", variant=None), ["skipped"]),
        (of_results(unmeasured("skipped"), outcome="skipped"), ["skipped"]),
        (of_results(unmeasured("error")), ["error"]),
        (of_results(unmeasured("fail", float("inf"))), ["fail"]),
        (of_results(unmeasured("fail", float("nan"))), ["fail"]),
        (of_results(unmeasured("pass", -1e300)), ["pass"]),
    ],
)
def test_unusual_runs(content: Document, verdicts: list[str]) -> None:
    found = Page(page(content))
    assert found.verdicts == verdicts
    if not verdicts:
        assert "No test of this run asked for an interpreter." in found.text


def test_text_that_is_no_unicode(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_html(path, of_results(unmeasured("error"), nodeid="test_a.py::test_it[\udc80 ✓]"))
    assert "test_it[\\udc80 ✓]" in path.read_text("utf-8")


def test_nothing_is_loaded_from_elsewhere(run: Document) -> None:
    found = Page(page(run))
    links = {str(a[key]) for _, a in found.elements for key in ("src", "href") if key in a}
    assert links
    assert all(link.startswith("data:") for link in links)


def test_500_tests_are_less_than_10_megabytes(run: Document, tmp_path: Path) -> None:
    path = tmp_path / "many.html"
    write_html(path, repeated(run, 500))
    assert len(Page(path.read_text()).details["tests"]) == 500
    assert path.stat().st_size < 10_000_000
