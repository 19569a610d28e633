"""One line that tells people what takes the seconds."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from typing import Any

import pytest

WAITING, SUSTAINED = "waiting for", "sustained run of"
CHANNEL_TO_CONTROLLER = "edgeai_progress"
CLEAR_LINE, UP, RIGHT = "\r\x1b[2K", "\x1b[1A", "\x1b[{}C"


class ProgressLine:
    """Writes over the line below pytest's own; elsewhere than on a terminal, a line per wait, and
    one per window of a run that takes minutes. A worker of xdist has its controller write these.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._shown = False
        self._told = ""

    def __call__(self, text: str) -> None:
        """Show a text, or with "" take the line away."""
        if hasattr(self._config, "workerinput"):
            self._tell_controller(text)
            return
        reporter: Any = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None:
            return
        is_terminal = reporter.isatty and os.environ.get("TERM") != "dumb"
        if not is_terminal and not self._is_news(text):
            return
        if not text and not self._shown:
            return
        capture: Any = self._config.pluginmanager.getplugin("capturemanager")
        uncaptured = capture.global_and_fixture_disabled() if capture else nullcontext()
        with uncaptured:
            if is_terminal:
                self._write(reporter, text)
            else:
                reporter.ensure_newline()
                reporter.write_line(f"edgeai: {text}")

    def _is_news(self, text: str) -> bool:
        """Whether a wait has begun, or somebody else is waited for; not how long it has been."""
        is_window = text.startswith(SUSTAINED)
        before, self._told = self._told, text if is_window else text.rpartition(": ")[0] or text
        return text.startswith((WAITING, SUSTAINED)) and self._told != before

    def _tell_controller(self, text: str) -> None:
        channel = self._config.workerinput.get(CHANNEL_TO_CONTROLLER)  # type: ignore[attr-defined]
        if channel is not None and self._is_news(text):
            with suppress(OSError):  # the controller is gone
                channel.send(text)

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
