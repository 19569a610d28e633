"""docs/reference.md is what the code says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

import pytest_edgeai
from pytest_edgeai import cli
from pytest_edgeai.plugin.collection import MARKER_NAMES
from pytest_edgeai.plugin.options import OPTIONS

DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(maker: ModuleType) -> None:
    assert maker.page() == (DOCS / "reference.md").read_text(), "python docs/make_reference.py"


def test_everything_public_is_on_it() -> None:
    headings = re.findall(r"^### `(.+)`$", (DOCS / "reference.md").read_text(), re.MULTILINE)
    commands = [f"edgeai {name}" for name in cli.COMMANDS]
    assert {*MARKER_NAMES, *pytest_edgeai.__all__, *commands} <= {*headings}
    assert {"interpreter", "int8_interpreter", "evaluation_data", "edge_model"} <= {*headings}


def test_every_option_and_argument_says_what_it_is_for() -> None:
    rows = re.findall(r"^\| `(-.+|\[?\w.*)` \|(.*)\|$", (DOCS / "reference.md").read_text(), re.M)
    assert len(rows) > len(OPTIONS)
    assert not [name for name, told in rows if not re.search("[a-z]{3}", told.split("|")[-1])]
