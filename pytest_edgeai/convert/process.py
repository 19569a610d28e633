"""Starting a conversion worker, and ending it."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pytest_edgeai import units
from pytest_edgeai.convert.death import death, death_hint, tail, without_noise
from pytest_edgeai.convert.worker import WHERE_ARE_YOU
from pytest_edgeai.device.lock import THIS_MACHINE
from pytest_edgeai.errors import ConversionError, EdgeAIError

WHERE_ARE_YOU_S = 0.2
PROGRESS_S = 0.5
T = TypeVar("T")
Label = TypeVar("Label")
_START = (
    "import sys; sys.path[:] = filter(None, sys.path); import json; "
    "job = json.load(open(sys.argv[1])); sys.path[:] = job['sys_path']; "
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
        self._starting = threading.Lock()
        self._interrupted = False

    def together(
        self, name: str, tasks: Mapping[Label, Callable[[], T]]
    ) -> dict[Label, T | EdgeAIError]:
        """Run tasks that start workers side by side; an error stands for one that failed.

        Args:
            name: what the progress says they are for.
        """
        self._interrupted = False
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            begin = time.monotonic()
            try:
                running = {label: pool.submit(caught, task) for label, task in tasks.items()}
                while pending := wait(running.values(), PROGRESS_S).not_done:
                    left = ", ".join(map(str, (k for k, f in running.items() if f in pending)))
                    self._progress(f"{name}: {left}, {units.seconds(time.monotonic() - begin)}")
            except BaseException:
                self._interrupt()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            finally:
                self._progress("")
        return {label: future.result() for label, future in running.items()}

    def check(self) -> None:
        """Raise where the wait was interrupted: nothing is started any more then."""
        if self._interrupted:
            raise ConversionError("interrupted")

    def run(self, job: dict[str, Any], what: str) -> WorkerResult:
        """Run one job to its end.

        Raises:
            ConversionError: it was refused, crashed, was killed or took too long; has the last
                lines of the log in its message.
        """
        require_tensorflow()
        try:
            with THIS_MACHINE.together(f"conversion: {what}", self._tell):
                return self._run(job, what)
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            raise ConversionError(
                f"{what}: the converter's process could not be run: {error.strerror}{place}",
                "it needs memory, and room for temporary files where TMPDIR says",
            ) from error

    def _tell(self, text: str) -> None:
        self.check()
        self._progress(text)

    def _run(self, job: dict[str, Any], what: str) -> WorkerResult:
        with tempfile.TemporaryDirectory(
            prefix="edgeai-job-", ignore_cleanup_errors=True
        ) as folder:
            log_path, result_path = Path(folder, "log"), Path(folder, "result.json")
            job_path = Path(folder, "job.json")
            job_path.write_text(
                json.dumps({**job, "result": str(result_path), "sys_path": _import_path()})
            )
            status = self._wait(job_path, log_path, folder)
            log = without_noise(log_path.read_text(errors="replace"))
            if not result_path.exists():
                how = death(status, self._limit_s)
                raise ConversionError(
                    f"{what}: {how}\n{tail(log)}", death_hint(status, job["task"]), log
                )
            value = json.loads(result_path.read_text())
        if "error" in value:
            raise ConversionError(f"{what}: {value['error']}", value["hint"], log)
        return WorkerResult(value, log)

    def _wait(self, job_path: Path, log_path: Path, folder: str) -> int | None:
        """The exit status; None when the time was up."""
        command = [sys.executable, "-c", _START, str(job_path)]
        environment = {"TF_CPP_MIN_LOG_LEVEL": "1", **os.environ, "TMPDIR": folder}
        environment["KERAS_BACKEND"] = "tensorflow"
        with self._starting, log_path.open("wb") as log:
            self.check()
            worker = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
            self._running.add(worker)
        try:
            return worker.wait(timeout=self._limit_s)
        except subprocess.TimeoutExpired:
            worker.send_signal(WHERE_ARE_YOU)
            time.sleep(WHERE_ARE_YOU_S)
            return None
        finally:
            _kill(worker)
            worker.wait()
            self._running.discard(worker)
            if worker.stdin:
                worker.stdin.close()

    def _interrupt(self) -> None:
        with self._starting:
            self._interrupted = True
            for worker in list(self._running):
                _kill(worker)


def _kill(worker: subprocess.Popen[bytes]) -> None:
    """End a worker and what it has started; they are a process group of their own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(worker.pid, signal.SIGKILL)


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
    """Ours, for a process whose working directory may change."""
    return [str(Path(entry).absolute()) if Path(entry).exists() else entry for entry in sys.path]
