"""A model loaded by the runtime of a device, in a process of its own."""

from __future__ import annotations

from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.quantisation import Array, Details, random_tensor
from pytest_edgeai.device.refusals import hint
from pytest_edgeai.device.signature import Signatures, named
from pytest_edgeai.errors import EdgeAIError, InterpreterError, TensorError
from pytest_edgeai.model.tflite import Model

__tracebackhide__ = True
"""A failing call shows in the test that made it, not here."""

Own = TypeVar("Own", bound="LoadedModel")
SEED = 20_240_229
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

    Raises:
        InterpreterError: the runtime refuses the model.
        DeviceError: the process crashed or hung.
    """

    def __init__(self, device: Device, model: Model, threads: int | None = None) -> None:
        self.model = model
        self.device = device
        self.threads = threads or device.spec.threads or 1
        self._fed: set[int] = set()
        self._seeded: set[int] = set()
        self._sized = False
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

    def close(self) -> None:
        """End the process."""
        self._undo.close()
        self._process.close()

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

    def take_inputs(self, other: LoadedModel) -> None:
        """Give the inputs the shapes and values that another interpreter of the model has."""
        values = other._request("inputs")[0]
        other._refresh_if_stale()
        self._take_shapes(other._inputs)
        for index, value in values.items():
            if index not in other._seeded:
                self._feed(index, value)

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
                self._resize(mine["index"], its["shape"])
        self._allocate()

    def _load(self) -> float:
        self._path = self.device.board.place(self.model.path, self.model.facts.sha256)
        try:
            load_ns = self._request("load", self._path, self.threads, step="load")[1]
        except TensorError as error:  # the runtime's ValueError for a file that it cannot read
            raise self._explained(error, "load") from None
        try:
            return (load_ns + self._call("allocate_tensors")[1]) / 1e6
        except InterpreterError:
            if not any(map(_is_dynamic, self._details("get_input_details"))):
                raise
            return load_ns / 1e6  # it may work at a real size

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
        to_do = hint(said, step, runtime, self.model.facts, self._sized)
        return InterpreterError(error.message, to_do)

    def _call(self, method: str, *args: Any, **kwargs: Any) -> tuple[Any, int]:
        return self._request("call", method, *args, step=method, **kwargs)

    def _details(self, method: str) -> list[dict[str, Any]]:
        return [dict(details) for details in self._call(method)[0]]

    def _refresh_details(self) -> None:
        self._inputs = self._details("get_input_details")
        self._outputs = self._details("get_output_details")
        told: tuple[float | None, dict[str, int]] = self._request("delegated")[0] or (None, {})
        self.delegated, self.undelegated = told
        self._stale = False

    def _refresh_if_stale(self) -> None:
        if self._stale:
            self._refresh_details()

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

    def _allocate(self) -> None:
        self._call("allocate_tensors")
        self._refresh_details()

    def _resize(self, index: int, size: Any, strict: bool = False) -> None:
        self._call("resize_tensor_input", index, [int(extent) for extent in size], strict=strict)
        self._fed.discard(index)
        self._sized = True

    def _feed(self, index: int, value: Array) -> None:
        self._call("set_tensor", index, value)
        self._fed.add(index)
        self._seeded.discard(index)


def _is_dynamic(details: Details) -> bool:
    """Whether more than the batch size may change."""
    return -1 in [int(size) for size in details["shape_signature"]][1:]


def _without_size(what: str, details: Details) -> str:
    sizes = ", ".join("any" if size == -1 else str(size) for size in details["shape_signature"])
    return f"{what}: input {details['name']!r} has the shape ({sizes}): how large is not said"
