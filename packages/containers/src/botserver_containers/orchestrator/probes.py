"""Asks an app whether it works: by HTTP, by a connection, or by a program inside it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from botlib import BotError

if TYPE_CHECKING:
    from botserver_containers.manifests.manifest import HealthCheck
    from botserver_containers.podman.adapter import Podman

#: Of an answer no more than this is read: the first line tells all that is asked.
_FIRST_LINE = 1024


async def probe(podman: Podman, name: str, check: HealthCheck) -> bool:
    """Whether the check passes. An HTTP check does with a status from 200 to 399. The caller limits the time."""
    if check.type == "exec":
        try:
            output = await podman.execute(name, check.command, limit=check.timeout + 5.0)
        except BotError:
            return False
        return output.code == 0
    host, _, port = check.endpoint.rpartition(":")
    try:
        reader, writer = await asyncio.open_connection(host, int(port), limit=_FIRST_LINE)
    except OSError:
        return False
    try:
        return check.type == "tcp" or await _ask(reader, writer, check)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, check: HealthCheck) -> bool:
    writer.write(f"GET {check.path} HTTP/1.1\r\nHost: {check.endpoint}\r\nConnection: close\r\n\r\n".encode("ascii"))
    try:
        await writer.drain()
        first = await reader.readuntil(b"\n")
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        return False
    words = first.split()
    return len(words) >= 2 and words[0].startswith(b"HTTP/1.") and words[1].isdigit() and 200 <= int(words[1]) < 400
