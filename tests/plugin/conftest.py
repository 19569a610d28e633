"""pytester forgets what an inner run imports; these are imported once, outside of it.

NumPy and SciPy cannot be loaded twice in a process, Hypothesis takes a second (its pytest plugin
imports it at the end of every run), and the others a tenth of one.
"""

from __future__ import annotations

import importlib

import pytest

OUTSIDE = (
    "numpy",
    "scipy.optimize",
    "scipy.special",
    "scipy.stats",
    "execnet",
    "filelock",
    "hypothesis.core",
    "rich.console",
    "rich.table",
)
for name in OUTSIDE:
    importlib.import_module(name)


@pytest.fixture(autouse=True)
def a_run_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """An inner run is no worker of the outer one, and prints the same on a build server."""
    for name in ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)
