"""The command line: ``edgeai COMMAND``, or ``python -m pytest_edgeai COMMAND``."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence

from pytest_edgeai.commands import compare, doctor, init, inspection, judge
from pytest_edgeai.errors import EdgeAIError

COMMANDS = {
    "init": init,
    "inspect": inspection,
    "doctor": doctor,
    "judge": judge,
    "compare": compare,
}
"""A module each: ``HELP``, ``DESCRIPTION``, ``add_arguments(parser)`` and ``run(asked)``."""


def parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    made = argparse.ArgumentParser(
        prog="edgeai", description="Acceptance tests for models on edge devices: the tools around."
    )
    made.add_argument("--version", action=_Version, nargs=0, help="show the version, and exit")
    commands = made.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, module in COMMANDS.items():
        module.add_arguments(
            commands.add_parser(name, help=module.HELP, description=module.DESCRIPTION)
        )
    return made


class _Version(argparse.Action):
    """It is looked up only when asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"pytest-edgeai {version('pytest-edgeai')}")
        parser.exit()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns its exit status, 2 where it could not begin.

    1 where nobody reads its output to the end, as with ``| head``: what it would come to is open.
    """
    asked = parser().parse_args(arguments)
    try:
        with _ended_in_order():
            status: int = COMMANDS[asked.command].run(asked)
        sys.stdout.flush()
    except EdgeAIError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # for the flush at exit
        return 1
    return status


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """SIGTERM ends a command as Ctrl-C does: it leaves nothing that was temporary."""

    def end(number: int, _: object) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
