"""A process that converts, as pytest's process sees it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_edgeai.convert.death import without_noise
from pytest_edgeai.convert.worker import WHERE_ARE_YOU

WHERE_ARE_YOU_S = 0.2
LOOK_S = 0.02
_START = (
    "import sys; sys.path[:] = filter(None, sys.path); import json; "
    "sys.path[:] = json.loads(sys.argv[1]); "
    "from pytest_edgeai.convert.worker import main; main(sys.argv[2])"
)


@dataclass(frozen=True)
class Ended:
    """How a job ended.

    Attributes:
        value: what the worker returned; None where it was lost.
        log: what was printed meanwhile.
        status: the exit status of a worker that was lost; None when the job's time was up.
    """

    value: dict[str, Any] | None
    log: str
    status: int | None


class WorkerProcess:
    """Starts a worker, which does one job after the other, in a folder of its own.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="edgeai-job-", ignore_cleanup_errors=True)
        self._jobs = 0
        try:
            self._log = Path(self._folder.name, "log")
            self._process = self._start()
        except OSError:
            self._folder.cleanup()
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        name = self._folder.name
        environment = {"TF_CPP_MIN_LOG_LEVEL": "1", **os.environ, "TMPDIR": name}
        environment["KERAS_BACKEND"] = "tensorflow"
        with self._log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-c", _START, json.dumps(_import_path()), name],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    @property
    def is_alive(self) -> bool:
        """Whether it can take a job."""
        return self._process.poll() is None

    def do(self, job: dict[str, Any], limit_s: float) -> Ended:
        """Have a job done; a worker whose time is up is ended."""
        self._jobs += 1
        folder = Path(self._folder.name)
        result = folder / f"result-{self._jobs}.json"
        (folder / f"job-{self._jobs}.json").write_text(json.dumps({**job, "result": str(result)}))
        begin = self._log.stat().st_size
        self._tell(f"{self._jobs}\n")
        status = self._wait(result, limit_s)
        value = json.loads(result.read_text()) if result.exists() else None
        with self._log.open("rb") as file:
            file.seek(begin if self._jobs > 1 else 0)
            log = file.read().decode(errors="replace")
        return Ended(value, without_noise(log), status)

    def _tell(self, line: str) -> None:
        assert self._process.stdin
        with suppress(BrokenPipeError):
            self._process.stdin.write(line.encode())
            self._process.stdin.flush()

    def _wait(self, result: Path, limit_s: float) -> int | None:
        """The exit status of a worker that ends; else None, with its result or its time up."""
        until = time.monotonic() + limit_s
        while not result.exists():
            if (status := self._process.poll()) is not None:
                return status
            if time.monotonic() > until:
                self._process.send_signal(WHERE_ARE_YOU)
                time.sleep(WHERE_ARE_YOU_S)
                self.kill()
                self._process.wait()
                break
            time.sleep(LOOK_S)
        return None

    def kill(self) -> None:
        """End it and what it has started; they are a process group of their own."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        """End it and remove its folder."""
        self.kill()
        self._process.wait()
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._folder.cleanup()


def _import_path() -> list[str]:
    """Ours, for a process whose working directory may change."""
    return [str(Path(entry).absolute()) if Path(entry).exists() else entry for entry in sys.path]
