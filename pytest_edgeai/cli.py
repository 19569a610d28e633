"""The command line: ``python -m pytest_edgeai doctor``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pytest_edgeai.errors import UsageError

if TYPE_CHECKING:
    from pytest_edgeai.judge.checkup import Finding


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="python -m pytest_edgeai", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    doctor = commands.add_parser(
        "doctor",
        help="look devices over: do they run models, and what would spoil a measurement there?",
        description="Looks devices over, and says what would spoil a measurement there and how to "
        "mend it. The exit status is 1 where there is a problem, and 2 where nothing could be "
        "looked at.",
    )
    doctor.add_argument(
        "name", nargs="*", help="devices to look at (default: all configured, else this machine)"
    )
    doctor.add_argument(
        "--rootdir",
        type=Path,
        default=Path.cwd(),
        help="folder with pyproject.toml or edgeai.toml (default: this one)",
    )
    asked = parser.parse_args(arguments)
    try:
        return _doctor(asked.name, asked.rootdir)
    except UsageError as error:
        print(error, file=sys.stderr)
        return 2


def _doctor(names: Sequence[str], root: Path) -> int:
    from pytest_edgeai.device.device import Device
    from pytest_edgeai.device.doctor import examine
    from pytest_edgeai.device.spec import LOCAL, device_specs, device_tables

    named = names or list(device_tables(root)) or [LOCAL]
    is_ill = False
    for spec in [spec for name in named for spec in device_specs(name, root)]:
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
