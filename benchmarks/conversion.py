"""What do three variants of a Keras file cost here, and by hand?

    python benchmarks/conversion.py [--rounds 3]

By hand is one plain script: import TensorFlow, load MobileNetV2 from its ``.h5``, convert it to
float, dynamic-range and int8 (100 calibration samples), and run each 100 times. A suite does the
same with pytest-benchmark, first with an empty cache ("cold"), then with what it left there
("warm"). The three take turns. The exit status is 1 where a round takes more than 0.7 (cold) or
0.08 (warm) of by hand.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COLD, WARM = 0.7, 0.08
MODEL = """
import keras, numpy as np

keras.utils.set_random_seed(0)
keras.applications.MobileNetV2(weights=None).save("mobilenet.h5")
np.save("samples.npy", np.random.default_rng(0).random((100, 224, 224, 3), np.float32))
"""
BY_HAND = """
import numpy as np
import tensorflow as tf

samples = np.load("samples.npy")
model = tf.keras.models.load_model("mobilenet.h5", compile=False)
for variant in ("converted", "dynamic", "int8"):
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if variant != "converted":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if variant == "int8":
        converter.representative_dataset = lambda: ([sample[np.newaxis]] for sample in samples)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.uint8
    interpreter = tf.lite.Interpreter(model_content=converter.convert(), num_threads=1)
    interpreter.allocate_tensors()
    taken = interpreter.get_input_details()[0]
    sample = samples[:1] if taken["dtype"] is np.float32 else (samples[:1] * 255).astype(np.uint8)
    for _ in range(100):
        interpreter.set_tensor(taken["index"], sample)
        interpreter.invoke()
"""
SUITE = """
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def edge_model():
    return Path(__file__).parent / "mobilenet.h5"


@pytest.fixture(scope="session")
def calibration_data():
    return np.load(Path(__file__).parent / "samples.npy")


def test_latency(benchmark, interpreter):
    benchmark.pedantic(interpreter.invoke, rounds=100)
"""


def seconds(folder: Path, *arguments: str) -> float:
    """How long Python runs with these arguments; shows what it says where it fails."""
    begin = time.perf_counter()
    run = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if run.returncode:
        sys.exit(run.stdout[-4000:])
    return time.perf_counter() - begin


def compare(folder: Path) -> bool:
    """Print one round; whether it holds the limits."""
    suite = ("-m", "pytest", "-q", "--edge-threads=1", f"--edge-cache-dir={folder / 'cache'}")
    shutil.rmtree(folder / "cache", ignore_errors=True)
    hand = seconds(folder, "-c", BY_HAND)
    cold, warm = seconds(folder, *suite), seconds(folder, *suite)
    print(f"{hand:10.1f} {cold:8.1f} {cold / hand:7.3f} {warm:8.1f} {warm / hand:7.3f}", flush=True)
    return cold <= COLD * hand and warm <= WARM * hand


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3, help="how many rounds to take")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        seconds(folder, "-c", MODEL)
        (folder / "test_mobilenet.py").write_text(SUITE)
        (folder / "pytest.ini").touch()
        print(
            f"{'by hand s':>10} {'cold s':>8} {'ratio':>7} {'warm s':>8} {'ratio':>7}", flush=True
        )
        held = [compare(folder) for _ in range(options.rounds)]
    print(f"{sum(held)} of {len(held)} rounds hold {COLD} cold and {WARM} warm")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
