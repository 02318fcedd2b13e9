"""Real servers on loopback, as small as they can be, for tests of whatever sends requests."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from botstate.http import HttpRequest, HttpResponse, find_header

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable

    #: Says what a server does with one connection.
    Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Listener:
    """A server that listens. `connections` counts all that it ever got."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.port = 0
        self.connections = 0

    @property
    def address(self) -> str:
        """The beginning of its URLs."""
        return f"http://{self.host}:{self.port}"


@asynccontextmanager
async def listen(
    talk: Talk, *, host: str = "127.0.0.1", port: int = 0, context: ssl.SSLContext | None = None
) -> AsyncIterator[Listener]:
    """A server that talks like this; at the end it cuts whatever is still connected."""
    listener = Listener(host)
    talks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        listener.connections += 1
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await talk(reader, writer)
        finally:
            talks.discard(task)
            writer.close()

    server = await asyncio.start_server(handle, host, port, ssl=context)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        for task in tuple(talks):
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


def site(answer: Callable[[HttpRequest], HttpResponse]) -> Talk:
    """Plain HTTP/1.1 with one answer a connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        response = answer(await read_request(reader))
        lines = [f"HTTP/1.1 {response.status} Fine", *(f"{name}: {value}" for name, value in response.headers)]
        lines += [f"Content-Length: {len(response.body)}", "Connection: close", "", ""]
        writer.write("\r\n".join(lines).encode() + response.body)
        await writer.drain()

    return talk


async def read_request(reader: asyncio.StreamReader) -> HttpRequest:
    """The next request of a connection. Its `url` is the path only."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")[:-2]
    method, path, _ = first.split(" ")
    headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
    length = int(find_header(headers, "content-length") or 0)
    return HttpRequest(method, path, headers, await reader.readexactly(length))
