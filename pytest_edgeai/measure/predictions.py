"""What a model puts out on a whole data set, batch by batch."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

from pytest_edgeai.device.batch import Batch, by_index
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.quantisation import Details, is_quantised, real_range
from pytest_edgeai.device.signature import named
from pytest_edgeai.errors import DataError, EdgeAIError, TensorError
from pytest_edgeai.model.casting import NUMBERS
from pytest_edgeai.model.contract import explained
from pytest_edgeai.model.dataset import Dataset

BATCH = 64
MIN_STEPS = 2
MAX_SATURATED = 0.5
FAR_BEYOND, MAX_FAR = 3.0, 0.1
"""Values so many widths of the range beyond it may not be so many."""
PAYS_S, MATES_PAY_S = 0.3, 2.0
"""What takes longer is shared with more interpreters of the device, and with other devices of its
kind: they take a while to start."""
MOST_HELPERS = 64

Answers = Any
"""An array of shape (N, ...), or a dict of them by output name."""


def predictions(interpreter: Interpreter, data: Dataset) -> Answers:
    """The model's answers to a whole data set, real values, batch by batch.

    What takes long is shared with an interpreter for each core of the device that is left, and with
    free devices of the same kind. Every sample is run by itself, so that the answers are the same.

    Raises:
        DataError: the data cannot be what the model was quantised for.
    """
    names, inputs = interpreter.input_names, interpreter.get_input_details()
    seen = {int(d["index"]): InputRange(d) for d in named(inputs, names)}

    def look(batch: Batch) -> None:
        for index, values in by_index(batch, inputs, names).items():
            seen[index].add(values)

    work = _Work(data, look)
    try:
        with interpreter.inputs_kept():
            begin = time.monotonic()
            work.do(interpreter, batches=1)
            left_s = (time.monotonic() - begin) * (len(data) / BATCH - 1)
            if left_s > PAYS_S:
                work.share(interpreter, with_mates=left_s > MATES_PAY_S)
            work.do(interpreter)  # all of it, or what a lost board gave back
    except TensorError as error:
        hint = error.hint or "inputs as the model takes them, with labels apart: (inputs, labels)"
        raise DataError(f"evaluation_data ({data.describe()}): {error.message}", hint) from None
    for entry in seen.values():
        entry.check()
    parts = [work.answers[number] for number in range(math.ceil(len(data) / BATCH))]
    if isinstance(parts[0], dict):
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return np.concatenate(parts)


class _Work:
    """The batches of a data set, handed out to one interpreter or several.

    Attributes:
        answers: by the batch's number.
        error: what is wrong with the data; whoever met it, all of the data is useless then.
    """

    def __init__(self, data: Dataset, look: Callable[[Batch], None]) -> None:
        self.answers: dict[int, Answers] = {}
        self.error: Exception | None = None
        self._batches = enumerate(data.batches(BATCH))
        self._look = look
        self._returned: list[tuple[int, Batch]] = []
        self._mutex = threading.Lock()

    def do(self, interpreter: Interpreter, batches: float = math.inf) -> None:
        """Work until all, or so many batches, are done."""
        done = 0
        while done < batches and (taken := self._take()) is not None:
            self.answers[taken[0]] = interpreter.predict(taken[1])
            done += 1

    def share(self, interpreter: Interpreter, with_mates: bool) -> None:
        """Work together with others on the device, and on the free devices of its kind."""
        own = interpreter.device
        with ExitStack() as seats, ThreadPoolExecutor(MOST_HELPERS) as threads:
            devices = [own, *(own.mates(seats) if with_mates else ())]
            for device in devices:
                count = max(device.facts.cores // interpreter.threads, 1)
                for _ in range(count - (device is own)):
                    threads.submit(self._help, device, interpreter)
            self.do(interpreter)

    def _help(self, device: Device, interpreter: Interpreter) -> None:
        """Do what another interpreter can: it only helps, so what fails there is no error."""
        model, threads = interpreter.model, interpreter.threads
        with (
            suppress(EdgeAIError),
            device.together_now(f"evaluation of {model.name}"),
            Interpreter(device, model, threads) as helper,
        ):
            while (taken := self._take()) is not None:
                try:
                    self.answers[taken[0]] = helper.predict(taken[1])
                except BaseException:
                    with self._mutex:  # the other interpreter meets what is wrong with it, too
                        self._returned.append(taken)
                    raise

    def _take(self) -> tuple[int, Batch] | None:
        with self._mutex:
            if self._returned:
                return self._returned.pop()
            if self.error is not None:
                raise self.error
            try:
                taken = next(self._batches, None)
                if taken is not None:
                    self._look(taken[1])
            except Exception as error:
                self.error = error
                raise
            return taken


class InputRange:
    """The range of values that went into a quantised input, against what it can tell apart."""

    def __init__(self, details: Details) -> None:
        self._details = details
        self._low, self._high = np.inf, -np.inf
        self._outside = self._count = 0

    def add(self, values: np.ndarray[Any, Any]) -> None:
        """Take note of a batch of real values."""
        if not is_quantised(self._details) or values.dtype.kind not in NUMBERS:
            return
        low, high = real_range(self._details)
        step = float(self._details["quantization"][0])
        lowest, highest = float(values.min()), float(values.max())
        self._low, self._high = min(self._low, lowest), max(self._high, highest)
        if lowest < low - step or highest > high + step:
            self._outside += int(((values < low - step) | (values > high + step)).sum())
        self._count += values.size

    def check(self) -> None:
        """Raise a DataError where the whole data set cannot be in the model's range."""
        if self._count == 0:
            return
        low, high = real_range(self._details)
        steps = (self._high - self._low) / float(self._details["quantization"][0])
        got = f"evaluation data from {self._low:.4g} to {self._high:.4g}"
        wanted = f"input {self._details['name']!r} was quantised for {low:.4g} to {high:.4g}"
        hint = explained((self._low, self._high), (low, high)) or (
            "evaluation_data is scaled unlike the data that the model was calibrated with: scale "
            "both exactly as in training"
        )
        if 0 < steps < MIN_STEPS:
            raise DataError(f"{wanted}: {got} is less than {MIN_STEPS} of its steps", hint)
        beyond = max(low - self._low, self._high - high) / (high - low)
        most = MAX_SATURATED if beyond < FAR_BEYOND else MAX_FAR
        if self._outside > most * self._count:
            share = self._outside / self._count
            raise DataError(f"{wanted}: of the {got}, {share:.0%} lies outside and saturates", hint)
