"""botserver-core beside a bare FastAPI application on the same uvicorn: requests per second, p99, start-up.

    uv run python benchmarks/http_core.py [--rounds 9] [--seconds 3] [--json]

Both servers run at the same time, each in a process of its own, and take turns under load. The bare one has the same
route and nothing else; ours has every layer on, with an access log of JSON lines to /dev/null and all three kinds of
rate limits counting. wrk makes the load when it is there, else a client of asyncio in a third process.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import re
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS = 16

_ROUTE = """
from fastapi import APIRouter
router = APIRouter()

@router.get("/items/{number}")
async def one(number: int) -> dict[str, int]:
    return {"number": number}

@router.post("/items")
async def keep(item: dict[str, int]) -> dict[str, int]:
    return item
"""

BARE = f"""
import socket
import uvicorn
from fastapi import FastAPI
{_ROUTE}
app = FastAPI()
app.include_router(router)
# With the protocol named asyncio sends small answers at once; without it they would wait for 40 ms.
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
print("http://127.0.0.1:%d" % listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, access_log=False, log_config=None)).run(sockets=[listener])
"""

OURS = f"""
import sys
from botlib import SystemClock
from botserver_core import WebSettings, Rate, configure_logging, serve
from botstate import CALLERS, Caller, Service, Settings, foundation, given
{_ROUTE}
class Callers:
    async def identify(self, headers, query):
        return Caller("anna", "t1")

configure_logging(stream=open("/dev/null", "w"), as_json=True)
rate = Rate(10**9)
settings = Settings({{"web": WebSettings(address_rate=rate, user_rate=rate, token_rate=rate)}})
items = Service(name="items", create_router=lambda _: router, paths=("/items",), provides=(given(CALLERS, Callers()),))
serve([foundation(settings), items], port=0, ready=lambda url, _: print(url, flush=True))
"""

#: What the abuser sends, again and again; the last two are slow, and it holds many of them.
ABUSES = (
    b"GET /items/7 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    b"GET /items/7 HTTP/1.1\r\nHost: a\r\n" + b"X-A: 1\r\n" * 5000 + b"\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST /items HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n",
    b"POST /items HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 40000\r\n\r\n"
    + b"[" * 40_000,
    b"POST /items HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"\x16\x03\x01\r\n\r\n",
    b"GET /items/7 HT",
    b"POST /items HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n[",
)
ABUSES_PER_SECOND = 50

COMPOSE = """
import asyncio, time
from contextlib import asynccontextmanager
from fastapi import APIRouter
from botserver_core import create_app
from botstate import Capability, Provider, Service, compose, foundation

capabilities = [Capability(f"c{number}") for number in range(20)]

def service(number):
    @asynccontextmanager
    async def open_it(state):
        yield number

    def create_router(state):
        router = APIRouter()
        for name in ("a", "b", "c"):
            router.add_api_route(f"/s{number}/{name}", lambda: number)
        return router

    needs = (capabilities[number - 1],) if number else ()
    return Service(name=f"s{number}", create_router=create_router, paths=(f"/s{number}",), requires=needs,
                   provides=(Provider(capabilities[number], open_it),))

async def main():
    services = [foundation(), *(service(number) for number in range(20))]
    begun = time.perf_counter()
    async with compose(services) as state:
        composed = time.perf_counter()
        create_app(state, services)
        print((composed - begun) * 1000, (time.perf_counter() - composed) * 1000)

asyncio.run(main())
"""


class Served(NamedTuple):
    """A server that runs."""

    url: str
    process: int

    @property
    def cpu_seconds(self) -> float:
        """The processor time that it has taken so far. Other work on the machine does not count."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Load(NamedTuple):
    """What one round of load found."""

    per_second: float
    p99_ms: float
    cpu_us: float = 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--client", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--abuser", metavar="URL", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.abuser:
        abuse(options.abuser)
    if options.client:
        print(json.dumps(asyncio.run(load_here(options.client, options.seconds))))
        return
    found = measure(options.rounds, options.seconds)
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        print(f"{name:55} {value}")


