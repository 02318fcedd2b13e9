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
from fastapi import APIRouter
from botserver_core import serve
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

    return router

drive = Service(
    name="drive", create_router=create_router, paths=("/drive",), provides=(Provider(DRIVE, open_drive, time_limit=50),)
)
serve([foundation(), drive], port=0, grace=20, ready=lambda url, standings: say(f"{url} {len(standings)}"))
say("end")
"""


class Server:
    """A real process that serves; each line that it says can be awaited."""

    def __init__(self, folder: Path, *switches: str) -> None:
        program = folder / "program.py"
        program.write_text(textwrap.dedent(PROGRAM))
        self.process = subprocess.Popen(
            [sys.executable, str(program), *switches], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def wait_until_ready(self) -> str:
        assert self.line() == "opening"
        url, count = self.line().split()
        assert count == "2"
        return url

    def end(self) -> tuple[int, list[str]]:
        """The exit code and the lines that are left. What went wrong in between is on stderr, and fails the test."""
        out, err = self.process.communicate(timeout=30)
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
    with urllib.request.urlopen(url, timeout=30) as answer:
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
    request.join(30)

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
    request.join(15)

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
