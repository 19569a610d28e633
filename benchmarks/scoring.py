"""What does scoring 3,000 photographs cost, against a loop over one interpreter?

    python benchmarks/scoring.py MODEL.tflite [--samples 3000] [--rounds 3]

The samples are seeded float32 values of the model's input shape, an array in memory. By hand is one
loop of ``set_tensor``, ``invoke`` and ``get_tensor`` over them. The plugin does what a test with an
accuracy budget does with them: it looks at the data and hashes it ("set-up"), and asks the model
("scoring"). Each side runs in a process of its own, in turns. Printed are seconds, the ratio of
scoring to the loop, and by how many MB the memory of the plugin's process (resident, at its
highest) exceeds the data. Their answers have to be equal, bit for bit. The exit status is 1 where
scoring takes more than 0.6 of the loop, where memory exceeds the data by more than 200 MB, or where
an answer differs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

MOST, MOST_MB = 0.6, 200
BY_HAND = """
import json, sys, time
import numpy as np
from ai_edge_litert.interpreter import Interpreter

samples = np.load("samples.npy")
interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
(taken,), (given, *_) = interpreter.get_input_details(), interpreter.get_output_details()
begin, answers = time.perf_counter(), []
for sample in samples:
    interpreter.set_tensor(taken["index"], sample[np.newaxis])
    interpreter.invoke()
    answers.append(interpreter.get_tensor(given["index"])[0])
took_s = time.perf_counter() - begin
np.save("by_hand.npy", np.stack(answers))
print(json.dumps({"scoring": took_s}))
"""
PLUGIN = """
import json, resource, sys, time
from pathlib import Path

import numpy as np

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.interpreter import Interpreter
from pytest_edgeai.device.spec import DeviceSpec
from pytest_edgeai.measure.predictions import predictions
from pytest_edgeai.model.dataset import as_dataset
from pytest_edgeai.model.profile import profiles
from pytest_edgeai.model.proof import proven_variant
from pytest_edgeai.model.tflite import Model, read_facts

path, facts = Path(sys.argv[1]), read_facts(Path(sys.argv[1]))
model, device = Model(path, path.name, proven_variant(facts), facts), Device(DeviceSpec())
samples = np.load("samples.npy")
with Interpreter(device, model, 1) as interpreter:
    begin = time.perf_counter()
    data = as_dataset(samples, "evaluation_data", 1)
    data.digest()
    profiles(data)
    looked_at = time.perf_counter()
    answers = predictions(interpreter, data)
    took_s = time.perf_counter() - looked_at
np.save("plugin.npy", answers)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({"set-up": looked_at - begin, "scoring": took_s, "peak": peak}))
device.close()
"""


def told(folder: Path, code: str, model: str) -> dict[str, Any]:
    """What a Python that runs some code prints."""
    words = [sys.executable, "-c", code, model]
    run = subprocess.run(words, cwd=folder, text=True, capture_output=True)
    if run.returncode:
        sys.exit(run.stderr[-4000:])
    return dict(json.loads(run.stdout.splitlines()[-1]))


def compare(folder: Path, model: str) -> bool:
    """Print one round; whether it holds the limits."""
    hand, plugin = told(folder, BY_HAND, model), told(folder, PLUGIN, model)
    ratio = plugin["scoring"] / hand["scoring"]
    beyond_mb = plugin["peak"] - (folder / "samples.npy").stat().st_size / 2**20
    answers = [np.load(folder / f"{side}.npy") for side in ("by_hand", "plugin")]
    are_equal = answers[0].tobytes() == answers[1].tobytes()
    print(
        f"{hand['scoring']:8.2f} {plugin['set-up']:8.2f} {plugin['scoring']:8.2f} "
        f"{ratio:7.3f} {beyond_mb:10,.0f} {'yes' if are_equal else 'NO':>7}",
        flush=True,
    )
    return ratio <= MOST and beyond_mb <= MOST_MB and are_equal


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", help="a float model with one input")
    parser.add_argument("--samples", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    from ai_edge_litert.interpreter import Interpreter

    shape = Interpreter(options.model).get_input_details()[0]["shape"][1:]
    generator = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as name:
        folder, model = Path(name), str(Path(options.model).resolve())
        samples = generator.random((options.samples, *shape), np.float32)
        np.save(folder / "samples.npy", samples)
        del samples
        print(
            f"{'loop s':>8} {'set-up s':>8} {'plugin s':>8} {'ratio':>7} "
            f"{'beyond MB':>10} {'equal':>7}",
            flush=True,
        )
        held = [compare(folder, model) for _ in range(options.rounds)]
    print(f"{sum(held)} of {len(held)} hold {MOST} of the loop and {MOST_MB} MB beyond the data")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
