"""What can go wrong, said as what happened, with which values, and what to do next."""

from __future__ import annotations

import reprlib
from collections.abc import Iterator
from contextlib import contextmanager


class EdgeAIError(Exception):
    """The root of every error that this package raises on purpose.

    Args:
        message: what happened and with which values, one paragraph.
        hint: what to do next; shown on a line of its own.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = as_text(message)
        self.hint = as_text(hint)

    @property
    def summary(self) -> str:
        """The message's first line."""
        return self.message.partition("\n")[0]

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class UsageError(EdgeAIError):
    """The test, its markers, options or data ask for something that cannot be."""


class DataError(UsageError, ValueError):
    """Calibration or evaluation data that the model cannot be given."""


class ModelError(EdgeAIError):
    """A model file that cannot be used, or is not the variant that it is taken for."""


class ConversionError(EdgeAIError):
    """The converter refused the source, crashed, or ran out of time.

    Args:
        log: all that the converter printed.
    """

    def __init__(self, message: str, hint: str = "", log: str = "") -> None:
        super().__init__(message, hint)
        self.args = (message, hint, log)
        self.log = log


class DeviceError(EdgeAIError):
    """A device or runtime that cannot be used, or a process on it that was lost."""


class InterpreterError(EdgeAIError, RuntimeError):
    """The runtime refused a call; a ``RuntimeError``, as in TensorFlow Lite."""


class TensorError(EdgeAIError, ValueError):
    """A tensor of the wrong shape, dtype or name; a ``ValueError``, as in TensorFlow Lite."""


class EdgeAIWarning(UserWarning):
    """What is doubtful: evaluation data that was calibrated with, or an undecided budget."""


_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = 300
_REPR.maxlong = 60


def shown(value: object) -> str:
    """A repr of whatever a user gives, of a line or so; without one, what it is."""
    try:
        return as_text(_REPR.repr(value))
    except Exception:  # of an object's own, or of a number of more digits than Python writes
        return f"<{type(value).__name__} that cannot be shown>"


def raised(error: BaseException) -> str:
    """Kind and text of whatever a user's code raises: ``ValueError: no such file``."""
    kind = type(error).__name__
    try:
        text = as_text(str(error))
    except Exception:
        return f"{kind}, which has no text"
    return f"{kind}: {text}" if text else kind


def as_text(value: object) -> str:
    """Text that every terminal, file and wire takes: what is no character is escaped."""
    text = str.__str__(value) if isinstance(value, str) else shown(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


@contextmanager
def of_the_user(what: str, hint: str = "") -> Iterator[None]:
    """Whatever an object raises that a user made is an error that names the object.

    Raises:
        UsageError: anything but an EdgeAIError was raised.
    """
    try:
        yield
    except EdgeAIError:
        raise
    except Exception as error:
        raise UsageError(f"{what} cannot be used: it raised {raised(error)}", hint) from error
