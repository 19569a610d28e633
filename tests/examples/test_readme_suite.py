"""The suite without Python of the README, word for word."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

README = Path(__file__).parents[2] / "README.md"
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
            f"    stated at {place}",
            f"{place}: ready_for_the_line[[]int8]",
        ]
    )
