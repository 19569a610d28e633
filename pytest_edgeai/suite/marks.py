"""The budgets in a ``*.edge.toml`` file; what is wrong with one is said in terms of TOML."""

from __future__ import annotations

import inspect
import json
from difflib import get_close_matches
from typing import Any

from pytest_edgeai.errors import UsageError
from pytest_edgeai.judge.examples import EXAMPLES, takes_first, with_limit
from pytest_edgeai.judge.expressions import likely_limit
from pytest_edgeai.judge.markers import MARKERS
from pytest_edgeai.suite.suite import Marking


def budgets(name: str, value: Any) -> list[Marking]:
    """The marks of one marker, the last first, as decorators are applied."""
    values = value if isinstance(value, list) else [value]
    if not values:
        raise UsageError("the list is empty: there is no limit in it", example(name))
    return [_budget(name, one) for one in reversed(values)]


def example(name: str) -> str:
    """A line with the marker."""
    return f"for example {_line(name, EXAMPLES[name])}"


def _budget(name: str, value: Any) -> Marking:
    if value is False or not isinstance(value, bool | int | float | str | dict):
        raise UsageError(
            "a budget is a limit, a table of arguments, or true where it takes none, "
            f"not {value!r}",
            "take the line out where nothing is required" if value is False else example(name),
        )
    arguments = _by_name(name, value)
    try:
        MARKERS[name](**arguments)
    except UsageError as error:
        raise UsageError(error.message, _hint(name, arguments, error)) from None
    if isinstance(value, dict):
        return Marking(name, (), value)
    return Marking(name, tuple(arguments.values()))


def _by_name(name: str, value: Any) -> dict[str, Any]:
    """The arguments; all that a marker needs, and none that it does not take."""
    taken = inspect.signature(MARKERS[name]).parameters
    if not isinstance(value, dict):
        return _alone(name, value, next(iter(taken), ""))
    for key in value:
        if key not in taken:
            near = [f"did you mean {found}?" for found in get_close_matches(key, taken, 1)]
            known = [] if near and len(taken) == 1 else [_takes(name)]
            raise UsageError(f"there is no argument {key!r}", " ".join([*near, *known]))
    _require_all(name, value)
    return value


def _alone(name: str, value: Any, first: str) -> dict[str, Any]:
    """Of a marker with its first argument, or with none."""
    if value is True:
        _require_all(name, {})
        return {}
    if not first:
        raise UsageError(f"it takes nothing but true, not {value!r}", f"write {name} = true")
    if takes_first(name, first):
        _require_all(name, {first: value})
        return {first: value}
    limit = likely_limit(name, next(iter(EXAMPLES[name])), value)
    meant = f"for example {_line(name, with_limit(name, limit))}"
    raise UsageError(f"{value!r} needs the name of what it limits", f"{meant}; {_takes(name)}")


def _require_all(name: str, given: dict[str, Any]) -> None:
    taken = inspect.signature(MARKERS[name]).parameters.values()
    missing = [of.name for of in taken if of.default is of.empty and of.name not in given]
    if missing:
        raise UsageError(f"{' and '.join(missing)} must be stated", example(name))


def _hint(name: str, arguments: dict[str, Any], error: UsageError) -> str:
    """What is likely to be meant, or an example where it is the limit that cannot be."""
    likely = {key: likely_limit(name, key, value) for key, value in arguments.items()}
    found = {key: value for key, value in likely.items() if value is not None}
    meant = {**arguments, **found}
    wrong = error.message.partition(" ")[0]
    try:
        MARKERS[name](**meant)
        said = f"did you mean {_line(name, meant)}?"
    except UsageError:
        said = example(name) if wrong in EXAMPLES[name] or not arguments else ""
    return "; ".join(filter(None, (error.hint, said)))


def _takes(name: str) -> str:
    taken = list(inspect.signature(MARKERS[name]).parameters)
    return f"it takes {', '.join(taken)}" if taken else f"write {name} = true"


def _line(name: str, arguments: dict[str, Any]) -> str:
    """A marker with its arguments as TOML has them."""
    if not arguments:
        return f"{name} = true"
    shown = {key: _value(value) for key, value in arguments.items()}
    (first, text), *others = shown.items()
    if not others and takes_first(name, first):
        return f"{name} = {text}"
    return f"{name} = {{{', '.join(f'{key} = {text}' for key, text in shown.items())}}}"


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else json.dumps(value, default=str)
