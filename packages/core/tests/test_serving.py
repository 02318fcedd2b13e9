import signal
import socket
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from botlib import UnavailableError
from botserver_core import serve
from botstate import Service, StartupError, foundation

PROGRAM = """
import asyncio, sys, time
from contextlib import asynccontextmanager
from fastapi import APIRouter, Request, WebSocket, WebSocketDisconnect
from botserver_core import Event, serve, stream_events, wait_for_stop
from botstate import Capability, Provider, Service, foundation

DRIVE = Capability[str]("drive")

def say(text):
    print(text, flush=True)

@asynccontextmanager
async def open_drive(state):
    say("opening")
    if "slow-start" in sys.argv:
        await asyncio.sleep(60)
    try:
        yield "drive"
        say("closing")
        if "slow-end" in sys.argv:
            await asyncio.sleep(60)
    finally:
        say("closed")

def create_router(state):
    router = APIRouter()

    @router.get("/drive/slow")
    async def slow(seconds: float) -> str:
        say("working")
        await asyncio.sleep(seconds)
        return "done"

    @router.get("/drive/thread")
    def block() -> None:
        say("working")
        time.sleep(60)

    @router.get("/drive/deaf")
    async def deaf() -> None:
        say("working")
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                pass

    @router.get("/drive/events")
    async def events(request: Request):
        async def watch(last_id):
            yield Event("first")
            say("watching")
            await asyncio.Event().wait()
        return stream_events(request, watch)

    @router.get("/drive/endless")
    async def endless(request: Request) -> str:
        say("working")
        await wait_for_stop(request)
        return "stopped"

    @router.websocket("/drive/socket")
    async def talk(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            await websocket.receive_text()
        except WebSocketDisconnect as error:
            say(f"left {error.code}")

    return router

drive = Service(
    name="drive", create_router=create_router, paths=("/drive",), provides=(Provider(DRIVE, open_drive, time_limit=50),)
)
grace = 1 if "short" in sys.argv else 20
serve([foundation(), drive], port=0, grace=grace, ready=lambda url, standings: say(f"{url} {len(standings)}"))
say("end")
"""


#: Seconds that nothing here takes on the slowest machine.
PATIENCE = 30.0


class Server:
    """A real process that serves; each line that it says can be awaited."""

    def __init__(self, folder: Path, *switches: str) -> None:
        program = folder / "program.py"
        program.write_text(textwrap.dedent(PROGRAM))
        self.process = subprocess.Popen(
            [sys.executable, str(program), *switches], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        """The next line. A server that says nothing for too long is a failure, not a test that hangs."""
        assert self.process.stdout is not None
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        try:
            line = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        assert line, f"the server said nothing for {PATIENCE:g} seconds, or ended"
        return line.rstrip("\n")

    def wait_until_ready(self) -> str:
        assert self.line() == "opening"
        url, count = self.line().split()
        assert count == "2"
        return url

    def end(self) -> tuple[int, list[str]]:
        """The exit code and the lines that are left. What went wrong in between is on stderr, and fails the test."""
        out, err = self.process.communicate(timeout=PATIENCE)
        assert "Traceback" not in err
        return self.process.returncode, out.splitlines()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start_one(*switches: str) -> Server:
        servers.append(Server(tmp_path, *switches))
        return servers[-1]

    yield start_one
    for server in servers:
        server.process.kill()
        server.process.communicate()


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        body: IO[bytes] = answer
        return body.read().decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_clean(start: Callable[..., Server], number: signal.Signals) -> None:
    server = start()
    url = server.wait_until_ready()
    assert '"ready"' in get(f"{url}/health")

    server.process.send_signal(number)

    assert server.end() == (0, ["closing", "closed", "end"])


def test_requests_under_way_are_answered_before_it_stops(start: Callable[..., Server]) -> None:
    server = start()
    url = server.wait_until_ready()
    answers: list[str] = []
    request = threading.Thread(target=lambda: answers.append(get(f"{url}/drive/slow?seconds=0.5")))
    request.start()
    assert server.line() == "working"

    server.process.send_signal(signal.SIGTERM)
    request.join(PATIENCE)

    assert answers == ['"done"']
    assert server.end() == (0, ["closing", "closed", "end"])


def test_a_second_signal_does_not_wait_for_requests(start: Callable[..., Server]) -> None:
    server = start()
    url = server.wait_until_ready()
    refused: list[int] = []

    def ask() -> None:
        try:
            get(f"{url}/drive/slow?seconds=60")
        except urllib.error.HTTPError as error:
            refused.append(error.code)
            error.close()

    request = threading.Thread(target=ask)
    request.start()
    assert server.line() == "working"

    server.process.send_signal(signal.SIGTERM)
    server.process.send_signal(signal.SIGINT)
    request.join(PATIENCE)

    assert refused == [503]
    assert server.end() == (0, ["closing", "closed", "end"])


def test_a_signal_during_start_up_closes_what_is_open(start: Callable[..., Server]) -> None:
    server = start("slow-start")
    assert server.line() == "opening"

    server.process.send_signal(signal.SIGTERM)

    assert server.end() == (0, ["end"])


def test_a_signal_while_it_closes_gives_up_closing(start: Callable[..., Server]) -> None:
    server = start("slow-end")
    server.wait_until_ready()
    server.process.send_signal(signal.SIGTERM)
    assert server.line() == "closing"

    server.process.send_signal(signal.SIGTERM)

    assert server.end() == (0, ["closed", "end"])


def test_a_port_that_is_taken_is_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(UnavailableError) as caught:
            serve([foundation()], port=port)

    assert str(caught.value) == (
        f"Cannot listen on 127.0.0.1 port {port}: Address already in use. "
        "Stop the other program, or choose another address; port 0 takes a free one."
    )


def test_a_host_that_does_not_exist_is_a_sentence() -> None:
    with pytest.raises(UnavailableError, match=r"^Cannot listen on 300\.1\.1\.1 port 8000: "):
        serve([foundation()], host="300.1.1.1")


def test_services_that_do_not_fit_are_refused_before_serving() -> None:
    with pytest.raises(StartupError, match="2 services are named a"):
        serve([foundation(), Service(name="a"), Service(name="a")], port=0)


class Asking:
    """Somebody who waits for an answer, in a thread."""

    def __init__(self, url: str) -> None:
        self.answers: list[object] = []
        self._url = url
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self) -> None:
        try:
            self.answers.append(get(self._url))
        except urllib.error.HTTPError as error:
            self.answers.append(error.code)
            error.close()
        except OSError as error:
            self.answers.append(type(error).__name__)

    def wait(self) -> list[object]:
        self._thread.join(PATIENCE)
        return self.answers


