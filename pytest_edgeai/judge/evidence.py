"""What budgets are judged on: plain data, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    import numpy as np

    from pytest_edgeai.judge.baseline import Found
    from pytest_edgeai.judge.metrics import Metric

BASELINES = ("converted", "dynamic", "int8", "float16", "int16x8", "source")
"""What a model is compared with: a variant, or the Keras model itself."""
T = TypeVar("T")
IsEnough = Callable[[T], bool]
"""Whether what was measured so far tells what it is measured for."""
OutputErrors = dict[str, dict[str, Any]]
"""Of each output by name and each of its norms by name: one number for each sample, shape (N,)."""
HOST = "host"
"""The baseline that is the same file on the machine that pytest runs on."""


@dataclass(frozen=True)
class LatencySamples:
    """Times of single inferences (set_tensor of every input, then invoke).

    Attributes:
        samples_ns: one time per run, in the order of the runs; warm-up is not among them.
        conditions: what they were taken under.
        looks: numbers of samples after which one looked whether they tell.
        more: what to do for more of them.
    """

    samples_ns: np.ndarray[Any, np.dtype[np.int64]]
    conditions: dict[str, Any] = field(default_factory=dict)
    looks: tuple[int, ...] = ()
    more: str = "raise --edge-max-seconds"

    @cached_property
    def ms(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The same in milliseconds, as limits are given."""
        return self.samples_ns / 1e6


@dataclass(frozen=True)
class StartSamples:
    """What fresh processes told of a model, one sample from each; they are independent.

    Attributes:
        values: in the order of the processes: milliseconds of a start-up, or bytes of memory.
        parts: what each sample is made of, by name, in the same unit and order.
        conditions: what they were taken under.
        seconds: how long it took to take them.
    """

    values: np.ndarray[Any, np.dtype[np.float64]]
    parts: dict[str, np.ndarray[Any, np.dtype[np.float64]]]
    conditions: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Plain data for the record."""
        parts = {name: part.tolist() for name, part in self.parts.items()}
        return {"conditions": self.conditions, "values": self.values.tolist(), "parts": parts}


@dataclass(frozen=True)
class Score:
    """A metric of one model on the evaluation data.

    Attributes:
        value: the metric's value.
        samples: how many samples it was computed on.
        labels: how the labels were read.
        chance: what the best answer that is the same for all samples would score, if known.
        hits: for accuracies that count hits, whether each sample is one; bool, shape (N,).
        classes: each sample's true class, where that is what the metric compares; int, shape (N,).
        answered: the class that each sample got; int, shape (N,).
        resampled: the metric of the samples with these indices.
        strata: what resampling keeps the proportions of; int, shape (N,).
        data: hash of the evaluation data.
    """

    value: float
    samples: int
    labels: str
    chance: float | None = None
    hits: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    classes: np.ndarray[Any, np.dtype[np.int64]] | None = None
    answered: np.ndarray[Any, np.dtype[np.int64]] | None = None
    resampled: Callable[[Any], float] | None = None
    strata: np.ndarray[Any, np.dtype[np.int64]] | None = None
    data: str = ""

    @property
    def kept_proportions(self) -> Any:
        """The strata of a resample; one for all where there are none."""
        import numpy as np

        return np.zeros(self.samples, int) if self.strata is None else self.strata


@dataclass(frozen=True)
class Layer:
    """What a layer makes of some samples, against the same layer of a baseline.

    Attributes:
        name: what Keras calls it, as far as the file tells.
        operator: ``CONV_2D``; ``INPUT`` for the model's input as it is stored.
        inputs: places, in the list of all layers, of those that it reads.
        error: RMS of the difference from the baseline's values over how far those vary (RMS) from
            sample to sample, for which a quantisation step is the least; infinite with NaN.
        saturated: share of the baseline's values that lie outside of its range.
    """

    name: str
    operator: str
    inputs: tuple[int, ...]
    error: float
    saturated: float = 0.0


@dataclass(frozen=True)
class Window:
    """A part of a sustained run.

    Attributes:
        begin_s: when it began, from the begin of the run.
        seconds: how long it was.
        runs: how many there were.
        samples_ns: the times of single runs, or of an even choice of them, in their order.
        others_share: share of the machine that others used.
        temperature_c, frequency_mhz: at its end; None where the system does not tell.
    """

    begin_s: float
    seconds: float
    runs: int
    samples_ns: np.ndarray[Any, np.dtype[np.int64]]
    others_share: float | None = None
    temperature_c: float | None = None
    frequency_mhz: float | None = None


@dataclass(frozen=True)
class SustainedRun:
    """A model that ran without pause, in windows, and what it ran under."""

    windows: tuple[Window, ...]
    conditions: dict[str, Any] = field(default_factory=dict)

    def samples(self, window: Window) -> LatencySamples:
        """The samples of one window, as taken under the run's conditions."""
        conditions = {**self.conditions, "others_share": window.others_share}
        return LatencySamples(window.samples_ns, conditions)


