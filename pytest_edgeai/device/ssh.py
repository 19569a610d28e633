"""The command line of ssh, and what its failures mean."""

from __future__ import annotations

import shlex
from typing import NamedTuple

from pytest_edgeai.device.gateway import python_args
from pytest_edgeai.device.spec import DeviceSpec

CONNECT_S = 10
"""How long a host may take to answer."""
ALIVE_S, ALIVE_COUNT = 5, 4
"""A host that does not answer for ALIVE_S * ALIVE_COUNT seconds is lost."""
OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": CONNECT_S,
    "ServerAliveInterval": ALIVE_S,
    "ServerAliveCountMax": ALIVE_COUNT,
}


class Failure(NamedTuple):
    """What ssh or the board's shell says, what it means, and what to do about it."""

    said: str
    means: str
    hint: str


FAILURES = (
    Failure(
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key is not the known one",
        "if the board was set up anew: ssh-keygen -R {address}, then ssh {words} once by hand",
    ),
    Failure(
        "Host key verification failed",
        "its host key is not known",
        "ssh {words} once by hand, and accept the key if it is the board's",
    ),
    Failure(
        "Permission denied",
        "it refuses this user or key",
        "ssh-copy-id {words}; a key with a passphrase has to be in ssh-agent",
    ),
    Failure(
        "Could not resolve hostname",
        "nobody knows this host name",
        "check the host's name, or give the board's address",
    ),
    Failure(
        "Connection refused",
        "the host is there, but no ssh server listens",
        "on the board: sudo systemctl enable --now ssh",
    ),
    Failure(
        "timed out",
        f"it does not answer within {CONNECT_S} s",
        "is the board on, and in this network? Try: ping {address}",
    ),
    Failure("No route to host", "it cannot be reached", "is the board on, and in this network?"),
    Failure(
        "Network is unreachable", "it cannot be reached", "is this machine in the board's network?"
    ),
    Failure("Can't open user config file", "ssh_config cannot be read", "check `ssh_config`"),
)


def ssh_command(spec: DeviceSpec) -> list[str]:
    """ssh to a device's host, without what is to run there."""
    words = ["ssh", "-C", "-T", *(f"-o{name}={value}" for name, value in OPTIONS.items())]
    if spec.ssh_config:
        words += ["-F", spec.ssh_config]
    return [*words, "--", spec.host]


def keeper_command(spec: DeviceSpec) -> list[str]:
    """ssh that starts the device's Python; the remote shell is given one quoted string.

    It only has to know where ``~/`` is.
    """
    env = [f"{name}={value}" for name, value in spec.env.items()]
    prefix = ["env", *env] if env else []
    program, *rest = python_args(spec.command)
    home, program = ("~/", program[2:]) if program.startswith("~/") else ("", program)
    words = [shlex.join(prefix), home + shlex.quote(program), shlex.join(rest)]
    return [*ssh_command(spec), " ".join(filter(None, words))]


def explained(spec: DeviceSpec, status: int | None, stderr: str) -> tuple[str, str]:
    """What a connection failed of, and what to do about it."""
    python = shlex.join(spec.command)
    if status == 127:
        return f"there is no {python} on it", "check `python` of this device"
    if status == 126:
        return f"{python} cannot be run on it", "check `python` of this device"
    words = [*(["-F", spec.ssh_config] if spec.ssh_config else []), spec.host]
    address = spec.host.removeprefix("ssh://").rpartition("@")[2]
    if spec.host.startswith("ssh://"):
        address = address.partition(":")[0]
    for failure in FAILURES:
        if failure.said in stderr:
            return failure.means, failure.hint.format(words=shlex.join(words), address=address)
    said = stderr.strip().splitlines()
    return (said[-1] if said else f"ssh ended with exit status {status}"), (
        f"see what `ssh {shlex.join(words)} {python} --version` says"
    )


def lost(spec: DeviceSpec) -> tuple[str, str]:
    """What a broken connection comes to: message and hint."""
    return (
        f"{spec.where}: the connection is lost",
        "it is tried again for the next test; see whether the board was restarted, and look at "
        "its power supply and its network",
    )
