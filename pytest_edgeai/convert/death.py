"""What it looks like when a conversion worker is lost."""

from __future__ import annotations

import re
import signal

from pytest_edgeai import units

LOG_LINES = 12
LINE_LENGTH = 200
_NOISE = re.compile(
    "absl::InitializeLog|oneDNN custom|cudart_stub|cuda_platform|cpu_feature_guard|"
    "enable the following instructions|tf_tfl_flatbuffer_helpers|^Extension modules:|"
    "flatbuffer_export.cc|^fully_quantize: "
)
_STACK = re.compile(r"Fatal Python error|Stack \(most recent")


def death(status: int | None, limit_s: float) -> str:
    """How a worker ended, by its exit status; None when its time was up."""
    if status is None:
        return f"the converter was ended after its limit of {units.seconds(limit_s)}"
    if status < 0:
        return f"the converter ended with {signal.Signals(-status).name}"
    return f"the converter ended with exit status {status}"


def death_hint(status: int | None, task: str) -> str:
    """What may help, by the task that it had."""
    if status is None:
        return "raise --edge-convert-timeout if this model really needs longer"
    if status == -signal.SIGKILL:
        return "often the kernel's out-of-memory killer: see `dmesg`; convert on a larger machine"
    if task == "build":
        return "the function crashed its process: call it by itself to see why"
    return (
        "recurrent layers of Keras 3 crash the calibration of int8: give them unroll=True; "
        "for other models, another version of TensorFlow may not crash"
    )


def without_noise(log: str) -> str:
    """A log without what TensorFlow says at every start."""
    lines = log.splitlines(keepends=True)
    return "".join(line for line in lines if line.strip() and not _NOISE.search(line))


def tail(log: str) -> str:
    """The end of a log, or the stack of a process that crashed or hung."""
    lines = log.splitlines()
    stacks = [place for place, line in enumerate(lines) if _STACK.match(line)]
    part = lines[stacks[0] :][:LOG_LINES] if stacks else lines[-LOG_LINES:]
    shown = [line if len(line) <= LINE_LENGTH else f"{line[:LINE_LENGTH]}..." for line in part]
    return "last lines of its log:\n    " + "\n    ".join(shown) if shown else ""
