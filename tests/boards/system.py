"""Programs, processes and networks of this machine, for test boards."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import NamedTuple

INNER_INTERFACE = "eth0"
SSHD = Path("/usr/sbin/sshd")

# Adding the table first lets the deletion succeed where there is none.
DROP_NOTHING = """\
add table inet cut
delete table inet cut
"""

DROP_ALL = f"""\
{DROP_NOTHING}
table inet cut {{
    chain input {{ type filter hook input priority 0; iifname "{INNER_INTERFACE}" drop; }}
    chain output {{ type filter hook output priority 0; oifname "{INNER_INTERFACE}" drop; }}
}}
"""


class Answer(NamedTuple):
    """What the warden says to one request."""

    request: int
    result: str
    error: str


class SshdError(RuntimeError):
    """The server or its network could not be set up."""


def run(*command: str, given: str | None = None) -> None:
    """Run a command that has to succeed."""
    outcome = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise SshdError(f"{shlex.join(command)}: {outcome.stderr.strip()}")


def make_namespace(name: str) -> str:
    """Make a network namespace with a pair of interfaces, and return the address inside it."""
    run("ip", "netns", "add", name)
    try:
        number = make_interfaces(name)
        outer, inner = f"10.199.{number}.1", f"10.199.{number}.2"
        run("ip", "address", "add", f"{outer}/30", "dev", outer_interface(number))
        run("ip", "link", "set", outer_interface(number), "up")
        run("ip", "-n", name, "address", "add", f"{inner}/30", "dev", INNER_INTERFACE)
        run("ip", "-n", name, "link", "set", INNER_INTERFACE, "up")
        run("ip", "-n", name, "link", "set", "lo", "up")
    except BaseException:
        remove_namespace(name)
        raise
    return inner


def make_interfaces(namespace: str) -> int:
    """Make a pair of interfaces, and return the number that nobody else had taken."""
    for number in range(1, 255):
        peer = ["peer", "name", INNER_INTERFACE, "netns", namespace]
        try:
            run("ip", "link", "add", outer_interface(number), "type", "veth", *peer)
        except SshdError as error:
            if "File exists" not in str(error):
                raise
        else:
            return number
    raise SshdError("every address range for a network namespace is taken")


def outer_interface(number: int) -> str:
    """The name of the outer end of a pair of interfaces."""
    return f"board{number}"


def remove_namespace(name: str) -> None:
    """Remove a network namespace and its interfaces, if it is there."""
    if not (Path("/run/netns") / name).exists():
        return
    # Without its namespace an interface can live on for minutes, until the last lost packet of a
    # closed connection is given up.
    interface = ["ip", "-n", name, "link", "delete", INNER_INTERFACE]
    for command in (interface, ["ip", "netns", "delete", name]):
        subprocess.run(command, stderr=subprocess.DEVNULL, check=False)


def parents() -> dict[int, int]:
    """The parent of every live process."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            state, parent = state_and_parent(int(entry.name))
            if state not in "ZX":
                found[int(entry.name)] = parent
    return found


def state_and_parent(pid: int) -> tuple[str, int]:
    """The state and the parent of a process, as a dead orphan if it is gone."""
    try:
        # The name in parentheses may hold anything, also parentheses and spaces.
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return "X", 0
    state, parent, *_ = text.rpartition(")")[2].split()
    return state, int(parent)


def parent_of(pid: int) -> int:
    """The parent of a process."""
    return state_and_parent(pid)[1]


def descendants(ancestor: int) -> set[int]:
    """All live processes below one."""
    parent = parents()
    found: set[int] = set()
    generation = {ancestor}
    while generation:
        generation = {pid for pid in parent if parent[pid] in generation} - found
        found |= generation
    return found


def is_sshd(pid: int) -> bool:
    """Whether a process is a server or one of its connections."""
    try:
        return Path(f"/proc/{pid}/exe").readlink() == SSHD
    except OSError:
        return False


def command_of(pid: int) -> str:
    """The command line of a process, empty if it is gone or about to be."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0")
    except OSError:
        return ""
    words = line.split(b"\0") if line else []
    return shlex.join(word.decode(errors="replace") for word in words)
