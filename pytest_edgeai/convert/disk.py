"""Disks that cannot be written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from pytest_edgeai.errors import UsageError


@contextlib.contextmanager
def writing(what: str, hint: str) -> Iterator[None]:
    """Say of an ``OSError`` what could not be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise UsageError(f"{what} cannot be written: {reason}", hint) from None
