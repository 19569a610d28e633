"""One line that tells people what takes the seconds."""

from __future__ import annotations

from typing import Any

import pytest


class ProgressLine:
    """Writes over one line of the terminal; silent where the output is no terminal."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._shown = False

    def __call__(self, text: str) -> None:
        """Show a text, or with "" take the line away."""
        reporter: Any = self._config.pluginmanager.getplugin("terminalreporter")
        if reporter is None or not reporter.isatty or not (text or self._shown):
            return
        capture: Any = self._config.pluginmanager.getplugin("capturemanager")
        if capture is None:
            self._write(reporter, text)
            return
        with capture.global_and_fixture_disabled():
            self._write(reporter, text)

    def _write(self, reporter: Any, text: str) -> None:
        if not self._shown:
            reporter.ensure_newline()
        width = reporter._tw.fullwidth - 1
        reporter.rewrite(f"edgeai: {text}"[:width] if text else "", erase=True)
        if not text:
            reporter.rewrite("")
        self._shown = bool(text)
