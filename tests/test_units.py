"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_edgeai import units

FINITE = st.floats(allow_nan=False, allow_infinity=False)
USUAL = st.floats(1e-6, 1e12, exclude_max=True).flatmap(lambda x: st.sampled_from([x, -x, 0.0]))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (0.0213, "0.0213"),
        (0.00001234, "0.0000123"),
        (0.5, "0.5"),
        (4.126, "4.13"),
        (9.996, "10"),
        (99.96, "100"),
        (999.6, "1,000"),
        (1290, "1,290"),
        (1234567.8, "1,234,568"),
        (-3.14159, "-3.14"),
        (float("inf"), "inf"),
        (float("nan"), "nan"),
    ],
)
def test_three_significant_digits(value: float, text: str) -> None:
    assert units.significant(value) == text


@given(USUAL)
@example(9.9995e-5)
def test_no_exponent_in_what_is_measured(value: float) -> None:
    assert "e" not in units.significant(value)


@given(FINITE)
@example(5e-324)
@example(1.7950000000000001e308)
def test_never_longer_than_a_column(value: float) -> None:
    assert len(units.significant(value)) <= len("-100,000,000,000")


@given(USUAL)
@example(999.95)
def test_the_right_magnitude(value: float) -> None:
    shown = float(units.significant(value).replace(",", ""))
    # Half a unit of the third digit, at most 0.5 % of a number that begins with 1.
    assert math.isclose(shown, value, rel_tol=0.00501)


@given(USUAL)
def test_no_superfluous_zeros(value: float) -> None:
    text = units.significant(value)
    assert "." not in text or text[-1] not in "0."


@pytest.mark.parametrize(
    ("size", "text"), [(1024 * 1024, "1 MB"), (2_621_440, "2.5 MB"), (24_576, "0.0234 MB")]
)
def test_a_megabyte_is_1024_times_1024_bytes(size: float, text: str) -> None:
    assert units.megabytes(size) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.00839, "0.84 %"), (0.43, "43 %"), (2.33, "233 %"), (0.0, "0 %")]
)
def test_a_magnitude_has_two_digits(value: float, text: str) -> None:
    assert units.magnitude(value) == text


def test_milliseconds() -> None:
    assert units.milliseconds(40) == "40 ms"
    assert units.milliseconds(0.01234) == "0.0123 ms"


@pytest.mark.parametrize(
    ("value", "text"), [(0.9773, "97.73 %"), (1.0, "100.00 %"), (0.0, "0.00 %")]
)
def test_shares(value: float, text: str) -> None:
    assert units.share(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.011, "1.10 pt"), (-0.0025, "-0.25 pt"), (0.92 - 0.90, "2.00 pt"), (-1e-9, "0.00 pt")],
)
def test_points(value: float, text: str) -> None:
    assert units.points(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.44, "0.4 s"),
        (9.96, "10 s"),
        (12.4, "12 s"),
        (59.6, "1 min 0 s"),
        (119.7, "2 min 0 s"),
        (200, "3 min 20 s"),
    ],
)
def test_durations(value: float, text: str) -> None:
    assert units.seconds(value) == text


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0 runs"), (1, "1 run"), (2, "2 runs"), (3000, "3,000 runs")]
)
def test_counts(number: int, text: str) -> None:
    assert units.count(number, "run") == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.95, "95 %"),
        (0.999, "99.9 %"),
        (1 - 0.05 / 3, "98.33 %"),
        (1 - 0.05 / 600, "99.9917 %"),
        (0.9999, "99.99 %"),
        (0.84, "84 %"),
    ],
)
def test_a_confidence_shows_what_is_left_to_chance(value: float, text: str) -> None:
    assert units.confidence(value) == text
