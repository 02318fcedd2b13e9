"""A proxy on loopback that cuts, resets, stalls and refuses connections when a test tells it to."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: Closing sends a reset at once, and nothing that waits to be sent.
_LINGER_NOT = struct.pack("ii", 1, 0)


class Proxy:
    """Passes bytes on between a port of its own and a server. Made by `run_proxy`; for one event loop."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._listener: asyncio.Server | None = None
        self._connections: dict[asyncio.StreamWriter, asyncio.StreamWriter] = {}
        self._serving: set[asyncio.Task[None]] = set()
        self._requests, self._answers = asyncio.Event(), asyncio.Event()
        self.port = 0
        #: How many connections there were so far.
        self.accepted = 0
        #: How many pieces of data came so far, requests and answers, also those that are held back.
        self.received = 0

    async def open(self) -> None:
        """Accept connections, on the same port as before."""
        self._listener = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._listener.sockets[0].getsockname()[1]
        self.resume()

    async def refuse(self) -> None:
        """Cut what is connected, and refuse whoever comes until `open`."""
        if self._listener is not None:
            self._listener.close()
        self.cut()

    async def close(self) -> None:
        """Refuse for good, and leave nothing open."""
        self.resume()
        await self.refuse()
        await asyncio.gather(*self._serving)

    def cut(self, *, reset: bool = False) -> None:
        """End all connections, by a reset if so. Whoever connects again is served."""
        for pair in list(self._connections.items()):
            for writer in pair:
                if reset:
                    connection: socket.socket = writer.get_extra_info("socket")
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
                writer.transport.abort()

    def stall(self, *, answers_only: bool = False) -> None:
        """Keep all connections and accept new ones, and pass nothing on until `resume`."""
        self._answers.clear()
        if not answers_only:
            self._requests.clear()

    def resume(self) -> None:
        """Pass on what was held back, and all that comes."""
        self._answers.set()
        self._requests.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.current_task()
        assert task is not None  # asyncio made one for us
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._connections[writer] = server_writer
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass_on(reader, server_writer, self._requests))
                tasks.create_task(self._pass_on(server_reader, writer, self._answers))
        finally:
            del self._connections[writer]
            for it in (writer, server_writer):
                it.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
        with suppress(OSError):
            while data := await reader.read(65_536):
                self.received += 1
                await gate.wait()
                writer.write(data)
                await writer.drain()
        writer.transport.abort()


@asynccontextmanager
async def run_proxy(port: int, host: str = "127.0.0.1") -> AsyncIterator[Proxy]:
    """A proxy before the server on this port."""
    proxy = Proxy(host, port)
    await proxy.open()
    try:
        yield proxy
    finally:
        await proxy.close()
