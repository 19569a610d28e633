"""How long does the start of a process take that holds a runtime, forked and plain?

    python benchmarks/process_starts.py [--python COMMAND] [--device NAME] [--pairs 7]

A device's first start proves the runtime, and imports it once more; each further one forks. In
turns with those, a Python that makes threads, and so cannot be forked, imports it each time.
Printed are milliseconds of the first start, of each further one and of each plain one, and the
medians with their ratio.
``--python`` is another Python of this machine, such as an emulated one; ``--device`` a device of
the tables in the working directory. The exit status is 1 where the median of further starts is over
a third of that of plain ones.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from dataclasses import replace
from pathlib import Path

from pytest_edgeai.device.device import Device
from pytest_edgeai.device.spec import DeviceSpec, device_specs

PLAIN = {"OPENBLAS_NUM_THREADS": "2"}
MOST = 1 / 3


def start_ms(device: Device) -> float:
    """Time until a process that holds the runtime answers."""
    begin = time.perf_counter()
    with device.start("a start"):
        return (time.perf_counter() - begin) * 1e3


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default="", help="a command line")
    parser.add_argument("--device", default="", help="a device of the tables")
    parser.add_argument("--pairs", type=int, default=7)
    options = parser.parse_args()
    spec = DeviceSpec("python", options.python)
    if options.device:
        (spec, *_) = device_specs(options.device, Path.cwd())
    forking, plain = Device(spec), Device(replace(spec, env={**spec.env, **PLAIN}))
    pairs = []
    with forking.alone("starts of processes"):
        print(f"first  {start_ms(forking):8.1f} ms")
        start_ms(plain)
        for _ in range(options.pairs):
            pairs.append((start_ms(forking), start_ms(plain)))
            print(f"forked {pairs[-1][0]:8.1f} ms   plain {pairs[-1][1]:8.1f} ms")
    forked_ms, plain_ms = map(statistics.median, zip(*pairs, strict=True))
    ratio = forked_ms / plain_ms
    print(f"median {forked_ms:8.1f} ms   plain {plain_ms:8.1f} ms   ratio {ratio:.3f}")
    for device in (forking, plain):
        device.close()
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
