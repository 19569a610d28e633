"""The handle that users hold: the calls of ``tf.lite.Interpreter``, and ``predict``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from pytest_edgeai.device.agent import quantised
from pytest_edgeai.device.batch import Batch, Runs, as_runs, by_index, resized
from pytest_edgeai.device.device import Device
from pytest_edgeai.device.loaded_model import SET_BY_TEST
from pytest_edgeai.device.quantisation import (
    Array,
    is_quantised,
    native,
    real_range,
    rule,
)
from pytest_edgeai.device.seeded import Origin
from pytest_edgeai.device.signature import SignatureRunner, named
from pytest_edgeai.device.timed_model import TimedModel
from pytest_edgeai.errors import DeviceError, EdgeAIError, TensorError
from pytest_edgeai.model.tflite import Model

__tracebackhide__ = True
"""A failing call shows in the test that made it, not here."""

_PIXELS = "pixels go in as they are, np.array(image, dtype=np.uint8), not divided by 255; "

Pair = tuple[int, float, int, int, float, int]
"""A tensor's index, scale and zero point, then those of its counterpart; a scale of 0: real."""


FirstSamples = Callable[[int], Iterable[tuple[str, Batch | EdgeAIError]]]
"""The first so many samples of each data set that there is, by its name; or why it has none."""


class Interpreter(TimedModel):
    """A model loaded by the runtime of a device, in a process of its own.

    It has the calls of ``tf.lite.Interpreter``, with the same arguments and results, and its
    tensors are allocated. ``predict`` takes and returns real values. A context manager. Attributes
    are those of ``LoadedModel`` (``model``, ``device``, ``threads``, ...), and ``samples``: what
    inputs that nobody set are filled in from, by the first data that the model takes.

    Raises:
        InterpreterError: the runtime refuses the model.
        DeviceError: the process crashed or hung.
    """

    def __init__(self, device: Device, model: Model, threads: int | None = None) -> None:
        self.samples: FirstSamples = lambda count: ()
        super().__init__(device, model, threads)

    # The calls of tf.lite.Interpreter.

    def allocate_tensors(self) -> None:
        """Allocate the tensors, as after ``resize_tensor_input``."""
        self._allocate()

    def get_input_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantisation of each input."""
        return self._edges("input")

    def get_output_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantisation of each output."""
        return self._edges("output")

    def get_tensor_details(self) -> list[dict[str, Any]]:
        """Name, index, shape, dtype and quantisation of each tensor."""
        return self._details("get_tensor_details")

    def set_tensor(self, tensor_index: int, value: Any) -> None:
        """Copy a value of the input's shape and dtype into it; nothing is scaled or cast."""
        try:
            self._feed(int(tensor_index), native(value))
        except TensorError as error:
            raise self._explained_feed(error, int(tensor_index), native(value)) from None

    def get_tensor(self, tensor_index: int, subgraph_index: int | None = None) -> Array:
        """A copy of a tensor, as stored; of the signature's graph, unless another one is named."""
        graph = () if subgraph_index is None else (int(subgraph_index),)
        return np.asarray(self._call("get_tensor", int(tensor_index), *graph)[0])

    def resize_tensor_input(self, input_index: int, tensor_size: Any, strict: bool = False) -> None:
        """Give an input another shape; ``allocate_tensors`` has to follow."""
        self._resize(int(input_index), tensor_size, bool(strict))

    def reset_all_variables(self) -> None:
        """Set the model's variable tensors back to their start; not its resource variables.

        Of a signature that is not the file's main graph, both.
        """
        if self.model.facts.graph:
            self._request("reset", "reload", step="reset_all_variables")
        else:
            self._call("reset_all_variables")

    def get_signature_list(self) -> dict[str, Any]:
        """Signature keys with the names of their inputs and outputs."""
        return self._signatures.all()

    def get_signature_runner(self, signature_key: str | None = None) -> SignatureRunner:
        """A callable for one signature: ``runner(x=...)`` returns outputs by name.

        Without a key it is the signature under test.
        """
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
        self.clock.add(self, self._next_in_burst(), 1)

    # What goes beyond it.

    def predict(self, batch: Batch) -> Any:
        """Real values in, real values out; scale and zero point are applied here.

        Every sample is run by itself (in groups of the model's own batch size), and a stateful
        model's variables are reset before each run. Where the process died in an earlier call, a
        fresh one takes its place, with the inputs' shapes and without their values.

        Args:
            batch: shape (N, ...), real values; for several inputs a tuple or list of such arrays
                in the model's order, or a mapping by name (as in the signature or the tensor). An
                input of shape () takes one number for each sample, or one for all.

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

    def check(self, batch: Batch) -> None:
        """Raise a TensorError where ``predict`` would, for its shapes, dtypes and values."""
        self._runs_of(batch)

    def fill_inputs(self) -> None:
        """Feed the inputs that nobody set: with the first of ``samples``, else seeded values.

        Raises:
            TensorError: an input has dynamic dimensions, and nobody said how large they are.
        """
        self._refresh_if_stale()
        if not self._fed:
            self._fill_from_samples()
        super().fill_inputs()

    def _fill_from_samples(self) -> None:
        self._passed_over = []
        for name, batch in self.samples(self.batch_size):
            try:
                if isinstance(batch, EdgeAIError):
                    raise batch
                self._feed_first(name, batch)
                return
            except DeviceError:
                raise  # it crashed on them, as it will in use
            except EdgeAIError as error:
                self._passed_over.append(f"not {name}: {error.message.splitlines()[0]}")

    def _feed_first(self, name: str, batch: Batch) -> None:
        """Feed what one run takes of a batch, and run it; without it where that goes wrong."""
        inputs, shapes, was_sized = self._inputs, self.input_shapes, self._sized
        try:
            runs = self._runs_of(batch)
            count = min(runs.group or 1, runs.samples)
            which = "sample 0" if count == 1 else f"samples 0 to {count - 1}"
            for index, (array, *_) in runs.tensors.items():
                how = self._rules.get(index)
                value = array if how is None else np.asarray(quantised(array, *how))
                self._feed(index, value, Origin(f"{which} of {name}"))
            self.time_runs(1, 0.0, 1, 0.0)
        except EdgeAIError:
            self._fed.clear()
            if self.input_shapes != shapes and not self._process.has_died:
                with suppress(EdgeAIError):
                    self._take_shapes(inputs)
            self._sized = was_sized
            raise

    @property
    def batch_size(self) -> int:
        """How many samples one run takes, at most."""
        return max(int(size) for d in self._inputs for size in (*d["shape"][:1], 1))

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
            (*side._place(), runs.tensors, side._rules)
            for side, runs in zip(sides, all_runs, strict=True)
        ]
        args = (*models, list(pairs), self._process.limit_s)
        calls = 2 * count + 1
        return np.asarray(
            self._request("compare", *args, step="compare", calls=calls, stored=True)[0]
        )

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
                self._resize(int(index), shape)
        if any(shapes.values()):
            self._allocate()

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
        self._fed.clear()
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
        self._fed.update(dict.fromkeys(runs.tensors, SET_BY_TEST))
        return parts

    @property
    def _reset(self) -> str:
        """What makes the model forget; see ``Agent.reset``."""
        facts = self.model.facts
        if not facts.stateful:
            return ""
        has_resources = any(operator.name == "VAR_HANDLE" for operator in facts.operators)
        # The runtimes reset the variable tensors of the main graph alone.
        return "reload" if has_resources or facts.graph else "variables"
