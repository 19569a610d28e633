"""The lines of a TOML text's keys, against texts whose lines are known."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_edgeai.suite.toml_lines import KeyPath, error_line, key_lines

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TEXT = '''\
# model = "in a comment"
model = "parts.keras"  # [tests.fake]

"quoted key" = 1
dotted . "key" . inner = {a = 1, b = {c = [2, 3]}}
text = """
[tests.in_a_string]
max_size_mb = 4
"""
other = \'\'\'
\'\'\'
list = [
  "[tests.in_a_list]",  # ]
  "]",
]
[ tests . "a.b" ]  # header
  max_size_mb = 4
max_latency_ms.p95 = 40
max_latency_ms.threads = 4
min_accuracy = [
  0.9,
  {limit = 0.8, metric = "f1 # ]"},
]

[tests.deep.max_latency_ms]
p95 = 40
[tests.deep]
max_size_mb = 4
[[tables]]
a = 1
[[tables]]
a = 2
'''
LINES = {
    ("model",): 2,
    ("quoted key",): 4,
    ("dotted",): 5,
    ("dotted", "key"): 5,
    ("dotted", "key", "inner"): 5,
    ("dotted", "key", "inner", "a"): 5,
    ("dotted", "key", "inner", "b"): 5,
    ("dotted", "key", "inner", "b", "c"): 5,
    ("text",): 6,
    ("other",): 10,
    ("list",): 12,
    ("tests",): 16,
    ("tests", "a.b"): 16,
    ("tests", "a.b", "max_size_mb"): 17,
    ("tests", "a.b", "max_latency_ms"): 18,
    ("tests", "a.b", "max_latency_ms", "p95"): 18,
    ("tests", "a.b", "max_latency_ms", "threads"): 19,
    ("tests", "a.b", "min_accuracy"): 20,
    ("tests", "deep"): 27,
    ("tests", "deep", "max_latency_ms"): 25,
    ("tests", "deep", "max_latency_ms", "p95"): 26,
    ("tests", "deep", "max_size_mb"): 28,
    ("tables",): 29,
    ("tables", "a"): 30,
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_each_key_has_the_line_of_its_statement(end: str) -> None:
    assert key_lines(TEXT.replace("\n", end)) == LINES


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "\n\n\n"])
def test_a_text_without_keys_has_no_lines(text: str) -> None:
    assert key_lines(text) == {}


VALUES = st.one_of(
    st.integers().map(str),
    st.sampled_from(["true", "1979-05-27T07:32:00Z", '"""a\n[b]\nc = 1\n"""', "'''\n#\n'''"]),
    st.sampled_from(
        ['"\\"]"', "'['", '"# no comment"', "[]", "[1,\n  # x ]\n 2,\n]", "[[\n[1],\n]]"]
    ),
    st.sampled_from(["{}", '{a = 1, "b.c" = "}"}', "{a = [\n{b = 1}\n]}"]),
)
COMMENTS = st.sampled_from(["", " # x", " # [t]", ' # """', "\t#='"])
BETWEEN = st.lists(st.sampled_from(["", "  ", "# a = 1", '# """', "\t"]), max_size=3)
NAMES = st.sampled_from([*"abcdefgh", "a-b", "1", "max_size_mb"])


def written(key: str, style: str) -> str:
    return {"bare": key, "basic": f'"{key}"', "literal": f"'{key}'"}[style]


STYLES = st.sampled_from(["bare", "basic", "literal"])


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, dict[KeyPath, int]]:
    """A TOML text with tables, and the lines of the keys that were written into it."""
    lines: list[str] = []
    known: dict[KeyPath, int] = {}
    for table in draw(st.lists(NAMES, unique=True, min_size=1, max_size=4)):
        lines += draw(BETWEEN)
        known["t " + table,] = len(lines) + 1
        lines.append(f"['t {table}']" + draw(COMMENTS))
        for key in draw(st.lists(NAMES, unique=True, max_size=4)):
            lines += draw(BETWEEN)
            known["t " + table, key] = len(lines) + 1
            name = written(key, draw(STYLES))
            lines += f"{name} = {draw(VALUES)}{draw(COMMENTS)}".split("\n")
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"])), known


@given(documents())
def test_keys_are_found_where_they_were_written(document: tuple[str, dict[KeyPath, int]]) -> None:
    text, known = document
    tomllib.loads(text)  # it is TOML
    found = key_lines(text)
    assert {path: found.get(path) for path in known} == known


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb =\nc = 3\n", 2),
        ("a = 1\n[t]\n[t]\n", 3),
        ("a = 1\n\nb = [1,\n2,\nc = 3\n", 5),
        ('a = 1\nb = """\n\nc = 3\n', 2),
        ("a = 1\n\nb = [\n1,\n", 3),
        ("a = 1\nb = 2\na = 3", 3),
    ],
)
def test_an_error_has_the_line_of_the_parser_or_of_what_never_ends(text: str, line: int) -> None:
    with pytest.raises(tomllib.TOMLDecodeError) as caught:
        tomllib.loads(text)
    assert error_line(text, caught.value) == line