class FileTensor(Protocol):
    """What budgets ask of a tensor in a file."""

    @property
    def name(self) -> str: ...

    @property
    def dtype(self) -> str: ...

    @property
    def by_custom(self) -> bool: ...


class FileOperator(Protocol):
    """What budgets ask of a kind of operator in a file."""

    @property
    def name(self) -> str: ...

    @property
    def count(self) -> int: ...

    @property
    def custom(self) -> bool: ...


class FileFacts(Protocol):
    """What budgets ask of a file; ``model.facts.ModelFacts`` has it."""

    @property
    def inputs(self) -> Sequence[FileTensor]: ...

    @property
    def outputs(self) -> Sequence[FileTensor]: ...

    @property
    def operators(self) -> Sequence[FileOperator]: ...

    @property
    def float_operators(self) -> Sequence[str]: ...

    @property
    def float_layers(self) -> Sequence[str]: ...

    @property
    def float_weights(self) -> Sequence[FileTensor]: ...

    @property
    def int8_weight_share(self) -> float | None: ...

    @property
    def weights_by_type(self) -> Mapping[str, int]:
        """Elements of each type."""
        ...

    @property
    def largest_tensors(self) -> Mapping[str, int]:
        """Bytes by name, the largest first."""
        ...


class Evidence(Protocol):
    """Measurements of one model on one device, made when a budget first asks for them."""

    @property
    def device_name(self) -> str: ...

    @property
    def variant(self) -> str: ...

    @property
    def size_bytes(self) -> int: ...

    @property
    def facts(self) -> FileFacts: ...

    @property
    def delegated(self) -> float | None:
        """Share of the operators that a delegate runs; None where the runtime does not tell."""
        ...

    @property
    def undelegated(self) -> Mapping[str, int]:
        """How many operators no delegate runs, by kind."""
        ...

    @property
    def is_on_host(self) -> bool:
        """Whether it runs on the machine that pytest runs on, with the runtime chosen there."""
        ...

    def latency(self, threads: int | None) -> LatencySamples: ...

    def sustained(
        self, lengths_s: Sequence[float], threads: int | None, is_enough: IsEnough[SustainedRun]
    ) -> SustainedRun:
        """The model run without pause in windows of these lengths, or until it is enough."""
        ...

    def start_ups(
        self, threads: int | None, is_enough: IsEnough[StartSamples], first_void: str = ""
    ) -> StartSamples:
        """Times of starts in fresh processes, taken until they are enough, or a cap is reached.

        Args:
            first_void: why those before say nothing; new ones are taken when the device is calm.
        """
        ...

    def memory(self, threads: int | None, is_enough: IsEnough[StartSamples]) -> StartSamples:
        """Peak memory in fresh processes, taken until it is enough, or a cap is reached."""
        ...

    def score(self, metric: Metric, baseline: str | None = None) -> Score:
        """The metric of the model itself, or of its baseline."""
        ...

    def suspicions(self, metric: Metric | None) -> tuple[str, ...]:
        """Why the answers are bad, a sentence each: mistakes that make the metric much better,
        undone, which is tried, not guessed; without one, what the inputs' steps are too coarse for.
        """
        ...

    def answered(self, baseline: str | None = None) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The likeliest class of each sample, by the model itself or by its baseline."""
        ...

    def output_errors(self, baseline: str) -> OutputErrors:
        """How far the outputs on the evaluation data are from a baseline's."""
        ...

    def layers(self, baseline: str, samples: Sequence[int]) -> list[Layer]:
        """The layers in the order of running, on the samples with these indices.

        Raises:
            EdgeAIError: they cannot be compared.
        """
        ...

    def recorded(self) -> Found:
        """The stored baseline of this model and variant on this device, or why there is none."""
        ...
