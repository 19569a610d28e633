"""Starting a conversion worker, and what it looks like when it is lost."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pytest_edgeai import units
from pytest_edgeai.errors import ConversionError, EdgeAIError

LOG_LINES = 12
PROGRESS_S = 0.5
T = TypeVar("T")
Label = TypeVar("Label")
_START = (
    "import json, sys; job = json.load(open(sys.argv[1])); sys.path[:] = job['sys_path'];"
    "from pytest_edgeai.convert.worker import main; main(job)"
)
_DISTRIBUTIONS = (
    "tensorflow",
    "tensorflow-cpu",
    "tf-nightly",
    "tensorflow-macos",
    "intel-tensorflow",
)


@dataclass(frozen=True)
class WorkerResult:
    """What a worker returned, and what it printed."""

    value: dict[str, Any]
    log: str


class Workers:
    """Starts workers, tells how long they take, and ends them when the wait is interrupted.

    Args:
        limit_s: how long one job may take.
        progress: is told now and then what is running, at the end "".
    """

    def __init__(self, limit_s: float, progress: Callable[[str], None]) -> None:
        self._limit_s = limit_s
        self._progress = progress
        self._running: set[subprocess.Popen[bytes]] = set()

    def together(
        self, name: str, tasks: Mapping[Label, Callable[[], T]]
    ) -> dict[Label, T | EdgeAIError]:
        """Run tasks that start workers side by side; an error stands for one that failed.

        Args:
            name: what the progress says they are for.
        """
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            running = {label: pool.submit(caught, task) for label, task in tasks.items()}
            begin = time.monotonic()
            try:
                while pending := wait(running.values(), PROGRESS_S).not_done:
                    left = ", ".join(map(str, (k for k, f in running.items() if f in pending)))
                    self._progress(f"{name}: {left}, {units.seconds(time.monotonic() - begin)}")
            except BaseException:
                for future in running.values():
                    future.cancel()
                for worker in list(self._running):
                    worker.kill()
                raise
            finally:
                self._progress("")
        return {label: future.result() for label, future in running.items()}

    def run(self, job: dict[str, Any], what: str) -> WorkerResult:
        """Run one job to its end.

        Raises:
            ConversionError: it was refused, crashed, was killed or took too long; has the last
                lines of the log in its message.
        """
        require_tensorflow()
        with tempfile.TemporaryDirectory(prefix="edgeai-job-") as folder:
            log_path, result_path = Path(folder, "log"), Path(folder, "result.json")
            job_path = Path(folder, "job.json")
            job_path.write_text(
                json.dumps({**job, "result": str(result_path), "sys_path": _import_path()})
            )
            status = self._wait(job_path, log_path, folder)
            log = log_path.read_text(errors="replace")
            if not result_path.exists():
                raise ConversionError(_death(what, status, self._limit_s, log), _death_hint(status))
            value = json.loads(result_path.read_text())
        if "error" in value:
            raise ConversionError(f"{what}: {value['error']}", value["hint"] or _tail(log))
        return WorkerResult(value, log)

    def _wait(self, job_path: Path, log_path: Path, folder: str) -> int | None:
        """The exit status; None when the time was up."""
        command = [sys.executable, "-c", _START, str(job_path)]
        environment = {"TF_CPP_MIN_LOG_LEVEL": "1", **os.environ, "TMPDIR": folder}
        with log_path.open("wb") as log:
            worker = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )
        self._running.add(worker)
        try:
            return worker.wait(timeout=self._limit_s)
        except subprocess.TimeoutExpired:
            return None
        finally:
            worker.kill()
            worker.wait()
            self._running.discard(worker)
            if worker.stdin:
                worker.stdin.close()


def caught(task: Callable[[], T]) -> T | EdgeAIError:
    """The result of a task, or the error that it raised on purpose."""
    try:
        return task()
    except EdgeAIError as error:
        return error


def tensorflow_version() -> str:
    """The installed TensorFlow's version, without importing it."""
    for name in _DISTRIBUTIONS:
        with suppress(importlib.metadata.PackageNotFoundError):
            return f"{name} {importlib.metadata.version(name)}"
    return "unknown"


def require_tensorflow() -> None:
    """Raise a ConversionError where TensorFlow is not installed."""
    if importlib.util.find_spec("tensorflow") is None:
        raise ConversionError(
            "converting a model needs TensorFlow, which is not installed",
            "pip install 'pytest-edgeai[tensorflow]', or test .tflite files that are ready",
        )


def _import_path() -> list[str]:
    return [str(Path(entry).absolute()) for entry in sys.path]


def _death(what: str, status: int | None, limit_s: float, log: str) -> str:
    if status is None:
        how = f"the converter was ended after its limit of {units.seconds(limit_s)}"
    elif status < 0:
        how = f"the converter ended with {signal.Signals(-status).name}"
    else:
        how = f"the converter ended with exit status {status}"
    return f"{what}: {how}\n{_tail(log)}"


def _death_hint(status: int | None) -> str:
    if status is None:
        return "raise --edge-convert-timeout if this model really needs longer"
    if status == -signal.SIGKILL:
        return "often the kernel's out-of-memory killer: see `dmesg`; convert on a larger machine"
    return "the converter crashed on this model; the whole log is in this test's report"


def _tail(log: str) -> str:
    lines = [line for line in log.strip().splitlines() if line.strip()]
    return "last lines of its log:\n    " + "\n    ".join(lines[-LOG_LINES:]) if lines else ""
