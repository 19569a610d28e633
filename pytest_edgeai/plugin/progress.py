"""One line that tells people what takes the seconds."""

from __future__ import annotations

import os
from typing import Any

import pytest

CLEAR_LINE, UP, RIGHT = "\r\x1b[2K", "\x1b[1A", "\x1b[{}C"


class ProgressLine:
    """Writes over the line below pytest's own; silent where the output is no terminal."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._shown = False

    def __call__(self, text: str) -> None:
        """Show a text, or with "" take the line away."""
        reporter: Any = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None or not reporter.isatty or os.environ.get("TERM") == "dumb":
            return
        if not text and not self._shown:
            return
        capture: Any = self._config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            self._write(reporter, text)
            return
        with capture.global_and_fixture_disabled():
            self._write(reporter, text)

    def _write(self, reporter: Any, text: str) -> None:
        """Past pytest's writer, which then still knows where on its own line it stands."""
        writer = reporter._tw
        begin = CLEAR_LINE if self._shown else "\n"
        writer._file.write(begin + (self._line(text, writer) if text else self._way_back(writer)))
        writer.flush()
        self._shown = bool(text)

    def _line(self, text: str, writer: Any) -> str:
        return f"edgeai: {text}"[: writer.fullwidth - 1]

    def _way_back(self, writer: Any) -> str:
        column = writer.width_of_current_line % writer.fullwidth
        return UP + (RIGHT.format(column) if column else "")
