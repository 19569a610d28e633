"""Which runtime has wheels for which machine and Python."""

from __future__ import annotations

from typing import NamedTuple

LITERT, TFLITE_RUNTIME = "ai-edge-litert", "tflite-runtime"


class Wheel(NamedTuple):
    """What pip can install.

    Attributes:
        packages: as pip is to be given them; "" where there is nothing.
        advice: what else to do.
    """

    packages: str
    advice: str = ""


def runtime_wheel(machine: str, bits: int, python: str) -> Wheel:
    """The newest runtime for a board, read off the wheels on PyPI in November 2026.

    ai-edge-litert: 64-bit ARM and x86, Python 3.9 to 3.14 (3.9 up to version 2.1). tflite-runtime
    2.14, its predecessor, also 32-bit ARM (armv7l), Python 3.9 to 3.11, and NumPy 1.

    Args:
        machine: as ``platform.machine()`` says; of the kernel, which may be 64-bit for a 32-bit
            userland.
        bits: of the Python, 32 or 64.
        python: its version.
    """
    minor = tuple(int(part) for part in python.split(".")[:2])
    if bits == 64 and machine in ("aarch64", "arm64", "x86_64", "AMD64"):
        if (3, 9) <= minor <= (3, 14):
            return Wheel(f"{LITERT} numpy")
        return Wheel("", f"no runtime has wheels for Python {python}: take 3.10 to 3.14")
    if bits == 32 and machine in ("armv7l", "armv8l", "aarch64"):
        if (3, 9) <= minor <= (3, 11):
            return Wheel(f"'{TFLITE_RUNTIME}>=2.14' 'numpy<2'")
        return Wheel(
            "",
            f"no runtime has wheels for 32-bit ARM and Python {python}: take the 64-bit system, "
            "or a Python 3.11 beside it",
        )
    return Wheel("", f"no runtime has wheels for {machine} with {bits} bits")
