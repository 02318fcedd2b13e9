"""One server over HTTP. The one module that knows httpx2."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from botserver_client.errors import ClientError, DeadlineError, UnreachableError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx2

    from botlib import Secret

#: Bytes of an answer. No answer of the service comes near it.
LARGEST_ANSWER = 64 * 2**20
_PLAIN = re.compile(r"[!-~]+")


class Request(NamedTuple):
    """What is sent. `query` has no empty values; `body` is JSON."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes | None = None


class Answer(NamedTuple):
    """What came back. `retry_after` is in seconds, when the server gave it as a number."""

    status: int
    body: bytes
    retry_after: float | None = None


class Connection:
    """Sends requests to one server. For one event loop; `close` leaves nothing open.

    Proxies and certificates of the environment are respected, redirects are not followed: they would carry the token.
    """

    def __init__(self, base_url: str, token: Secret | None = None) -> None:
        self.base_url = check_url(base_url)
        self._token = token
        self._client: httpx2.AsyncClient | None = None

    async def send(self, request: Request, limit: float) -> Answer:
        """The answer, whatever its status, within `limit` seconds from the name to the last byte."""
        import httpx2

        try:
            async with asyncio.timeout(limit):
                return await self._exchange(request)
        except TimeoutError:
            raise DeadlineError(f"{self.base_url} did not answer within {limit:.3g} seconds.") from None
        except httpx2.ConnectError as error:
            raise UnreachableError(
                f"{self.base_url} cannot be reached: {error}.", remedy="Is the server running, and is this its address?"
            ) from None
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            told = str(error) or type(error).__name__
            raise UnreachableError(f"The connection to {self.base_url} broke: {told.rstrip('.')}.") from None

    async def close(self) -> None:
        """End all connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _exchange(self, request: Request) -> Answer:
        headers = {} if request.body is None else {"content-type": "application/json"}
        client = self._open()
        async with client.stream(
            request.method, request.path, params=dict(request.query), content=request.body, headers=headers
        ) as response:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > LARGEST_ANSWER:
                    raise UnreadableError(f"{self.base_url} sent more than {LARGEST_ANSWER >> 20} MiB.")
        return Answer(response.status_code, bytes(body), _seconds(response.headers.get("retry-after", "")))

    def _open(self) -> httpx2.AsyncClient:
        if self._client is None:
            import httpx2

            headers = {"accept": "application/json", "user-agent": "botserver-client"}
            if self._token:
                headers["authorization"] = f"Bearer {self._token.reveal()}"
            # No limits of its own: a limit a read lets a server send a byte a second for ever. `send` has one for all.
            self._client = httpx2.AsyncClient(base_url=self.base_url, headers=headers, timeout=None)
        return self._client


def check_url(url: str) -> str:
    """The URL without a slash at its end, or `ClientError` when no server can be there."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable, parts = False, urlsplit("")
    if not usable or parts.username or parts.query or parts.fragment or not _PLAIN.fullmatch(url):
        raise ClientError(f"{url!a} is no address of a server: write it as http://localhost:8080.")
    return url.rstrip("/")


def _seconds(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdecimal() and len(text) < 7 else None
