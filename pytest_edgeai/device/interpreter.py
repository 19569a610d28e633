"""The handle that users hold: the calls of ``tf.lite.Interpreter``, and ``predict``."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Any, NamedTuple, Protocol

import numpy as np

from pytest_edgeai.device.batch import Batch, Runs, as_runs, by_index, resized
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.quantisation import (
    Array,
    Details,
    is_quantised,
    native,
    random_tensor,
    real_range,
    rule,
)
from pytest_edgeai.device.refusals import hint
from pytest_edgeai.device.signature import SignatureRunner, Signatures, named
from pytest_edgeai.errors import EdgeAIError, InterpreterError, TensorError
from pytest_edgeai.model.tflite import Model

__tracebackhide__ = True
"""A failing call shows in the test that made it, not here."""

WARM_UP_S = 0.5
WARM_UP_RUNS = 1_000_000
BURST_NS = 100_000_000
SEED = 20_240_229
_PIXELS = "pixels go in as they are, np.array(image, dtype=np.uint8), not divided by 255; "
STEPS = 10
"""Calls that a start in a process of its own makes at most."""
SIZE_IT = (
    "in the test's body, call predict() on a typical sample, or resize_tensor_input() and "
    "allocate_tensors()"
)


Pair = tuple[int, float, int, int, float, int]
"""A tensor's index, scale and zero point, then those of its counterpart; a scale of 0: real."""


class DeviceClock(Protocol):
    """Who is told how long inferences took on the device, once it has begun to time."""

    @property
    def began(self) -> bool: ...

    def add(self, interpreter: Interpreter, elapsed_ns: int, inferences: int) -> None: ...


class Used(NamedTuple):
    """CPU seconds of the machine while runs were timed; None where the system does not tell."""

    others_s: float | None = 0.0
    cores_s: float = 0.0

    def plus(self, others_s: float | None, cores_s: float) -> Used:
        known = self.others_s is not None and others_s is not None
        total = self.others_s + others_s if known else None  # type: ignore[operator]
        return Used(total, self.cores_s + cores_s)

    def share_since(self, earlier: Used) -> float | None:
        """The share of the machine that others used."""
        cores_s = self.cores_s - earlier.cores_s
        if self.others_s is None or earlier.others_s is None or cores_s <= 0:
            return None
        return max((self.others_s - earlier.others_s) / cores_s, 0.0)


