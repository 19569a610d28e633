"""Jobs for conversion workers, and what comes of them."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from pytest_edgeai import units
from pytest_edgeai.convert.death import death, death_hint, tail
from pytest_edgeai.convert.worker_process import WorkerProcess
from pytest_edgeai.device.lock import THIS_MACHINE
from pytest_edgeai.errors import ConversionError, EdgeAIError

PROGRESS_S = 0.5
T = TypeVar("T")
Label = TypeVar("Label")
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
        self._workers: set[WorkerProcess] = set()
        self._idle: list[WorkerProcess] = []
        self._starting = threading.Lock()
        self._interrupted = False

    def together(
        self, name: str, tasks: Mapping[Label, Callable[[], T]]
    ) -> dict[Label, T | EdgeAIError]:
        """Run tasks that need workers side by side; an error stands for one that failed.

        A worker does what is next when it is ready, and all are ended at the end.

        Args:
            name: what the progress says they are for.
        """
        self._interrupted = False
        try:
            with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
                running = {label: pool.submit(caught, task) for label, task in tasks.items()}
                self._watch(name, running, pool)
        finally:
            self._end_idle()
        return {label: future.result() for label, future in running.items()}

    def _watch(
        self, name: str, running: Mapping[Label, Future[Any]], pool: ThreadPoolExecutor
    ) -> None:
        """Tell what is running until nothing is; an interrupt ends it all."""
        begin = time.monotonic()
        try:
            while pending := wait(running.values(), PROGRESS_S).not_done:
                left = ", ".join(map(str, (k for k, f in running.items() if f in pending)))
                self._progress(f"{name}: {left}, {units.seconds(time.monotonic() - begin)}")
        except BaseException:
            self._interrupt()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
        finally:
            self._progress("")

    def check(self) -> None:
        """Raise where the wait was interrupted: nothing is started any more then."""
        if self._interrupted:
            raise ConversionError("interrupted")

    def run(self, job: dict[str, Any], what: str, log: str = "") -> WorkerResult:
        """Run one job to its end.

        Args:
            log: what was printed before, for the same purpose.

        Raises:
            ConversionError: it was refused, crashed, was killed or took too long; has the last
                lines of the log in its message.
        """
        require_tensorflow()
        try:
            with THIS_MACHINE.together(f"conversion: {what}", self._tell):
                return self._run(job, what, log)
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            raise ConversionError(
                f"{what}: the converter's process could not be run: {error.strerror}{place}",
                "it needs memory, and room for temporary files where TMPDIR says",
            ) from error

    def _tell(self, text: str) -> None:
        self.check()
        self._progress(text)

    def _run(self, job: dict[str, Any], what: str, before: str) -> WorkerResult:
        worker = self._taken()
        try:
            ended = worker.do(job, self._limit_s)
        except BaseException:
            self._leave(worker)
            raise
        value, log = ended.value, before + ended.log
        self._leave(worker, reuse=value is not None and "error" not in value)
        if value is None:
            how = death(ended.status, self._limit_s)
            raise ConversionError(
                f"{what}: {how}\n{tail(log)}", death_hint(ended.status, job["task"]), log
            )
        if "error" in value:
            raise ConversionError(f"{what}: {value['error']}", value["hint"], log)
        return WorkerResult(value, log)

    def _taken(self) -> WorkerProcess:
        """A worker that is idle, else a new one."""
        with self._starting:
            self.check()
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return worker
                self._end(worker)
            worker = WorkerProcess()
            self._workers.add(worker)
            return worker

    def _leave(self, worker: WorkerProcess, *, reuse: bool = False) -> None:
        """A worker whose job failed may be damaged, and does no other."""
        with self._starting:
            if reuse and not self._interrupted:
                self._idle.append(worker)
            else:
                self._end(worker)

    def _end(self, worker: WorkerProcess) -> None:
        self._workers.discard(worker)
        worker.end()

    def _end_idle(self) -> None:
        with self._starting:
            while self._idle:
                self._end(self._idle.pop())

    def _interrupt(self) -> None:
        with self._starting:
            self._interrupted = True
            for worker in list(self._workers):
                worker.kill()


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
