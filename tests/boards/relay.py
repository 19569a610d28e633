"""A relay between the clients of a server and the server."""

from __future__ import annotations

import asyncio
import socket


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
