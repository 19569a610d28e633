"""The HTML report as its readers have it: in a browser, on a phone, with a keyboard, on paper."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from runs import Document, repeated

from pytest_edgeai.report.html_report import write_html

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SECONDS = 2.0
"""In which the report of ``MANY`` tests has to be open. No comparison: it is the promise itself."""
MANY = 500
FAILING = "test_the_rest"
Show = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        pytest.skip(f"there is no {CHROMIUM}: tests/boards/build installs it")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """``show(document, ...)``: its page, which must not load, or complain of, anything."""
    asked: list[str] = []
    complaints: list[str] = []
    pages = []

    def show(document: Document, history: Any = (), **options: Any) -> Page:
        path = tmp_path / "report.html"
        write_html(path, document, history)
        page = browser.new_page(**options)
        pages.append(page)
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(path.as_uri())
        return page

    yield show
    for page in pages:
        page.close()
    assert not complaints
    assert asked
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def rows(page: Page) -> Any:
    return page.locator("#budgets > tbody > tr:not(.detail):visible")


def choice(page: Page, name: str) -> Any:
    """The filter of this name."""
    return page.get_by_role("combobox", name=name)


def opened(page: Page, name: str = FAILING) -> Any:
    """The details of a test, opened."""
    page.locator("#budgets button", has_text=name).first.click()
    return page.locator("tr.detail section")


def drawn(figures: Any) -> None:
    """Every chart has become a picture."""
    expect(figures.first).to_be_visible()
    for figure in figures.all():
        expect(figure.locator(".main-svg").first).to_be_attached()


def test_filters_hide_rows(run: Document, show: Show) -> None:
    page = show(run)
    every = rows(page).count()
    assert every == sum(max(len(test["budgets"]), 1) for test in run["tests"])
    choice(page, "verdict").select_option("fail")
    failing = rows(page).count()
    assert 0 < failing < every
    assert set(rows(page).evaluate_all("all => all.map(row => row.dataset.verdict)")) == {"fail"}
    page.get_by_label("Search").fill("rest drop")
    assert rows(page).count() == 1
    expect(page.locator("#shown")).to_have_text(f"1 of {every} shown")
    choice(page, "verdict").select_option("all")
    page.get_by_label("Search").fill("")
    for name, value in (("variant", "converted"), ("budget", "max_size_mb")):
        choice(page, name).select_option(value)
        assert 0 < rows(page).count() < every
    page.get_by_label("Search").fill("there is no such test")
    assert rows(page).count() == 0


def test_a_hidden_row_hides_its_details(run: Document, show: Show) -> None:
    page = show(run)
    section = opened(page)
    expect(section).to_be_visible()
    choice(page, "variant").select_option("converted")
    expect(section).to_be_hidden()
    choice(page, "variant").select_option("all")
    expect(section).to_be_visible()
    page.locator("#budgets button", has_text=FAILING).first.click()
    expect(section).to_be_hidden()
    choice(page, "variant").select_option("int8")
    expect(section).to_be_hidden()


def test_details_are_made_and_drawn_when_they_are_opened(run: Document, show: Show) -> None:
    page = show(run)
    assert page.locator(".main-svg").count() == page.locator("tr.detail").count() == 0
    assert not page.evaluate("'Plotly' in window || 'moduleName' in window"), "read too early"
    section = opened(page)
    drawn(section.locator(".chart"))
    assert section.locator(".chart").count() >= 5
    expect(section.locator("img").first).to_be_visible()
    section.get_by_text("Model: operators and types").click()
    expect(section.get_by_role("rowheader", name="CONV_2D")).to_be_visible()


def test_a_long_page_of_charts_is_drawn_as_it_comes_into_sight(run: Document, show: Show) -> None:
    for test in run["tests"]:
        if test["model"]:
            test["model"]["name"] = "digits.keras"
    page = show(run)
    chart = page.locator("main > section .chart")
    chart.scroll_into_view_if_needed()
    drawn(chart)


def test_everything_works_with_the_keyboard(run: Document, show: Show) -> None:
    page = show(repeated(run, 40))
    heading = page.get_by_role("button", name="measured", exact=True)
    heading.focus()
    assert (
        heading.evaluate("e => e.matches(':focus-visible') && getComputedStyle(e).outlineStyle")
        == "solid"
    )
    orders = []
    for wanted in ("ascending", "descending"):
        page.keyboard.press("Enter")
        expect(page.locator("th", has=heading)).to_have_attribute("aria-sort", wanted)
        values = rows(page).evaluate_all("all => all.map(row => row.cells[4].dataset.value)")
        known = [float(value) for value in values if value != "None"]
        assert values[len(known) :] == ["None"] * (len(values) - len(known))
        orders.append(known)
    assert orders[0] == sorted(orders[0])
    assert orders[1] == orders[0][::-1] != orders[0]
    for _ in range(4):
        page.keyboard.press("Tab")
    button = page.locator(":focus")
    assert button.get_attribute("aria-expanded") == "false"
    page.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-expanded", "true")
    expect(page.locator("tr.detail")).to_be_visible()


def test_details_stay_with_their_row_when_it_moves(run: Document, show: Show) -> None:
    page = show(run)
    opened(page)
    page.get_by_role("button", name="limit", exact=True).click()
    before = page.locator("tr.detail").evaluate("row => row.previousElementSibling.textContent")
    assert FAILING in before


def test_rows_of_one_test_are_a_group(run: Document, show: Show) -> None:
    """Whatever the order and the filters, its name is muted but in the first."""
    page = show(run)
    for change in (
        lambda: None,
        lambda: page.get_by_role("button", name="test", exact=True).click(),
        lambda: choice(page, "verdict").select_option("pass"),
    ):
        change()
        tests = rows(page).evaluate_all("all => all.map(row => row.dataset.test)")
        again = rows(page).evaluate_all("all => all.map(row => row.classList.contains('again'))")
        above = [None, *tests[:-1]]
        assert again == [one == other for one, other in zip(tests, above, strict=True)]
        assert any(again)
        colours = {
            row.locator("button").evaluate("e => getComputedStyle(e).color")
            for row in rows(page).all()
            if "again" not in (row.get_attribute("class") or "")
        }
        muted = page.locator("tr.again:visible button").first
        assert muted.evaluate("e => getComputedStyle(e).color") not in colours
        assert muted.evaluate(CONTRAST) >= 4.5


def test_on_a_phone_every_row_has_its_numbers_in_the_same_places(run: Document, show: Show) -> None:
    page = show(run, viewport={"width": 390, "height": 800})
    lefts = {
        tuple(round(row.locator("td").nth(place).bounding_box()["x"]) for place in (4, 5, 7))
        for row in rows(page).all()
        if row.get_attribute("data-kind") != "none"
    }
    assert len(lefts) == 1
    sort_by = page.locator("#budgets thead tr")
    assert sort_by.evaluate("e => getComputedStyle(e, '::before').content") == '"sort by"'
    page.get_by_role("button", name="limit", exact=True).click()
    expect(page.locator("th", has_text="limit")).to_have_attribute("aria-sort", "ascending")


def test_a_table_that_goes_on_has_a_shade_at_its_end(run: Document, show: Show) -> None:
    page = show(run, viewport={"width": 330, "height": 800})
    box = page.locator("main > section > .scrolls").first
    box.scroll_into_view_if_needed()
    assert box.evaluate("e => e.scrollWidth > e.clientWidth")
    begin = _darkness_of_the_right_end(box)
    box.evaluate("e => { e.scrollLeft = e.scrollWidth; }")
    assert _darkness_of_the_right_end(box) < begin


def _darkness_of_the_right_end(box: Any) -> float:
    """Of the last pixel of the line above the first row, where no text is."""
    picture = Image.open(BytesIO(box.screenshot())).convert("L")
    return 255 - float(picture.getpixel((picture.width - 1, 2)))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_can_be_read(run: Document, show: Show, width: int, scheme: Any) -> None:
    page = show(run, viewport={"width": width, "height": 800}, color_scheme=scheme)
    section = opened(page)
    drawn(section.locator(".chart"))
    for summary in section.locator("summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert section.evaluate("e => e.scrollWidth <= e.clientWidth")
    for text in ("body", ".verdict.v-fail", ".verdict.v-pass", "tr small", ".chart text"):
        assert page.locator(text).first.evaluate(CONTRAST) >= 4.5, text


CONTRAST = """element => {
  const channels = colour => colour.match(/[0-9.]+/g).slice(0, 3).map(value => value / 255);
  const luminance = colour => {
    const [r, g, b] = channels(colour).map(
      value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const style = getComputedStyle(element);
  const ink = element.namespaceURI.endsWith("svg") ? style.fill : style.color;
  const paper = getComputedStyle(document.body).backgroundColor;
  const [low, high] = [luminance(ink), luminance(paper)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}"""
"""Contrast ratio as in WCAG 2.2, which asks for 4.5 of text."""


def test_charts_follow_light_and_dark(run: Document, show: Show) -> None:
    page = show(run, color_scheme="light")
    text = opened(page).locator(".chart text").first
    light = text.evaluate("e => getComputedStyle(e).fill")
    page.emulate_media(color_scheme="dark")
    expect(text).not_to_have_css("fill", light)


def test_on_paper_failing_tests_are_open(run: Document, show: Show) -> None:
    page = show(run, color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    failing = {
        test["nodeid"]
        for test in run["tests"]
        if test["outcome"] in ("failed", "error")
        and (not test["budgets"] or {"fail", "error"} & {b["verdict"] for b in test["budgets"]})
    }
    expect(page.locator("tr.detail")).to_have_count(len(failing))
    assert {*page.locator("tr.detail h3").all_text_contents()} == failing
    drawn(page.locator("tr.detail .chart"))
    expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
    assert page.locator("form").is_hidden()
    page.emulate_media(media="screen", color_scheme="dark")
    expect(page.locator("body")).not_to_have_css("background-color", "rgb(255, 255, 255)")


def test_what_users_write_runs_nothing(run: Document, show: Show) -> None:
    text = "</script><script>document.title = 'taken'</script>"
    for test in run["tests"]:
        test["nodeid"] = f"test_a.py::test_it[{text}]"
        for budget in test["budgets"]:
            budget.update(statistic=text, reason=text)
    page = show(run)
    section = opened(page, "test_it")
    expect(section.locator("h3")).to_have_text(f"test_a.py::test_it[{text}]")
    assert page.title() != "taken"


def test_charts_show_names_as_they_are(run: Document, show: Show) -> None:
    for test in run["tests"]:
        if test["model"]:
            test["model"]["name"], test["device"] = "digits.keras", f"<b>{test['variant']}</b>"
    page = show(run)
    chart = page.locator("main > section .chart")
    chart.scroll_into_view_if_needed()
    names = chart.locator(".legendtext")
    expect(names).to_have_text(["converted on <b>converted</b>", "int8 on <b>int8</b>"])


def test_a_run_without_tests(run: Document, show: Show) -> None:
    page = show({**run, "tests": [], "comparisons": []})
    expect(page.get_by_text("No test of this run asked for an interpreter.")).to_be_visible()


def test_500_tests_open_in_two_seconds(run: Document, show: Show) -> None:
    """Of a processor: what others do on the machine meanwhile does not count."""
    page = show(repeated(run, MANY))
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.reload()
    found = metrics.send("Performance.getMetrics")["metrics"]
    (took,) = (metric["value"] for metric in found if metric["name"] == "ThreadTime")
    assert rows(page).count() > MANY
    assert 0 < took < SECONDS
