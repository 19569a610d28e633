"""Every wrong call of a marker is an error that repeats its signature."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.footprint import MemoryBudget, StartUpBudget
from pytest_edgeai.judge.latency import LatencyBudget
from pytest_edgeai.judge.markers import MARKERS, parse_marker

NAN, INF = float("nan"), float("inf")

SIGNATURES = {
    "max_latency_ms": "(*, mean=None, median=None, p90=None, p95=None, p99=None, max=None, "
    "confidence=None, threads=None, device=None)",
    "max_size_mb": "(limit)",
    "max_memory_mb": "(limit, *, confidence=None, threads=None, device=None)",
    "max_startup_ms": "(limit, *, confidence=None, threads=None, device=None)",
    "max_accuracy_drop": "(limit, *, metric='accuracy', ignore_label=None, baseline='converted', "
    "confidence=None)",
    "min_accuracy": "(limit, *, metric='accuracy', ignore_label=None, confidence=None)",
    "min_agreement": "(limit, *, baseline='converted')",
    "max_output_error": "(limit, *, norm='max', baseline='converted')",
    "max_regression": "(fraction, *, of='p95', confidence=None)",
    "fully_quantized": "()",
    "no_custom_ops": "()",
    "min_delegated": "(share)",
    "min_throughput": "(per_second, *, confidence=None, threads=None, device=None)",
    "max_sustained_latency_ms": "(*, p95, seconds, confidence=None, threads=None, device=None)",
}
WRONG: list[tuple[str, tuple[Any, ...], dict[str, Any], str]] = [
    ("max_latency_ms", (), {}, "no limit given: one of mean, median, p90, p95, p99, max"),
    ("max_latency_ms", (40,), {}, "too many positional arguments"),
    ("max_latency_ms", (), {"p59": 40}, "unexpected keyword argument 'p59'"),
    ("max_latency_ms", (), {"p95": NAN}, "p95 must be a number over 0, not nan"),
    ("max_latency_ms", (), {"p95": INF}, "p95 must be a number over 0, not inf"),
    ("max_latency_ms", (), {"p95": -1}, "p95 must be a number over 0, not -1"),
    ("max_latency_ms", (), {"p95": 0}, "p95 must be a number over 0, not 0"),
    ("max_latency_ms", (), {"p95": "40"}, "p95 must be a number over 0, not '40'"),
    ("max_latency_ms", (), {"p95": True}, "p95 must be a number over 0, not True"),
    ("max_latency_ms", (), {"mean": 1, "p99": "x"}, "p99 must be a number over 0, not 'x'"),
    ("max_latency_ms", (), {"p95": 1, "confidence": 95}, "over 0.5, under 1, not 95"),
    ("max_latency_ms", (), {"p95": 1, "confidence": 1}, "over 0.5, under 1, not 1"),
    ("max_latency_ms", (), {"p95": 1, "confidence": NAN}, "over 0.5, under 1, not nan"),
    ("max_latency_ms", (), {"p95": 1, "threads": 0}, "threads must be a whole number from 1"),
    ("max_latency_ms", (), {"p95": 1, "threads": 2.0}, "a whole number from 1, not 2.0"),
    ("max_latency_ms", (), {"p95": 1, "threads": True}, "a whole number from 1, not True"),
    ("max_latency_ms", (), {"p95": 1, "device": 3}, "device must be a device's name, not 3"),
    ("max_latency_ms", (), {"confidence": 0.9}, "no limit given"),
    ("max_size_mb", (), {}, "missing a required argument: 'limit'"),
    ("max_size_mb", (4, 5), {}, "too many positional arguments"),
    ("max_size_mb", (), {"size": 4}, "missing a required argument: 'limit'"),
    ("max_size_mb", ("4",), {}, "limit must be a number over 0, not '4'"),
    ("max_size_mb", (0,), {}, "limit must be a number over 0, not 0"),
    ("max_size_mb", (NAN,), {}, "not nan"),
    ("max_size_mb", (INF,), {}, "not inf"),
    ("max_size_mb", (None,), {}, "not None"),
    ("max_memory_mb", (), {}, "missing a required argument: 'limit'"),
    ("max_memory_mb", (64, 0.9), {}, "too many positional arguments"),
    ("max_memory_mb", (0,), {}, "limit must be a number over 0, not 0"),
    ("max_memory_mb", (NAN,), {}, "limit must be a number over 0, not nan"),
    ("max_memory_mb", ("64",), {}, "limit must be a number over 0, not '64'"),
    ("max_memory_mb", (64,), {"confidence": 95}, "over 0.5, under 1, not 95"),
    ("max_memory_mb", (64,), {"threads": 0}, "threads must be a whole number from 1, not 0"),
    ("max_memory_mb", (64,), {"device": 3}, "device must be a device's name, not 3"),
    ("max_startup_ms", (), {}, "missing a required argument: 'limit'"),
    ("max_startup_ms", (), {"p95": 400}, "missing a required argument: 'limit'"),
    ("max_startup_ms", (-1,), {}, "limit must be a number over 0, not -1"),
    ("max_startup_ms", (INF,), {}, "limit must be a number over 0, not inf"),
    ("max_startup_ms", (True,), {}, "limit must be a number over 0, not True"),
    ("max_startup_ms", (400,), {"confidence": 1}, "over 0.5, under 1, not 1"),
    ("max_startup_ms", (400,), {"threads": 2.5}, "a whole number from 1, not 2.5"),
    ("max_startup_ms", (400,), {"device": True}, "device must be a device's name, not True"),
    ("max_accuracy_drop", (), {}, "missing a required argument: 'limit'"),
    ("max_accuracy_drop", (2,), {}, "limit must be a number from 0, under 1, not 2"),
    ("max_accuracy_drop", (1,), {}, "from 0, under 1, not 1"),
    ("max_accuracy_drop", (-0.1,), {}, "from 0, under 1, not -0.1"),
    ("max_accuracy_drop", (NAN,), {}, "from 0, under 1, not nan"),
    ("max_accuracy_drop", (False,), {}, "from 0, under 1, not False"),
    ("max_accuracy_drop", (0.1, "accuracy"), {}, "too many positional arguments"),
    ("max_accuracy_drop", (0.1,), {"metric": "f2"}, "metric 'f2' is not known"),
    ("max_accuracy_drop", (0.1,), {"metric": None}, "metric None is not known"),
    ("max_accuracy_drop", (0.1,), {"baseline": "float"}, "baseline 'float' is not known"),
    ("max_accuracy_drop", (0.1,), {"baseline": ["int8"]}, "baseline ['int8'] is not known"),
    ("max_accuracy_drop", (0.1,), {"confidence": 0.4}, "over 0.5, under 1, not 0.4"),
    ("min_accuracy", (97,), {}, "limit must be a number over 0, at most 1, not 97"),
    ("min_accuracy", (0,), {}, "over 0, at most 1, not 0"),
    ("min_accuracy", (NAN,), {"metric": max}, "limit must be a number, not nan"),
    ("max_accuracy_drop", (-1,), {"metric": max}, "limit must be a number from 0, not -1"),
    ("min_accuracy", ("97 %",), {}, "over 0, at most 1, not '97 %'"),
    ("min_accuracy", (0.9,), {"baseline": "source"}, "unexpected keyword argument 'baseline'"),
    ("min_accuracy", (0.9,), {"ignore_label": 255}, "is for metric='mean_iou', not for 'accuracy'"),
    (
        "min_accuracy",
        (0.9,),
        {"metric": "mean_iou", "ignore_label": 2.5},
        "ignore_label 2.5 is no whole number",
    ),
    ("min_accuracy", (0.9,), {"metric": "top5"}, "metric 'top5' is not known"),
    ("max_regression", (), {}, "missing a required argument: 'fraction'"),
    ("min_agreement", (99,), {}, "limit must be a number over 0, at most 1, not 99"),
    ("min_agreement", (0.99,), {"baseline": "pi"}, "baseline 'pi' is not known"),
    ("max_output_error", (), {}, "missing a required argument: 'limit'"),
    ("max_output_error", (-1,), {}, "limit must be a number from 0, not -1"),
    ("max_output_error", (NAN,), {}, "limit must be a number from 0, not nan"),
    ("max_output_error", (1,), {"norm": "l2"}, "norm 'l2' is not known"),
    ("max_output_error", (1,), {"baseline": "pi"}, "baseline 'pi' is not known"),
    ("min_accuracy", (1.5,), {"metric": "roc_auc"}, "limit must be a number over 0, at most 1"),
    ("min_accuracy", (-1,), {"metric": "mean_absolute_error"}, "a number from 0, not -1"),
    ("min_accuracy", (0.9,), {"metric": "top_0_accuracy"}, "'top_0_accuracy' is not known"),
    ("max_accuracy_drop", (1,), {"metric": "mean_iou"}, "a number from 0, under 1, not 1"),
    ("max_regression", (-0.1,), {}, "fraction must be a number from 0 to 1, not -0.1"),
    ("max_regression", (10,), {}, "fraction must be a number from 0 to 1, not 10"),
    ("max_regression", (0.1,), {"of": "max"}, "of='max' is not known"),
    ("max_regression", (0.1,), {"confidence": 95}, "over 0.5, under 1, not 95"),
    ("fully_quantized", (True,), {}, "too many positional arguments"),
    ("no_custom_ops", (), {"except_for": "X"}, "unexpected keyword argument 'except_for'"),
    ("min_delegated", (), {}, "missing a required argument: 'share'"),
    ("min_delegated", (90,), {}, "share must be a number over 0, at most 1, not 90"),
    ("min_throughput", (), {}, "missing a required argument: 'per_second'"),
    ("min_throughput", (0,), {}, "per_second must be a number over 0, not 0"),
    ("min_throughput", (30,), {"confidence": 95}, "over 0.5, under 1, not 95"),
    ("min_throughput", (30,), {"threads": 0}, "threads must be a whole number from 1"),
    ("min_throughput", (30,), {"device": 3}, "device must be a device's name, not 3"),
    ("max_sustained_latency_ms", (), {"p95": 40}, "missing a required argument: 'seconds'"),
    ("max_sustained_latency_ms", (), {"seconds": 9}, "missing a required argument: 'p95'"),
    ("max_sustained_latency_ms", (40, 9), {}, "too many positional arguments"),
    ("max_sustained_latency_ms", (), {"p95": 0, "seconds": 9}, "p95 must be a number over 0"),
    ("max_sustained_latency_ms", (), {"p95": 1, "seconds": 0.5}, "number from 1, not 0.5"),
    ("max_sustained_latency_ms", (), {"p95": 1, "seconds": NAN}, "number from 1, not nan"),
    (
        "max_sustained_latency_ms",
        (),
        {"p95": 1, "seconds": 9, "confidence": 95},
        "over 0.5, under 1, not 95",
    ),
    (
        "max_sustained_latency_ms",
        (),
        {"p95": 1, "seconds": 9, "threads": 0},
        "threads must be a whole number from 1",
    ),
    ("max_sustained_latency_ms", (), {"p95": 1, "seconds": 9, "device": 3}, "device's name, not 3"),
]


@pytest.mark.parametrize(("name", "args", "kwargs", "message"), WRONG)
def test_a_wrong_call(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_marker(name, args, kwargs)
    assert caught.value.message.startswith(f"@{name}: ")
    assert message in caught.value.message
    assert f"the signature is {name}{SIGNATURES[name]}" in caught.value.hint


def test_each_marker_has_its_wrong_calls() -> None:
    assert {name for name, *_ in WRONG} == set(SIGNATURES) == set(MARKERS)


def test_a_percentage_is_told_to_be_a_fraction() -> None:
    with pytest.raises(UsageError, match=r"0\.02 is two points"):
        parse_marker("max_accuracy_drop", (2,), {})
    with pytest.raises(UsageError, match=r"0\.9 is 90 %"):
        parse_marker("min_accuracy", (97,), {})


def test_the_hint_lists_what_is_known() -> None:
    with pytest.raises(UsageError, match=r"one of converted, dynamic, int8.*source"):
        parse_marker("max_accuracy_drop", (0.1,), {"baseline": "float"})
    with pytest.raises(UsageError, match=r"one of accuracy, top_K.* or a callable"):
        parse_marker("min_accuracy", (0.1,), {"metric": "f2"})


def test_right_calls() -> None:
    assert parse_marker("max_latency_ms", (), {"p95": 40, "threads": 4, "device": "pi"}) == (
        LatencyBudget("p95", 40.0, 0.95, 4, "pi"),
    )
    assert parse_marker("max_memory_mb", (64,), {"threads": 4}) == (
        MemoryBudget(64.0, 0.95, 4, None),
    )
    assert parse_marker("max_startup_ms", (400,), {"device": "pi", "confidence": 0.99}) == (
        StartUpBudget(400.0, 0.99, None, "pi"),
    )
    assert len(parse_marker("max_latency_ms", (), dict.fromkeys(("mean", "max", "p99"), 1))) == 3
    for limit in (0, 0.5, 0.999):
        assert len(parse_marker("max_accuracy_drop", (limit,), {})) == 1
        assert len(parse_marker("min_accuracy", (1 - limit,), {})) == 1
    for limit in (-30, 0, 30):
        assert len(parse_marker("min_accuracy", (limit,), {"metric": min})) == 1
    assert len(parse_marker("max_accuracy_drop", (30,), {"metric": min})) == 1
    assert len(parse_marker("max_size_mb", (), {"limit": 0.5})) == 1


def test_a_number_of_numpy_is_a_number() -> None:
    import numpy as np

    for value in (np.float32(4), np.float64(4), np.int64(4)):
        assert parse_marker("max_size_mb", (value,), {}) == parse_marker("max_size_mb", (4,), {})
