"""What the other side of a connection says of a process there."""

from __future__ import annotations

import execnet
import pytest

from pytest_edgeai.device import gateway
from pytest_edgeai.device.gateway import BoardProcess


def test_an_answer_that_comes_late_is_not_taken_for_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its pipes are closed, and it takes longer to end than is waited for."""
    monkeypatch.setattr(gateway, "ENDING_S", 0.5)
    group = execnet.Group()
    try:
        keeper = group.makegateway("popen")
        lingering = ["sh", "-c", "printf 1; exec >&-; sleep 0.8; exit 3"]
        process = BoardProcess.started(keeper, lingering, group.execmodel)
        assert process.read(1) == b"1"
        assert process.ended() == 3
    finally:
        group.terminate(timeout=1)
