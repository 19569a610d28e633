"""``edgeai doctor``: look devices over."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_edgeai.judge.checkup import Finding

HELP = "look devices over: do they run models, and what would spoil a measurement there?"
DESCRIPTION = (
    "Looks devices over, and says what would spoil a measurement there and how to mend it. The "
    "exit status is 1 where there is a problem, and 2 where nothing could be looked at."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "name", nargs="*", help="devices to look at (default: all configured, else this machine)"
    )
    parser.add_argument(
        "--rootdir",
        type=Path,
        default=Path.cwd(),
        help="folder with pyproject.toml or edgeai.toml (default: this one)",
    )


def run(asked: argparse.Namespace) -> int:
    """Print what is found; returns the exit status."""
    from pytest_edgeai.device.device import Device
    from pytest_edgeai.device.doctor import examine
    from pytest_edgeai.device.spec import LOCAL, device_specs, device_tables

    named = asked.name or list(device_tables(asked.rootdir)) or [LOCAL]
    is_ill = False
    for spec in [spec for name in named for spec in device_specs(name, asked.rootdir)]:
        device = Device(spec)
        print(spec.where)
        try:
            found = examine(device)
        finally:
            device.close()
        print(*_lines(found), sep="\n", flush=True)
        is_ill |= any(finding.is_problem for finding in found)
    return 1 if is_ill else 0


def _lines(found: Sequence[Finding]) -> Iterator[str]:
    for finding in found:
        sign = "problem" if finding.is_problem else "ok"
        yield f"  {sign:<8}{finding.what:<12}{finding.says}"
        if finding.mend:
            yield f"{'':<22}{finding.mend}"
