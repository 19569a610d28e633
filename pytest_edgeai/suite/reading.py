"""Reads a ``*.edge.toml`` file as a whole, and tells all that is wrong with it by line."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from difflib import get_close_matches
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_edgeai.errors import EdgeAIError, UsageError
from pytest_edgeai.judge.markers import MARKERS
from pytest_edgeai.model.source import ModelSource, ResolvedSource
from pytest_edgeai.suite import marks, values
from pytest_edgeai.suite.suite import Marking, Suite, SuiteTest
from pytest_edgeai.suite.toml_lines import KeyPath, error_line, key_lines
from pytest_edgeai.toml import tomllib

if TYPE_CHECKING:
    from pytest_edgeai.model.preprocessing import Preprocessing

T = TypeVar("T")

KEYS = (
    "model",
    "signature",
    "calibration_data",
    "evaluation_data",
    "decoder",
    "preprocessing",
    "tests",
)
TEST_KEYS = ("variants", "markers")
ELSEWHERE = {
    "device": "--edge-device=NAME says where the tests run",
    "devices": "--edge-device=NAME says where the tests run",
    "threads": "a budget takes it, as in max_latency_ms = {p95 = 40, threads = 4}",
}
BUDGETS_PLACE = "a budget belongs into a table [tests.NAME]"
_TEST_NAME = re.compile(r"(?!pytest|_|(setup|teardown)_(module|function)$)[A-Za-z0-9_-]+")
"""And none that pytest, or Python, would take for something else."""
WITH_VALUES = (
    "edge_model",
    "edge_variants",
    "filterwarnings",
    "parametrize",
    "skipif",
    "usefixtures",
)


def read_suite(
    path: Path, shown: str, known_marks: Collection[str], default_signature: str | None = None
) -> Suite:
    """Read a file; relative paths in it count from its folder.

    Args:
        shown: what messages call it.
        known_marks: names that ``markers`` may have.
        default_signature: of the model, where the file names none.

    Raises:
        UsageError: it cannot be read, or says something that cannot be; the message has a line
            for each mistake.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = f"{shown}:{error_line(text, error)}"
        raise UsageError(
            f"{where}: this is not TOML: {error}",
            "see https://toml.io; a key or table is stated once",
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{shown}:1: the file cannot be read as UTF-8: {error}") from None
    reading = _Reading(shown, path.parent, key_lines(text), known_marks, default_signature)
    suite = reading.suite(content)
    if suite is None or reading.mistakes:
        raise UsageError("\n".join(text for _, text in sorted(reading.mistakes, key=itemgetter(0))))
    return suite


class _Reading:
    """Reads the parts of a file one by one, and keeps what is wrong with each."""

    def __init__(
        self,
        shown: str,
        folder: Path,
        lines: Mapping[KeyPath, int],
        known_marks: Collection[str],
        default_signature: str | None,
    ) -> None:
        self.mistakes: list[tuple[int, str]] = []
        self._shown, self._folder, self._lines = shown, folder, lines
        self._known_marks, self._default_signature = known_marks, default_signature

    def suite(self, content: dict[str, Any]) -> Suite | None:
        """All of it; None where something that it cannot do without is wrong."""
        self._refuse_unknown((), content, KEYS)
        resolved, source = self._model(content)
        how = content.get("preprocessing")
        preprocessing = self._optional("preprocessing", content, self._preprocessing)
        data = {
            key: self._optional(
                key, content, lambda value: values.data(value, self._folder, how is not None)
            )
            for key in ("calibration_data", "evaluation_data")
        }
        decoder = self._optional("decoder", content, values.decoder)
        tables = self._part(("tests",), values.tables, content.get("tests")) or {}
        self._check_file(resolved, "signature" if "signature" in content else "model")
        files = tuple(source.location) if source and isinstance(source.location, Mapping) else ()
        tests = [self._test(name, table, files) for name, table in tables.items()]
        if source is None or self.mistakes:
            return None
        whole = tuple(test for test in tests if test)
        return Suite(source, whole, **data, decoder=decoder, preprocessing=preprocessing)

    def _model(self, content: dict[str, Any]) -> tuple[ResolvedSource | None, ModelSource | None]:
        signature = self._optional("signature", content, values.signature)
        given = content.get("model"), self._folder, signature, self._default_signature
        return self._part(("model",), values.model, *given) or (None, None)

    def _check_file(self, source: ResolvedSource | None, key: str) -> None:
        """What keeps a ready file from being read is a mistake of this key."""
        from pytest_edgeai.model.ready import ready_variants

        if source is not None and source.files:
            self._part((key,), ready_variants, source)

    def _part(self, path: KeyPath, read: Callable[..., T], *given: Any) -> T | None:
        """What one part says; None where it is wrong."""
        try:
            return read(*given)
        except EdgeAIError as error:
            self._note(path, error)
            return None

    def _optional(self, key: str, content: dict[str, Any], read: Callable[..., T]) -> T | None:
        return self._part((key,), read, content[key]) if key in content else None

    def _note(self, path: KeyPath, error: EdgeAIError) -> None:
        shown = [path[:length] for length in range(len(path), 0, -1)]
        line = next((self._lines[known] for known in shown if known in self._lines), 1)
        text = f"{self._shown}:{line}: {'.'.join(path)}: {error.message}"
        hint = textwrap.indent(error.hint, "    ").splitlines()
        self.mistakes.append((line, "\n".join([text, *hint])))

    def _refuse_unknown(
        self, path: KeyPath, table: Mapping[str, Any], known: Collection[str]
    ) -> None:
        for key in table:
            if key not in known:
                hint = ELSEWHERE.get(key) or _place(path, key, table[key]) or _near(key, known)
                self._note((*path, key), UsageError("there is no such key", hint))

    def _preprocessing(self, table: Any) -> Preprocessing | None:
        from pytest_edgeai.model.preprocessing import Preprocessing

        if not isinstance(table, dict):
            raise UsageError(f"{table!r} is no table", "[preprocessing] with size and scaling")
        known = [field.name for field in fields(Preprocessing)]
        self._refuse_unknown(("preprocessing",), table, known)
        missing = [key for key in ("size", "scaling") if key not in table]
        if missing:
            hint = 'for example size = [224, 224], scaling = "-1..1"'
            wrong = UsageError(f"{' and '.join(missing)} must be stated", hint)
            self._note(("preprocessing",), wrong)
        parts: dict[str, Any] = {
            key: self._part(("preprocessing", key), values.preprocessing, key, table[key])
            for key in known
            if key in table
        }
        return None if missing or None in parts.values() else Preprocessing(**parts)

    def _test(self, name: str, table: Any, files: tuple[str, ...]) -> SuiteTest | None:
        path = ("tests", name)
        if not _TEST_NAME.fullmatch(name):
            wrong = UsageError(
                "a test's name has letters, digits, _ and -, and does not begin with _ or pytest"
            )
            self._note(path, wrong)
        if not isinstance(table, dict):
            hint = BUDGETS_PLACE if name in MARKERS else values.EXAMPLE
            self._note(path, UsageError(f"{table!r} is no table of budgets", hint))
            return None
        self._refuse_unknown(path, table, (*TEST_KEYS, *MARKERS))
        variants = self._stated(
            path, table, "variants", lambda value: values.variants(value, files)
        )
        named = self._stated(path, table, "markers", self._markers)
        found, lines = [Marking(mark) for mark in named or ()], {}
        for key in (key for key in table if key in MARKERS):
            lines[key] = self._lines.get((*path, key), 1)
            found += self._part((*path, key), marks.budgets, key, table[key]) or ()
        if not set(table) - set(TEST_KEYS):
            hint = f"state one below [tests.{name}], such as max_size_mb = 4"
            self._note(path, UsageError("it has no budget: nothing would be judged", hint))
        line = self._lines.get(path, 1)
        return SuiteTest(name, variants or files, tuple(found), line, lines)

    def _stated(
        self, path: KeyPath, table: dict[str, Any], key: str, read: Callable[..., T]
    ) -> T | None:
        return self._part((*path, key), read, table[key]) if key in table else None

    def _markers(self, value: Any) -> list[str]:
        names = values.names(value, 'markers = ["nightly"]')
        for name in names:
            if name in (*MARKERS, *WITH_VALUES):
                raise UsageError(f"{name} takes a value", "give it as a key of the test")
            if name not in self._known_marks:
                raise UsageError(
                    f"no mark is called {name!r}", "add it to `markers` in pytest's configuration"
                )
        return names


def _place(path: KeyPath, key: str, value: Any) -> str:
    """Where a key belongs that is right elsewhere; empty for others."""
    if path and key in KEYS:
        is_table = key in ("preprocessing", "tests")
        return f"write [{key}]" if is_table else "it belongs above the first [table]"
    if path:
        return ""
    if key in MARKERS:
        return BUDGETS_PLACE
    if key in TEST_KEYS:
        return "it belongs into a table [tests.NAME]"
    is_test = isinstance(value, dict) and not MARKERS.keys().isdisjoint(value)
    return f"did you mean [tests.{key}]? {BUDGETS_PLACE}" if is_test else ""


def _near(key: str, known: Collection[str]) -> str:
    near = get_close_matches(key, known, 1)
    return f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
