"""A real OpenSSH server of its own for tests: started, stopped, cut off and cleaned up at will.

Run as a script, this module is the keeper: a process that owns the server, adopts everything it
leaves behind, counts the bytes of its clients, and kills it all when its standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import getpass
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

SSHD = Path("/usr/sbin/sshd")
SFTP_SERVER = Path("/usr/lib/openssh/sftp-server")
PRIVILEGE_SEPARATION_FOLDER = Path("/run/sshd")
INNER_INTERFACE = "eth0"
PATIENCE = 20.0
PR_SET_CHILD_SUBREAPER = 36

ENTER_HOME = """\
#!/bin/sh
cd "$HOME" || exit 1
[ -n "${SSH_ORIGINAL_COMMAND+set}" ] || exec "$SHELL" -l
command=$SSH_ORIGINAL_COMMAND
unset SSH_ORIGINAL_COMMAND
exec "$SHELL" -c "$command"
"""

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


class SshdError(RuntimeError):
    """The server or its network could not be set up."""


class Process(NamedTuple):
    """One live process on the board."""

    pid: int
    command: str


class Answer(NamedTuple):
    """What the keeper says to one request."""

    request: int
    result: str
    error: str


class Sshd:
    """An OpenSSH server with its own keys and client configuration, alive inside a with block."""

    def __init__(
        self,
        folder: Path,
        alias: str = "board",
        home: Path | None = None,
        core: int | None = None,
        namespace: str | None = None,
    ) -> None:
        self.folder = folder.absolute()
        self.alias = alias
        self.home = home.absolute() if home else None
        self.core = core
        self.namespace = namespace
        self.address = "127.0.0.1"
        self.port = 0
        self._keeper: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()
        self._asked = 0

    @property
    def ssh_config(self) -> Path:
        """The client configuration to use with ssh -F."""
        return self.folder / "ssh_config"

    @property
    def client_key(self) -> Path:
        """The private key that may log in."""
        return self.folder / "client_key"

    @property
    def host_key(self) -> Path:
        """The private key that the server identifies itself by."""
        return self.folder / "host_key"

    @property
    def known_hosts(self) -> Path:
        """The client's list of known host keys."""
        return self.folder / "known_hosts"

    @property
    def log(self) -> Path:
        """What the server has said."""
        return self.folder / "sshd.log"

    def __enter__(self) -> Sshd:
        try:
            self._prepare()
            self._open_keeper()
            self.port = int(self._ask("port"))
            self._write_client_config()
            self.start()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._close()

    def start(self) -> None:
        """Start the server, on the same port each time."""
        self._ask("start")

    def stop(self) -> None:
        """Kill the server, its connections and everything they started, as a reboot does."""
        self._ask("stop")

    def cut(self) -> None:
        """Silently lose everything sent in either direction, until mend."""
        self._ask("cut")

    def mend(self) -> None:
        """Let everything through again."""
        self._ask("mend")

    def bytes_received(self) -> int:
        """How many bytes the clients have sent to the server so far."""
        return int(self._ask("bytes"))

    def connections(self) -> list[int]:
        """The server's process of each connection."""
        servers = {pid for pid in descendants(self._keeper_pid()) if is_sshd(pid)}
        listeners = {pid for pid in servers if parent_of(pid) == self._keeper_pid()}
        return sorted(pid for pid in servers if parent_of(pid) in listeners)

    def processes(self) -> list[Process]:
        """Everything that runs on the board, also what outlived its connection, but no sshd."""
        found = (pid for pid in descendants(self._keeper_pid()) if not is_sshd(pid))
        commands = ((pid, command_of(pid)) for pid in sorted(found))
        return [Process(pid, command) for pid, command in commands if command]

    def _prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        PRIVILEGE_SEPARATION_FOLDER.mkdir(mode=0o755, exist_ok=True)
        for key in (self.host_key, self.client_key):
            make_key(key)
        public_key_of(self.client_key, self.folder / "authorized_keys")
        public_key_of(self.host_key, self.known_hosts, prefix=f"{self.alias} ")
        self._write_server_config()
        if self.namespace:
            self.address = make_namespace(self.namespace)

    def _write_server_config(self) -> None:
        lines = [
            "ListenAddress 127.0.0.1",
            f'HostKey "{self.host_key}"',
            f'AuthorizedKeysFile "{self.folder / "authorized_keys"}"',
            "PidFile none",
            "StrictModes no",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "PermitRootLogin prohibit-password",
            "MaxStartups 100",
            "PrintMotd no",
            f"Subsystem sftp {SFTP_SERVER}",
        ]
        if self.home:
            lines += [f'SetEnv "HOME={self.home}"', f"ForceCommand {self._write_enter_home()}"]
        (self.folder / "sshd_config").write_text("\n".join(lines) + "\n")

    def _write_enter_home(self) -> str:
        """A command is needed beside SetEnv, as sshd starts each session in the real home."""
        script = self.folder / "enter_home"
        script.write_text(ENTER_HOME)
        script.chmod(0o755)
        return shlex.quote(str(script))

    def _write_client_config(self) -> None:
        options = {
            "HostName": self.address,
            "Port": self.port,
            "User": getpass.getuser(),
            "HostKeyAlias": self.alias,
            "IdentityFile": f'"{self.client_key}"',
            "IdentitiesOnly": "yes",
            "IdentityAgent": "none",
            "UserKnownHostsFile": f'"{self.known_hosts}"',
            "GlobalKnownHostsFile": "/dev/null",
            "StrictHostKeyChecking": "yes",
            "UpdateHostKeys": "no",
            "PasswordAuthentication": "no",
        }
        lines = [f"Host {self.alias}", *(f"    {name} {value}" for name, value in options.items())]
        self.ssh_config.write_text("\n".join(lines) + "\n")

    def _open_keeper(self) -> None:
        entry = ["nsenter", f"--net=/run/netns/{self.namespace}"] if self.namespace else []
        arguments = [str(self.folder), self.address, str(self.core), self.namespace or ""]
        with self.log.open("a") as log:
            self._keeper = subprocess.Popen(
                [*entry, sys.executable, "-I", str(Path(__file__).resolve()), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def _keeper_pid(self) -> int:
        if self._keeper is None:
            raise SshdError("the server is used outside its with block")
        return self._keeper.pid

    def _ask(self, request: str) -> str:
        with self._lock:
            keeper = self._keeper
            if keeper is None or keeper.stdin is None or keeper.stdout is None:
                raise SshdError("the server is used outside its with block")
            self._asked += 1
            try:
                keeper.stdin.write(f"{self._asked} {request}\n")
                keeper.stdin.flush()
                answer = answer_to(self._asked, keeper.stdout)
            except BrokenPipeError as error:
                raise SshdError(f"the keeper of the server has ended, see {self.log}") from error
        if answer.error:
            raise SshdError(answer.error)
        return answer.result

    def _close(self) -> None:
        keeper, self._keeper = self._keeper, None
        if keeper is not None:
            end_keeper(keeper)
        if self.namespace and self.address != "127.0.0.1":
            self.address = "127.0.0.1"
            remove_namespace(self.namespace)


def end_keeper(keeper: subprocess.Popen[str]) -> None:
    """Let the keeper clean up and wait for its end."""
    assert keeper.stdin is not None
    assert keeper.stdout is not None
    with keeper.stdout:
        with contextlib.suppress(BrokenPipeError):
            keeper.stdin.close()
        try:
            keeper.wait(PATIENCE)
        finally:
            keeper.kill()
            keeper.wait()


def answer_to(request: int, answers: IO[str]) -> Answer:
    """Wait for an answer, past those to earlier requests that were interrupted."""
    for line in answers:
        answer = Answer(*json.loads(line))
        if answer.request == request:
            return answer
    raise BrokenPipeError


def run(*command: str, given: str | None = None) -> None:
    """Run a command that has to succeed."""
    outcome = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise SshdError(f"{shlex.join(command)}: {outcome.stderr.strip()}")


def make_key(path: Path) -> None:
    """Make a key pair, unless there is one."""
    if not path.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path))


