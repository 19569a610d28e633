"""The inspection line of the example suite with one thing wrong: its tests say so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from weights import damage, layers_with_weights

from pytest_edgeai.cli import main

EXAMPLE = Path(__file__).parents[2] / "example_suite" / "inspection"

KEEP = """

def test_keep(converted_interpreter, int8_interpreter):
    import shutil
    for each in (converted_interpreter, int8_interpreter):
        shutil.copy2(each.model.path, f"{each.variant}.tflite")
"""


@pytest.fixture
def inspection(
    pytester: pytest.Pytester, once: Callable[..., Path], conversions: Path
) -> pytest.Pytester:
    """A copy of the example; what it has made is taken along, the rest is made once."""

    def take_along(folder: Path) -> None:
        if (EXAMPLE / "made").exists():
            shutil.copytree(EXAMPLE / "made", folder, dirs_exist_ok=True)

    for script in EXAMPLE.glob("*.py"):
        shutil.copy2(script, pytester.path)
    (pytester.path / "made").symlink_to(once("inspection", take_along))
    pytester.makeini(f"[pytest]\nedge_cache_dir = {conversions}\n")
    return pytester


def change(file: Path, old: str, new: str) -> None:
    """Put one thing in the place of another, which has to be there."""
    text = file.read_text()
    assert text.count(old) == 1, f"{text.count(old)} times in {file.name}: {old}"
    file.write_text(text.replace(old, new))


def shown(result: pytest.RunResult) -> str:
    """What was printed, on one line."""
    return " ".join(" ".join(result.outlines).split())


def test_pixels_that_are_not_scaled_fail_the_classifier(inspection: pytest.Pytester) -> None:
    right = 'ImageFolder(images / "test", AS_IN_TRAINING)'
    wrong = 'ImageFolder(images / "test", Preprocessing((64, 64), "0..255"))'
    change(inspection.path / "test_classification.py", right, wrong)
    result = inspection.runpytest("test_classification.py")
    result.assert_outcomes(failed=2)
    cause = "evaluation_data and calibration_data are read differently: scaling 0..255, not 0..1"
    assert cause in shown(result)


def test_noise_as_calibration_data_fails_the_autoencoder(inspection: pytest.Pytester) -> None:
    noise = '__import__("numpy").random.default_rng(0).random((200, 64, 64, 3), "f4")'
    change(inspection.path / "test_anomaly.py", "anomaly.good_parts(200)", noise)
    result = inspection.runpytest("test_anomaly.py")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*int8 of anomaly.keras*", "*roc_auc drop*limit 0.02*"])
    cause = "what saturates is beyond the range that calibration_data gave it"
    assert cause in shown(result)


def test_half_of_a_layer_left_out_fails_the_detector(inspection: pytest.Pytester) -> None:
    suite = inspection.path / "test_detection.py"
    suite.write_text(suite.read_text() + KEEP)
    inspection.runpytest("test_detection.py", "-k", "keep").assert_outcomes(passed=1)
    int8 = inspection.path / "int8.tflite"
    layer = layers_with_weights(int8)[1]
    damage(int8, layer, "half zeroed", inspection.path / "pruned.tflite")
    files = '{"converted": HERE / "converted.tflite", "int8": HERE / "pruned.tflite"}'
    change(suite, 'return made("detector.keras", "detector.py")', f"return {files}")
    change(suite, "import detector\n", "import detector\nfrom pathlib import Path\n")
    change(
        suite,
        '@pytest.fixture(scope="module")\ndef edge_model',
        'HERE = Path(__file__).parent\n\n@pytest.fixture(scope="module")\ndef edge_model',
    )
    result = inspection.runpytest("test_detection.py", "-k", "int8 and not keep")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*coco_map drop*limit 0.03*"])
    assert f"layers whose error jumps first, on 16 samples against converted: {layer}" in shown(
        result
    )


def test_a_saved_run_of_it_is_judged_alike(
    inspection: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Images in folders, ROC AUC with and without an interval, a decoder of the package."""
    monkeypatch.setattr("pytest_edgeai.judge.conditions.OTHERS_SHARE", 2)
    first = '@max_accuracy_drop(0.02, metric="roc_auc")'
    again = '@max_accuracy_drop(0.05, metric="roc_auc", confidence=0.95)'
    change(inspection.path / "test_anomaly.py", first, f"{first}\n{again}")
    inspection.runpytest("test_anomaly.py", "test_classification.py", "--edge-report=run.json")
    assert main(["judge", "run.json", "--json", "again.json"]) == 0
    run, judged = (
        json.loads((inspection.path / name).read_text())["tests"]
        for name in ("run.json", "again.json")
    )
    assert {test["variant"] for test in judged} == {"converted", "int8"}
    assert [test["budgets"] for test in judged] == [
        test["budgets"] for test in run if test["budgets"]
    ]
