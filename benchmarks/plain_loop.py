"""Does ``benchmark(int8_interpreter.invoke)`` show what a plain loop on the same runtime shows?

    python benchmarks/plain_loop.py [--pairs 7] [MODEL.tflite ...]

For each int8 model, a plain loop (set_tensor, invoke) in a fresh process and a pytest run with
pytest-benchmark take turns, on one thread. Printed are both medians of each pair and their ratio.
Without models, MobileNetV2 at 224x224 and a network of 16 KB are converted first. The exit status
is 1 where the median ratio is off by more than 5 % (10 % or 3 us for models under 100 KB).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
SUITE = """
def test_latency(benchmark, int8_interpreter):
    benchmark(int8_interpreter.invoke)
"""
PLAIN_LOOP = """
import sys, time
import numpy as np
from ai_edge_litert.interpreter import Interpreter

interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
details = interpreter.get_input_details()[0]
kind = np.iinfo(details["dtype"])
generator = np.random.default_rng(0)
values = generator.integers(kind.min, kind.max, details["shape"], details["dtype"], endpoint=True)
times, begin = [], time.perf_counter()
while time.perf_counter() - begin < 1.5 or len(times) < 110:
    start = time.perf_counter_ns()
    interpreter.set_tensor(details["index"], values)
    interpreter.invoke()
    times.append(time.perf_counter_ns() - start)
print(np.median(times[10:]) / 1000)
"""
BUILDERS = """
import keras, numpy as np

def mobilenet():
    keras.utils.set_random_seed(0)
    return keras.applications.MobileNetV2(input_shape=(224, 224, 3), weights=None)

def small():
    keras.utils.set_random_seed(0)
    stack = [keras.Input((8, 8, 1)), keras.layers.Conv2D(16, 3, activation="relu"),
             keras.layers.Flatten(), keras.layers.Dense(20), keras.layers.Dense(10)]
    return keras.Sequential(stack)
"""


def built(folder: Path) -> list[Path]:
    """The two int8 models, converted by the package itself."""
    import numpy as np

    from pytest_edgeai.convert.cache import ModelCache
    from pytest_edgeai.convert.converter import Converter
    from pytest_edgeai.errors import EdgeAIError
    from pytest_edgeai.model.dataset import as_dataset
    from pytest_edgeai.model.source import resolve

    (folder / "builders.py").write_text(BUILDERS)
    converter = Converter(ModelCache(folder / "cache"), folder)
    paths = []
    for name, shape in (("mobilenet", (224, 224, 3)), ("small", (8, 8, 1))):
        samples = np.random.default_rng(0).random((8, *shape)).astype(np.float32)
        source = resolve(f"builders:{name}", [folder])
        conversion = converter.convert(source, ["int8"], as_dataset(samples, "samples"))["int8"]
        if isinstance(conversion, EdgeAIError):
            raise conversion
        paths.append(conversion.model.path.rename(folder / f"{name}.tflite"))
    return paths


def plain_us(model: Path) -> float:
    """Median of the plain loop, in microseconds."""
    command = [sys.executable, "-c", PLAIN_LOOP, str(model)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(ended.stdout.split()[-1])


def plugin_us(model: Path, folder: Path) -> float:
    """Median of pytest-benchmark's rounds, in microseconds."""
    (folder / "test_latency.py").write_text(SUITE)
    (folder / "pytest.ini").touch()
    report = folder / "benchmark.json"
    command = [sys.executable, "-m", "pytest", "-q", f"--edge-model={model}", "--edge-threads=1"]
    command += ["--edge-runtime=litert", f"--benchmark-json={report}", "test_latency.py"]
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return float(json.loads(report.read_text())["benchmarks"][0]["stats"]["median"] * 1e6)


def compare(model: Path, pairs: int, folder: Path) -> bool:
    """Print the pairs of one model; whether they agree."""
    size_kb = model.stat().st_size / 1024
    print(f"\n{model.name} ({size_kb:,.0f} KB)\n{'plain us':>12} {'plugin us':>12} {'ratio':>8}")
    ratios, differences = [], []
    for _ in range(pairs):
        plain, plugin = plain_us(model), plugin_us(model, folder)
        ratios.append(plugin / plain)
        differences.append(abs(plugin - plain))
        print(f"{plain:12.2f} {plugin:12.2f} {ratios[-1]:8.3f}")
    off = abs(statistics.median(ratios) - 1)
    small = size_kb < 100
    agrees = off <= (0.10 if small else 0.05) or (small and statistics.median(differences) <= 3)
    print(f"median ratio {statistics.median(ratios):.3f}: {'agrees' if agrees else 'DISAGREES'}")
    return agrees


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("models", nargs="*", type=Path, help="int8 .tflite files")
    parser.add_argument("--pairs", type=int, default=7, help="how many pairs to take")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        models = [path.absolute() for path in options.models] or built(Path(name))
        agreed = [compare(model, options.pairs, Path(name)) for model in models]
    return 0 if all(agreed) else 1


if __name__ == "__main__":
    sys.exit(main())
