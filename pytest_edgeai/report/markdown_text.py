"""Any text as GitHub's Markdown shows it: as it is."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

MOST_BYTES = 1024 * 1024
"""What GitHub takes as the summary of one step; more of it is not shown at all."""
MOST_CHARACTERS = 4000
CUT = "**The rest is left out: it is too long for this page. The JSON report has all of it.**"
_SPECIAL = re.compile(r"[\\`*\[\]|~$]|(?<![^\W_])_|_(?![^\W_])")
_AT_THE_BEGIN = re.compile(r"^([-+#=]|\d+(?=[.)](?:\s|$)))")


def escaped(text: str) -> str:
    """A text on one line, with no character that Markdown or HTML reads as its own."""
    line = html.escape(" ".join(text.split()), quote=False)
    line = _SPECIAL.sub(r"\\\g<0>", line)
    return _AT_THE_BEGIN.sub(lambda m: m[0] + "\\" if m[0].isdigit() else "\\" + m[0], line)


def code(text: str) -> str:
    """A text on one line as code, between more backticks than it has in a row."""
    line = " ".join(text.split())
    fence = "`" * (_longest_run(line) + 1)
    space = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{space}{line}{space}{fence}"


def fenced(text: str) -> str:
    """Lines as they are, in a block of code."""
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}text\n{clipped(text)}\n{fence}"


def clipped(text: str, most: int = MOST_CHARACTERS) -> str:
    """A text, or as much of it as is read."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def fitted(blocks: Iterable[str], most_bytes: int) -> str:
    """The blocks that fit, and a word where some do not; nothing where not even that fits."""
    if most_bytes < len(CUT) + 1:
        return ""
    kept, left = list[str](), most_bytes - len(CUT) - 2
    for block in blocks:
        left -= len(block.encode()) + 2
        if left < 0:
            kept.append(CUT)
            break
        kept.append(block)
    return "\n\n".join(kept) + "\n"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
