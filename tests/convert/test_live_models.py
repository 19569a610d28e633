"""Models that live in the test's own process, which has Keras imported then."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from asking import HERE


@pytest.fixture(scope="module", params=["keras", "tf_keras"])
def found(
    request: pytest.FixtureRequest, conversions: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("run")
    command = [sys.executable, HERE / "live_models.py", request.param, conversions, folder]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr[-4000:]
    assert run.stdout.count("\n") == 1, "exporting prints"
    found: dict[str, Any] = json.loads(run.stdout)
    return found


@pytest.mark.parametrize("name", ["plain", "layer 2", "table 2"])
def test_same_model_has_the_same_digest(found: dict[str, Any], name: str) -> None:
    assert found[name] == found[f"{name} again"]


def test_other_code_has_another_digest(found: dict[str, Any]) -> None:
    kinds = ["plain", "swapped", "other weights", "other activation"]
    kinds += [f"{what} {n}" for what in ("layer", "lambda", "activation", "table") for n in (2, 3)]
    digests = {kind: found[kind] for kind in kinds}
    same = {("layer 2", "lambda 2"), ("layer 3", "lambda 3")}  # they compute the same
    for one in kinds:
        for other in kinds[kinds.index(one) + 1 :]:
            if (one, other) not in same:
                assert digests[one] != digests[other], (one, other)


def test_is_exported_once(found: dict[str, Any]) -> None:
    assert found["exported again"] == [found["plain"], 0]


def test_is_converted(found: dict[str, Any]) -> None:
    name, weights = found["converted"]
    assert name == "sequential (live)"
    assert weights == {"float32": 1200}
    assert found["tally"] == 1


def test_model_that_was_not_built(found: dict[str, Any]) -> None:
    message, hint = found["not built"].split("\nhint: ")
    assert "(live) cannot be exported: ValueError: " in message
    assert hint == "give it an Input, or call it once on a batch, so that its shapes are known"


def test_digest_is_that_of_another_process(found: dict[str, Any]) -> None:
    """Which calls a function that builds the same model with Keras 3."""
    assert found.get("handmade", found["plain"]) == found["plain"]
