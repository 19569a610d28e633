"""Budgets as text."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.examples import EXAMPLES, called
from pytest_edgeai.judge.expressions import known_budgets, parse_budget
from pytest_edgeai.judge.markers import MARKERS

MEANT: list[tuple[str, str, dict[str, Any]]] = [
    ("p95<=40ms", "max_latency_ms", {"p95": 40}),
    ("p95 <= 40 ms", "max_latency_ms", {"p95": 40}),
    ("  max<=0.25s ", "max_latency_ms", {"max": 250}),
    ("mean<=250us", "max_latency_ms", {"mean": 0.25}),
    ("median<=1e-1ms", "max_latency_ms", {"median": 0.1}),
    ("p90<=.5ms", "max_latency_ms", {"p90": 0.5}),
    ("p99<=5.ms", "max_latency_ms", {"p99": 5}),
    ("size<=4MB", "max_size_mb", {"limit": 4}),
    ("size<=512KB", "max_size_mb", {"limit": 0.5}),
    ("size<=1048576B", "max_size_mb", {"limit": 1}),
    ("memory<=1GB", "max_memory_mb", {"limit": 1024}),
    ("startup<=200ms", "max_startup_ms", {"limit": 200}),
    ("throughput>=30/s", "min_throughput", {"per_second": 30}),
    ("accuracy>=0.9", "min_accuracy", {"limit": 0.9}),
    ("accuracy>=97.5%", "min_accuracy", {"limit": 0.975}),
    ("accuracy_drop<=2 %", "max_accuracy_drop", {"limit": 0.02}),
    ("agreement>=0.99", "min_agreement", {"limit": 0.99}),
    ("delegated>=90%", "min_delegated", {"share": 0.9}),
    ("p95≤40ms", "max_latency_ms", {"p95": 40}),
    ("accuracy ≥ 0.9", "min_accuracy", {"limit": 0.9}),
    ("fully_quantized", "fully_quantized", {}),
    ("no_custom_ops()", "no_custom_ops", {}),
    ("max_size_mb(4)", "max_size_mb", {"limit": 4}),
    ("max_latency_ms(p95=40, threads=4)", "max_latency_ms", {"p95": 40, "threads": 4}),
    ("max_regression(0.1, of='size')", "max_regression", {"fraction": 0.1, "of": "size"}),
    (
        "min_accuracy(0.8, metric='f1_macro')",
        "min_accuracy",
        {"limit": 0.8, "metric": "f1_macro"},
    ),
]
WRONG = [
    ("", "it is no budget", "known: mean<="),
    ("faster", "there is no 'faster'", "known: mean<="),
    ("p59<=40ms", "there is no 'p59'", "did you mean p9"),
    ("max_size_bm(4)", "there is no 'max_size_bm'", "did you mean max_size_mb?"),
    ("p95>=40ms", "p95 is limited with <=", "p95<=40ms"),
    ("accuracy<=0.9", "accuracy is limited with >=", "accuracy>=0.9"),
    ("p95<40ms", "p95 is limited with <=", "p95<=40ms"),
    ("p95<=40", "'40' is not a number with a unit of p95 (us, ms, s)", "did you mean p95<=40ms?"),
    ("p95<=40MB", "'40MB' is not a number with a unit of p95 (us, ms, s)", "p95<=40ms"),
    ("size<=4mb", "'4mb' is not a number with a unit of size (B, KB, MB, GB)", "size<=4MB"),
    ("throughput>=30", "'30' is not a number with a unit of throughput (/s)", "throughput>=30/s"),
    (
        "accuracy>=0.9ms",
        "'0.9ms' is not a number with a unit of accuracy (no unit, %)",
        "accuracy>=0.9",
    ),
    ("size<=fourMB", "'fourMB' is not a number", "for example size<=4MB"),
    ("p95<=40ms, size<=4MB", "'40ms, size<=4MB' is not a number", "for example p95<=40ms"),
    ("p95<=0ms", "p95 must be a number over 0, not 0.0", "for example p95<=40ms"),
    (
        "size<=-4MB",
        "limit must be a number over 0, not -4.0",
        "for example size<=4MB",
    ),
    ("size<=1e999MB", "limit must be a number over 0, not inf", "for example size<=4MB"),
    ("accuracy>=90", "over 0, at most 1, not 90.0", "did you mean accuracy>=90%?"),
    ("accuracy>=900", "over 0, at most 1, not 900.0", "for example accuracy>=0.9"),
    ("accuracy_drop<=2", "from 0, under 1, not 2.0", "did you mean accuracy_drop<=2%?"),
    ("accuracy drop<=2%", "there is no 'accuracy drop'", "did you mean accuracy_drop<=2%?"),
    ("P95<=40", "there is no 'P95'", "did you mean p95<=40ms?"),
    ("p95\N{SINGLE LEFT-POINTING ANGLE QUOTATION MARK}=40ms", "limited with <=", "p95<=40ms?"),
    ("p95=<40ms", "p95 is limited with <=", "did you mean p95<=40ms?"),
    ("p95 < = 40ms", "p95 is limited with <=", "did you mean p95<=40ms?"),
    ("p95: 40ms", "p95 is limited with <=", "did you mean p95<=40ms?"),
    ("p95≥40ms", "p95 is limited with <=", "did you mean p95<=40ms?"),
    ("size<=4MiB", "'4MiB' is not a number with a unit of size", "did you mean size<=4MB?"),
    ("p95<=40,5ms", "'40,5ms' is not a number", "did you mean p95<=40.5ms?"),
    ("p95<=1,000ms", "'1,000ms' is not a number", "for example p95<=40ms"),
    ("throughput>=30fps", "'30fps' is not a number", "did you mean throughput>=30/s?"),
    ("accuracy", "a limit is missing", 'in a shell, quote it: "accuracy>=0.9"'),
    ("accuracy>=", "a limit is missing", 'in a shell, quote it: "accuracy>=0.9"'),
    ("size", "a limit is missing", 'in a shell, quote it: "size<=4MB"'),
    ("max_size_mb=4", "max_size_mb is a marker", "did you mean max_size_mb(4)?"),
    ("max_size_mb<=512KB", "max_size_mb is a marker", "did you mean max_size_mb(0.5)?"),
    ("min_accuracy>=90", "min_accuracy is a marker", "did you mean min_accuracy(0.9)?"),
    ("max_regression<=0.1", "max_regression is a marker", "did you mean max_regression(0.1)?"),
    ("fully_quantized=true", "fully_quantized is a marker", "did you mean fully_quantized?"),
    ("latency<=30ms", "there is no 'latency'", "did you mean max_latency_ms(p95=30)?"),
    (
        "max_sustained_latency_ms<=30",
        "max_sustained_latency_ms is a marker",
        "did you mean max_sustained_latency_ms(p95=40, seconds=300)?",
    ),
    ("max_size_mb", "missing a required argument: 'limit'", "the signature is max_size_mb(limit)"),
    ("max_size_mb(limit)", "it is no budget", "known: mean<="),
    ("max_size_mb(*[4])", "it is no budget", "known: mean<="),
    ("max_size_mb(**{'limit': 4})", "it is no budget", "known: mean<="),
    ("__import__('os').remove('x')", "it is no budget", "known: mean<="),
    ("max_size_mb(4) or 1", "it is no budget", "known: mean<="),
    ("(" * 500, "it is no budget", "known: mean<="),
]


@pytest.mark.parametrize(("text", "marker", "arguments"), MEANT, ids=[m[0] for m in MEANT])
def test_a_text_is_a_marker_with_its_arguments(
    text: str, marker: str, arguments: dict[str, Any]
) -> None:
    found, given = parse_budget(text)
    assert found == marker
    assert given == pytest.approx(arguments) if text.endswith("%") else given == arguments


@pytest.mark.parametrize(("text", "message", "hint"), WRONG, ids=[w[0][:40] for w in WRONG])
def test_a_wrong_text_says_what_is_wrong_and_what_is_known(
    text: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_budget(text)
    assert message in caught.value.message
    assert repr(text) in caught.value.message
    assert hint in caught.value.hint


def test_every_quantity_that_is_known_has_a_text_above() -> None:
    named, _, _ = known_budgets().removeprefix("known: ").partition("; ")
    quantities = {name.rstrip("<>=") for name in named.split(", ")}
    assert quantities <= {text.strip().partition("<")[0].partition(">")[0].strip()
                          for text, _, _ in MEANT}  # fmt: skip
    assert {marker for _, marker, _ in MEANT} <= set(MARKERS)


@pytest.mark.parametrize("marker", MARKERS)
def test_the_example_of_a_marker_is_one_that_parses(marker: str) -> None:
    text = called(marker, EXAMPLES[marker])
    assert parse_budget(text) == (marker, EXAMPLES[marker])
