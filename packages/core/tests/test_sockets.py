"""WebSockets as the protocol (RFC 6455) wants them, frame by frame, and what many of them cost."""

import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi import APIRouter, WebSocket, WebSocketDisconnect

from botserver_core import Rate, WebSettings
from botserver_core.testing import running
from botstate import AppState, Service, Settings, foundation

pytestmark = pytest.mark.slow

PATIENCE = 20.0
LIMIT = 1000
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
PLANES = "κόσμε😀\U0010ffff".encode()
MASK = b"\x01\x02\x03\x04"
HEAVY = int(os.environ.get("BOTSERVER_SOCKETS", "200"))


def create_router(_state: AppState) -> APIRouter:
    router = APIRouter()

    @router.websocket("/socket/echo")
    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            while True:
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                if message.get("text") is not None:
                    await websocket.send_text(message["text"])
                else:
                    await websocket.send_bytes(message["bytes"])
        except WebSocketDisconnect:
            return

    return router


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    settings = WebSettings(socket_message_bytes=LIMIT, address_rate=Rate(count=0))
    service = Service(name="socket", create_router=create_router, paths=("/socket",))
    with running([foundation(Settings({"web": settings})), service]) as it:
        yield it


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, reserved: int = 0, masked: bool = True) -> bytes:
    """One frame as a client writes it, right or wrong."""
    head = bytes([fin << 7 | reserved << 4 | opcode])
    flag = masked << 7
    if len(payload) < 126:
        head += bytes([flag | len(payload)])
    elif len(payload) < 65536:
        head += bytes([flag | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([flag | 127]) + struct.pack("!Q", len(payload))
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[at % 4] for at, byte in enumerate(payload))


def close(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


#: What comes back: the opcode, and the payload, or the code of a close.
Frame = tuple[int, object]


class Case(NamedTuple):
    """Frames, and what comes back: (opcode, payload) each, a close as (CLOSE, code).

    `then` is sent once all but the last of it has come back.
    """

    name: str
    sent: bytes
    heard: tuple[Frame, ...]
    then: bytes = close(1000)


def echoed(opcode: int, payload: bytes) -> tuple[Frame, ...]:
    return ((opcode, payload), (CLOSE, 1000))


CASES = (
    Case("a text", frame(TEXT, b"hello"), echoed(TEXT, b"hello")),
    Case("an empty text", frame(TEXT), echoed(TEXT, b"")),
    Case("a binary message", frame(BINARY, b"\0\xff"), echoed(BINARY, b"\0\xff")),
    Case("a message of 125 bytes", frame(TEXT, b"a" * 125), echoed(TEXT, b"a" * 125)),
    Case("a message of 126 bytes", frame(TEXT, b"a" * 126), echoed(TEXT, b"a" * 126)),
    Case("a message at the limit", frame(TEXT, b"a" * LIMIT), echoed(TEXT, b"a" * LIMIT)),
    Case("a message over the limit", frame(TEXT, b"a" * (LIMIT + 1)), ((CLOSE, 1009),)),
    Case("a frame of 2^40 bytes", frame(TEXT, b"")[:1] + b"\xff" + struct.pack("!Q", 2**40) + MASK, ((CLOSE, 1009),)),
    Case("a frame of 2^63 bytes", frame(TEXT, b"")[:1] + b"\xff" + struct.pack("!Q", 2**63) + MASK, ((CLOSE, 1009),)),
    Case("a text in two parts", frame(TEXT, b"he", fin=False) + frame(CONT, b"llo"), echoed(TEXT, b"hello")),
    Case(
        "a text in a hundred parts",
        frame(TEXT, b"a", fin=False) + frame(CONT, b"a", fin=False) * 98 + frame(CONT, b"a"),
        echoed(TEXT, b"a" * 100),
    ),
    Case("parts over the limit", frame(TEXT, b"a" * 600, fin=False) + frame(CONT, b"a" * 600), ((CLOSE, 1009),)),
    Case("parts that are empty", frame(TEXT, fin=False) + frame(CONT, fin=False) + frame(CONT), echoed(TEXT, b"")),
    Case(
        "a ping between two parts",
        frame(TEXT, b"a", fin=False) + frame(PING, b"x") + frame(CONT, b"b"),
        ((PONG, b"x"), *echoed(TEXT, b"ab")),
    ),
    Case("a second message within one", frame(TEXT, b"a", fin=False) + frame(TEXT, b"b"), ((CLOSE, 1002),)),
    Case("a part of nothing", frame(CONT, b"a"), ((CLOSE, 1002),)),
    Case("a part after the end", frame(TEXT, b"a"), ((TEXT, b"a"), (CLOSE, 1002)), frame(CONT, b"b")),
    Case("a ping", frame(PING, b"are you there"), ((PONG, b"are you there"), (CLOSE, 1000))),
    Case("a ping of 125 bytes", frame(PING, b"a" * 125), ((PONG, b"a" * 125), (CLOSE, 1000))),
    Case("a ping of 126 bytes", frame(PING, b"a" * 126), ((CLOSE, 1002),)),
    Case("a ping in parts", frame(PING, b"a", fin=False), ((CLOSE, 1002),)),
    Case("a pong that nobody asked for", frame(PONG, b"a"), ((CLOSE, 1000),)),
    *(Case(f"reserved bit {bit}", frame(TEXT, b"a", reserved=bit), ((CLOSE, 1002),)) for bit in (1, 2, 4)),
    *(Case(f"reserved opcode {opcode}", frame(opcode), ((CLOSE, 1002),)) for opcode in (3, 7, 11, 15)),
    Case("a frame without a mask", frame(TEXT, b"a", masked=False), ((CLOSE, 1002),)),
    Case("a text that is no UTF-8", frame(TEXT, b"\xff\xfe"), ((CLOSE, 1007),)),
    Case("a text with half a character", frame(TEXT, "ä".encode()[:1]), ((CLOSE, 1007),)),
    Case("a text with a surrogate", frame(TEXT, b"\xed\xa0\x80"), ((CLOSE, 1007),)),
    Case("a text with an overlong form", frame(TEXT, b"\xc0\xaf"), ((CLOSE, 1007),)),
    Case("a text beyond Unicode", frame(TEXT, b"\xf4\x90\x80\x80"), ((CLOSE, 1007),)),
    Case(
        "a character in two parts",
        frame(TEXT, "ä".encode()[:1], fin=False) + frame(CONT, "ä".encode()[1:]),
        echoed(TEXT, "ä".encode()),
    ),
    Case("text of all planes", frame(TEXT, PLANES), echoed(TEXT, PLANES)),
    Case("a close without a code", frame(CLOSE), ((CLOSE, None),)),
    *(Case(f"a close with {code}", close(code), ((CLOSE, code),)) for code in (1000, 1001, 1003, 1011, 3000, 4999)),
    *(
        Case(f"a close with {code}, which nobody sends", close(code), ((CLOSE, 1002),))
        for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535)
    ),
    Case("a close with half a code", frame(CLOSE, b"\x03"), ((CLOSE, 1002),)),
    Case("a close with a reason that is no UTF-8", close(1000, b"\xff"), ((CLOSE, 1007),)),
    Case("a close with a long reason", close(1000, b"a" * 123), ((CLOSE, 1000),)),
    Case("a close with too long a reason", close(1000, b"a" * 124), ((CLOSE, 1002),)),
    Case("a close in parts", frame(CLOSE, struct.pack("!H", 1000), fin=False), ((CLOSE, 1002),)),
    Case("a text after the close", close(1000) + frame(TEXT, b"a"), ((CLOSE, 1000),)),
)  # fmt: skip


def open_socket(url: str, path: str = "/socket/echo", *headers: str) -> socket.socket:
    host, port = url.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=PATIENCE)
    lines = [f"GET {path} HTTP/1.1", "Host: server", "Upgrade: websocket", "Connection: Upgrade", *headers]
    asked = [*lines, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    connection.sendall("\r\n".join(asked).encode() + b"\r\n\r\n")
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return connection


def hear(connection: socket.socket, count: int | None = None) -> list[Frame]:
    """So many frames, or every one until the connection ends."""
    heard = list[Frame]()
    while count is None or len(heard) < count:
        head = take(connection, 2)
        if len(head) < 2:
            break
        opcode, length = head[0] & 15, head[1]
        if length == 126:
            length = struct.unpack("!H", take(connection, 2))[0]
        payload = take(connection, length)
        heard.append((opcode, _code(payload) if opcode == CLOSE else payload))
    return heard


def take(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or what comes before the end."""
    data = b""
    while len(data) < size:
        try:
            more = connection.recv(size - len(data))
        except ConnectionResetError:
            return data
        if not more:
            return data
        data += more
    return data


def _code(payload: bytes) -> int | None:
    return struct.unpack("!H", payload[:2])[0] if payload else None


def converse(connection: socket.socket, case: Case) -> list[Frame]:
    """Send what the case says, and hear what comes back."""
    connection.sendall(case.sent)
    heard = hear(connection, len(case.heard) - 1)
    with suppress(BrokenPipeError, ConnectionResetError):  # it has been closed, as some cases want it
        connection.sendall(case.then)
    return heard + hear(connection)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_frame_is_answered_as_the_protocol_says(url: str, case: Case) -> None:
    with open_socket(url) as connection:
        assert converse(connection, case) == list(case.heard)


def test_frames_may_come_byte_by_byte(url: str) -> None:
    with open_socket(url) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(TEXT, b"hello"):
            connection.sendall(bytes([byte]))

        assert converse(connection, Case("bye", b"", echoed(TEXT, b"hello"))) == list(echoed(TEXT, b"hello"))


def test_a_limit_that_is_off_is_noticed() -> None:
    """The control: without the limit the same message passes."""
    settings = WebSettings(socket_message_bytes=10 * LIMIT)
    service = Service(name="socket", create_router=create_router, paths=("/socket",))
    with running([foundation(Settings({"web": settings})), service]) as url, open_socket(url) as connection:
        text = b"a" * (LIMIT + 1)
        assert converse(connection, Case("long", frame(TEXT, text), echoed(TEXT, text))) == list(echoed(TEXT, text))


PROGRAM = """
from fastapi import APIRouter, WebSocket
from botserver_core import WebSettings, Rate, serve
from botstate import Service, Settings, foundation

def create_router(state):
    router = APIRouter()

    @router.websocket("/socket/idle")
    async def idle(websocket: WebSocket):
        await websocket.accept()
        async for _ in websocket.iter_text():
            pass

    @router.websocket("/socket/talk")
    async def talk(websocket: WebSocket):
        await websocket.accept()
        while True:
            await websocket.send_text("a" * 1000)

    return router

if __name__ == "__main__":
    settings = WebSettings(connections=10_000, address_rate=Rate(count=0), unread_seconds=60)
    service = Service(name="socket", create_router=create_router, paths=("/socket",))
    services = [foundation(Settings({"web": settings})), service]
    serve(services, port=0, grace=10, ready=lambda url, _: print(url, flush=True))
    print("end", flush=True)
"""


class Server:
    """The program above in a process of its own, whose memory can be looked at."""

    def __init__(self, folder: Path) -> None:
        program = folder / "program.py"
        program.write_text(PROGRAM)
        self.process = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
        self.url = self._line()

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    @property
    def memory(self) -> float:
        """MiB in use."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024

    def settled_memory(self) -> float:
        """Its memory when it no longer changes."""
        deadline, last = time.monotonic() + PATIENCE, 0.0
        while abs(self.memory - last) > 1:
            assert time.monotonic() < deadline, "the memory does not settle"
            last = self.memory
            time.sleep(0.2)
        return self.memory

    def stop(self) -> float:
        """Seconds that it takes to stop clean."""
        begun = time.monotonic()
        self.process.terminate()
        assert (self.process.wait(PATIENCE), self._line()) == (0, "end")
        return time.monotonic() - begun


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    yield server
    server.process.kill()
    server.process.communicate()


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_many_idle_sockets_and_deaf_ones_cost_little_and_do_not_hinder_the_stop(server: Server) -> None:
    """By default a tenth; all of it with BOTSERVER_SOCKETS=2000. What it took stands in docs/reference/http.md."""
    with open_socket(server.url, "/socket/idle"):
        before = server.settled_memory()
    idle = [open_socket(server.url, "/socket/idle") for _ in range(HEAVY)]
    deaf = [open_socket(server.url, "/socket/talk") for _ in range(HEAVY // 10)]
    full = server.settled_memory()
    for number in range(HEAVY // 10):
        reset(open_socket(server.url, "/socket/idle" if number % 2 else "/socket/talk"))
    after_resets = server.settled_memory()

    seconds = server.stop()

    told = {"sockets": HEAVY, "before": before, "full": full, "after_resets": after_resets, "stop": seconds}
    print(json.dumps({name: round(value, 1) for name, value in told.items()}))
    assert [_last_code(connection) for connection in idle] == [1012] * HEAVY
    assert full - before < 10 + (len(idle) + len(deaf)) * 60 / 1024  # MiB; most of it are frames of the frameworks
    assert after_resets - full < 10
    assert seconds < 10
    for connection in deaf:
        connection.close()


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def _last_code(connection: socket.socket) -> object:
    with connection:
        return hear(connection)[-1][1]
