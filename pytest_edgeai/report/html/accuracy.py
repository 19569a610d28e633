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
DEFAULT_BASELINE = "converted"
"""Of markers that compare."""
KINDS = {"lost": "right in {base}, wrong in {own}", "gained": "wrong in {base}, right in {own}"}
"""Of flipped samples, by their name in a budget's data."""


@dataclass(frozen=True)
class Pairs:
    """How many samples the baseline and the model have right.

    Attributes:
        metric: what was compared.
        base, own: what the baseline and the model are called.
        both, lost, gained, neither: numbers of samples.
        p_value: of McNemar's test, as text.
    """

    metric: str
    base: str
    own: str
    both: int
    lost: int
    gained: int
    neither: int
    p_value: str


@dataclass(frozen=True)
class Picture:
    """A sample that flipped; ``answers`` has its label and the class that each model gives it."""

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
            own["metric"],
            base["baseline"],
            test["variant"],
            both,
            lost,
            gained,
            len(now) - both - lost - gained,
            units.p_value(mcnemar(lost, gained)),
        )


def moved_charts(test: Record) -> Iterator[Chart]:
    """For each budget, which class lost samples to which other."""
    for budget, base in _with_baseline(test):
        moved = [entry for entry in budget["data"].get("moved", []) if entry["now"] is not None]
        if moved:
            yield _moved(budget["statistic"], base, test["variant"], moved)


def pictures(test: Record, uris: Mapping[str, str]) -> list[Picture]:
    """The samples that flipped and that there are pictures of; those that went wrong first."""
    answers = {base["baseline"]: _answers(test, base, own) for base, own in _compared(test)}
    found: dict[int, Picture] = {}
    for kind, text in KINDS.items():
        for budget, base in _with_baseline(test):
            words = text.format(base=base, own=test["variant"])
            for index in budget["data"].get(kind, ()):
                if str(index) in uris:
                    told = _told(answers.get(base, {}), index)
                    found.setdefault(index, Picture(index, words, uris[str(index)], told))
    return list(found.values())


def _with_baseline(test: Record) -> Iterator[tuple[dict[str, Any], str]]:
    """Each budget with the baseline that its marker names; those of one marker are in order."""
    named: dict[str, list[str]] = {}
    for stated in test["markers"]:
        baseline = stated["arguments"].get("baseline", DEFAULT_BASELINE)
        named.setdefault(stated["marker"], []).append(baseline)
    for budget in test["budgets"]:
        baselines = named.get(budget["marker"], [DEFAULT_BASELINE])
        yield budget, baselines.pop(0) if len(baselines) > 1 else baselines[0]


def _compared(test: Record) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Scores of baselines, each with the model's own."""
    scores = [score for score in test["evidence"].get("scores", ()) if "error" not in score]
    for base in scores:
        for own in scores:
            is_alike = base["metric"] == own["metric"] and base["samples"] == own["samples"]
            if base["baseline"] is not None and own["baseline"] is None and is_alike:
                yield base, own


def _answers(test: Record, base: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """The label of each sample and the classes that the models give it, by their names."""
    packed = {
        "label": own["classes"],
        base["baseline"]: base["answered"],
        test["variant"]: own["answered"],
    }
    return {name: unpack(array) for name, array in packed.items() if array is not None}


def _told(answers: Mapping[str, Any], index: int) -> str:
    return ", ".join(f"{name} {array[index]}" for name, array in answers.items())


def _moved(whose: str, base: str, own: str, moved: list[dict[str, Any]]) -> Chart:
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
        "hovertemplate": "label %{y}, answer %{x}: %{z}<extra></extra>",
    }
    layout = {
        "xaxis": axis(f"answer of {own}", type="category"),
        "yaxis": axis("label", type="category", autorange="reversed"),
        "height": 130 + 20 * len(classes),
    }
    title = f"What {own} makes of samples that {base} alone has right ({whose})"
    return Chart(title, _text(own, moved), [heat], layout)


def _text(own: str, moved: list[dict[str, Any]]) -> str:
    named = [
        f"{units.count(entry['samples'], 'sample')} of class {entry['label']} for {entry['now']}"
        for entry in moved
    ]
    return f"{own} takes {units.listed(named)}"
