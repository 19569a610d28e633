"""Properties of a model; each function looks for inputs that break one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import hypothesis
import numpy as np
from hypothesis.errors import Flaky
from hypothesis.strategies import SearchStrategy

from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.quantisation import Array
from pytest_edgeai.strategies.inputs import model_inputs

__tracebackhide__ = True
"""A property that does not hold shows in the test that names it, not here."""

RELATIVE, ABSOLUTE = 1e-5, 1e-6
"""What answers may differ by that are added up in another order."""

Settings = hypothesis.settings | None


def assert_finite(interpreter: Interpreter, /, *, settings: Settings = None, **inputs: Any) -> None:
    """No input makes an output NaN or infinite.

    Args:
        settings: of Hypothesis; a deadline in them is not used.
        inputs: options of ``model_inputs``.

    Raises:
        AssertionError: with the simplest batch that was found.
    """

    def wrong(batch: Any) -> str:
        outputs = _outputs(interpreter, batch)
        masks = {n: ~np.isfinite(v) for n, v in outputs.items() if v.dtype.kind in "fc"}
        return _first(outputs, masks, "is not finite")

    _search(wrong, interpreter, settings, batch=model_inputs(interpreter, **inputs))


def assert_in_range(
    interpreter: Interpreter,
    low: float,
    high: float,
    /,
    *,
    settings: Settings = None,
    **inputs: Any,
) -> None:
    """No input makes an output less than ``low``, more than ``high``, or NaN.

    Args:
        low, high: of the outputs, both included; by place, since ``low=`` and ``high=`` are the
            inputs'.
        settings: of Hypothesis; a deadline in them is not used.
        inputs: options of ``model_inputs``.

    Raises:
        AssertionError: with the simplest batch that was found.
    """

    def wrong(batch: Any) -> str:
        outputs = _outputs(interpreter, batch)
        masks = {name: ~((v >= low) & (v <= high)) for name, v in outputs.items()}
        return _first(outputs, masks, f"is not from {low} to {high}")

    _search(wrong, interpreter, settings, batch=model_inputs(interpreter, **inputs))


def assert_deterministic(
    interpreter: Interpreter, /, *, settings: Settings = None, **inputs: Any
) -> None:
    """A batch that is given again, at once or after another one, gets exactly the same answers.

    Args:
        settings: of Hypothesis; a deadline in them is not used.
        inputs: options of ``model_inputs``.

    Raises:
        AssertionError: with the simplest batches that were found.
    """

    def wrong(batch: Any, other: Any) -> str:
        first = _outputs(interpreter, batch)
        again = _outputs(interpreter, batch)
        if said := _change(first, again, "differs when the batch is given again"):
            return said
        interpreter.predict(other)
        return _change(first, _outputs(interpreter, batch), "differs after another batch")

    batches = model_inputs(interpreter, **inputs)
    _search(wrong, interpreter, settings, batch=batches, other=batches)


def assert_order_independent(
    interpreter: Interpreter, /, *, settings: Settings = None, **inputs: Any
) -> None:
    """Samples in another order (reversed, and moved on by one) get the same answers.

    Floats may differ as much as by the rounding of sums, 1e-5 of them.

    Args:
        settings: of Hypothesis; a deadline in them is not used.
        inputs: options of ``model_inputs``.

    Raises:
        AssertionError: with the simplest batch that was found.
    """

    def wrong(batch: Any) -> str:
        given = _outputs(interpreter, batch)
        places = np.arange(len(next(iter(given.values()))))
        for order, how in ((places[::-1], "reversed"), (np.roll(places, 1), "moved on by one")):
            expected, moved = _taken(given, order), _outputs(interpreter, _taken(batch, order))
            text = f"differs when the samples are {how}"
            if said := _change(expected, moved, text, RELATIVE, ABSOLUTE):
                return said
        return ""

    _search(wrong, interpreter, settings, batch=model_inputs(interpreter, **inputs))


def _search(
    wrong: Callable[..., str],
    interpreter: Interpreter,
    settings: Settings,
    **batches: SearchStrategy[Any],
) -> None:
    """Look for batches for which ``wrong`` says what is wrong, and raise for the simplest."""
    last = ""

    @hypothesis.settings(settings or hypothesis.settings(), deadline=None)
    @hypothesis.given(**batches)
    def holds(**drawn: Any) -> None:
        nonlocal last
        if said := wrong(**drawn):
            shown = "".join(f"\n    {name} = {batch!r}" for name, batch in drawn.items())
            last = f"{interpreter!r}: {said}{shown}"
            raise AssertionError(last)

    # Failing examples are stored by this: they are those of one property and one model.
    facts = interpreter.model.facts
    key = f"{wrong.__qualname__} {facts.sha256} {facts.signature}"
    holds.hypothesis.inner_test._hypothesis_internal_add_digest = key.encode()  # type: ignore[attr-defined]
    try:
        holds()
    except AssertionError as error:
        raise AssertionError(str(error)) from None  # without the notes, which repeat the batch
    except Flaky:
        if not last:
            raise
        raise AssertionError(f"{last}\n(not each time that the batch was given)") from None


def _outputs(interpreter: Interpreter, batch: Any) -> dict[str, Array]:
    answers = interpreter.predict(batch)
    return answers if isinstance(answers, dict) else {interpreter.output_names[0]: answers}


def _taken(batch: Any, places: Array) -> Any:
    if isinstance(batch, dict):
        return {name: values[places] for name, values in batch.items()}
    return batch[places]


def _change(
    before: dict[str, Array],
    after: dict[str, Array],
    text: str,
    relative: float = 0.0,
    absolute: float = 0.0,
) -> str:
    """What is said of the first value that changed; NaN is the same as NaN."""
    for name, one in before.items():
        other = after[name]
        if one.shape != other.shape:
            return f"output {name!r} {text}: its shape is {other.shape}, and was {one.shape}"
        if one.dtype.kind in "fc":
            mask = ~np.isclose(other, one, relative, absolute, equal_nan=True)
        else:
            mask = np.asarray(one != other)
        if said := _first({name: other}, {name: mask}, text):
            return f"{said}, and was {one[mask][0]}"
    return ""


def _first(outputs: dict[str, Array], masks: dict[str, Array], text: str) -> str:
    """What is said of the first value that its mask marks; "" if there is none."""
    for name, mask in masks.items():
        if mask.any():
            sample = np.argwhere(mask)[0][0]
            return f"output {name!r} {text}: for sample {sample} it is {outputs[name][mask][0]}"
    return ""
