"""The HTML report: one file that holds all it needs, to be opened anywhere.

``report/html`` makes what is shown, and has the templates, the style and the script.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pytest_edgeai import units
from pytest_edgeai.report.comparison import differences
from pytest_edgeai.report.document import Document
from pytest_edgeai.report.html.conditions import device_text
from pytest_edgeai.report.html.detail import details, model_pairs
from pytest_edgeai.report.html.models import changes, models_shown
from pytest_edgeai.report.html.rows import SIGNS, counts, rows
from pytest_edgeai.report.outcome import incomplete
from pytest_edgeai.report.writing import replace_text


def write_html(path: Path, document: Document, history: Sequence[dict[str, Any]] = ()) -> None:
    """Write a run as a page.

    Args:
        document: as ``report.document`` makes it.
        history: what earlier runs measured, one entry for each budget: ``time``, ``commit``,
            ``nodeid``, ``device``, ``variant``, ``statistic``, ``measured``, ``limit``,
            ``verdict``.

    Raises:
        ImportError: the extra ``report`` is not installed.
        OSError: the path cannot be written.
    """
    replace_text(path, page(document, history))


def page(document: Document, history: Sequence[dict[str, Any]] = ()) -> str:
    """The whole page as text."""
    from markupsafe import Markup
    from plotly.offline import get_plotlyjs

    environment, found = _environment(), rows(document["tests"])
    text: str = environment.get_template("report.html").render(
        run=document["run"],
        incomplete=incomplete(document),
        duration=units.seconds(document["run"].get("duration_s") or 0.0),
        rows=found,
        counts=counts(found),
        signs=SIGNS,
        devices=_devices(document),
        differences=differences(document["comparisons"]),
        models=models_shown(document),
        packed_details=_packed_details(environment, document, history),
        plotly=Markup(get_plotlyjs()),
    )
    return text


def _environment() -> Any:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pytest_edgeai.report.html"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "allow_nan": False}
    return environment


def _packed_details(environment: Any, document: Document, history: Sequence[dict[str, Any]]) -> str:
    """What tests and models show when they are opened, as JSON: compressed, in base64.

    Otherwise it would be most of the page, and most of it is never looked at.
    """
    shown = details(document, history)
    pairs = model_pairs(shown)
    places = {pair: place for place, pair in enumerate(pairs)}
    parts = environment.get_template("parts.html").module
    made = {
        "tests": [parts.detail(one, places) for one in shown],
        "models": [parts.changes(_changes(document, *pair)) for pair in pairs],
    }
    return base64.b64encode(zlib.compress(json.dumps(made).encode())).decode()


def _devices(document: Document) -> dict[str, str]:
    """Each device in words, by name."""
    return {
        test["device"]: device_text(test["conditions"])
        for test in document["tests"]
        if test["device"] and test["conditions"]
    }


def _changes(document: Document, before: str | None, after: str) -> dict[str, Any]:
    known = document["models"]
    has_before = before in known
    return {
        "has_before": has_before,
        "rows": [*changes(known[before] if has_before else None, known[after])],
    }
