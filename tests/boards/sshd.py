"""A real OpenSSH server of its own for tests: started, stopped, cut off and cleaned up at will."""

from __future__ import annotations

import contextlib
import getpass
import json
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from system import (
    Answer,
    SshdError,
    command_of,
    descendants,
    is_sshd,
    make_namespace,
    parent_of,
    remove_namespace,
    run,
)

SFTP_SERVER = Path("/usr/lib/openssh/sftp-server")
PRIVILEGE_SEPARATION_FOLDER = Path("/run/sshd")
PATIENCE = 20.0

ENTER_HOME = """\
#!/bin/sh
cd "$HOME" || exit 1
[ -n "${SSH_ORIGINAL_COMMAND+set}" ] || exec "$SHELL" -l
command=$SSH_ORIGINAL_COMMAND
unset SSH_ORIGINAL_COMMAND
exec "$SHELL" -c "$command"
"""


class Process(NamedTuple):
    """One live process on the board."""

    pid: int
    command: str


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
        self._warden: subprocess.Popen[str] | None = None
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
            self._open_warden()
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
        servers = {pid for pid in descendants(self._warden_pid()) if is_sshd(pid)}
        listeners = {pid for pid in servers if parent_of(pid) == self._warden_pid()}
        return sorted(pid for pid in servers if parent_of(pid) in listeners)

    def processes(self) -> list[Process]:
        """Everything that runs on the board, also what outlived its connection, but no sshd."""
        found = (pid for pid in descendants(self._warden_pid()) if not is_sshd(pid))
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

    def _open_warden(self) -> None:
        entry = ["nsenter", f"--net=/run/netns/{self.namespace}"] if self.namespace else []
        arguments = [str(self.folder), self.address, str(self.core), self.namespace or ""]
        with self.log.open("a") as log:
            self._warden = subprocess.Popen(
                [*entry, sys.executable, str(Path(__file__).with_name("warden.py")), *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                start_new_session=True,
            )

    def _warden_pid(self) -> int:
        if self._warden is None:
            raise SshdError("the server is used outside its with block")
        return self._warden.pid

    def _ask(self, request: str) -> str:
        with self._lock:
            warden = self._warden
            if warden is None or warden.stdin is None or warden.stdout is None:
                raise SshdError("the server is used outside its with block")
            self._asked += 1
            try:
                warden.stdin.write(f"{self._asked} {request}\n")
                warden.stdin.flush()
                answer = answer_to(self._asked, warden.stdout)
            except BrokenPipeError as error:
                raise SshdError(f"the warden of the server has ended, see {self.log}") from error
        if answer.error:
            raise SshdError(answer.error)
        return answer.result

    def _close(self) -> None:
        warden, self._warden = self._warden, None
        if warden is not None:
            end_warden(warden)
        if self.namespace and self.address != "127.0.0.1":
            self.address = "127.0.0.1"
            remove_namespace(self.namespace)


def end_warden(warden: subprocess.Popen[str]) -> None:
    """Let the warden clean up and wait for its end."""
    assert warden.stdin is not None
    assert warden.stdout is not None
    with warden.stdout:
        with contextlib.suppress(BrokenPipeError):
            warden.stdin.close()
        try:
            warden.wait(PATIENCE)
        finally:
            warden.kill()
            warden.wait()


def answer_to(request: int, answers: IO[str]) -> Answer:
    """Wait for an answer, past those to earlier requests that were interrupted."""
    for line in answers:
        answer = Answer(*json.loads(line))
        if answer.request == request:
            return answer
    raise BrokenPipeError


def make_key(path: Path) -> None:
    """Make a key pair, unless there is one."""
    if not path.exists():
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path))


def public_key_of(key: Path, target: Path, prefix: str = "") -> None:
    """Write the public half of a key as the only line of a file."""
    target.write_text(prefix + key.with_name(key.name + ".pub").read_text())