class Interpreter:
    """A model loaded by the runtime of a device, in a process of its own.

    It has the calls of ``tf.lite.Interpreter``, with the same arguments and results, and its
    tensors are allocated. ``predict`` takes and returns real values. A context manager.

    Attributes:
        model: the file under test and its facts.
        device: where it runs.
        threads: interpreter threads, always set.
        load_ms: time to open the file and to allocate the tensors, in milliseconds.
        delegated: share of the operators that a delegate (XNNPACK) runs; None if the runtime won't
            tell.
        undelegated: how many operators no delegate runs, by kind.
        clock: told of device time once a benchmark has begun.
        used: what else the machine did in the timed runs so far.
        before_bursts: conditions when a benchmark began.

    Raises:
        InterpreterError: the runtime refuses the model.
        DeviceError: the process crashed or hung.
    """

    def __init__(self, device: Device, model: Model, threads: int | None = None) -> None:
        self.model = model
        self.device = device
        self.threads = threads or device.spec.threads or 1
        self.clock: DeviceClock | None = None
        self.used = Used()
        self.before_bursts: dict[str, Any] | None = None
        self._fed: set[int] = set()
        self._seeded: set[int] = set()
        self._sized = False
        self._ahead_ns: deque[int] = deque()
        self._burst_runs = 1
        self._undo = ExitStack()
        self._signatures = Signatures(self._request, repr(self))
        with device.together(f"loading {self._what}"):
            self._process = device.start(self._what)
            try:
                self.load_ms = self._load()
                self._refresh_details()
            except BaseException:
                self.close()
                raise

    def __enter__(self) -> Interpreter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def variant(self) -> str:
        """Which variant this is: ``converted``, ``dynamic``, ``int8``, ``float16``, ``int16x8``."""
        return self.model.variant

    @property
    def _what(self) -> str:
        return f"{self.variant} of {self.model.name}"

    def __repr__(self) -> str:
        return f"<{self._what} on {self.device.name}>"

    def close(self) -> None:
        """End the process."""
        self._undo.close()
        self._process.close()

    # The calls of tf.lite.Interpreter.

    def allocate_tensors(self) -> None:
        """Allocate the tensors, as after ``resize_tensor_input``."""
        self._call("allocate_tensors")
        self._refresh_details()

    def get_input_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantisation of each input."""
        return self._details("get_input_details")

    def get_output_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantisation of each output."""
        return self._details("get_output_details")

    def get_tensor_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantisation of each tensor."""
        return self._details("get_tensor_details")

    def set_tensor(self, tensor_index: int, value: Any) -> None:
        """Copy a value of the input's shape and dtype into it; nothing is scaled or cast."""
        try:
            self._call("set_tensor", int(tensor_index), native(value))
        except TensorError as error:
            raise self._explained_feed(error, int(tensor_index), native(value)) from None
        self._fed.add(int(tensor_index))
        self._seeded.discard(int(tensor_index))

    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> Array:
        """A copy of a tensor, as stored."""
        return np.asarray(self._call("get_tensor", int(tensor_index), int(subgraph_index))[0])

    def resize_tensor_input(self, input_index: int, tensor_size: Any, strict: bool = False) -> None:
        """Give an input another shape; ``allocate_tensors`` has to follow."""
        size = [int(extent) for extent in tensor_size]
        self._call("resize_tensor_input", int(input_index), size, strict=bool(strict))
        self._fed.discard(int(input_index))
        self._sized = True

    def reset_all_variables(self) -> None:
        """Set the model's variable tensors back to their start; not its resource variables."""
        self._call("reset_all_variables")

    def get_signature_list(self) -> dict[str, Any]:
        """Signature keys with the names of their inputs and outputs."""
        return self._signatures.all()

    def get_signature_runner(self, signature_key: str | None = None) -> SignatureRunner:
        """A callable for one signature: ``runner(x=...)`` returns outputs by name."""
        return SignatureRunner(self._run_signature, *self._signatures.details(signature_key))

    def invoke(self) -> None:
        """Run the model once.

        In a benchmark a call is one timed run: set_tensor of the inputs last set, then invoke.
        While it calls nothing else, the runs are made in bursts on the device, after a warm-up, and
        every call takes the next one: a round trip between two runs would let the caches and the
        CPU cool down.
        """
        if self.clock is None or not self.clock.began:
            self._call("invoke")
            return
        if not self._ahead_ns:
            self._ahead_ns.extend(self._burst())
        self.clock.add(self, self._ahead_ns.popleft(), 1)

    # What goes beyond it.

    def predict(self, batch: Batch) -> Any:
        """Real values in, real values out; scale and zero point are applied here.

        Every sample is run by itself (in groups of the model's own batch size), and a stateful
        model's variables are reset before each run. Where the process died in an earlier call, a
        fresh one takes its place, with the inputs' shapes and without their values.

        Args:
            batch: shape (N, ...) of floats for a float or quantised input, else of the input's own
                kind; for several inputs a mapping by name (as in the signature or the tensor).

        Returns:
            An array of N answers; for several outputs a dict by name.

        Raises:
            TensorError: a shape, dtype or name that the model does not take.
            DeviceError: the process crashed, hung or was killed in this call.
        """
        if self._process.has_died:
            self._start_anew()
        runs = self._runs_of(batch)
        outputs = {
            str(details["name"]): runs.joined(answers, details)
            for details, answers in zip(
                named(self._outputs, self.output_names), self._run_all(runs), strict=True
            )
        }
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    def compare(self, baseline: Interpreter, batch: Batch, pairs: Sequence[Pair]) -> Array:
        """Sums over runs of two models of a device, made by new interpreters in this process.

        Args:
            batch: see ``predict``.
            pairs: tensors that stand for the same values.

        Returns:
            See ``Agent.compare``.

        Raises:
            TensorError: the models take other inputs, or a pair differs in its shape.
            InterpreterError: the runtime refuses a model, or does not show what is inside.
        """
        sides = (self, baseline)
        all_runs = [side._runs_of(batch) for side in sides]
        count = len(all_runs[0])
        if len(all_runs[1]) != count:
            raise TensorError(f"{self._what} and {baseline._what} take batches of other sizes")
        models = [
            (side._path, runs.tensors, side._rules)
            for side, runs in zip(sides, all_runs, strict=True)
        ]
        args = (*models, list(pairs), self._process.limit_s)
        calls = 2 * count + 1
        return np.asarray(
            self._request("compare", *args, step="compare", calls=calls, stored=True)[0]
        )

    @cached_property
    def input_names(self) -> list[str]:
        """The inputs' names: as in the model's only signature, else the tensors' own."""
        return self._signatures.names("inputs", self._inputs)

    @cached_property
    def output_names(self) -> list[str]:
        """The outputs' names: as in the model's only signature, else the tensors' own."""
        return self._signatures.names("outputs", self._outputs)

    @property
    def seen_inputs(self) -> list[Details]:
        """Details of each input as last seen, under the names for ``predict``."""
        return named(self._inputs, self.input_names)

    @property
    def input_origin(self) -> str | None:
        """What the timed runs are fed with; None before there were any."""
        if self._seeded:
            return "seeded random values"
        return "set by the test" if self._fed else None

    @property
    def input_shapes(self) -> dict[str, list[int]]:
        """The shape that each input was last seen with, by tensor name; asks nobody."""
        return {
            str(details["name"]): [int(size) for size in details["shape"]]
            for details in self._inputs
        }

    def inputs(self) -> dict[int, Array]:
        """What timed runs are fed with, by tensor index; seeded random values if nobody set any.

        Raises:
            TensorError: an input has dynamic dimensions, and nobody said how large they are.
        """
        self._refresh_if_stale()
        self._seed_inputs()
        return dict(self._request("inputs")[0])

    def start_afresh(
        self, operation: str, threads: int, inputs: dict[int, Array], *args: Any
    ) -> Any:
        """Load the model in a process of its own, which ends with this call.

        Args:
            operation: ``start_up`` or ``memory``, see ``Agent``.
            inputs: as ``inputs`` returned them.
            args: what else the operation takes.

        Returns:
            What the operation returned.
        """
        path = self.device.board.place(self.model.path, self.model.facts.sha256)
        shapes = {index: list(np.shape(array)) for index, array in inputs.items()}
        with self.device.start(self._what) as process:
            process.request("feed", inputs, stored=True)
            given = (path, threads, shapes if self._sized else {}, process.limit_s, *args)
            try:
                return process.request(operation, *given, step="start-up", calls=STEPS)[0]
            except InterpreterError as error:
                raise self._explained(error, "invoke") from None

    def take_inputs(self, other: Interpreter) -> None:
        """Give the inputs the shapes and values that another interpreter of the model has."""
        values = other._request("inputs")[0]
        other._refresh_if_stale()
        self._take_shapes(other._inputs)
        for index, value in values.items():
            if index not in other._seeded:
                self.set_tensor(index, value)

    def time_runs(
        self, min_runs: int, min_s: float, max_runs: int, max_s: float, rewarm_s: float = 0.0
    ) -> Array:
        """Times of single runs (set_tensor of every input, then invoke), in nanoseconds, int64.

        Inputs that nobody set get seeded random values first. The loop runs on the device; it ends
        at ``max_runs`` or ``max_s``, else when both minima are reached. Runs in the first
        ``rewarm_s`` are not timed.

        Raises:
            TensorError: an input has dynamic dimensions, and nobody said how large they are.
        """
        self._refresh_if_stale()
        self._seed_inputs()
        limit_s = self._process.limit_s
        calls = 1 + math.ceil(max_s / limit_s)
        args = (int(min_runs), float(min_s), int(max_runs), float(max_s), limit_s, float(rewarm_s))
        samples, others_s, cores_s = self._request("time_runs", *args, step="invoke", calls=calls)[
            0
        ]
        self.used = self.used.plus(others_s, cores_s)
        return np.asarray(samples)

    def warm_up(self, max_s: float) -> int:
        """Run until ``max_s`` have passed, at least once; returns how often."""
        return len(self.time_runs(1, max_s, WARM_UP_RUNS, max_s))

    def conditions(self) -> dict[str, Any]:
        """What may change on the device between two measurements; see ``keeper.conditions``."""
        return self.device.conditions()

    def _start_anew(self) -> None:
        """A fresh process with the model, its inputs of the shapes that they had."""
        inputs = self._inputs
        with self.device.together(f"loading {self._what}"):
            fresh = self.device.start(self._what)
            self._process.close()
            self._process = fresh
            self._load()
            self._refresh_details()
            self._fed.clear()
            self._seeded.clear()
            self._take_shapes(inputs)

    def _take_shapes(self, inputs: list[dict[str, Any]]) -> None:
        for mine, its in zip(self._inputs, inputs, strict=True):
            if tuple(mine["shape"]) != tuple(its["shape"]):
                self.resize_tensor_input(mine["index"], its["shape"])
        self.allocate_tensors()

    def _load(self) -> float:
        self._path = self.device.board.place(self.model.path, self.model.facts.sha256)
        try:
            load_ns = self._request("load", self._path, self.threads, step="load")[1]
        except TensorError as error:  # the runtime's ValueError for a file that it cannot read
            raise self._explained(error, "load") from None
        try:
            return (load_ns + self._call("allocate_tensors")[1]) / 1e6
        except InterpreterError:
            if not any(map(_is_dynamic, self.get_input_details())):
                raise
            return load_ns / 1e6  # it may work at a real size

    def _request(
        self, operation: str, *args: Any, step: str = "", **kwargs: Any
    ) -> tuple[Any, int]:
        self._ahead_ns.clear()
        try:
            return self._process.request(operation, *args, step=step, **kwargs)
        except InterpreterError as error:
            raise self._explained(error, step) from None

    def _explained(self, error: EdgeAIError, step: str) -> InterpreterError:
        said = error.message.removeprefix(f"{self._process.what}: {step}: ")
        facts = self.device.facts
        runtime = f"{facts.runtime} {facts.runtime_version}"
        return InterpreterError(error.message, hint(said, step, runtime, self.model.facts))

    def _explained_feed(self, error: TensorError, index: int, value: Array) -> TensorError:
        """The same, and how a quantised input is fed, where real values were given to it."""
        details = next((d for d in self._inputs if int(d["index"]) == index), None)
        if details is None or value.dtype.kind != "f" or not is_quantised(details):
            return error
        dtype, (low, high) = np.dtype(details["dtype"]).name, real_range(details)
        return TensorError(
            f"{error.message}: real values of {value.dtype} were given to a quantised input",
            f"it holds {dtype}, scale {float(details['quantization'][0]):.4g}, zero point "
            f"{int(details['quantization'][1])}; {_PIXELS if dtype == 'uint8' else ''}"
            f"predict() takes real values, from {low:.4g} to {high:.4g}, and quantises them",
        )

    def _call(self, method: str, *args: Any, **kwargs: Any) -> tuple[Any, int]:
        self._burst_runs = 1
        return self._request("call", method, *args, step=method, **kwargs)

    def _details(self, method: str) -> list[dict[str, Any]]:
        return [dict(details) for details in self._call(method)[0]]

    def _refresh_details(self) -> None:
        self._inputs, self._outputs = self.get_input_details(), self.get_output_details()
        told: tuple[float | None, dict[str, int]] = self._request("delegated")[0] or (None, {})
        self.delegated, self.undelegated = told
        self._stale = False

    def _refresh_if_stale(self) -> None:
        if self._stale:
            self._refresh_details()

    def _tell(self, elapsed_ns: int, inferences: int) -> None:
        if self.clock is not None and self.clock.began:
            self._hold()
            self.clock.add(self, elapsed_ns, inferences)

    def _burst(self) -> list[int]:
        """The next timed runs: one, then twice as many each time, up to ``BURST_NS``."""
        if self.before_bursts is None:
            self._hold()
            self.warm_up(WARM_UP_S)
        samples = self.time_runs(self._burst_runs, 0.0, self._burst_runs, BURST_NS / 1e9)
        if int(samples.sum()) < BURST_NS // 2:
            self._burst_runs *= 2
        return [int(sample) for sample in samples]

    def _hold(self) -> None:
        """Keep the device to itself until ``close``: a benchmark has begun."""
        if self.before_bursts is None:
            self._undo.enter_context(self.device.alone(f"benchmark of {self._what}"))
            self.before_bursts = self.conditions()

    def _seed_inputs(self) -> None:
        generator = np.random.default_rng(SEED)
        for details in self._inputs:
            index = int(details["index"])
            if index not in self._fed:
                if _is_dynamic(details) and not self._sized:
                    raise TensorError(_without_size(self._process.what, details), SIZE_IT)
                self._call("set_tensor", index, random_tensor(details, generator))
                self._fed.add(index)
                self._seeded.add(index)

    def _run_signature(self, key: str, inputs: dict[str, Any]) -> dict[str, Array]:
        arrays = {name: native(value) for name, value in inputs.items()}
        self._stale = self._sized = True  # the runtime resizes the inputs to what it is given
        self._fed.clear()
        (outputs, elapsed_ns), _ = self._request(
            "run_signature", key, arrays, step=f"signature {key}"
        )
        self._tell(elapsed_ns, 1)
        return dict(outputs)

    def _resize_to(self, arrays: dict[int, Array]) -> None:
        """Follow the sizes of dynamic dimensions other than the batch."""
        shapes = {
            details["index"]: resized(arrays[details["index"]], details) for details in self._inputs
        }
        for index, shape in shapes.items():
            if shape is not None:
                self.resize_tensor_input(index, shape)
        if any(shapes.values()):
            self.allocate_tensors()

    def _runs_of(self, batch: Batch) -> Runs:
        """A batch as runs; dynamic inputs get its size."""
        self._refresh_if_stale()
        arrays = by_index(batch, self._inputs, self.input_names)
        self._resize_to(arrays)
        return as_runs(arrays, named(self._inputs, self.input_names))

    @property
    def _rules(self) -> dict[int, tuple[str, float, int]]:
        """How real values become the quantised inputs', by index."""
        return {int(d["index"]): how for d in self._inputs if (how := rule(d)) is not None}

    def _run_all(self, runs: Runs) -> list[list[Array]]:
        """For each output, what every run answered."""
        outputs = [int(details["index"]) for details in self._outputs]
        parts: list[list[Array]] = [[] for _ in outputs]
        while len(parts[0]) < len(runs):
            tensors, first = runs.part(len(parts[0]), self._outputs)
            limit_s = self._process.limit_s
            args = (tensors, self._rules, outputs, self._reset, limit_s, first)
            (answers, elapsed_ns), _ = self._request(
                "predict", *args, step="invoke", calls=2, stored=True
            )
            self._tell(elapsed_ns, len(answers[0]))
            for part, answer in zip(parts, answers, strict=True):
                part.extend(answer)
        self._burst_runs = 1
        self._fed |= set(runs.tensors)
        self._seeded.clear()
        return parts

    @property
    def _reset(self) -> str:
        """What makes the model forget; see ``Agent.reset``."""
        if any(operator.name == "VAR_HANDLE" for operator in self.model.facts.operators):
            return "reload"
        return "variables" if self.model.facts.stateful else ""


def _is_dynamic(details: Details) -> bool:
    """Whether more than the batch size may change."""
    return -1 in [int(size) for size in details["shape_signature"]][1:]


def _without_size(what: str, details: Details) -> str:
    sizes = ", ".join("any" if size == -1 else str(size) for size in details["shape_signature"])
    return f"{what}: input {details['name']!r} has the shape ({sizes}): how large is not said"
