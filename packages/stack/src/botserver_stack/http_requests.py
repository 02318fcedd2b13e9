"""HTTP requests to the servers of a stack: enough for a probe, with the standard library."""

from __future__ import annotations

import asyncio
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from botserver_stack.recipes.base import Site

_SECONDS = 5.0


class Answer(NamedTuple):
    """`status` is 0 when there was none."""

    status: int
    body: bytes


async def get(site: Site, path: str) -> Answer:
    """What the server of this site answers."""
    return await send(site, "GET", path, b"", {})


async def send(site: Site, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    """One request, on a connection of its own."""
    return await asyncio.to_thread(_send, site, method, path, body, headers)


def _send(site: Site, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
    connection = HTTPConnection(site.host, site.port, timeout=_SECONDS)
    try:
        connection.request(method, path, body=body, headers=dict(headers))
        response = connection.getresponse()
        return Answer(response.status, response.read())
    except (OSError, HTTPException):
        return Answer(0, b"")
    finally:
        connection.close()
