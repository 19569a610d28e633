"""What rich draws, as text."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import RenderableType


def drawn(what: RenderableType, width: int, colour: bool) -> str:
    """Lines of at most ``width`` columns, without blanks at their ends."""
    from rich.console import Console

    text = io.StringIO()
    console = Console(
        file=text,
        width=width,
        height=25,  # with both given, it asks neither the terminal nor the environment
        force_terminal=colour,
        no_color=not colour,
        color_system="standard" if colour else None,
    )
    console.print(what)
    return "\n".join(line.rstrip() for line in text.getvalue().splitlines())
