"""What became wrong and right: counts, classes and samples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.judge.paired import discordant, mcnemar
from pytest_edgeai.report.html.chart import Chart, axis
from pytest_edgeai.report.packing import unpack
from pytest_edgeai.report.record import Record

MOST_CLASSES = 12
"""Of the confusion that moved."""
KINDS = {"lost": "right before, wrong now", "gained": "wrong before, right now"}


@dataclass(frozen=True)
class Pairs:
    """How many samples the baseline and the model have right.

    Attributes:
        title: which metric, against which baseline.
        both, lost, gained, neither: numbers of samples.
        p_value: of McNemar's test, as text.
    """

    title: str
    both: int
    lost: int
    gained: int
    neither: int
    p_value: str


@dataclass(frozen=True)
class Picture:
    """A sample that flipped; ``answers`` has its label and its classes before and now."""

    index: int
    kind: str
    uri: str
    answers: str


def pairs(test: Record) -> Iterator[Pairs]:
    """Of every accuracy that was compared with a baseline's."""
    for base, own in _compared(test):
        if base.get("hits") is None or own.get("hits") is None:
            continue
        before, now = unpack(base["hits"]), unpack(own["hits"])
        found = discordant(before, now)
        lost, gained = len(found.lost), len(found.gained)
        both = int((before & now).sum())
        yield Pairs(
            f"{own['metric']} against {base['baseline']}",
            both,
            lost,
            gained,
            len(now) - both - lost - gained,
            units.p_value(mcnemar(lost, gained)),
        )


def moved_charts(test: Record) -> Iterator[Chart]:
    """For each budget, which class lost samples to which other."""
    for budget in test["budgets"]:
        moved = [entry for entry in budget["data"].get("moved", []) if entry["now"] is not None]
        if moved:
            yield _moved(budget["statistic"], moved)


def pictures(test: Record, uris: Mapping[str, str]) -> list[Picture]:
    """The samples that flipped and that there are pictures of; those that went wrong first."""
    answers = next((_answers(base, own) for base, own in _compared(test)), {})
    found: dict[int, Picture] = {}
    for kind, text in KINDS.items():
        for budget in test["budgets"]:
            for index in budget["data"].get(kind, ()):
                if str(index) in uris:
                    picture = Picture(index, text, uris[str(index)], _told(answers, index))
                    found.setdefault(index, picture)
    return list(found.values())


def _compared(test: Record) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Scores of baselines, each with the model's own."""
    scores = [score for score in test["evidence"].get("scores", ()) if "error" not in score]
    for base in scores:
        for own in scores:
            is_alike = base["metric"] == own["metric"] and base["samples"] == own["samples"]
            if base["baseline"] is not None and own["baseline"] is None and is_alike:
                yield base, own


def _answers(base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    packed = {"label": own["classes"], "before": base["answered"], "now": own["answered"]}
    return {name: unpack(array) for name, array in packed.items() if array is not None}


def _told(answers: Mapping[str, Any], index: int) -> str:
    return ", ".join(f"{name} {array[index]}" for name, array in answers.items())


def _moved(whose: str, moved: list[dict[str, Any]]) -> Chart:
    sizes = Counter[int]()
    for entry in moved:
        sizes.update({entry["label"]: entry["samples"], entry["now"]: entry["samples"]})
    classes = sorted(name for name, _ in sizes.most_common(MOST_CLASSES))
    place = {name: number for number, name in enumerate(classes)}
    counts: list[list[int | None]] = [[None] * len(classes) for _ in classes]
    for entry in moved:
        row, column = place.get(entry["label"]), place.get(entry["now"])
        if row is not None and column is not None:
            counts[row][column] = (counts[row][column] or 0) + entry["samples"]
    names = [str(name) for name in classes]
    heat = {
        "type": "heatmap",
        "x": names,
        "y": names,
        "z": counts,
        "colorscale": [[0, "heat-low"], [1, "heat-high"]],
        "zmin": 0,
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "texttemplate": "%{z}",
        "hoverongaps": False,
        "hovertemplate": "label %{y}, now %{x}: %{z}<extra></extra>",
    }
    layout = {
        "xaxis": axis("answer now", type="category"),
        "yaxis": axis("label", type="category", autorange="reversed"),
        "height": 130 + 20 * len(classes),
    }
    return Chart(f"What samples became that are wrong now ({whose})", _text(moved), [heat], layout)


def _text(moved: list[dict[str, Any]]) -> str:
    named = [
        f"{units.count(entry['samples'], 'sample')} of class {entry['label']} now {entry['now']}"
        for entry in moved
    ]
    return units.listed(named)
