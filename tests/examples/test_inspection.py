"""The inspection line of the example suite with one thing wrong: its tests say so."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "example_suite" / "inspection"

PRUNE = """
import sys
import keras

model = keras.models.load_model(sys.argv[2])
layer = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)][1]
(kernel,) = layer.get_weights()
kernel[..., ::2] = 0
layer.set_weights([kernel])
model.save(sys.argv[1])
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


def test_pixels_that_are_not_scaled_fail_the_classifier(inspection: pytest.Pytester) -> None:
    right = 'ImageFolder(images / "test", AS_IN_TRAINING)'
    wrong = 'ImageFolder(images / "test", Preprocessing((64, 64), "0..255", "rgb", "bilinear"))'
    change(inspection.path / "test_classification.py", right, wrong)
    result = inspection.runpytest("test_classification.py", "-k", "float")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*2 of 2 budgets not met*", "*f1_macro*limit 0.95*"])


def test_noise_as_calibration_data_fails_the_autoencoder(inspection: pytest.Pytester) -> None:
    noise = '__import__("numpy").random.default_rng(0).random((200, 64, 64, 3), "f4")'
    change(inspection.path / "test_anomaly.py", "anomaly.good_parts(200)", noise)
    result = inspection.runpytest("test_anomaly.py")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*int8 of anomaly.keras*", "*roc_auc drop*limit 0.02*"])


def test_half_of_a_layer_left_out_fails_the_detector(inspection: pytest.Pytester) -> None:
    (inspection.path / "prune.py").write_text(PRUNE)
    whole = 'made("detector.keras", "detector.py")'
    pruned = f'made("pruned.keras", "prune.py", {whole})'
    change(inspection.path / "test_detection.py", whole, pruned)
    result = inspection.runpytest("test_detection.py", "-k", "float")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*2 of 2 budgets not met*", "*coco_map_50*limit 0.8*"])
