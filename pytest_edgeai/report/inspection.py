"""Models side by side: what the files say of themselves, and what the runtimes say of them."""

from __future__ import annotations

import dataclasses
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from pytest_edgeai import units
from pytest_edgeai.device.trial import Trial
from pytest_edgeai.model.contradictions import contradictions
from pytest_edgeai.model.facts import Model, ModelFacts, TensorFacts
from pytest_edgeai.model.proof import describe, proven_variant
from pytest_edgeai.model.variants import MIXED
from pytest_edgeai.report.drawing import drawn

if TYPE_CHECKING:
    from rich.text import Text

SCHEMA = 1
LABEL_WIDTH, LEAST_WIDTH = 24, 18
"""Columns of the labels, and the fewest for a file."""

MOST_LISTED, MOST_CHARACTERS = 3, 300
COLOURS = {"runs": "green", "loads": "green", "fails": "red"}


@dataclass(frozen=True)
class Inspected:
    """A model, and what came of it on each runtime."""

    model: Model
    trials: tuple[Trial, ...]


@dataclass(frozen=True)
class Row:
    """A line of the table, with a cell for each file; a heading where there are no cells."""

    label: str
    cells: tuple[str, ...] = ()


def as_document(inspected: Sequence[Inspected]) -> dict[str, Any]:
    """All of it as JSON data."""
    return {"schema": SCHEMA, "files": [_plain(one) for one in inspected]}


def _plain(one: Inspected) -> dict[str, Any]:
    facts = one.model.facts
    variant = proven_variant(facts)
    return {
        "path": str(one.model.path),
        "variant": variant,
        "description": describe(facts),
        "contradictions": contradictions(facts, _nearest(facts)) if variant == MIXED else [],
        **facts.as_dict(),
        "runtimes": [dataclasses.asdict(trial) for trial in one.trials],
    }


