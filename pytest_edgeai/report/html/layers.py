"""Charts of the error by layer, where a model was compared layer by layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.report.html.chart import Chart, all_rounded, axis
from pytest_edgeai.report.record import Record

MOST_NAMED = 3


def layer_charts(test: Record) -> Iterator[Chart]:
    """Of the first budget that compared layers; another's samples tell much the same."""
    found = [budget for budget in test["budgets"] if budget["data"].get("layers")]
    for budget in found[:1]:
        yield _errors(budget["statistic"], budget["data"]["layers"])


def _errors(whose: str, layers: list[dict[str, Any]]) -> Chart:
    error = [None if layer["error"] is None else layer["error"] * 100 for layer in layers]
    bars = {
        "type": "bar",
        "x0": 1,
        "y": [None if value is None else all_rounded([value], 3)[0] for value in error],
        "text": ["begins here" if layer["to_blame"] else "" for layer in layers],
        "textposition": "outside",
        "constraintext": "none",
        "hovertext": [f"{layer['name']} ({layer['operator']})" for layer in layers],
        "marker": {
            "color": ["limit" if layer["to_blame"] else "accent" for layer in layers],
        },
        "cliponaxis": False,
        "showlegend": False,
    }
    layout = {"xaxis": axis("layer, in the order of running"), "yaxis": axis("error, %")}
    return Chart(f"Error by layer ({whose})", _in_words(layers), [bars], layout)


def _in_words(layers: list[dict[str, Any]]) -> str:
    guilty = [layer for layer in layers if layer["to_blame"]]
    text = f"{units.count(len(layers), 'layer')}, root mean square of the error over how far values"
    text += " vary; "
    if not guilty:
        return f"{text}no single layer is to blame"
    named = units.listed([_layer_text(layer) for layer in guilty], MOST_NAMED)
    return f"{text}it begins in {named}"


def _layer_text(layer: dict[str, Any]) -> str:
    if layer["error"] is None:
        return f"{layer['name']} ({layer['operator']}: NaN or infinity)"
    before = "" if layer["input_error"] is None else units.magnitude(layer["input_error"])
    return (
        f"{layer['name']} ({layer['operator']}: {before or 'NaN'} going in, "
        f"{units.magnitude(layer['error'])} coming out)"
    )
