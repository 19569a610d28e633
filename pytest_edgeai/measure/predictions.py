"""What a model puts out on a whole data set, batch by batch."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

from pytest_edgeai.device.batch import by_index
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.quantisation import Details, is_quantised, real_range
from pytest_edgeai.device.signature import named
from pytest_edgeai.errors import DataError, EdgeAIError, TensorError
from pytest_edgeai.model.casting import NUMBERS
from pytest_edgeai.model.contract import explained
from pytest_edgeai.model.dataset import Dataset
from pytest_edgeai.model.inputs import Inputs, at, sample_count

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

    def look(batch: Inputs) -> None:
        for index, values in by_index(batch, inputs, names).items():
            seen[index].add(values)

    batches = data.batches(BATCH)
    begin = next(batches)
    try:
        with interpreter.inputs_kept():
            interpreter.check(begin)
            work = _Work(len(data), _parts(begin, batches, interpreter.batch_size), look)
            with _Helpers(work, interpreter) as helpers:
                if work.do(interpreter, parts=1) > PAYS_S:
                    helpers.start_on_own_device()
                if work.do(interpreter, parts=1) > MATES_PAY_S:
                    helpers.start_on_mates()
                work.do(interpreter)
            work.do(interpreter)  # what a lost board gave back
    except TensorError as error:
        hint = error.hint or "inputs as the model takes them, with labels apart: (inputs, labels)"
        raise DataError(f"evaluation_data ({data.describe()}): {error.message}", hint) from None
    for entry in seen.values():
        entry.check()
    answers = [work.answers[number] for number in sorted(work.answers)]
    if isinstance(answers[0], dict):
        return {name: np.concatenate([part[name] for part in answers]) for name in answers[0]}
    return np.concatenate(answers)


class _Work:
    """The samples of a data set in parts, handed out to one interpreter or several.

    Args:
        samples: how many there are.
        parts: all of them, in order.
        look: is shown each part before anybody gets it.

    Attributes:
        answers: by the part's number.
        error: what ended it, such as wrong data; whoever met it, nobody goes on then.
    """

    def __init__(
        self, samples: int, parts: Iterator[Inputs], look: Callable[[Inputs], None]
    ) -> None:
        self.answers: dict[int, Answers] = {}
        self.error: BaseException | None = None
        self._left = samples
        self._parts = enumerate(parts)
        self._look = look
        self._returned: list[tuple[int, Inputs]] = []
        self._mutex = threading.Lock()

    def do(self, interpreter: Interpreter, parts: float = math.inf) -> float:
        """Work until all, or so many parts, are done; returns the seconds that are left then."""
        begin, done, samples = time.monotonic(), 0, 0
        while done < parts and (taken := self.take()) is not None:
            self.answers[taken[0]] = interpreter.predict(taken[1])
            done, samples = done + 1, samples + sample_count(taken[1])
        return (time.monotonic() - begin) / max(samples, 1) * self._left

    def give_back(self, taken: tuple[int, Inputs]) -> None:
        """Let somebody else do a part."""
        with self._mutex:
            self._returned.append(taken)

    def take(self) -> tuple[int, Inputs] | None:
        with self._mutex:
            if self.error is not None:
                raise self.error
            if self._returned:
                return self._returned.pop()
            try:
                taken = next(self._parts, None)
                if taken is not None:
                    self._look(taken[1])
                    self._left -= sample_count(taken[1])
            except Exception as error:
                self.error = error
                raise
            return taken


class _Helpers:
    """Further interpreters, here and on other devices, that end with the work; a context manager.

    They only help, so what fails there is no error: the first interpreter meets what is wrong with
    the data or the model, too.
    """

    def __init__(self, work: _Work, interpreter: Interpreter) -> None:
        self._work, self._interpreter, self._model = work, interpreter, interpreter.model
        self._stack = ExitStack()

    def __enter__(self) -> _Helpers:
        self._seats = self._stack.enter_context(ExitStack())
        self._threads = self._stack.enter_context(ThreadPoolExecutor(MOST_HELPERS))
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is not None:
            self._work.error = error
        self._stack.close()

    def start_on_own_device(self) -> None:
        """Beside the first interpreter."""
        self._start_others(self._interpreter.device)

    def start_on_mates(self) -> None:
        """As many on the free devices of the same kind."""
        for device in self._interpreter.device.mates(self._seats):
            self._threads.submit(self._start_on_mate, device)

    def _start_on_mate(self, device: Device) -> None:
        """Nothing where somebody times it at this moment: it is not waited for."""
        with suppress(EdgeAIError), device.together_now(f"evaluation of {self._model.name}"):
            self._start_others(device)
            self._help(device)

    def _start_others(self, device: Device) -> None:
        """One for each core that one interpreter leaves."""
        for _ in range(device.facts.cores // self._interpreter.threads - 1):
            self._threads.submit(self._help, device)

    def _help(self, device: Device) -> None:
        work, model, threads = self._work, self._model, self._interpreter.threads
        with (
            suppress(EdgeAIError),
            device.together_now(f"evaluation of {model.name}"),
            Interpreter(device, model, threads) as helper,
        ):
            while (taken := work.take()) is not None:
                try:
                    work.answers[taken[0]] = helper.predict(taken[1])
                except BaseException:
                    work.give_back(taken)
                    raise


def _parts(begin: Inputs, batches: Iterator[Inputs], first: int) -> Iterator[Inputs]:
    """Batches, the first of them in two parts: so few samples tell how long the others take."""
    yield at(begin, slice(first))
    if first < sample_count(begin):
        yield at(begin, slice(first, None))
    yield from batches


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
