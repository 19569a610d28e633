"""What passes between an xdist controller and its workers beside the reports."""

from __future__ import annotations

import warnings
from collections.abc import Generator
from typing import Any

import pytest

from pytest_edgeai.errors import as_text
from pytest_edgeai.plugin.progress import CHANNEL_TO_CONTROLLER
from pytest_edgeai.plugin.session import FOLDER_FROM_CONTROLLER, EdgeSession

TALLY = "edgeai_conversions"


class XdistHooks:
    """Workers share the controller's folder, so that a model is built once per run."""

    def __init__(self, session: EdgeSession) -> None:
        self._session = session

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a new worker the folder, and where it may say what it waits for."""
        node.workerinput[FOLDER_FROM_CONTROLLER] = str(self._session.folder)
        reporter: Any = node.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None:
            channel = node.gateway.newchannel()
            channel.setcallback(lambda text: _tell(reporter, f"edgeai: [{node.gateway.id}] {text}"))
            node.workerinput[CHANNEL_TO_CONTROLLER] = channel

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> Any:
        """With several devices, a worker takes the tests of one device after the other."""
        devices = self._session.settings.device
        if len(devices) < 2 or config.getvalue("dist") != "load":
            return None
        from xdist.scheduler.loadscope import LoadScopeScheduling

        class ByDevice(LoadScopeScheduling):  # type: ignore[misc]
            """Tests of a device go together, so that devices work side by side."""

            def _split_scope(self, nodeid: str) -> str:
                parameters = f"-{nodeid.partition('[')[2].rstrip(']')}-"
                return next((name for name in devices if f"-{name}-" in parameters), nodeid)

        return ByDevice(config, log)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Count what a worker converted."""
        self._session.count(getattr(node, "workeroutput", {}).get(TALLY, {}))

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self) -> Generator[None, Any, Any]:
        """What a test raised or recorded need not be what the wire carries, as half a character."""
        data = yield
        if _is_carried(data):
            return data
        from pytest_edgeai.report.plain import plain

        return plain(data)

    @pytest.hookimpl(tryfirst=True)
    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """The same of the text of a warning."""
        text = str(warning_message.message)
        if not _is_carried(text):
            warning_message.message = Warning(as_text(text))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """On a worker: tell what was converted."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[TALLY] = self._session.conversions()


def _is_carried(data: object) -> bool:
    import execnet

    try:
        execnet.dumps(data)
    except Exception:  # among them what Python raises for a number of too many digits
        return False
    return True


def _tell(reporter: Any, line: str) -> None:
    """Called in the thread that hears the worker: whole lines only, and none is written over."""
    reporter.ensure_newline()
    reporter.write_line(line)
