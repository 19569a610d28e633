"""A model loaded by the runtime of a device, in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from types import TracebackType
from typing import Any, Literal, TypeVar

import numpy as np

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.quantisation import Array, Details, is_quantised
from pytest_edgeai.device.refusals import hint
from pytest_edgeai.device.seeded import SEED, Origin, seeded_input
from pytest_edgeai.device.signature import Signatures, named
from pytest_edgeai.errors import EdgeAIError, InterpreterError, TensorError
from pytest_edgeai.model.index_limits import index_limits
from pytest_edgeai.model.tflite import Model

__tracebackhide__ = True
"""A failing call shows in the test that made it, not here."""

Own = TypeVar("Own", bound="LoadedModel")
SET_BY_TEST = Origin("set by the test")
SIZE_IT = (
    "in the test's body, call predict() on a typical sample, or resize_tensor_input() and "
    "allocate_tensors()"
)


class LoadedModel:
    """What is known of a loaded model, and the way to its process; a context manager.

    Attributes:
        model: the file under test and its facts.
        device: where it runs.
        threads: interpreter threads, always set.
        load_ms: time to open the file and to allocate the tensors, in milliseconds.
        delegated: share of the operators that a delegate (XNNPACK) runs; None if the runtime won't
            tell.
        undelegated: how many operators no delegate runs, by kind.
        first_run_ns: of the first timed run in its process; None before.

    Raises:
        InterpreterError: the runtime refuses the model.
        DeviceError: the process crashed or hung.
    """

    def __init__(self, device: Device, model: Model, threads: int | None = None) -> None:
        self.model = model
        self.device = device
        self.threads = threads or device.spec.threads or 1
        self.first_run_ns: int | None = None
        self._fed: dict[int, Origin] = {}  # by tensor index
        self._passed_over: list[str] = []  # what they could have come from, and why they do not
        self._sized = False
        self._undo = ExitStack()
        self._signatures = Signatures(self._request, repr(self), model.facts.signature)
        with device.together(f"loading {self._what}"):
            self._process = device.start(self._what)
            try:
                self.load_ms = self._load()
                self._refresh_details()
            except BaseException:
                self.close()
                raise

    def __enter__(self: Own) -> Own:
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

    def end(self) -> None:
        """Free the model and let the process end by itself, as a product's would.

        Raises:
            DeviceError: it crashed then: the runtime had damaged its memory.
        """
        self._process.end()

    def close(self) -> None:
        """End the process, whatever it does."""
        self._undo.close()
        self._process.close()

    @cached_property
    def input_names(self) -> list[str]:
        """The inputs' names: as in the model's signature, else the tensors' own."""
        return self._signatures.names("inputs", self._inputs)

    @cached_property
    def output_names(self) -> list[str]:
        """The outputs' names: as in the model's signature, else the tensors' own."""
        return self._signatures.names("outputs", self._outputs)

    @property
    def seen_inputs(self) -> list[Details]:
        """Details of each input as last seen, under the names for ``predict``."""
        return named(self._inputs, self.input_names)

    @property
    def input_origin(self) -> str | None:
        """What the timed runs are fed with, and where from; None before there were any."""
        texts = [*dict.fromkeys(origin.text for origin in self._fed.values())]
        if any(origin.is_made_up for origin in self._fed.values()):
            texts += self._passed_over
        return ", ".join(texts) or None

    @property
    def input_shapes(self) -> dict[str, list[int]]:
        """The shape that each input was last seen with, by tensor name; asks nobody."""
        return {
            str(details["name"]): [int(size) for size in details["shape"]]
            for details in self._inputs
        }

    def fill_inputs(self) -> None:
        """Feed the inputs that nobody set with seeded values.

        Raises:
            TensorError: an input has dynamic dimensions, and nobody said how large they are.
        """
        self._refresh_if_stale()
        generator = np.random.default_rng(SEED)
        for details in self._inputs:
            index = int(details["index"])
            if index not in self._fed:
                if _is_dynamic(details) and not self._sized:
                    raise TensorError(_without_size(self._process.what, details), SIZE_IT)
                self._feed(index, *seeded_input(details, generator, self._most(details)))

    def inputs(self) -> dict[int, Array]:
        """What timed runs are fed with, by tensor index, filled in where nobody set any.

        Raises:
            TensorError: see ``fill_inputs``.
        """
        self.fill_inputs()
        return dict(self._request("inputs")[0])

    def take_inputs(self, other: LoadedModel) -> None:
        """Give the inputs the shapes and values that another interpreter of the model has."""
        values = other._request("inputs")[0]
        other._refresh_if_stale()
        self._take_shapes(other._inputs)
        for index, origin in other._fed.items():
            self._feed(index, values[index], origin)
        self._passed_over = other._passed_over

    @contextmanager
    def inputs_kept(self) -> Iterator[None]:
        """Whatever it answers meanwhile, timed runs are fed as if it had not been asked."""
        fed = {} if self._process.has_died else {**self._fed}
        inputs, was_sized, before = self._inputs, self._sized, self.input_shapes
        values = self._request("inputs")[0] if fed else {}
        try:
            yield
        finally:
            self._fed.clear()
            if not self._process.has_died:
                if was_sized and self.input_shapes != before:
                    self._take_shapes(inputs)
                self._sized = was_sized
                for index, origin in fed.items():
                    self._feed(index, values[index], origin)

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
            self.first_run_ns = None
            self._take_shapes(inputs)

    def _take_shapes(self, inputs: list[dict[str, Any]]) -> None:
        for mine, its in zip(self._inputs, inputs, strict=True):
            if tuple(mine["shape"]) != tuple(its["shape"]):
                self._resize(mine["index"], its["shape"])
        self._allocate()

    def _load(self) -> float:
        try:
            load_ns = self._request("load", *self._place(), self.threads, step="load")[1]
        except TensorError as error:  # the runtime's ValueError for a file that it cannot read
            raise self._explained(error, "load") from None
        try:
            return (load_ns + self._call("allocate_tensors")[1]) / 1e6
        except InterpreterError:
            if not any(map(_is_dynamic, self._edges("input"))):
                raise
            return load_ns / 1e6  # it may work at a real size

    def _place(self) -> tuple[str, str]:
        """Where the device has the file, and the signature to run if that is not its main graph."""
        facts = self.model.facts
        path = self.device.board.place(self.model.path, facts.sha256)
        return path, facts.signature if facts.graph else ""

    def _request(
        self, operation: str, *args: Any, step: str = "", **kwargs: Any
    ) -> tuple[Any, int]:
        try:
            return self._process.request(operation, *args, step=step, **kwargs)
        except InterpreterError as error:
            raise self._explained(error, step) from None

    def _explained(self, error: EdgeAIError, step: str) -> InterpreterError:
        said = error.message.removeprefix(f"{self._process.what}: {step}: ")
        facts = self.device.facts
        runtime = f"{facts.runtime} {facts.runtime_version}"
        advice = hint(said, step, runtime, self.model.facts, self._sized)
        if step == "invoke" and any(origin.is_made_up for origin in self._fed.values()):
            made_up = (
                f"it ran on {self.input_origin}, made up here: where it cannot take them, set "
                "inputs in the test's body, or define an `evaluation_data` fixture"
            )
            advice = "; else: ".join(filter(None, (made_up, advice)))
        return InterpreterError(error.message, advice)

    def _call(self, method: str, *args: Any, **kwargs: Any) -> tuple[Any, int]:
        return self._request("call", method, *args, step=method, **kwargs)

    def _details(self, method: str) -> list[dict[str, Any]]:
        return [dict(details) for details in self._call(method)[0]]

    def _edges(self, side: Literal["input", "output"]) -> list[dict[str, Any]]:
        """Details of the inputs or outputs, in the file's order: signatures sort theirs by name."""
        details, facts = self._details(f"get_{side}_details"), self.model.facts
        if facts.graph == 0:
            return details
        names = [tensor.name for tensor in (facts.inputs if side == "input" else facts.outputs)]
        return sorted(details, key=lambda one: names.index(one["name"]))

    def _refresh_details(self) -> None:
        self._inputs, self._outputs = self._edges("input"), self._edges("output")
        told: tuple[float | None, dict[str, int]] = self._request("delegated")[0] or (None, {})
        self.delegated, self.undelegated = told
        self._stale = False

    def _refresh_if_stale(self) -> None:
        if self._stale:
            self._refresh_details()

    def _allocate(self) -> None:
        self._call("allocate_tensors")
        self._refresh_details()

    def _resize(self, index: int, size: Any, strict: bool = False) -> None:
        self._call("resize_tensor_input", index, [int(extent) for extent in size], strict=strict)
        self._fed.pop(index, None)
        self._sized = True

    def _feed(self, index: int, value: Array, origin: Origin = SET_BY_TEST) -> None:
        self._call("set_tensor", index, value)
        self._fed[index] = origin

    def _most(self, details: Details) -> int | None:
        """The largest integer that an input can be, where it is an index."""
        if np.dtype(details["dtype"]).kind not in "iu" or is_quantised(details):
            return None
        return self._index_limits.get(str(details["name"]))

    @cached_property
    def _index_limits(self) -> dict[str, int]:
        return index_limits(self.model.path)


def _is_dynamic(details: Details) -> bool:
    """Whether more than the batch size may change."""
    return -1 in [int(size) for size in details["shape_signature"]][1:]


def _without_size(what: str, details: Details) -> str:
    sizes = ", ".join("any" if size == -1 else str(size) for size in details["shape_signature"])
    return f"{what}: input {details['name']!r} has the shape ({sizes}): how large is not said"
