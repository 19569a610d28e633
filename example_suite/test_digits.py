"""The digit reader is accepted in three variants, each for accuracy, size and latency."""

from pytest_edgeai import max_accuracy_drop, max_latency_ms, max_size_mb, min_accuracy


@min_accuracy(0.97)
@max_size_mb(0.5)
@max_latency_ms(p95=5)
def test_float_model_is_good_enough_to_start_from(converted_interpreter):
    """The float model reads the digits, and is the baseline of the others."""


@max_accuracy_drop(0.01)
@max_size_mb(0.15)
@max_latency_ms(p95=5)
def test_dynamic_range_model_is_ready_to_ship(dynamic_interpreter):
    """A quarter of the size for at most one point of accuracy."""


@max_accuracy_drop(0.02)
@max_size_mb(0.15)
@max_latency_ms(p95=5, p99=10)
def test_full_int8_model_is_ready_to_ship(int8_interpreter):
    """Bytes in, bytes out, for devices that compute in integers only."""
    facts = int8_interpreter.model.facts
    assert facts.int8_weight_share == 1.0
    assert not facts.float_operators


def test_all_variants_agree_on_a_clear_digit(interpreter, digits):
    """One run per variant: the same zero is a zero for each of them."""
    (_, _), (inputs, labels) = digits
    zeros = inputs[labels == 0][:10]
    assert (interpreter.predict(zeros).argmax(axis=1) == 0).sum() >= 9


def test_single_digit_latency(benchmark, int8_interpreter):
    """The same timing in pytest-benchmark's table, for comparison over time."""
    benchmark(int8_interpreter.invoke)