def public_key_of(key: Path, target: Path, prefix: str = "") -> None:
    """Write the public half of a key as the only line of a file."""
    target.write_text(prefix + key.with_name(key.name + ".pub").read_text())


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


class Relay:
    """Passes bytes between clients and the server, counts them, and can hold them back."""

    def __init__(self, address: str) -> None:
        # Bound but never listening, this socket keeps the port for us while the server is down.
        self._claim = bound_socket(address, 0)
        self.address: str = address
        self.port: int = self._claim.getsockname()[1]
        self.received = 0
        self.passing = asyncio.Event()
        self.passing.set()
        self._target = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self, target: int) -> None:
        """Accept clients and connect them to a port of the server."""
        self._target = target
        listener = bound_socket(self.address, self.port)
        self._server = await asyncio.start_server(self._serve, sock=listener, backlog=128)

    async def close(self) -> None:
        """Refuse clients and drop those that are connected."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._connect(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._tasks.discard(task)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.passing.wait()
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._target)
        directions = [
            asyncio.ensure_future(self._pump(reader, inner_writer, counted=True)),
            asyncio.ensure_future(self._pump(inner_reader, writer, counted=False)),
        ]
        try:
            await asyncio.gather(*directions)
            await asyncio.gather(finish(writer), finish(inner_writer))
        finally:
            for direction in directions:
                direction.cancel()
            inner_writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, counted: bool
    ) -> None:
        while data := await reader.read(1 << 16):
            await self.passing.wait()
            self.received += len(data) if counted else 0
            writer.write(data)
            await writer.drain()
        await self.passing.wait()
        writer.write_eof()


async def finish(writer: asyncio.StreamWriter) -> None:
    """Close a connection once all is sent."""
    writer.close()
    await writer.wait_closed()


def bound_socket(address: str, port: int) -> socket.socket:
    """A TCP socket that holds a port."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.bind((address, port))
    return made


