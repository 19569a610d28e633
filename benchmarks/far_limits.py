"""What a limit that is far away costs: a test of it, and 100 runs by hand.

    python benchmarks/far_limits.py [--times 3] [ROW ...]

Rows: ``mean`` (400 ms, of a model of about 6 ms), ``slow`` (p95 of 2,000 ms, of a model of about
0.3 s, while another process keeps 6 % of the machine busy) and ``quick`` (p95 of 1,000 ms, of a
model of about 4 ms: set-up, call and teardown of the test). Each row prints the verdicts, and in
turns the seconds of 100 runs in a plain loop, those of the test, and their ratio. The exit status
is 1 where a verdict is no pass. Its models are convolutions, as large as that takes here.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

SUITE = """
import pytest

@pytest.mark.max_latency_ms({limit})
def test_it(converted_interpreter): pass
"""
LIGHT_LOAD = """
import time
while True:
    end = time.monotonic() + 0.012
    while time.monotonic() < end:
        sum(range(1000))
    time.sleep(0.088)
"""
RUNS = 100


class Row(NamedTuple):
    """A limit, the milliseconds of the model that has it, and what else the machine does."""

    limit: str
    run_ms: float
    load: str = ""


ROWS = {
    "mean": Row("mean=400", 5.8),
    "slow": Row("p95=2000", 317.0, LIGHT_LOAD),
    "quick": Row("p95=1000", 4.0),
}


def convolution(path: Path, side: int) -> None:
    """Write a model of one layer; what it takes grows with the square of the side."""
    code = (
        "import sys, keras, tensorflow as tf\n"
        f"image = keras.Input(({side}, {side}, 16), batch_size=1)\n"
        "model = keras.Model(image, keras.layers.Conv2D(64, 3)(image))\n"
        "written = tf.lite.TFLiteConverter.from_keras_model(model).convert()\n"
        "open(sys.argv[1], 'wb').write(written)\n"
    )
    subprocess.run([sys.executable, "-c", code, path], check=True, capture_output=True)


def by_hand(path: Path, runs: int = RUNS) -> tuple[float, float]:
    """Seconds of a plain loop, its interpreter's start included, and the median run in ms."""
    from ai_edge_litert.interpreter import Interpreter

    begin, took = time.perf_counter(), []
    model = Interpreter(model_path=str(path), num_threads=1)
    model.allocate_tensors()
    given = model.get_input_details()[0]
    image = np.random.default_rng(0).random(given["shape"]).astype(np.float32)
    for _ in range(runs):
        start = time.perf_counter()
        model.set_tensor(given["index"], image)
        model.invoke()
        took.append(time.perf_counter() - start)
    return time.perf_counter() - begin, 1e3 * float(np.median(took))


def model_of(folder: Path, run_ms: float) -> Path:
    """A model whose runs take about so long here."""
    side, path = 64, folder / f"{run_ms:g}.tflite"
    for _ in range(3):
        convolution(path, side)
        side = max(8, round(side * (run_ms / by_hand(path, 10)[1]) ** 0.5))
    convolution(path, side)
    return path


def tested(folder: Path, model: Path, limit: str) -> tuple[float, dict[str, Any]]:
    """Seconds of the test, and the budget."""
    (folder / "test_it.py").write_text(SUITE.format(limit=limit))
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--benchmark-disable"]
    files = [f"--edge-model={model}", "--edge-report=run.json", "--junitxml=run.xml"]
    done = subprocess.run([*words, *files], cwd=folder, capture_output=True, text=True)
    if not (folder / "run.json").exists():
        sys.exit(done.stdout)
    (test,) = json.loads((folder / "run.json").read_text())["tests"]
    seconds = (folder / "run.xml").read_text().rpartition('time="')[2].partition('"')[0]
    return float(seconds), test["budgets"][0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="|".join(ROWS))
    parser.add_argument("--times", type=int, default=3)
    asked, is_right = parser.parse_args(), True
    with tempfile.TemporaryDirectory() as name:
        for row in asked.rows or ROWS:
            limit, run_ms, load = ROWS[row]
            model = model_of(Path(name), run_ms)
            for _ in range(asked.times):
                words = [sys.executable, "-c", load]
                with subprocess.Popen(words) if load else nullcontext() as other:
                    loop_s, median_ms = by_hand(model)
                    test_s, budget = tested(Path(name), model, limit)
                    if other:
                        other.kill()
                print(
                    f"{row}: median {median_ms:.1f} ms, {limit}: {budget['verdict']}, "
                    f"{budget['n']} runs; {RUNS} runs by hand {loop_s:.2f} s, test {test_s:.2f} s, "
                    f"ratio {test_s / loop_s:.2f}",
                    flush=True,
                )
                is_right &= budget["verdict"] == "pass"
    return 0 if is_right else 1


if __name__ == "__main__":
    sys.exit(main())
