"""The plugin's promise in one test: the first code block of the documentation, word for word."""

from __future__ import annotations

import pytest

PROMISE = '''
from pytest_edgeai import max_accuracy_drop, max_latency_ms, max_size_mb

@max_latency_ms(p95=40)
@max_size_mb(4)
@max_accuracy_drop(0.02)
def test_ready_for_the_line(int8_interpreter):
    """MobileNetV2, int8, on the inspection station."""
'''


def test_the_promise_works_with_a_short_conftest(digits_suite: pytest.Pytester) -> None:
    digits_suite.makepyfile(test_promise=PROMISE)
    assert len((digits_suite.path / "conftest.py").read_text().strip().splitlines()) < 20
    result = digits_suite.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*device local: ai-edge-litert*", "*accuracy drop*pass*"])
