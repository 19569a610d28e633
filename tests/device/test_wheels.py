"""Which runtime pip can install on which board."""

from __future__ import annotations

import shlex

import pytest

from pytest_edgeai.device.wheels import runtime_wheel

LITERT = ["ai-edge-litert", "numpy"]
TFLITE_RUNTIME = ["tflite-runtime>=2.14", "numpy<2"]


@pytest.mark.parametrize(
    ("machine", "bits", "python", "words"),
    [
        ("aarch64", 64, "3.9.2", LITERT),
        ("aarch64", 64, "3.11.2", LITERT),
        ("aarch64", 64, "3.13.5", LITERT),
        ("x86_64", 64, "3.12.3", LITERT),
        ("arm64", 64, "3.14.0", LITERT),
        ("armv7l", 32, "3.9.2", TFLITE_RUNTIME),
        ("armv7l", 32, "3.10.0", TFLITE_RUNTIME),
        ("armv7l", 32, "3.11.2", TFLITE_RUNTIME),
        ("armv8l", 32, "3.11.2", TFLITE_RUNTIME),
        ("aarch64", 32, "3.11.2", TFLITE_RUNTIME),  # a 32-bit system under a 64-bit kernel
    ],
)
def test_what_pip_is_given(machine: str, bits: int, python: str, words: list[str]) -> None:
    wheel = runtime_wheel(machine, bits, python)
    assert shlex.split(wheel.packages) == words
    assert not wheel.advice


@pytest.mark.parametrize(
    ("machine", "python", "advice"),
    [
        ("armv6l", "3.11.2", "no runtime has wheels for armv6l with 32 bits"),
        ("i686", "3.11.2", "no runtime has wheels for i686 with 32 bits"),
        ("armv7l", "3.8.10", "no runtime has wheels for 32-bit ARM and Python 3.8.10"),
        ("armv7l", "3.12.1", "Python 3.12.1: take the 64-bit system, or a Python 3.11 beside it"),
        ("armv7l", "3.13.5", "32-bit ARM and Python 3.13.5"),
        ("aarch64", "3.13.5", "take the 64-bit system"),
    ],
)
def test_what_no_wheel_is_made_for(machine: str, python: str, advice: str) -> None:
    wheel = runtime_wheel(machine, 32, python)
    assert not wheel.packages
    assert advice in wheel.advice