class Keeper:
    """Owns the server and all it starts."""

    def __init__(self, folder: Path, address: str, core: str, namespace: str) -> None:
        self._folder = folder
        self._core = core
        self._namespace = namespace
        self._relay = Relay(address)

    async def serve(self) -> None:
        """Answer requests until the input ends, then clean up."""
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, ended.set)
        loop.add_signal_handler(signal.SIGCHLD, reap)
        answering = asyncio.ensure_future(self._answer_all())
        await asyncio.wait(
            [answering, asyncio.ensure_future(ended.wait())], return_when="FIRST_COMPLETED"
        )
        await self.stop()
        if self._namespace:
            remove_namespace(self._namespace)

    async def _answer_all(self) -> None:
        requests = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(requests)
        await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
        while line := await requests.readline():
            number, request = line.decode().split()
            try:
                answer = Answer(int(number), await self._answer(request), "")
            except (SshdError, OSError) as error:
                answer = Answer(int(number), "", str(error) or repr(error))
            with contextlib.suppress(BrokenPipeError):
                os.write(sys.stdout.fileno(), json.dumps(answer).encode() + b"\n")

    async def _answer(self, request: str) -> str:
        if request == "port":
            return str(self._relay.port)
        if request == "bytes":
            return str(self._relay.received)
        actions = {"start": self.start, "stop": self.stop, "cut": self.cut, "mend": self.mend}
        await actions[request]()
        return ""

    async def start(self) -> None:
        """Start the server and let clients in once it listens."""
        await self.stop()
        with bound_socket("127.0.0.1", 0) as claim:
            port = claim.getsockname()[1]
        await self._start_server(port)
        await self._relay.open(port)

    async def _start_server(self, port: int) -> None:
        pinning = ["taskset", "-c", self._core] if self._core != "None" else []
        config = ["-f", str(self._folder / "sshd_config"), "-p", str(port)]
        log = self._folder / "sshd.log"
        with log.open("ab") as output:
            said = output.tell()
            server = subprocess.Popen(
                [*pinning, str(SSHD), "-D", "-e", *config],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        for _ in heartbeats():
            news = log.read_bytes()[said:]
            if b"Server listening" in news:
                return
            if server.poll() is not None:
                break
            await asyncio.sleep(0.01)
        raise SshdError(f"sshd did not start: {news.decode(errors='replace')}")

    async def stop(self) -> None:
        """Kill everything below this process and refuse clients."""
        await self._relay.close()
        for _ in heartbeats():
            remaining = descendants(os.getpid())
            if not remaining:
                return
            for pid in remaining:
                kill(pid)
            await asyncio.sleep(0.01)
        raise SshdError(f"these processes could not be killed: {sorted(remaining)}")

    async def cut(self) -> None:
        """Lose all packets where there is a network of our own, else hold all bytes back."""
        if self._namespace:
            run("nft", "-f", "-", given=DROP_ALL)
        else:
            self._relay.passing.clear()

    async def mend(self) -> None:
        """Undo a cut."""
        if self._namespace:
            run("nft", "-f", "-", given=DROP_NOTHING)
        else:
            self._relay.passing.set()


def heartbeats() -> Iterator[float]:
    """The time, again and again, until patience is over."""
    end = time.monotonic() + PATIENCE
    while (now := time.monotonic()) < end:
        yield now


def kill(pid: int) -> None:
    """Kill a process, if it still lives."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def reap() -> None:
    """Collect the dead, also those that this process adopted."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            continue
    except ChildProcessError:
        return


def main() -> None:
    """Be the keeper."""
    folder, address, core, namespace = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    asyncio.run(serve(Path(folder), address, core, namespace))


async def serve(folder: Path, address: str, core: str, namespace: str) -> None:
    """Keep one server."""
    await Keeper(folder, address, core, namespace).serve()


if __name__ == "__main__":
    main()
