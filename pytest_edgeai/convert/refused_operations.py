"""What a converter's error says: which operations TensorFlow Lite has not, from where, and why."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_edgeai.convert.keras_facts import KerasFacts
from pytest_edgeai.convert.keras_file import Refusal

SHOWN_LAYERS = 3
_ERROR = re.compile(r"error: (?:loc\((?P<place>.*)\): )?(?P<text>.*)")
_NO_KERNEL = re.compile(r"'tf\.(\w+)' op is neither a custom op nor a flex op")
_SUMMARY = re.compile(r"^(?:TF Select|Flex|Custom) ops: (.+)$", re.MULTILINE)
_QUOTED = re.compile(r'"([^"]*)"')
_TYPES = re.compile(r'see current operation: .*"tf\.\w+"\(.* : (\(.*)')
_NO_INT16 = re.compile(r"Quantization to 16x8-bit not yet supported for op: '(\w+)'")
_NUMBER = re.compile(r"_\d+$")


@dataclass(frozen=True)
class RefusedOperation:
    """One operation of the graph that TensorFlow Lite has no operator for.

    Attributes:
        name: as TensorFlow calls it, such as ``"MaxPool3D"``.
        place: its path in the graph, such as ``"model/pool/MaxPool3D"``; "" where it is not told.
        types: of what goes in and comes out, as MLIR writes them; "" where they are not told.
    """

    name: str
    place: str = ""
    types: str = ""


@dataclass(frozen=True)
class Reason:
    """Why TensorFlow Lite has no operator for something.

    Attributes:
        pattern: what an operation's name and types have in this case.
        why: for the message.
        hint: what to do about a Keras model.
        saved_model_hint: what to do about a SavedModel that somebody else exported.
    """

    pattern: str
    why: str
    hint: str
    saved_model_hint: str


_TEXT = (
    "split text into numbers before the model, and give the part behind it, which takes the "
    'numbers: keras.Model(model.get_layer("...").input, model.outputs)'
)
_FLOATS = (
    "build the model with the dtype policy float32 and give it the same weights: "
    "new.set_weights(old.get_weights())"
)
REASONS = (
    Reason(
        r"[x<]b?f16>",
        "it has them in float32, and the model computes in float16",
        _FLOATS,
        "give the Keras model itself, which is exported to compute in float32 where its policy is "
        f"mixed; else {_FLOATS}",
    ),
    Reason(
        r"[x<]f64>",
        "it has them in float32, and the model computes in float64",
        _FLOATS,
        _FLOATS,
    ),
    Reason("tf_type.string", "these work on text", _TEXT, _TEXT),
    Reason(
        "^(Stateless|Stateful)?(Random|TruncatedNormal|ParameterizedTruncated)",
        "these draw random numbers",
        "give the random numbers to the model as an input",
        "layers for training draw them: give the Keras model itself, which is exported in "
        "inference mode, or export it with model(x, training=False)",
    ),
)
_FREE_SIZES = "the sizes of the model's inputs are not fixed"
_FREE_SIZES_HINT = "give the model inputs of a fixed shape, such as keras.Input((224, 224, 3))"
_REPLACE = (
    "use layers that TensorFlow Lite has, or leave this step to the code around the model; Flex "
    "and custom operators are not converted"
)
_RECURRENT = "it has a recurrent layer, which converts with a fixed batch size only"
_RECURRENT_HINT = (
    "give the Keras model itself, which is exported with a batch of 1, or give the layer "
    "unroll=True"
)


def refusal(error: str, facts: KerasFacts, *, free_sizes: bool) -> Refusal:
    """What to say of a converter's error.

    Args:
        error: the text of its exception, of one line or of hundreds.
        facts: of the Keras model; names of layers are those of the graph where there are none.
        free_sizes: whether the inputs have sizes that are not fixed, apart from the batch size.
    """
    if "TensorListReserve" in error:
        return Refusal(_RECURRENT, _RECURRENT_HINT)
    if without_int16 := _NO_INT16.search(error):
        what = f"the converter has no quantisation to int16x8 for {without_int16[1]}"
        return Refusal(what, "replace its layer, or test the int8 variant")
    operations = refused_operations(error)
    if not operations:
        return _other(error, facts)
    reasons = [reason for reason in REASONS if _matching(reason.pattern, operations)]
    whys = [reason.why for reason in reasons]
    hints = [reason.hint if facts.layers else reason.saved_model_hint for reason in reasons]
    if free_sizes and not reasons and _matching(r"\?x|\*x", operations):
        whys, hints = [_FREE_SIZES], [_FREE_SIZES_HINT]
    return Refusal(
        f"TensorFlow Lite has no operator for {': '.join([_listed(operations, facts), *whys])}",
        "; ".join(hints) or _REPLACE,
    )


def refused_operations(error: str) -> list[RefusedOperation]:
    """The operations that a converter's error names as without an operator, in its order."""
    operations: list[RefusedOperation] = []
    for part in re.split(r"(?=\berror: )", error):
        head, types = _ERROR.match(part), _TYPES.search(part)
        name = head and _NO_KERNEL.match(head["text"])
        if head and name:
            place, arrow = _first_place(head["place"]), types[1] if types else ""
            operations.append(RefusedOperation(name[1], place, arrow))
    names = [name for names in _SUMMARY.findall(error) for name in names.split(", ")]
    missing = set(names) - {operation.name for operation in operations}
    return operations + [RefusedOperation(name) for name in sorted(missing)]


