"""The handle that users hold: the calls of ``tf.lite.Interpreter``, and ``predict``."""

from __future__ import annotations

from collections import deque
from typing import Any, Protocol

import numpy as np

from pytest_edgeai.device.batch import (
    Array,
    Batch,
    Details,
    by_index,
    dequantise,
    joined,
    quantise,
    random_tensor,
    runs,
)
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.refusals import HINT_DAMAGED, explained
from pytest_edgeai.device.signature import SignatureRunner
from pytest_edgeai.errors import InterpreterError, TensorError
from pytest_edgeai.model.tflite import Model

RUNS_PER_REQUEST = 64
BURST_NS = 100_000_000
SEED = 20_240_229


class DeviceClock(Protocol):
    """Who is told how long inferences took on the device."""

    def add(self, interpreter: Interpreter, elapsed_ns: int, inferences: int) -> None: ...


class Interpreter:
    """A model loaded by the runtime of a device, in a process of its own.

    It has the calls of ``tf.lite.Interpreter``, with the same arguments and results, and its
    tensors are allocated. ``predict`` takes and returns real values.

    Attributes:
        model: the file under test and its facts.
        device: where it runs.
        threads: interpreter threads, always set.
        load_ms: time to open the file and to allocate the tensors, in milliseconds.
        delegated: whether a delegate (XNNPACK) runs part of it; None if the runtime won't tell.
        clock: told of device time while a benchmark runs.

    Raises:
        InterpreterError: the runtime refuses the model.
        DeviceError: the process crashed or hung.
    """

    def __init__(self, device: Device, model: Model, threads: int | None = None) -> None:
        self.model = model
        self.device = device
        self.threads = threads or device.spec.threads or 1
        self.clock: DeviceClock | None = None
        self._fed: set[int] = set()
        self._seeded = False
        self._ahead_ns: deque[int] = deque()
        self._burst_runs = 1
        self._process = device.start(f"{model.variant} of {model.name}")
        try:
            self.load_ms = self._load()
            self._inputs = self.get_input_details()
            self._outputs = self.get_output_details()
            self.delegated: bool | None = self._request("delegated")[0]
        except BaseException:
            self.close()
            raise

    @property
    def variant(self) -> str:
        """Which variant this is: ``converted``, ``dynamic``, ``int8``, ``float16``, ``int16x8``."""
        return self.model.variant

    def __repr__(self) -> str:
        return f"<{self.variant} of {self.model.name} on {self.device.name}>"

    def close(self) -> None:
        """End the process."""
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
        elapsed_ns = self._call("set_tensor", int(tensor_index), np.asarray(value))[1]
        self._fed.add(int(tensor_index))
        self._tell(elapsed_ns, 0)

    def get_tensor(self, tensor_index: int, subgraph_index: int = 0) -> Array:
        """A copy of a tensor, as stored."""
        return np.asarray(self._call("get_tensor", int(tensor_index), int(subgraph_index))[0])

    def resize_tensor_input(self, input_index: int, tensor_size: Any, strict: bool = False) -> None:
        """Give an input another shape; ``allocate_tensors`` has to follow."""
        size = [int(extent) for extent in tensor_size]
        self._call("resize_tensor_input", int(input_index), size, strict=strict)
        self._fed.discard(int(input_index))

    def reset_all_variables(self) -> None:
        """Set the model's variables back to their start."""
        self._call("reset_all_variables")

    def get_signature_list(self) -> dict[str, Any]:
        """Signature keys with the names of their inputs and outputs."""
        return dict(self._call("get_signature_list")[0])

    def get_signature_runner(self, signature_key: str | None = None) -> SignatureRunner:
        """A callable for one signature: ``runner(x=...)`` returns outputs by name."""
        key = signature_key or self._only_signature()
        inputs, outputs = self._request("signature", key, step="get_signature_runner")[0]
        return SignatureRunner(self._run_signature, key, inputs, outputs)

    def invoke(self) -> None:
        """Run the model once.

        While a benchmark calls nothing but ``invoke``, the timed runs (set_tensor of the inputs
        last set, then invoke) are made in bursts on the device, and every call takes the next
        one: a round trip between two runs would let the caches and the CPU cool down.
        """
        if self.clock is None:
            self._call("invoke")
            return
        if not self._ahead_ns:
            self._ahead_ns.extend(self._burst())
        self.clock.add(self, self._ahead_ns.popleft(), 1)

    # What goes beyond it.

    def predict(self, batch: Batch) -> Any:
        """Real values in, real values out; scale and zero point are applied here.

        Every sample is run by itself (in groups of the model's own batch size), and a stateful
        model's variables are reset before each run.

        Args:
            batch: shape (N, ...) of floats for a float or quantised input, else of the input's own
                kind; for several inputs a mapping by name (as in the signature or the tensor).

        Returns:
            An array of N answers; for several outputs a dict by name.

        Raises:
            TensorError: a shape, dtype or name that the model does not take.
        """
        arrays = by_index(batch, self._inputs, self.input_names)
        samples = len(next(iter(arrays.values())))
        if any(len(array) != samples for array in arrays.values()):
            raise TensorError(
                f"{self!r}: the inputs of the batch differ in their number of samples"
            )
        self._resize_to(arrays)
        tensors = {
            index: runs(quantise(array, self._input(index)), self._input(index))
            for index, array in arrays.items()
        }
        answers = self._run_all(tensors)
        outputs = {
            name: dequantise(answer, details)[:samples]
            for name, details, answer in zip(self.output_names, self._outputs, answers, strict=True)
        }
        return outputs if len(outputs) > 1 else next(iter(outputs.values()))

    @property
    def input_names(self) -> list[str]:
        """The inputs' names: as in the model's only signature, else the tensors' own."""
        return self._names("inputs", self._inputs)

    @property
    def output_names(self) -> list[str]:
        """The outputs' names: as in the model's only signature, else the tensors' own."""
        return self._names("outputs", self._outputs)

    @property
    def input_origin(self) -> str:
        """What the timed runs are fed with."""
        return "seeded random values" if self._seeded else "set by the test"

    def time_runs(self, min_runs: int, min_s: float, max_runs: int, max_s: float) -> Array:
        """Times of single runs (set_tensor of every input, then invoke), in nanoseconds, int64.

        Inputs that nobody set get seeded random values first. The loop runs on the device; it ends
        at ``max_runs`` or ``max_s``, else when both minima are reached.
        """
        self._seed_inputs()
        extra = 1 + int(max_s / self._process.limit_s)
        args = (int(min_runs), float(min_s), int(max_runs), float(max_s))
        samples = self._request("time_runs", *args, step="invoke", calls=extra)[0]
        return np.asarray(samples)

    def conditions(self) -> dict[str, Any]:
        """What may change on the device between two measurements: load, governor."""
        return dict(self._request("conditions")[0])

    def _load(self) -> float:
        path = str(self.model.path)
        try:
            load_ns = self._request("load", path, self.threads, step="load")[1]
        except TensorError as error:  # the runtime's ValueError for a file that it cannot read
            raise InterpreterError(error.message, HINT_DAMAGED) from None
        return (load_ns + self._call("allocate_tensors")[1]) / 1e6

    def _request(self, operation: str, *args: Any, **kwargs: Any) -> tuple[Any, int]:
        self._ahead_ns.clear()
        try:
            return self._process.request(operation, *args, **kwargs)
        except InterpreterError as error:
            raise explained(error, self.device.facts, self.model.facts) from None

    def _call(self, method: str, *args: Any, **kwargs: Any) -> tuple[Any, int]:
        self._burst_runs = 1
        return self._request("call", method, *args, step=method, **kwargs)

    def _details(self, method: str) -> list[dict[str, Any]]:
        return [dict(details) for details in self._call(method)[0]]

    def _refresh_details(self) -> None:
        self._inputs, self._outputs = self.get_input_details(), self.get_output_details()

    def _tell(self, elapsed_ns: int, inferences: int) -> None:
        if self.clock is not None:
            self.clock.add(self, elapsed_ns, inferences)

    def _burst(self) -> list[int]:
        """The next timed runs: one, then twice as many each time, up to ``BURST_NS``."""
        runs_now = 1 if self.model.facts.stateful else self._burst_runs
        samples = self.time_runs(runs_now, 0.0, runs_now, BURST_NS / 1e9)
        if int(samples.sum()) < BURST_NS // 2:
            self._burst_runs *= 2
        return [int(sample) for sample in samples]

    def _seed_inputs(self) -> None:
        generator = np.random.default_rng(SEED)
        for details in self._inputs:
            if details["index"] not in self._fed:
                self._seeded = True
                self._call("set_tensor", details["index"], random_tensor(details, generator))
                self._fed.add(details["index"])

    def _input(self, index: int) -> Details:
        return next(details for details in self._inputs if details["index"] == index)

    def _names(self, side: str, details: list[dict[str, Any]]) -> list[str]:
        tensor_names = [str(entry["name"]) for entry in details]
        if len(details) < 2 or len(self.get_signature_list()) != 1:
            return tensor_names
        runner = self.get_signature_runner()
        named = runner.get_input_details() if side == "inputs" else runner.get_output_details()
        by_index = {entry["index"]: name for name, entry in named.items()}
        return [by_index.get(entry["index"], str(entry["name"])) for entry in details]

    def _only_signature(self) -> str:
        keys = list(self.get_signature_list())
        if len(keys) != 1:
            raise TensorError(f"{self!r} has the signatures {keys}: name one")
        return str(keys[0])

    def _run_signature(self, key: str, inputs: dict[str, Any]) -> dict[str, Array]:
        arrays = {name: np.asarray(value) for name, value in inputs.items()}
        outputs, elapsed_ns = self._request("run_signature", key, arrays, step=f"signature {key}")
        self._tell(elapsed_ns, 1)
        return dict(outputs)

    def _resize_to(self, arrays: dict[int, Array]) -> None:
        """Follow the sizes of dynamic dimensions other than the batch."""
        resized = False
        for index, array in arrays.items():
            details = self._input(index)
            shape = [int(size) for size in details["shape"]]
            wanted = [*shape[:1], *array.shape[1:]]
            if array.ndim != len(shape) or wanted == shape or -1 not in details["shape_signature"]:
                continue
            runs(array, details)  # raises where the fixed dimensions do not fit
            self.resize_tensor_input(index, wanted)
            resized = True
        if resized:
            self.allocate_tensors()

    def _run_all(self, tensors: dict[int, Array]) -> list[Array]:
        total = len(next(iter(tensors.values())))
        outputs = [int(details["index"]) for details in self._outputs]
        reset = self.model.facts.stateful
        parts: list[list[Array]] = [[] for _ in outputs]
        for first in range(0, total, RUNS_PER_REQUEST):
            chunk = {i: array[first : first + RUNS_PER_REQUEST] for i, array in tensors.items()}
            size = len(next(iter(chunk.values())))
            limit_s = self._process.limit_s
            (answers, elapsed_ns), _ = self._request(
                "predict", chunk, outputs, reset, limit_s, step="invoke", calls=size
            )
            self._tell(elapsed_ns, size)
            for part, answer in zip(parts, answers, strict=True):
                part.extend(answer)
        self._burst_runs = 1
        self._fed |= set(tensors)
        self._seeded = False
        group = self._inputs[0]["shape"][:1]
        return [
            joined(part, details, int(group[0]) if len(group) else 0)
            for part, details in zip(parts, self._outputs, strict=True)
        ]
