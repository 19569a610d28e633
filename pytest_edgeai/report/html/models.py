"""Models before and after quantisation, and the trade-off between their variants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.judge.statistics import statistic
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.html.chart import Chart, Trace, axis, rounded
from pytest_edgeai.report.packing import unpack
from pytest_edgeai.report.record import Record

COLOURS = ("accent", "second", "third", "ink")
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross")
MOST_BUBBLE = 32
"""Diameter of the largest file, in pixels."""


@dataclass(frozen=True)
class Point:
    """A variant of a model on a device.

    Attributes:
        median_ms, p95_ms: latency; None where it was not measured.
        scores: metrics by name.
    """

    variant: str
    device: str
    sha256: str
    size_bytes: int
    median_ms: float | None = None
    p95_ms: float | None = None
    scores: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return f"{self.variant} on {self.device}"

    @property
    def cells(self) -> list[str]:
        """Its row but for the metrics."""
        times = [None if ms is None else float(ms) for ms in (self.median_ms, self.p95_ms)]
        return [
            self.variant,
            self.device,
            units.megabytes(self.size_bytes),
            *(units.value_text(ms, "ms") for ms in times),
        ]

    def score_text(self, metric: str) -> str:
        return score_text(metric, self.scores.get(metric))


@dataclass(frozen=True)
class ModelShown:
    """All that a run tells of a model in its variants."""

    name: str
    points: list[Point]

    @property
    def metrics(self) -> list[str]:
        return list(dict.fromkeys(name for point in self.points for name in point.scores))

    @property
    def title(self) -> str:
        """What there is of it to compare."""
        latency = ["latency"] if any(point.median_ms for point in self.points) else []
        return f"{', '.join([*self.metrics, *latency])} and size"

    @property
    def charts(self) -> list[Chart]:
        """One for each metric that two or more variants have beside their latency."""
        found = []
        for metric in self.metrics:
            both = [
                one for one in self.points if one.median_ms and one.scores.get(metric) is not None
            ]
            if len(both) > 1:
                found.append(_trade_off(metric, both))
        return found


@dataclass(frozen=True)
class Change:
    """How much there is of something before and after quantisation."""

    name: str
    before: str
    after: str


def models_shown(document: Document) -> list[ModelShown]:
    """Each model by name, with a point for each variant on each device."""
    found: dict[str, dict[tuple[str, ...], Point]] = {}
    for test in document["tests"]:
        if test["model"] is None:
            continue
        points = found.setdefault(test["model"]["source"], {})
        key = (test["variant"], str(test["device"]), test["model"]["sha256"])
        points[key] = _with_more(points.get(key) or Point(*key, test["model"]["size_bytes"]), test)
    return [
        ModelShown(name, list(points.values()))
        for name, points in found.items()
        if any(point.median_ms or point.scores for point in points.values())
    ]


def score_text(metric: str, value: float | None) -> str:
    return units.value_text(value, "fraction" if _is_share(metric) else "score")


def _is_share(metric: str) -> bool:
    return Metric(None, name=metric).is_share


def _with_more(point: Point, test: Record) -> Point:
    """The point with what a further test measured; the first measurement of a thing stays."""
    scores = {
        score["metric"]: score["value"]
        for score in test["evidence"].get("scores", ())
        if score["baseline"] is None and score.get("value") is not None
    }
    median, p95 = (point.median_ms, point.p95_ms)
    if median is None:
        median, p95 = _latency(test)
    return Point(
        point.variant, point.device, point.sha256, point.size_bytes,
        median, p95, {**scores, **point.scores},
    )  # fmt: skip


def _latency(test: Record) -> tuple[float | None, float | None]:
    """Median and p95 with the device's own threads."""
    for entry in test["evidence"].get("latency", ()):
        if "samples_ns" in entry and entry["threads"] in (None, test["threads"]):
            samples = unpack(entry["samples_ns"]) / 1e6
            return statistic("median", samples), statistic("p95", samples)
    return None, None


