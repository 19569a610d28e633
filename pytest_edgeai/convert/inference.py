"""A Keras model as it is used on a device; runs where TensorFlow is imported already."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

_MIXED = ("mixed_float16", "mixed_bfloat16")
_SEED_STATE = "seed_generator_state"


def is_of(model: Any, package: str) -> bool:
    """Whether a model or layer is one of ``keras`` or ``tf_keras``."""
    return any(kind.__module__.partition(".")[0] == package for kind in type(model).__mro__)


@contextlib.contextmanager
def as_on_a_device(model: Any) -> Iterator[str]:
    """Let a model compute with what TensorFlow Lite has; gives its policy of mixed precision or "".

    It computes in float32, as its weights are, and takes the argmax as TensorFlow does.
    """
    with _without_mixed_precision(model) as policy, _with_plain_argmax(model):
        yield policy


def answers_by_name(model: Any, outputs: list[str]) -> Callable[..., Any]:
    """A function that answers as the model does in inference mode.

    Several answers have the names of their layers.

    Args:
        outputs: is filled with these names in the model's order, once the function is traced.
    """
    answer = _answer_of_tf_keras if is_of(model, "tf_keras") else _answer_of_keras_3

    def serve(*args: Any) -> Any:  # an input without a name is args_0
        answers = answer(model, args)
        if isinstance(answers, list | tuple) and len(answers) > 1:
            names = _distinct(getattr(model, "output_names", None) or [])
            if len(names) == len(answers):
                answers = dict(zip(names, answers, strict=True))
        outputs[:] = answers if isinstance(answers, dict) else []
        return answers

    return serve


def _distinct(names: Sequence[str]) -> list[str]:
    """Each name once: a layer that has several outputs is numbered from the second on."""
    numbered: list[str] = []
    for name in names:
        numbers = (f"_{number}" if number else "" for number in range(len(names)))
        numbered.append(next(name + end for end in numbers if name + end not in numbered))
    return numbered


def _answer_of_keras_3(model: Any, inputs: Sequence[Any]) -> Any:
    """Leaves seeds as they are: many layers draw another one, also where no answer needs it."""
    import keras

    with keras.StatelessScope() as scope:
        answers = model(*inputs, training=False)
    for variable in model.non_trainable_variables:
        value = scope.get_current_value(variable)
        if value is not None and variable.name != _SEED_STATE:
            variable.assign(value)
    return answers


def _answer_of_tf_keras(model: Any, inputs: Sequence[Any]) -> Any:
    return model(*inputs, training=False)


@contextlib.contextmanager
def _without_mixed_precision(model: Any) -> Iterator[str]:
    """Let all layers compute in float32; gives the policy that they have."""
    layers = [(layer, layer.dtype_policy) for layer in model._flatten_layers()]
    layers = [(layer, policy) for layer, policy in layers if policy.name in _MIXED]
    try:
        for layer, _ in layers:
            _set_policy(layer, "float32")
        yield layers[0][1].name if layers else ""
    finally:
        for layer, policy in layers:
            _set_policy(layer, policy)


@contextlib.contextmanager
def _with_plain_argmax(model: Any) -> Iterator[None]:
    """Let argmax and argmin of Keras 3 be TensorFlow's own.

    Keras tells -0.0 from 0.0 by their bits, for which TensorFlow Lite has no operators.
    """
    import tensorflow as tf

    if is_of(model, "tf_keras"):
        yield
        return
    functions = importlib.import_module("keras.src.backend").numpy
    with contextlib.ExitStack() as stack:
        for name in ("argmax", "argmin"):
            of_keras = getattr(functions, name)
            stack.callback(setattr, functions, name, of_keras)
            setattr(functions, name, _argmax(getattr(tf, name), of_keras))
        yield


def _argmax(of_tensorflow: Callable[..., Any], of_keras: Callable[..., Any]) -> Callable[..., Any]:
    import tensorflow as tf

    def call(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
        if axis is None:
            return of_keras(x, axis, keepdims)
        places = of_tensorflow(x, axis=axis, output_type="int32")
        return tf.expand_dims(places, axis) if keepdims else places

    return call


def _set_policy(layer: Any, policy: Any) -> None:
    if is_of(layer, "tf_keras"):
        layer._set_dtype_policy(policy)
    else:
        layer.dtype_policy = policy
