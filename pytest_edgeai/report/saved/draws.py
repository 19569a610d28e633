"""What a metric came to on the resamples of a data set, kept and given again in their order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_edgeai.errors import DataError, EdgeAIError
from pytest_edgeai.report.packing import pack, unpack

Resampled = Callable[[Any], float]
CONFIDENCE = "run the tests again with a budget on it that has a confidence="


class NotMeasuredError(DataError):
    """The saved run did not measure what a budget is judged on."""


class Draws:
    """Values of resamples; they are always the same ones, since their seed is.

    Attributes:
        values: in the order of the resamples; the last may be of the data set itself.
    """

    def __init__(self, values: list[float] | None = None, error: Any = None) -> None:
        self.values = values or []
        self._error: dict[str, str] | None = error

    def kept(self, resampled: Resampled) -> Resampled:
        """The same, with its values kept: once each, whoever asks for them again."""
        calls = 0

        def call(at: Any) -> float:
            nonlocal calls
            calls += 1
            try:
                value = float(resampled(at))
            except EdgeAIError as error:
                self._error = {"error": error.message, "hint": error.hint}
                raise
            if calls > len(self.values):
                self.values.append(value)
            return value

        return call

    def again(self, what: str) -> Resampled:
        """What ``kept`` gave, in the same order.

        Args:
            what: the metric, for an error where more is asked than was kept.
        """
        values = iter(self.values)

        def call(at: Any) -> float:
            value = next(values, None)
            if value is not None:
                return value
            if self._error is None:
                raise NotMeasuredError(f"the saved run did not resample {what}", CONFIDENCE)
            raise EdgeAIError(self._error["error"], self._error["hint"])

        return call

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"draws": pack(self.values) if self.values else None, "draws_error": self._error}

    @classmethod
    def from_dict(cls, found: Mapping[str, Any]) -> Draws:
        """What ``as_dict`` made plain data of."""
        values = [] if found["draws"] is None else unpack(found["draws"]).tolist()
        return cls(values, found["draws_error"])
