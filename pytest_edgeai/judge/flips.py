"""Samples that two models answer differently: which, of which classes, and what they became."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.judge.evidence import Score
from pytest_edgeai.judge.paired import Discordant, discordant

MOST_CLASSES = 3
MOST_SAMPLES = 5
MOST_IN_DATA = 1000


@dataclass(frozen=True)
class Flips:
    """What became wrong and right from one model to another.

    Attributes:
        pairs: the samples by index.
        base_hits, own_hits: whether each sample was right, and is; bool, shape (N,).
        own: the score of the model that is judged, with its classes.
        moved: how many wrong samples went from one class to another: (true, before, now).
    """

    pairs: Discordant
    base_hits: Any
    own_hits: Any
    own: Score
    moved: Counter[tuple[int, int, int]]

    @property
    def counts(self) -> tuple[int, int]:
        """How many are wrong now, and how many right now."""
        return len(self.pairs.lost), len(self.pairs.gained)

    @property
    def text(self) -> str:
        """The counts, with the p-value of McNemar's test."""
        lost, gained = self.counts
        return (
            f"{units.count(lost, 'sample')} right before and wrong now, {gained:,} the other way "
            f"(McNemar {units.p_value(self.pairs.p_value)})"
        )

    def described(self) -> tuple[str, ...]:
        """The classes that lost most, what they became, and samples that are wrong now."""
        if not len(self.pairs.lost):
            return ()
        indices = _first(map(str, self.pairs.lost), len(self.pairs.lost), MOST_SAMPLES)
        worst = self._worst()
        texts = [f"classes that lost most: {', '.join(worst)}"] if worst else []
        if became := self._became():
            texts.append(f"what they became: {_first(became, len(became), MOST_SAMPLES)}")
        return (*texts, f"samples that are wrong now, by index: {indices}")

    def _became(self) -> list[str]:
        """Likeliest classes before and now; one may be wrong among the k likeliest and stay."""
        pairs = Counter[tuple[int, int]]()
        for (_, before, now), count in self.moved.items():
            if before != now:
                pairs[before, now] += count
        return [f"{before} -> {now} ({count:,})" for (before, now), count in pairs.most_common()]

    def _worst(self) -> list[str]:
        import numpy as np

        classes = self.own.classes
        assert classes is not None
        fewer = np.bincount(classes, self.base_hits) - np.bincount(classes, self.own_hits)
        sizes = np.bincount(classes)
        worst = [int(c) for c in np.argsort(-fewer, kind="stable")[:MOST_CLASSES] if fewer[c] > 0]
        return [
            f"{c} ({units.share(self.base_hits[classes == c].mean())} -> "
            f"{units.share(self.own_hits[classes == c].mean())} of {sizes[c]:,})"
            for c in worst
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain data: samples by index, and how many moved from which class to which."""
        return {
            "lost": self.pairs.lost[:MOST_IN_DATA].tolist(),
            "gained": self.pairs.gained[:MOST_IN_DATA].tolist(),
            "moved": [
                {"label": label, "before": before, "now": now, "samples": count}
                for (label, before, now), count in self.moved.most_common(MOST_IN_DATA)
            ],
        }


def flips(base: Score, own: Score) -> Flips | None:
    """Where two scores of the same samples differ; None for metrics that do not compare classes."""
    if own.classes is None:
        return None
    base_hits, own_hits = _hits(base), _hits(own)
    if base_hits is None or own_hits is None:
        return None
    pairs, moved = discordant(base_hits, own_hits), Counter[tuple[int, int, int]]()
    if base.answered is not None and own.answered is not None:
        moved.update(
            zip(
                own.classes[pairs.lost].tolist(),
                base.answered[pairs.lost].tolist(),
                own.answered[pairs.lost].tolist(),
                strict=True,
            )
        )
    return Flips(pairs, base_hits, own_hits, own, moved)


def _hits(score: Score) -> Any:
    if score.hits is not None or score.answered is None:
        return score.hits
    return score.answered == score.classes


def _first(texts: Any, count: int, most: int) -> str:
    shown = [text for text, _ in zip(texts, range(most), strict=False)]
    return ", ".join(shown) + (", ..." if count > most else "")
