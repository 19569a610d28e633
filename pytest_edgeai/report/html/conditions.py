"""What a measurement was taken under, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_edgeai import units

Fact = tuple[str, str]
"""A term, and what is to be said of it."""


def facts(conditions: Mapping[str, Any]) -> list[Fact]:
    """All that is known, in the order in which one asks for it."""
    if not conditions:
        return []
    return [fact for fact in _facts(conditions) if fact[1]]


def device_text(conditions: Mapping[str, Any]) -> str:
    """A device in a line."""
    known = [
        conditions.get("board") or "",
        _with_machine(conditions),
        conditions.get("os") or "",
        _runtime(conditions),
        "emulated" if conditions.get("emulated") else "",
    ]
    return ", ".join(filter(None, known))


def _facts(seen: Mapping[str, Any]) -> Iterator[Fact]:
    before, after = seen.get("before") or {}, seen.get("after") or {}
    yield "machine", ", ".join(filter(None, [seen.get("board") or "", _with_machine(seen)]))
    yield "system", ", ".join(filter(None, [seen.get("os") or "", f"kernel {seen.get('kernel')}"]))
    yield "runtime", _runtime(seen)
    yield (
        "delegated",
        _of(seen.get("delegated"), lambda share: f"{units.share(share)} of operators"),
    )
    yield "inputs", _inputs(seen)
    yield "others", _of(seen.get("others_share"), lambda s: f"used {s:.0%} of the machine")
    yield "temperature", _ends(before, after, "temperature_c", "°C")
    yield "clock", _ends(before, after, "frequency_mhz", "MHz")
    yield "governor", before.get("governor") or ""
    yield "slowed down", ", ".join(seen.get("throttling") or ["no sign of it"])
    yield "emulated", "yes: its times say nothing of the board" if seen.get("emulated") else ""
    yield "runs", _runs(seen)
    yield "second try", seen.get("first_void") or ""
    yield "left out", "; ".join((seen.get("boards_left_out") or {}).values())


def _of(value: Any, text: Any) -> str:
    return "" if value is None else str(text(value))


def _with_machine(seen: Mapping[str, Any]) -> str:
    known = [f"{seen.get('cpu') or 'unknown CPU'} ({seen.get('machine')})"]
    if seen.get("cores"):
        known.append(units.count(seen["cores"], "core"))
    if seen.get("memory_mb"):
        known.append(f"{units.significant(seen['memory_mb'] / 1024, 2)} GB")
    return ", ".join(known)


def _runtime(seen: Mapping[str, Any]) -> str:
    if not seen.get("runtime"):
        return ""
    known = [f"{seen['runtime']} {seen.get('runtime_version')}"]
    if seen.get("threads"):
        known.append(units.count(seen["threads"], "thread"))
    if seen.get("python"):
        known.append(f"Python {seen['python']}")
    return ", ".join(known)


def _inputs(seen: Mapping[str, Any]) -> str:
    shapes = [" x ".join(map(str, shape)) for shape in (seen.get("input_shapes") or {}).values()]
    return ", ".join(filter(None, [seen.get("input") or "", *shapes]))


def _ends(before: Mapping[str, Any], after: Mapping[str, Any], key: str, unit: str) -> str:
    known = [f"{units.significant(end[key])} {unit}" for end in (before, after)
             if end.get(key) is not None]  # fmt: skip
    return " before, ".join(known) + " after" if len(known) == 2 else ", ".join(known)


def _runs(seen: Mapping[str, Any]) -> str:
    known = []
    if seen.get("runs") is not None:
        known.append(
            f"{units.count(seen['runs'], 'run')} after {seen.get('warm_up_runs'):,} to warm up"
        )
    if seen.get("effective_runs") is not None:
        known.append(f"worth {seen['effective_runs']:,.0f} independent ones")
    for name, key in (("load", "load_ms"), ("first inference", "first_inference_ms")):
        if seen.get(key) is not None:
            known.append(f"{name} {units.milliseconds(seen[key])}")
    return ", ".join(known)
