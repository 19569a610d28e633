"""The process that owns a test board's sshd.

It adopts everything that the server leaves behind, counts the bytes of its clients, and kills it
all when its standard input ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from relay import Relay, bound_socket
from system import (
    DROP_ALL,
    DROP_NOTHING,
    SSHD,
    Answer,
    SshdError,
    descendants,
    remove_namespace,
    run,
)

PATIENCE = 20.0
PR_SET_CHILD_SUBREAPER = 36


class Warden:
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
    """Be the warden."""
    folder, address, core, namespace = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    asyncio.run(serve(Path(folder), address, core, namespace))


async def serve(folder: Path, address: str, core: str, namespace: str) -> None:
    """Keep one server."""
    await Warden(folder, address, core, namespace).serve()


if __name__ == "__main__":
    main()