def _trade_off(metric: str, points: list[Point]) -> Chart:
    """A bubble for each point: its colour is the device's, its shape the variant's."""
    devices = [*dict.fromkeys(point.device for point in points)]
    variants = [*dict.fromkeys(point.variant for point in points)]
    largest = max(point.size_bytes for point in points)
    traces = []
    for point in points:
        colour = COLOURS[devices.index(point.device) % len(COLOURS)]
        symbol = SYMBOLS[variants.index(point.variant) % len(SYMBOLS)]
        traces.append(_bubble(metric, point, largest, colour, symbol))
    times = [point.median_ms or 0.0 for point in points]
    is_wide = max(times) > 10 * min(times) > 0
    layout = {
        "xaxis": axis("median latency, ms", type="log" if is_wide else "linear"),
        "yaxis": axis(metric, range=_around(metric, points), **_ticks(metric)),
        "height": 300 + 12 * len(points),
    }
    return Chart(f"{metric} against latency and size", _in_words(metric, points), traces, layout)


def _in_words(metric: str, points: list[Point]) -> str:
    """Which are at the ends of each of the three."""
    by_score = sorted(points, key=lambda point: point.scores[metric])
    by_time = sorted(points, key=lambda point: point.median_ms or 0.0)
    by_size = sorted(points, key=lambda point: point.size_bytes)
    return "; ".join(
        f"{name} from {text(order[0])} ({order[0].name}) to {text(order[-1])} ({order[-1].name})"
        for name, order, text in (
            (metric, by_score, lambda point: point.score_text(metric)),
            ("median", by_time, lambda point: units.milliseconds(point.median_ms or 0.0)),
            ("size (the bubble's)", by_size, lambda p: units.megabytes(p.size_bytes)),
        )
    )


def _around(metric: str, points: list[Point]) -> list[float]:
    """A range with room for bubbles, also where all points score the same."""
    scores = [point.scores[metric] for point in points]
    room = 0.3 * (max(scores) - min(scores)) or 0.01 * abs(scores[0]) or 1.0
    return [min(scores) - room, max(scores) + room]


def _ticks(metric: str) -> dict[str, str]:
    return {"tickformat": ".1%"} if _is_share(metric) else {}


def _bubble(metric: str, point: Point, largest: int, colour: str, symbol: str) -> Trace:
    return {
        "type": "scatter",
        "mode": "markers",
        "name": point.name,
        "x": [rounded(point.median_ms)],
        "y": [rounded(point.scores[metric])],
        "hovertext": [", ".join([*point.cells, point.score_text(metric)])],
        "hoverinfo": "text",
        "marker": {
            "color": colour,
            "symbol": symbol,
            "opacity": 0.7,
            "size": [point.size_bytes],
            "sizemode": "area",
            "sizemin": 4,
            "sizeref": 2 * largest / MOST_BUBBLE**2,
        },
        "cliponaxis": False,
    }


def baseline_of(document: Document, test: Record) -> str | None:
    """The key of the converted variant of the same model, where it is in the run."""
    source, own = test["model"]["source"], test["model"]["key"]
    for other in document["tests"]:
        model = other["model"]
        if other["variant"] == "converted" and model and model["source"] == source:
            return None if model["key"] == own else str(model["key"])
    return None


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> Iterator[Change]:
    """Size, operators and types of a model; with a baseline also what it has of each."""
    sizes = [None if facts is None else facts["size_bytes"] for facts in (before, after)]
    yield Change("file", *(units.value_text(size, "bytes") for size in sizes))
    for title, counted in (("", _operators), ("tensors of ", _tensors), ("weights in ", _weights)):
        was, now = counted(before) if before else {}, counted(after)
        for name in {**was, **now}:
            numbers = (f"{counts.get(name, 0):,}" for counts in (was, now))
            yield Change(f"{title}{name}", *numbers)


def _operators(facts: Mapping[str, Any]) -> dict[str, int]:
    """By name; the same operator may stand there in several versions."""
    found: dict[str, int] = {}
    for operator in facts["operators"]:
        found[operator["name"]] = found.get(operator["name"], 0) + operator["count"]
    return found


def _tensors(facts: Mapping[str, Any]) -> dict[str, int]:
    return dict(facts["tensors_by_type"])


def _weights(facts: Mapping[str, Any]) -> dict[str, int]:
    return dict(facts["weights_by_type"])