def test_streams_and_what_has_no_end_are_told_of_the_stop(start: Callable[..., Server]) -> None:
    server = start()
    url = server.wait_until_ready()
    stream, endless = Asking(f"{url}/drive/events"), Asking(f"{url}/drive/endless")
    assert {server.line(), server.line()} == {"working", "watching"}

    server.process.send_signal(signal.SIGTERM)

    assert endless.wait() == ['"stopped"']
    (told,) = stream.wait()
    assert str(told).endswith("event: first\ndata: null\n\nretry: 1000\n\n")
    assert server.end() == (0, ["closing", "closed", "end"])


def test_sockets_are_told_of_the_stop(start: Callable[..., Server]) -> None:
    server = start()
    host, port = server.wait_until_ready().removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as connection:
        connection.sendall(
            b"GET /drive/socket HTTP/1.1\r\nHost: server\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        heard = connection.recv(65536)
        assert heard.startswith(b"HTTP/1.1 101 ")

        server.process.send_signal(signal.SIGTERM)

        while more := connection.recv(65536):
            heard += more
    assert heard.endswith(b"\x88\x02\x03\xf4")  # a close with 1012
    assert server.end() == (0, ["left 1012", "closing", "closed", "end"])


def test_the_grace_ends_a_request_that_does_not(start: Callable[..., Server]) -> None:
    server = start("short")
    asking = Asking(f"{server.wait_until_ready()}/drive/slow?seconds=60")
    assert server.line() == "working"

    server.process.send_signal(signal.SIGTERM)

    assert asking.wait() == [503]
    assert server.end() == (0, ["closing", "closed", "end"])


@pytest.mark.parametrize("path", ["thread", "deaf"])
def test_what_cannot_be_ended_is_left_behind_after_all_is_closed(start: Callable[..., Server], path: str) -> None:
    """A thread that sleeps for a minute kept an earlier server for that minute."""
    server = start("short")
    asking = Asking(f"{server.wait_until_ready()}/drive/{path}")
    assert server.line() == "working"

    server.process.send_signal(signal.SIGTERM)
    code, lines = server.end()

    assert (code, lines) == (1, ["closing", "closed"])
    assert len(asking.wait()) == 1


def test_two_signals_at_once_end_requests_every_time(start: Callable[..., Server]) -> None:
    server = start()
    asking = [Asking(f"{server.wait_until_ready()}/drive/slow?seconds=60")]
    assert server.line() == "working"

    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
        server.process.send_signal(number)

    assert [it.wait() for it in asking] == [[503]]
    code, lines = server.end()
    assert (code, lines[-1]) == (0, "end")