def side_by_side(inspected: Sequence[Inspected], width: int, colour: bool) -> str:
    """A table with a column for each file; more than one where they do not fit in ``width``."""
    at_once = max(1, (width - LABEL_WIDTH) // LEAST_WIDTH)
    parts = [inspected[n : n + at_once] for n in range(0, len(inspected), at_once)]
    tables = [_table(part, width, colour) for part in parts]
    return "\n\n".join([*tables, *(_wrapped(note, width) for note in _notes(inspected))])


def _table(inspected: Sequence[Inspected], width: int, colour: bool) -> str:
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    grid.add_column("", max_width=LABEL_WIDTH, overflow="fold")
    for name in _names(inspected):
        grid.add_column(Text(name), overflow="fold")
    for row in _rows(inspected):
        if row.cells:
            grid.add_row(Text(row.label), *map(_text, row.cells))
        else:
            grid.add_row()
            grid.add_row(Text(row.label, style="bold"))
    return drawn(grid, width, colour)


def _names(inspected: Sequence[Inspected]) -> list[str]:
    """The files' names, or their paths as given where those are the same, with their signatures."""
    paths = [one.model.path for one in inspected]
    if len(paths) == 1:
        return [inspected[0].model.name]
    stems = [path.stem for path in paths]
    are_clear = len(set(stems)) == len(set(paths))
    names = stems if are_clear else [str(path) for path in paths]
    keys = [_signature_of_several(one.model.facts) for one in inspected]
    return [f"{name}:{key}" if key else name for name, key in zip(names, keys, strict=True)]


def _signature_of_several(facts: ModelFacts) -> str:
    return facts.signature if len(facts.signatures) > 1 else ""


def _text(cell: str) -> Text:
    from rich.text import Text

    text = Text(cell)
    for outcome, style in COLOURS.items():
        if cell.startswith(outcome):
            text.stylize(style, 0, len(outcome))
    return text


def _rows(inspected: Sequence[Inspected]) -> Iterator[Row]:
    every = [one.model.facts for one in inspected]

    def row(label: str, cell: Callable[[ModelFacts], str]) -> Row:
        return Row(label, tuple(map(cell, every)))

    yield row("looks like", describe)
    yield row("size", lambda facts: _size_text(facts, every[0]))
    yield row("sha256", lambda facts: facts.sha256 if len(every) == 1 else facts.sha256[:12])
    yield row("signatures", lambda facts: units.listed(facts.signatures) or "none")
    yield row("keeps state", lambda facts: "yes" if facts.stateful else "no")
    yield row("needs a runtime", _needs_text)
    yield Row("inputs and outputs")
    yield from _edges("input", [facts.inputs for facts in every])
    yield from _edges("output", [facts.outputs for facts in every])
    yield Row("weights")
    yield from _weights(every)
    yield row("in 8 bits or fewer", _share_text)
    yield row("tensors in float", _float_weights_text)
    yield Row("operators")
    yield from _operators(every)
    yield row(
        "computing in float", lambda facts: units.kinds(Counter(facts.float_operators)) or "-"
    )
    yield row("custom", lambda facts: units.listed(facts.custom_operators) or "-")
    yield Row("tensors")
    yield row("of each type", lambda facts: units.kinds(facts.tensors_by_type))
    yield Row("runtimes here")
    for trials in zip(*(one.trials for one in inspected), strict=True):
        yield Row(
            f"{trials[0].runtime} {trials[0].version}".strip(), tuple(map(_trial_text, trials))
        )


def _nearest(facts: ModelFacts) -> str:
    """What a mixture was probably meant to be."""
    return "int8" if facts.quantized_operators else "dynamic"


def _size_text(facts: ModelFacts, first: ModelFacts) -> str:
    text = units.megabytes(facts.size_bytes)
    if facts is first:
        return text
    return f"{text}, {units.magnitude(facts.size_bytes / first.size_bytes)} of the first"


def _needs_text(facts: ModelFacts) -> str:
    version = facts.min_runtime_version
    return f"of TensorFlow Lite {version}" if version else "not said"


def _edges(kind: str, every: Sequence[Sequence[TensorFacts]]) -> Iterator[Row]:
    places = list(zip_longest(*every))
    for number, tensors in enumerate(places, 1):
        label = f"{kind} {number}" if len(places) > 1 else kind
        yield Row(label, tuple(_edge_text(tensor) if tensor else "-" for tensor in tensors))


def _edge_text(tensor: TensorFacts) -> str:
    shape = ", ".join("any" if size == -1 else str(size) for size in tensor.shape_signature)
    lines = [tensor.name, f"{tensor.dtype} [{shape}]"]
    if tensor.quantized:
        scale, zero_point = units.significant(tensor.scales[0], 4), tensor.zero_points[0]
        lines.append(f"scale {scale}, zero point {zero_point}")
    return "\n".join(lines)


def _weights(every: Sequence[ModelFacts]) -> Iterator[Row]:
    for dtype in dict.fromkeys(dtype for facts in every for dtype in facts.weights_by_type):
        counts = [facts.weights_by_type.get(dtype, 0) for facts in every]
        yield Row(dtype, tuple(f"{count:,}" if count else "-" for count in counts))


def _share_text(facts: ModelFacts) -> str:
    share = facts.int8_weight_share
    return "no weights" if share is None else units.share(share)


def _float_weights_text(facts: ModelFacts) -> str:
    return f"{len(facts.float_weights):,} of them" if facts.float_weights else "-"


def _tensors_text(tensors: Sequence[TensorFacts]) -> str:
    return units.listed([f"{t.name} {list(t.shape)}" for t in tensors], MOST_LISTED)


def _operators(every: Sequence[ModelFacts]) -> Iterator[Row]:
    names = dict.fromkeys(operator.name for facts in every for operator in facts.operators)
    for name in names:
        yield Row(name, tuple(_operator_text(facts, name) for facts in every))


def _operator_text(facts: ModelFacts, name: str) -> str:
    found = [operator for operator in facts.operators if operator.name == name]
    return (
        ", ".join(f"{operator.count:,} (version {operator.version})" for operator in found) or "-"
    )


def _kinds(counts: Mapping[str, int]) -> str:
    return units.kinds(counts) or "-"


def _trial_text(trial: Trial) -> str:
    if trial.delegated:
        return f"{trial.outcome}, {units.magnitude(trial.delegated)} by XNNPACK"
    if trial.outcome == "not tried" and not trial.says:
        return "not installed"
    return trial.outcome


def _notes(inspected: Sequence[Inspected]) -> Iterator[str]:
    """What needs more room than a cell has."""
    for one in inspected:
        facts, name = one.model.facts, one.model.name
        if proven_variant(facts) == MIXED:
            nearest = _nearest(facts)
            against = "".join(f"\n- {reason}" for reason in contradictions(facts, nearest))
            yield f"{name} is not {nearest}:{against}"
        if facts.float_weights and facts.int8_weight_share:
            yield f"{name} has weights in float: {_tensors_text(facts.float_weights)}"
        for trial in one.trials:
            if trial.says:
                said = textwrap.shorten(trial.says, MOST_CHARACTERS, placeholder=" ...")
                where = f"{name} on {trial.runtime} {trial.version}".rstrip()
                yield f"{where}: {said}" + (f"\nhint: {trial.hint}" if trial.hint else "")


def _wrapped(note: str, width: int) -> str:
    first, *others = note.splitlines()
    lines = textwrap.wrap(first, width) + [
        line
        for other in others
        for line in textwrap.wrap(other, width, initial_indent="  ", subsequent_indent="    ")
    ]
    return "\n".join(lines)
