"""Which situation gives which hint: real files, real runtimes, a real run of pytest."""

from __future__ import annotations

import pytest
from situations import SITUATIONS


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_a_failing_test_says(name: str, failures: dict[str, str]) -> None:
    """If one follows it, the problem is gone; and nothing else is said beside it."""
    said, place = failures[name], 0
    for words in SITUATIONS[name].says:
        assert words in said[place:], said
        place = said.index(words, place)
    for words in SITUATIONS[name].never:
        assert words not in said, said
