"""What can go wrong, said as what happened, with which values, and what to do next."""

from __future__ import annotations


class EdgeAIError(Exception):
    """The root of every error that this package raises on purpose.

    Args:
        message: what happened and with which values, one paragraph.
        hint: what to do next; shown on a line of its own.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

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