def layer_of(place: str, facts: KerasFacts) -> str:
    """The layer that an operation's path in the graph belongs to, else the path's folder; or ""."""
    *scopes, _ = place.split("/")
    for scope in reversed(scopes):
        candidates = [_NUMBER.sub("", scope), scope]
        for candidate in candidates if facts.keras_3 else reversed(candidates):
            if candidate in facts.layers:
                return candidate
    return "/".join(scopes)


def _matching(pattern: str, operations: Iterable[RefusedOperation]) -> bool:
    return any(re.search(pattern, text) for each in operations for text in (each.name, each.types))


def _listed(operations: Sequence[RefusedOperation], facts: KerasFacts) -> str:
    """``"StringLower, StringSplitV2 in layer text; MaxPool3D in layers pool, pool_1"``."""
    layers: dict[str, dict[str, None]] = {}
    for operation in operations:
        layer = layer_of(operation.place, facts)
        layers.setdefault(operation.name, {}).update({layer: None} if layer else {})
    names: dict[tuple[str, ...], list[str]] = {}
    for name, places in layers.items():
        names.setdefault(tuple(places), []).append(name)
    return "; ".join(f"{', '.join(each)}{_in(places, facts)}" for places, each in names.items())


def _in(places: tuple[str, ...], facts: KerasFacts) -> str:
    """Where operations are; what is no name of a layer is not called one."""
    if not any(places):
        return ""
    more = f" and {len(places) - SHOWN_LAYERS} more" if len(places) > SHOWN_LAYERS else ""
    word = "" if not facts.layers else "layer " if len(places) == 1 else "layers "
    return f" in {word}{', '.join(places[:SHOWN_LAYERS])}{more}"


def _first_place(locations: str | None) -> str:
    """The first path in ``fused["Tan:", "model/layer/Tan@a_function"]``."""
    quoted = (text for text in _QUOTED.findall(locations or "") if not text.endswith(":"))
    return next(quoted, "").partition("@")[0]


def _other(error: str, facts: KerasFacts) -> Refusal:
    """An error of another kind: its first line that says something, and from where."""
    head = _ERROR.search(error)
    text = " ".join((head["text"] if head else error).split()) or "it gave no reason"
    layer = layer_of(_first_place(head["place"]), facts) if head else ""
    return Refusal(
        f"the converter refused it: {text[:300]}{_in((layer,), facts)}",
        "the converter's log has the whole message; often a fixed batch size or another version "
        "of TensorFlow helps",
    )
