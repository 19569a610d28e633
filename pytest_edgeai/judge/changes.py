"""Measurements of two runs, compared kind by kind; noise is judged for all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.judge.baseline import FINGERPRINT, independent
from pytest_edgeai.judge.change import Change, sided, untold
from pytest_edgeai.judge.conditions import disturbance, drifted
from pytest_edgeai.judge.evidence import FileFacts, LatencySamples, Score, StartSamples
from pytest_edgeai.judge.facts import custom_operators, unquantised
from pytest_edgeai.judge.latency import is_hopeless
from pytest_edgeai.judge.metrics import Metric
from pytest_edgeai.judge.paired import RESAMPLES, discordant, drop_interval
from pytest_edgeai.judge.regression import FLOOR_BYTES, FLOOR_MS, rank_chance
from pytest_edgeai.judge.statistics import Samples, drift, statistic

SIZE_FRACTION = 0.01
SIZE_FLOOR_BYTES = 1024
"""A file's names and metadata change by less."""
SHARE = 0.01
"""A smaller change of a share of weights or operators is none."""
Conditions = Mapping[str, Any]


def of_size(before: int, after: int) -> Change:
    """Of the file; there is no noise in it."""
    counts = abs(after - before) > max(SIZE_FRACTION * before, SIZE_FLOOR_BYTES)
    return sided("size", "bytes", before, after, counts, f"{before:,} -> {after:,} bytes")


def of_facts(before: FileFacts, after: FileFacts) -> Iterator[Change]:
    """What two files say of themselves."""
    was, now = unquantised(before), unquantised(after)
    yield sided("not quantised", "count", was, now, (was == 0) != (now == 0))
    was, now = (sum(custom_operators(facts).values()) for facts in (before, after))
    yield sided("custom operators", "count", was, now, was != now)
    shares = before.int8_weight_share, after.int8_weight_share
    if shares[0] is not None and shares[1] is not None:
        yield of_share("weights in int8", shares[0], shares[1])
    was_of, now_of = (Counter({k.name: k.count for k in f.operators}) for f in (before, after))
    came, went = now_of - was_of, was_of - now_of
    if came or went:
        both = (("went", went), ("came", came))
        texts = [f"{units.kinds(counts)} {what}" for what, counts in both if counts]
        yield Change("operators", "text", None, None, "changed", "; ".join(texts))


def of_share(what: str, before: float, after: float) -> Change:
    """Of weights or operators; the more of them the better."""
    counts = abs(after - before) > SHARE
    return sided(what, "fraction", before, after, counts, higher_is_better=True)


def of_latency(
    before: LatencySamples, after: LatencySamples, names: Iterable[str], fraction: float
) -> Iterator[Change]:
    """Statistics of the latency; each where the conditions allow it."""
    was_ns, now_ns = (independent(samples.samples_ns) for samples in (before, after))
    for name in names:
        was, now = statistic(name, before.ms), statistic(name, after.ms)
        counts = _is_beyond(was, now, fraction, FLOOR_MS)
        by_others = _by_others(name, before.ms, after.ms) if counts else (True, True)
        why = unlike(before.conditions, after.conditions, by_others=by_others)
        if reason := why or (counts and _drifts(name, before, after, fraction)):
            yield untold(name, "ms", reason, was, now)
            continue
        chance = min(1.0, 2 * rank_chance(name, was_ns, now_ns, now > was))
        reason = f"{len(before.ms):,} and {units.count(len(after.ms), 'run')}"
        yield sided(name, "ms", was, now, counts, reason, chance)


def of_starts(
    what: str, unit: str, before: StartSamples, after: StartSamples, fraction: float
) -> Change:
    """The median of memory, or of the start-up, over fresh processes."""
    was, now = (statistic("median", samples.values) for samples in (before, after))
    is_timed = unit == "ms"
    counts = _is_beyond(was, now, fraction, FLOOR_MS if is_timed else FLOOR_BYTES)
    by_others = _by_others("median", before.values, after.values) if counts else (True, True)
    why = unlike(before.conditions, after.conditions, is_timed, by_others)
    if why:
        return untold(what, unit, why, was, now)
    chance = min(1.0, 2 * rank_chance("median", before.values, after.values, now > was))
    reason = f"{len(before.values)} and {units.count(len(after.values), 'start')}"
    return sided(what, unit, was, now, counts, reason, chance)


