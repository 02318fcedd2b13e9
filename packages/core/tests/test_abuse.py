"""What a hostile or broken client may send, over raw sockets: each is refused, and nobody else notices."""

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import pytest
from fastapi import APIRouter, Request, WebSocket

from botserver_core import Rate, WebSettings
from botserver_core.connections import HttpConnection
from botserver_core.hosts import Hosts
from botserver_core.testing import running
from botstate import AppState, Service, Settings, foundation

pytestmark = pytest.mark.slow

SETTINGS = WebSettings(
    request_seconds=1.0,
    body_bytes=100_000,
    body_rate=1_000_000,
    header_bytes=16_384,
    url_bytes=4096,
    address_rate=Rate(count=0),
)
#: Seconds after which nobody waits for an answer any more.
PATIENCE = 20.0


@dataclass(frozen=True)
class Abuse:
    """What is sent, in pieces with a pause of that many seconds between them, and the status that answers it.

    0 is a connection that is closed without a word.
    """

    name: str
    status: int
    pieces: tuple[bytes, ...]
    pause: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)


def head(line: str = "GET /echo HTTP/1.1", *headers: str, host: str | None = "server") -> bytes:
    lines = [line, *([f"Host: {host}"] if host is not None else []), *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"


def post(body: bytes, *headers: str, path: str = "/json", kind: str = "application/json") -> bytes:
    return head(f"POST {path} HTTP/1.1", f"Content-Length: {len(body)}", f"Content-Type: {kind}", *headers) + body


def chunked(*chunks: bytes, path: str = "/json") -> bytes:
    return head(f"POST {path} HTTP/1.1", "Transfer-Encoding: chunked", "Content-Type: application/json") + b"".join(
        chunks
    )


def upgrade(*headers: str, host: str = "server") -> bytes:
    asked = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13")
    return head("GET /socket HTTP/1.1", *asked, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *headers, host=host)


FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
JSON = "POST /json HTTP/1.1"
ICON = "/static/botserver_core/icon.svg"
PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'

ABUSES = (
    # slow
    Abuse("silence", 408, (b"",)),
    Abuse("half a line", 408, (b"GET /echo HT",)),
    Abuse("headers without an end", 408, (head()[:-2],)),
    Abuse("one byte of the headers at a time", 408, tuple(bytes([it]) for it in head()), pause=0.1),
    Abuse("a body that never comes", 408, (head(JSON, "Content-Length: 9"),)),
    Abuse("one byte of the body at a time", 408, (head(JSON, "Content-Length: 100"), *[b" "] * 40), pause=0.1),
    Abuse("half a body", 408, (post(b"[1, 2, 3]")[:-4],)),
    Abuse("chunks without an end", 408, (chunked(b"1\r\n[\r\n"),)),
    Abuse("one chunk at a time", 408, (chunked(b"1\r\n[\r\n"), *[b"1\r\n1\r\n"] * 20), pause=0.1),
    # too much
    Abuse("100,000 headers", 431, (head("GET /echo HTTP/1.1", *(f"X-{it}: 1" for it in range(100_000))),)),
    Abuse("101 headers", 431, (head("GET /echo HTTP/1.1", *(f"X-{it}: 1" for it in range(100))),)),
    Abuse("a header of a megabyte", 431, (head("GET /echo HTTP/1.1", "X-A: " + "a" * 1_000_000),)),
    Abuse("headers of 17 KiB", 431, (head("GET /echo HTTP/1.1", "X-A: " + "a" * 17_000),)),
    Abuse("headers that never end", 431, (b"GET /echo HTTP/1.1\r\n", *[b"X-A: " + b"a" * 1000 + b"\r\n"] * 100)),
    Abuse("an address of 5 KB", 414, (head(f"GET /echo?{'a' * 5000} HTTP/1.1"),)),
    Abuse("an address of a megabyte", 431, (head(f"GET /{'a' * 1_000_000} HTTP/1.1"),)),
    Abuse("a method of 100 KB", 400, (head(f"{'A' * 100_000} / HTTP/1.1"),)),
    Abuse("a body that is too large", 413, (head(JSON, "Content-Length: 100001"),)),
    Abuse("a body of 10^15 bytes", 413, (head(JSON, f"Content-Length: {10**15}"),)),
    Abuse("a body of 10^30 bytes", 400, (head(JSON, f"Content-Length: {10**30}"),)),
    Abuse("a large body that is asked about", 413, (head(JSON, "Content-Length: 999999", "Expect: 100-continue"),)),
    Abuse("chunks that are too many", 413, (chunked(*[b"2710\r\n" + b" " * 10_000 + b"\r\n"] * 11),)),
    Abuse("one chunk that is too large", 413, (chunked(b"186a1\r\n" + b" " * 100_001 + b"\r\n0\r\n\r\n"),)),
    Abuse("100,000 form fields", 413, (post(b"&".join([b"a=1"] * 100_000), path="/form", kind=FORM),)),
    Abuse("20,000 form fields", 400, (post(b"&".join([b"a=1"] * 20_000), path="/form", kind=FORM),)),
    Abuse("2,000 parts", 400, (post(PART * 1900 + b"--x--\r\n", path="/form", kind=MULTIPART),)),
    Abuse("parts without an end", 400, (post(PART + b"--y", path="/form", kind="multipart/form-data"),)),
    Abuse("JSON that is 40,000 deep", 400, (post(b"[" * 40_000 + b"]" * 40_000),)),
    Abuse("a number of 50,000 digits", 400, (post(b"1" * 50_000),)),
    Abuse("a decompression bomb", 400, (post(gzip.compress(b" " * 50_000_000, 9), "Content-Encoding: gzip"),)),
    Abuse("text that is no UTF-8", 400, (post(b'"\xff\xfe"'),)),
    # two ways to read it
    Abuse("a length and chunks", 400, (post(b"0\r\n\r\n", "Transfer-Encoding: chunked"),)),
    Abuse("two lengths", 400, (head(JSON, "Content-Length: 5", "Content-Length: 6") + b"[1,2]",)),
    Abuse("a list of lengths", 400, (head(JSON, "Content-Length: 5, 6") + b"[1,2]",)),
    Abuse("a length with a sign", 400, (head(JSON, "Content-Length: +5") + b"[1,2]",)),
    Abuse("a negative length", 400, (head(JSON, "Content-Length: -5"),)),
    Abuse("a length in base 16", 400, (head(JSON, "Content-Length: 0x5") + b"[1,2]",)),
    Abuse("a coding before chunked", 501, (head(JSON, "Transfer-Encoding: gzip, chunked"),)),
    Abuse("chunked twice", 501, (head(JSON, "Transfer-Encoding: chunked, chunked"),)),
    Abuse("nearly chunked", 501, (head(JSON, "Transfer-Encoding: xchunked"),)),
    Abuse("chunked after a vertical tab", 400, (head(JSON, "Transfer-Encoding: \x0bchunked"),)),
    Abuse("a space before the colon", 400, (head(JSON, "Content-Length : 5") + b"[1,2]",)),
    Abuse("a header without a colon", 400, (head("GET /echo HTTP/1.1", "Nonsense"),)),
    Abuse("a NUL in a header", 400, (head("GET /echo HTTP/1.1", "X-A: a\0b"),)),
    Abuse("a carriage return in a header", 400, (head("GET /echo HTTP/1.1", "X-A: a\rX-B: b"),)),
    Abuse("a chunk size that is none", 400, (chunked(b"xyz\r\n"),)),
    Abuse("a negative chunk size", 400, (chunked(b"-1\r\n"),)),
    Abuse("a chunk size of 30 digits", 400, (chunked(b"f" * 30 + b"\r\n"),)),
    Abuse("a chunk that is longer than it says", 400, (chunked(b"1\r\n[[[[\r\n0\r\n\r\n"),)),
    Abuse("an extension of a chunk without an end", 400, (chunked(b"1;" + b"a" * 60_000),)),
    Abuse("no host", 400, (head(host=None),)),
    Abuse("two hosts", 400, (head("GET /echo HTTP/1.1", "Host: other"),)),
    # somebody else
    Abuse("a host that is not ours", 421, (head(host="evil.example"),)),
    Abuse("a host with a user", 421, (head(host="server@evil.example"),)),
    Abuse("an empty host", 421, (head(host=""),)),
    Abuse("a page of somebody else", 403, (post(b"[]", "Origin: https://evil.example"),)),
    Abuse("a page of nobody", 403, (post(b"[]", "Origin: null"),)),
    Abuse("another port of this host", 403, (post(b"[]", "Origin: http://server:1234"),)),
    Abuse("a socket for a page of somebody else", 403, (upgrade("Origin: https://evil.example"),)),
    Abuse("a socket for a host that is not ours", 421, (upgrade(host="evil.example"),)),
    # no path, no method, no HTTP
    Abuse("a NUL in the path", 400, (head("GET /echo%00 HTTP/1.1"),)),
    Abuse("a line break in the path", 400, (head("GET /echo%0d%0aSet-Cookie:a HTTP/1.1"),)),
    Abuse("a path that is no UTF-8", 400, (head("GET /echo%ff HTTP/1.1"),)),
    Abuse("bare bytes in the path", 400, (head("GET /echo\xff HTTP/1.1"),)),
    Abuse("a way out of the folder", 404, (head("GET /static/botserver_core/../../settings.py HTTP/1.1"),)),
    Abuse("another server", 400, (head("GET http://evil.example/ HTTP/1.1"),)),
    Abuse("a tunnel", 400, (head("CONNECT evil.example:443 HTTP/1.1"),)),
    Abuse("no path", 400, (head("OPTIONS * HTTP/1.1"),)),
    Abuse("a method that nobody knows", 405, (head("TRACE /echo HTTP/1.1"),)),
    Abuse("HTTP/0.9", 400, (b"GET /echo\r\n\r\n",)),
    Abuse("HTTP/2", 400, (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",)),
    Abuse("TLS", 400, (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",)),
    Abuse("2,000 ranges", 200, (head(f"GET {ICON} HTTP/1.1", "Range: bytes=" + ",".join(["0-"] * 2000)),)),
)  # fmt: skip


def create_router(_state: AppState) -> APIRouter:
    router = APIRouter()

    @router.get("/echo")
    async def echo() -> str:
        return "echo"

    @router.post("/json")
    async def take(value: list[Any]) -> int:
        return len(value)

    @router.websocket("/socket")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.close()

    @router.post("/form")
    async def form(request: Request) -> int:
        async with request.form() as fields:
            return len(fields)

    return router


def echo_service() -> Service:
    return Service(name="echo", create_router=create_router, paths=("/echo", "/json", "/form", "/socket"))


def serve_with(settings: WebSettings) -> Any:
    return running([foundation(Settings({"web": settings})), echo_service()])


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serve_with(SETTINGS) as it:
        yield it


def connect(url: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=PATIENCE)


def commit(abuse: Abuse, url: str) -> bytes:
    """Send it all, unless the server has enough; the answer is all that comes back until the server closes."""
    with connect(url) as connection:
        answer = bytearray()
        try:
            for piece in abuse.pieces:
                connection.sendall(piece)
                if abuse.pause:
                    connection.settimeout(abuse.pause)
                    try:
                        answer += connection.recv(65536)
                        break
                    except TimeoutError:
                        connection.settimeout(PATIENCE)
        except (BrokenPipeError, ConnectionResetError):
            pass
        connection.settimeout(PATIENCE)
        return bytes(answer) + read_answer(connection, bytes(answer))


def read_answer(connection: socket.socket, begun: bytes = b"") -> bytes:
    """One answer, whole."""
    data = begun
    while True:
        head_bytes, separator, body = data.partition(b"\r\n\r\n")
        if separator and len(body) >= length_of(head_bytes):
            return data[len(begun) :]
        try:
            more = connection.recv(65536)
        except ConnectionResetError:
            return data[len(begun) :]
        if not more:
            return data[len(begun) :]
        data += more


def length_of(head_bytes: bytes) -> int:
    for line in head_bytes.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


class Bystander:
    """Somebody who asks again and again, and remembers every answer that was not the right one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._leave = threading.Event()
        self._thread = threading.Thread(target=self._ask)
        self.wrong: list[str] = []
        self.right = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self._thread.join(PATIENCE)

    def _ask(self) -> None:
        while not self._leave.wait(0.02):
            try:
                with connect(self._url) as connection:
                    connection.sendall(head())
                    answer = read_answer(connection)
            except OSError as error:
                self.wrong.append(repr(error))
                continue
            if answer.endswith(b'\r\n\r\n"echo"'):
                self.right += 1
            else:
                self.wrong.append(repr(answer[:100]))


@pytest.mark.parametrize("abuse", ABUSES, ids=lambda abuse: abuse.name)
def test_each_abuse_is_refused_and_nobody_else_notices(url: str, abuse: Abuse) -> None:
    with Bystander(url) as bystander:
        answer = commit(abuse, url)

    assert (status_of(answer), bystander.wrong) == (abuse.status, [])
    if abuse.status >= 400:
        head_bytes, _, body = answer.partition(b"\r\n\r\n")
        assert b"content-type: application/problem+json" in head_bytes.lower()
        assert json.loads(body)["status"] == abuse.status
        assert b"Traceback" not in body


def test_there_are_enough_abuses_and_each_has_a_name() -> None:
    assert len({abuse.name for abuse in ABUSES}) == len(ABUSES) >= 40


def accept_all(*_: object) -> bool:
    return True


def nothing(*_: object) -> None:
    return None


def pass_on(receive: Any, *_: object) -> Any:
    return receive


TWINS: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("a host that is not ours", "botserver_core.hosts.Hosts.allow", accept_all),
    ("a socket for a host that is not ours", "botserver_core.hosts.Hosts.allow", accept_all),
    ("101 headers", "botserver_core.gate.find_fault_of_form", nothing),
    ("an address of 5 KB", "botserver_core.gate.find_fault_of_form", nothing),
    ("a NUL in the path", "botserver_core.gate.find_fault_of_form", nothing),
    ("a length and chunks", "botserver_core.gate.find_fault_of_form", nothing),
    ("another server", "botserver_core.gate.find_fault_of_form", nothing),
    ("a page of somebody else", "botserver_core.gate.Gate._find_stranger", nothing),
    ("a socket for a page of somebody else", "botserver_core.gate.Gate._find_stranger", nothing),
    ("one chunk that is too large", "botserver_core.gate.limit_body", pass_on),
)


@pytest.mark.parametrize(
    ("name", "guard", "broken"), TWINS, ids=[f"{name} without {guard}" for name, guard, _ in TWINS]
)
def test_without_its_guard_an_abuse_gets_through(
    name: str, guard: str, broken: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the table above."""
    monkeypatch.setattr(guard, broken)
    abuse = next(it for it in ABUSES if it.name == name)
    with serve_with(SETTINGS) as url:
        assert status_of(commit(abuse, url)) != abuse.status


@pytest.mark.parametrize("name", ["silence", "half a body"])
def test_without_its_guard_a_slow_client_is_waited_for(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control of the slow ones."""
    monkeypatch.setattr(HttpConnection, "_wait_for_headers", nothing)
    monkeypatch.setattr("botserver_core.gate.limit_body", pass_on)
    abuse = next(it for it in ABUSES if it.name == name)
    with serve_with(SETTINGS) as url, connect(url) as connection:
        connection.sendall(abuse.pieces[0])
        connection.settimeout(2 * SETTINGS.request_seconds)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_forged_forwarding_header_changes_nothing() -> None:
    with serve_with(WebSettings(address_rate=Rate(count=3))) as url:
        statuses = [ask(url, f"X-Forwarded-For: 10.0.0.{number}") for number in range(5)]

    assert statuses == [200, 200, 200, 429, 429]


def test_uvicorns_own_trust_in_this_machine_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: what uvicorn does by itself believes everybody on this machine."""
    import uvicorn

    trusting = uvicorn.Config

    def configure(*given: Any, **options: Any) -> uvicorn.Config:
        return trusting(*given, **{**options, "proxy_headers": True})

    monkeypatch.setattr("uvicorn.Config", configure)
    with serve_with(WebSettings(address_rate=Rate(count=3))) as url:
        assert [ask(url, f"X-Forwarded-For: 10.0.0.{number}") for number in range(5)] == [200] * 5


def ask(url: str, *headers: str) -> int:
    with connect(url) as connection:
        connection.sendall(head("GET /echo HTTP/1.1", *headers))
        return status_of(read_answer(connection))


def test_one_connection_too_many_is_refused_and_there_is_room_again_later() -> None:
    with serve_with(WebSettings(connections=2, request_seconds=60)) as url:
        with connect(url), connect(url), connect(url) as third:
            assert status_of(read_answer(third)) == 503
        deadline = time.monotonic() + PATIENCE
        while (status := ask(url)) != 200:
            assert time.monotonic() < deadline, f"the server still answers {status}"


def test_resets_leave_nothing_behind(url: str) -> None:
    for number in range(200):
        connection = connect(url)
        connection.sendall(head()[: number % 40] or b"G")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    assert ask(url) == 200


def test_the_whole_answer_arrives_although_the_body_was_not_read(url: str) -> None:
    """Closed at once, the connection would be reset and the answer lost."""
    with connect(url) as connection:
        connection.sendall(head(JSON, "Content-Length: 900000"))
        for _ in range(9):
            connection.sendall(b" " * 100_000)
        assert status_of(read_answer(connection)) == 413


def test_known_hosts_are_answered_from_memory_and_memory_is_bounded() -> None:
    hosts = Hosts(["example.org", "*.example.com"])

    assert [hosts.allow(it) for it in (b"example.org:80", b"a.example.com", b"example.com", b"EXAMPLE.org.")] == [
        True,
        True,
        False,
        True,
    ]
    for number in range(1000):
        hosts.allow(b"h%d" % number)
    assert len(hosts._known) == 256
