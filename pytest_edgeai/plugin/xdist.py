"""What passes between an xdist controller and its workers beside the reports."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_edgeai.plugin.session import FOLDER_FROM_CONTROLLER, EdgeSession

TALLY = "edgeai_conversions"


class XdistHooks:
    """Workers share the controller's folder, so that a model is built once per run."""

    def __init__(self, session: EdgeSession) -> None:
        self._session = session

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tell a new worker the folder."""
        node.workerinput[FOLDER_FROM_CONTROLLER] = str(self._session.folder)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:
        """Count what a worker converted."""
        self._session.count(getattr(node, "workeroutput", {}).get(TALLY, {}))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """On a worker: tell what was converted."""
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[TALLY] = self._session.conversions()
