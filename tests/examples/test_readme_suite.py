"""The suites without Python of the README and of docs/suites.md, word for word."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
README, PAGE = ROOT / "README.md", ROOT / "docs" / "suites.md"
FENCE = re.compile(r"<!-- suite -->\n```toml\n(.*?)```", re.DOTALL)


@pytest.fixture
def project(pytester: pytest.Pytester, models: Path, conversions: Path) -> pytest.Pytester:
    """The files that the suite names, with the digits network and its data."""
    pytester.makeini(f"[pytest]\nedge_cache_dir = {conversions}\n")
    shutil.copy(models / "digits.keras", pytester.mkdir("models") / "digits.keras")
    with np.load(models / "digits.npz") as file:
        x, y = file["x"], file["y"]
    data = pytester.mkdir("data")
    np.savez(data / "train.npz", x=x[:200], y=y[:200])
    np.savez(data / "test.npz", x=x[200:], y=y[200:])
    return pytester


def suite() -> str:
    (text,) = FENCE.findall(README.read_text())
    return str(text)


def test_the_suite_passes(project: pytest.Pytester) -> None:
    (project.path / "digits.edge.toml").write_text(suite())
    result = project.runpytest("--strict-markers")
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["ready_for_the_line[[]int8] p95 *pass"])


def test_a_limit_that_is_not_met_names_its_line(project: pytest.Pytester) -> None:
    text = suite()
    assert text.count("max_size_mb = 4\n") == 1
    (project.path / "digits.edge.toml").write_text(
        text.replace("max_size_mb = 4\n", "max_size_mb = 0.004\n")
    )
    line = text.splitlines().index("max_size_mb = 4") + 1
    place = f"digits.edge.toml:{line}"
    assert f"`{place}: ready_for_the_line[int8]`" in README.read_text()
    result = project.runpytest()
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "  max_size_mb: size *, limit 0.004 MB: *",
            f"{place}: ready_for_the_line[[]int8]",
        ]
    )


@pytest.fixture
def parts(project: pytest.Pytester) -> pytest.Pytester:
    """The files that the page names; they are not read before a test runs."""
    project.makeini("[pytest]\nmarkers = nightly: takes long\n")
    (project.path / "models" / "digits.keras").rename(project.path / "models" / "parts.keras")
    for folder in ("train", "test"):
        (project.path / "parts" / folder).mkdir(parents=True)
    return project


def fenced(language: str) -> str:
    """The first block of the page in this language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return found[1]


def test_the_suite_of_the_page_is_collected(parts: pytest.Pytester) -> None:
    (parts.path / "parts.edge.toml").write_text(fenced("toml"))
    result = parts.runpytest("--collect-only", "-q")
    assert "parts.edge.toml::ready_for_the_line[int8]" in result.outlines


def test_mistakes_are_told_as_on_the_page(parts: pytest.Pytester) -> None:
    text = fenced("toml").replace("max_size_mb", "max_size_bm").replace("[0.9, {", "[90, {")
    (parts.path / "parts.edge.toml").write_text(text)
    result = parts.runpytest()
    assert fenced("text") in result.stdout.str() + "\n"
