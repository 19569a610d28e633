"""Writes docs/reference.md from the code: ``python docs/make_reference.py``."""

from __future__ import annotations

import argparse
import inspect
import re
import textwrap
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest_edgeai
from pytest_edgeai import cli
from pytest_edgeai.judge.markers import MARKERS, signature_text
from pytest_edgeai.plugin import fixtures, markers
from pytest_edgeai.plugin.options import OPTIONS, SWITCHES

PAGE = Path(__file__).with_name("reference.md")
HEAD = """# Reference

Made from the code by `python docs/make_reference.py`: markers, fixtures, options, the command line,
and what can be imported.
"""
ARGUMENT = re.compile(r"(\w+(?:, \w+)*): (.+)")


def page() -> str:
    """The whole page."""
    parts = [HEAD, *_markers(), *_fixtures(), *_options(), *_commands(), *_names()]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).rstrip() + "\n"


def _markers() -> Iterator[str]:
    yield "## Markers\n"
    yield (
        "Also importable from `pytest_edgeai` as decorators. In `*.edge.toml` files a marker is a "
        "key, its arguments a table.\n"
    )
    for name, function in {**markers.OF_MODEL, **MARKERS}.items():
        yield f"### `{name}`\n"
        yield f"```python\n{name}{signature_text(function)}\n```\n"
        yield _described(function)


def _fixtures() -> Iterator[str]:
    yield "## Fixtures\n"
    for name, of in vars(fixtures).items():
        if isinstance(of, type(fixtures.edge_device)):
            yield f"### `{name}`\n"
            yield _described(of)


def _options() -> Iterator[str]:
    yield "## Options of pytest\n"
    yield "A flag counts before its ini twin, that before the default.\n"
    yield "| option | ini | |\n|---|---|---|"
    for option in OPTIONS:
        value = option.metavar or "|".join(option.choices)
        yield f"| `{option.flag}={_cell(value)}` | `{option.ini}` | {_cell(option.help)} |"
    for name, text in SWITCHES.items():
        yield f"| `--edge-{name.replace('_', '-')}` | `edge_{name}` | {_cell(text)} |"
    yield ""


def _commands() -> Iterator[str]:
    yield "## Command line\n"
    yield "`edgeai COMMAND`, or `python -m pytest_edgeai COMMAND`.\n"
    for name, module in cli.COMMANDS.items():
        parser = argparse.ArgumentParser(add_help=False)
        module.add_arguments(parser)
        yield f"### `edgeai {name}`\n"
        yield f"{module.DESCRIPTION}\n"
        yield "| argument | |\n|---|---|"
        for action in parser._actions:
            yield f"| `{_cell(_usage(action))}` | {_cell(action.help or '')} |"
        yield ""


def _usage(action: argparse.Action) -> str:
    """How an argument is written."""
    value = action.metavar or ("|".join(action.choices) if action.choices else action.dest.upper())
    if not action.option_strings:
        repeated = f"{action.metavar or action.dest}"
        return f"[{repeated} ...]" if action.nargs in ("*", "+") else repeated
    flag = ", ".join(action.option_strings)
    return flag if action.nargs == 0 else f"{flag} {value}"


def _names() -> Iterator[str]:
    yield "## Names to import\n"
    yield "From `pytest_edgeai`, beside the markers.\n"
    stated = {*MARKERS, *markers.OF_MODEL}
    for name in pytest_edgeai.__all__:
        if name not in stated:
            of = getattr(pytest_edgeai, name)
            yield f"### `{name}`\n"
            yield f"```python\n{name}{_signature(of)}\n```\n"
            yield _described(of)
            if inspect.isclass(of) and not issubclass(of, Exception):
                yield from _methods(of)


def _methods(of: type) -> Iterator[str]:
    """A line for each public method and property."""
    for name, member in vars(of).items():
        is_told = inspect.isfunction(member) or isinstance(member, (property, cached_property))
        if name.startswith("_") or not is_told or not member.__doc__:
            continue
        summary = inspect.cleandoc(member.__doc__ or "").partition("\n\n")[0].replace("``", "`")
        taken = "" if not inspect.isfunction(member) else _signature(member).replace("(self, ", "(")
        yield f"- `{name}{taken.replace('(self)', '()')}`: {' '.join(summary.split())}"
    yield ""


def _signature(of: Callable[..., Any]) -> str:
    try:
        return re.sub(r"<function .*? at 0x\w+>", "...", signature_text(of))
    except ValueError:
        return ""


def _described(of: Any) -> str:
    """A docstring as Markdown: its sections as lists."""
    text = inspect.cleandoc(of.__doc__ or "").replace("``", "`")
    head, *sections = re.split(r"\n\n?(Args|Returns|Raises|Attributes):\n", text)
    pieces = [head.strip()]
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        listed, _, after = body.partition("\n\n")
        pieces += [f"{title}:", "\n".join(_items(textwrap.dedent(listed)))]
        pieces += [textwrap.dedent(after)] if after else []
    return "\n\n".join(pieces) + "\n"


def _items(body: str) -> Iterator[str]:
    """Each entry of a section as a list item, on one line."""
    for entry in re.split(r"\n(?=\S)", body):
        line = " ".join(entry.split())
        found = ARGUMENT.fullmatch(line)
        yield f"- `{found[1]}`: {found[2]}" if found else f"- {line}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    PAGE.write_text(page())
