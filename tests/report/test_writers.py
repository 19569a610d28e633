"""Which report a path asks for, and folders with all of them."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest
from handmade import FAILS, PASSES, judged, made, relu

from pytest_edgeai.device.agent import RELU_MODEL
from pytest_edgeai.report.writers import FOLDER, KINDS, kind_of, missing_packages, write_report

DIGEST = sha256(RELU_MODEL).hexdigest()


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((f"out/a{kind}", kind) for kind in KINDS),
        ("a.xml", None),
        ("a.json.txt", None),
        ("a.JSON", None),
        ("out", FOLDER),
        ("out/", FOLDER),
        ("out.json/", FOLDER),
        ("results.d", FOLDER),
        ("folder.json", ".json"),
        (".", FOLDER),
    ],
)
def test_what_a_path_asks_for(tmp_path: Path, name: str, kind: str | None) -> None:
    for folder in ("results.d", "folder.json"):
        (tmp_path / folder).mkdir()
    assert kind_of(name, tmp_path) == kind


def hide(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    for name in names:
        monkeypatch.setitem(sys.modules, name, None)  # type: ignore[arg-type]


def test_packages_that_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert missing_packages(".html") == []
    hide(monkeypatch, "plotly")
    assert missing_packages(".html") == ["plotly"]
    assert [missing_packages(kind) for kind in (".json", ".jsonl", ".md", FOLDER)] == [[]] * 4


def test_a_folder_has_all_reports_and_the_models(tmp_path: Path) -> None:
    out, document = tmp_path / "out", made(judged(tmp_path, [FAILS], model="net:build"))
    model = relu(tmp_path)
    assert write_report(FOLDER, out, document, {DIGEST: str(model.path)}) == []
    found = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert found == ["models/net_build-int8.tflite", "report.html", "results.json", "summary.md"]
    assert json.loads((out / "results.json").read_text()) == document
    assert (out / "summary.md").read_text().startswith("## Edge AI: 1 of 1 budget not met")
    assert (out / "models" / "net_build-int8.tflite").read_bytes() == RELU_MODEL


def test_a_folder_goes_without_what_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hide(monkeypatch, "jinja2", "plotly")
    (tmp_path / "report.html").write_text("of an earlier run")
    (note,) = write_report(FOLDER, tmp_path, made())
    assert note == (
        "no report.html: jinja2 and plotly missing: pip install 'pytest-edgeai[report]'"
    )
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("change", ["gone", "another", "unknown"])
def test_a_folder_has_no_file_that_was_not_tested(tmp_path: Path, change: str) -> None:
    document, path = made(judged(tmp_path, [PASSES])), tmp_path / "relu.tflite"
    if change == "gone":
        path.unlink()
    elif change == "another":
        path.write_bytes(RELU_MODEL + b"x")
    files = {} if change == "unknown" else {DIGEST: str(path)}
    out = tmp_path / "out"
    assert write_report(FOLDER, out, document, files) == [
        "no models/relu-int8.tflite: the tested file is gone, or another one by now"
    ]
    assert not [*out.rglob("*.tflite*")]


def test_different_files_of_one_name_are_both_there(tmp_path: Path) -> None:
    one, other = (judged(tmp_path, [PASSES], name) for name in ("test_a", "test_b"))
    path = tmp_path / "other.tflite"
    path.write_bytes(RELU_MODEL + bytes(4))
    digest = sha256(path.read_bytes()).hexdigest()
    other["model"] = {**other["model"], "sha256": digest}
    files = {DIGEST: str(tmp_path / "relu.tflite"), digest: str(path)}
    assert write_report(FOLDER, tmp_path / "out", made(one, other), files) == []
    names = sorted(path.name for path in (tmp_path / "out" / "models").iterdir())
    assert names == [f"relu-int8-{digest[:8]}.tflite", "relu-int8.tflite"]


def test_history_goes_to_the_html_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever that draws of it."""
    told = []
    module = ModuleType("pytest_edgeai.report.html_report")
    module.write_html = lambda *given, **named: told.append((given, named))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    history, document = [{"time": "now"}], made()
    write_report(".html", tmp_path / "a.html", document, {}, history)
    write_report(FOLDER, tmp_path / "out", document, {}, history)
    paths = [tmp_path / "a.html", tmp_path / "out" / "report.html"]
    assert told == [((path, document), {"history": history}) for path in paths]