def measure(rounds: int, seconds: float) -> dict[str, object]:
    """Every question with its answer."""
    with server(BARE) as bare, server(OURS) as ours:
        for one in (bare, ours):
            load(one, 1.0)
        pairs = [(load(bare, seconds), load(ours, seconds)) for _ in range(rounds)]
        calm, abused = [], []
        for _ in range(rounds):
            calm.append(load(ours, seconds))
            with abuser(ours.url):
                abused.append(load(ours, seconds))
    imports = [time_of("from botserver_core import create_app, serve") - time_of("pass") for _ in range(rounds)]
    composed = [run_python(COMPOSE).split() for _ in range(rounds)]
    return {
        "client": "wrk" if shutil.which("wrk") else "asyncio",
        "requests per second, bare FastAPI": round(statistics.median(bare.per_second for bare, _ in pairs)),
        "requests per second, botserver-core": round(statistics.median(ours.per_second for _, ours in pairs)),
        "ratio of requests per second (bound: 0.7 or more)": ratio([(o.per_second, b.per_second) for b, o in pairs]),
        "processor time of a request, bare FastAPI, us": round(statistics.median(bare.cpu_us for bare, _ in pairs)),
        "processor time of a request, botserver-core, us": round(statistics.median(ours.cpu_us for _, ours in pairs)),
        "ratio of processor time, bare to ours": ratio([(b.cpu_us, o.cpu_us) for b, o in pairs]),
        "p99, bare FastAPI, ms": round(statistics.median(bare.p99_ms for bare, _ in pairs), 2),
        "p99, botserver-core, ms": round(statistics.median(ours.p99_ms for _, ours in pairs), 2),
        "ratio of p99 (bound: 1.5 or less)": ratio([(o.p99_ms, b.p99_ms) for b, o in pairs]),
        f"p99 while {ABUSES_PER_SECOND} abuses a second come, ms": round(
            statistics.median(it.p99_ms for it in abused), 2
        ),
        "its ratio to calm (bound: 2 or less)": ratio(
            [(a.p99_ms, c.p99_ms) for a, c in zip(abused, calm, strict=True)]
        ),
        "import botserver_core, s (bound: 0.9 or less)": round(statistics.median(imports), 3),
        "composition of 20 services, ms (bound: 50 or less)": round(
            statistics.median(float(a) for a, _ in composed), 1
        ),
        "their application, 60 routes, ms": round(statistics.median(float(b) for _, b in composed), 1),
    }


def ratio(pairs: list[tuple[float, float]]) -> float:
    """The median of the ratios round by round: both servers had the same weather."""
    return round(statistics.median(ours / bare for ours, bare in pairs), 3)


@contextmanager
def server(program: str) -> Iterator[Served]:
    """A server in a process of its own; its first line is its address."""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Served(process.stdout.readline().strip(), process.pid)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def abuser(url: str) -> Iterator[None]:
    """Somebody who sends what nobody should, in a process of its own."""
    process = subprocess.Popen([sys.executable, __file__, "--abuser", url])
    try:
        yield
    finally:
        process.kill()
        process.wait()


def abuse(url: str) -> None:
    """Send one abuse after the other until killed, and keep the last thousand connections."""
    host, port = url.removeprefix("http://").split(":")
    held: deque[socket.socket] = deque(maxlen=1000)
    for sent in itertools.cycle(ABUSES):
        connection = socket.create_connection((host, int(port)))
        connection.setblocking(False)
        with suppress(OSError):  # the server has enough before all is sent
            connection.send(sent)
        held.append(connection)
        time.sleep(1 / ABUSES_PER_SECOND)


def load(served: Served, seconds: float) -> Load:
    """One round of load from another process."""
    before = served.cpu_seconds
    begun = time.perf_counter()
    found = load_by_wrk(served.url, seconds) if shutil.which("wrk") else load_by_asyncio(served.url, seconds)
    requests = found.per_second * min(seconds, time.perf_counter() - begun)
    return found._replace(cpu_us=(served.cpu_seconds - before) / requests * 1e6)


def load_by_asyncio(url: str, seconds: float) -> Load:
    """By the client below, in a process of its own."""
    command = [sys.executable, __file__, "--client", url, "--seconds", str(seconds)]
    return Load(*json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def load_by_wrk(url: str, seconds: float) -> Load:
    """The same by wrk."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(round(seconds), 1)}s", "--latency", f"{url}/items/7"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    value, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", text).groups()  # type: ignore[union-attr]  # wrk prints it
    per_second = float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])  # type: ignore[index]  # wrk prints it
    return Load(per_second, float(value) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit])


async def load_here(url: str, seconds: float) -> Load:
    """Ask again and again on some connections that stay open."""
    host, port = url.removeprefix("http://").split(":")
    asked = b"GET /items/7 HTTP/1.1\r\nHost: " + f"{host}:{port}".encode()
    asked += b"\r\nAccept: */*\r\nAccept-Encoding: gzip, deflate\r\nUser-Agent: benchmark\r\n\r\n"
    deadline = time.perf_counter() + seconds
    clients = [_Client(asked, deadline) for _ in range(CONNECTIONS)]
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    for client in clients:
        await loop.create_connection(lambda client=client: client, host, int(port))  # type: ignore[misc]  # each its own
    await asyncio.gather(*(client.done for client in clients))
    took = time.perf_counter() - begun
    times = sorted(it for client in clients for it in client.times)
    return Load(len(times) / took, times[int(len(times) * 0.99)] * 1000)


class _Client(asyncio.Protocol):
    def __init__(self, asked: bytes, deadline: float) -> None:
        self.times: list[float] = []
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked = asked
        self._deadline = deadline
        self._data = b""
        self._begun = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if not self._data.endswith(b'{"number":7}'):
            return
        assert self._data.startswith(b"HTTP/1.1 200 "), self._data
        now = time.perf_counter()
        self.times.append(now - self._begun)
        if now > self._deadline:
            self._transport.close()
            self.done.set_result(None)
        else:
            self._ask()

    def _ask(self) -> None:
        self._data = b""
        self._begun = time.perf_counter()
        self._transport.write(self._asked)


def time_of(program: str) -> float:
    """Seconds of processor time that a whole process takes: other work on the machine does not count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run_python(program)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def run_python(program: str) -> str:
    """What it prints."""
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