def of_score(
    metric: Metric, before: Score, after: Score, draws: tuple[Any, Any], confidence: float
) -> Change:
    """A metric on the same samples.

    Args:
        draws: what the metric came to on the same resamples in both runs; empty where that was not
            kept.
    """
    unit = "fraction" if metric.is_share else "score"
    both = before.value, after.value
    if before.data != after.data or before.samples != after.samples:
        reason = "scored on another data set: evaluation_data has changed"
        return untold(metric.name, unit, reason, *both)
    reason, chance = f"on {units.count(after.samples, 'sample')}", None
    if before.hits is not None and after.hits is not None:
        pairs = discordant(before.hits, after.hits)
        lost, gained = len(pairs.lost), len(pairs.gained)
        chance = pairs.p_value if lost + gained else None
        interval = drop_interval(lost, gained, after.samples, confidence)
        drop = units.interval(interval.low, interval.high, "points", "between {} and {}")
        reason += f", {lost:,} became wrong and {gained:,} right, a drop {drop}"
    elif len(draws[0]) == len(draws[1]) >= RESAMPLES:
        chance = _resampled_chance(*draws)
        reason += ", by paired resampling"
    elif before.value != after.value:
        reason = "the runs kept no resamples: give a budget on it a confidence="
        return untold(metric.name, unit, reason, *both)
    return sided(metric.name, unit, *both, True, reason, chance, metric.higher_is_better)


def unlike(
    before: Conditions,
    after: Conditions,
    is_timed: bool = True,
    by_others: tuple[bool, bool] = (True, True),
) -> str:
    """Why two measurements cannot be compared; "" where they can.

    Args:
        by_others: for each, whether work of others may be why it comes out as it does.
    """
    keys = (*FINGERPRINT, "input_shapes")
    differs = [
        f"{key} {before.get(key)!r}, now {after.get(key)!r}"
        for key in keys
        if before.get(key) != after.get(key)
    ]
    if differs:
        return f"measured under other conditions: {'; '.join(differs)}"
    both = zip(("before", "after"), (before, after), by_others, strict=True)
    for which, seen, is_their_fault in both:
        spoilt = disturbance(seen, is_their_fault) if is_timed or seen.get("emulated") else None
        if spoilt is not None:
            return f"{which}: {spoilt.reason}"
    return ""


def _by_others(name: str, before: Samples, after: Samples) -> tuple[bool, bool]:
    """For each of two runs that differ, whether others may be why.

    They can only slow a model down: not the faster run, nor one that is slower by too much.
    """
    was, now = statistic(name, before), statistic(name, after)
    return was > now and not is_hopeless(before, now), now > was and not is_hopeless(after, was)


def _is_beyond(before: float, after: float, fraction: float, floor: float) -> bool:
    grown = max(before, after) > min(before, after) * (1 + fraction)
    return grown and abs(after - before) > floor


def _drifts(name: str, before: LatencySamples, after: LatencySamples, fraction: float) -> str:
    """Whether a run drifted so far that its change may be that."""
    for which, own, other in (("before", before, after), ("after", after, before)):
        measured, limit = statistic(name, own.ms), statistic(name, other.ms)
        limit *= 1 + fraction if measured > limit else 1 / (1 + fraction)
        spoilt = drifted(measured, limit, drift(own.ms), statistic("median", own.ms))
        if spoilt is not None:
            return f"{which}: {spoilt.reason}"
    return ""


def _resampled_chance(before: Any, after: Any) -> float:
    """Two-sided, of the difference on the same resamples (Efron & Tibshirani, 1993, chapter 16);
    never 0, as the data set itself counts as one of them."""
    import numpy as np

    differences = np.asarray(after[:RESAMPLES]) - np.asarray(before[:RESAMPLES])
    differences = differences[np.isfinite(differences)]
    sides = [int((differences <= 0).sum()), int((differences >= 0).sum())]
    return min(1.0, 2 * (min(sides) + 1) / (len(differences) + 1))
