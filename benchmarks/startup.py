"""What the seam of the platform costs to import, to start and to compose: `uv run python benchmarks/startup.py`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

BOTSERVER = [sys.executable, "-m", "botserver"]

_COMPOSE = """
import asyncio, time
from botstate import Capability, Service, compose, foundation, given

capabilities = [Capability(f"capability-{number}") for number in range(20)]
services = [
    Service(
        name=f"service-{number}",
        paths=(f"/service-{number}",),
        provides=(given(capabilities[number], object()),),
        requires=tuple(capabilities[max(0, number - 3):number]),
    )
    for number in range(20)
]

async def measure():
    began, busy = time.perf_counter(), time.process_time()
    async with compose([foundation(), *services]):
        print(time.perf_counter() - began, time.process_time() - busy)

asyncio.run(measure())
"""
_IMPORT = """
import time
began, busy = time.perf_counter(), time.process_time()
import {name}
print(time.perf_counter() - began, time.process_time() - busy)
"""


#: Its names are imported when they are asked for, so these are asked for.
_CORE = "botserver_core.application, botserver_core.serving"


class Measured(NamedTuple):
    """What one run took. `busy` is the time of the processor, which other work on the machine distorts less."""

    seconds: float
    busy: float
    mebibytes: float


class Row(NamedTuple):
    """One line of the table. A bound that is None is no promise, but what to compare with."""

    question: str
    measured: Measured
    bound_seconds: float | None = None
    bound_mebibytes: float | None = None


def main() -> int:
    """Measure all and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, help="runs of each; the median counts (default: 11)")
    rounds = parser.parse_args().rounds
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| question | seconds | of the processor | bound | memory | bound |\n|---|--:|--:|--:|--:|--:|")
    for row in _rows(rounds):
        print(_render(row), flush=True)
    return 0


def _rows(rounds: int) -> list[Row]:
    return [
        Row("`import botlib`", _repeat(rounds, lambda: _import("botlib"))),
        Row("`import botstate`", _repeat(rounds, lambda: _import("botstate")), 0.25, 45),
        Row("`import fastapi, uvicorn`", _repeat(rounds, lambda: _import("fastapi, uvicorn"))),
        Row("`import botserver_core`", _repeat(rounds, lambda: _import("botserver_core")), 0.9),
        Row("the same, with the application and the server", _repeat(rounds, lambda: _import(_CORE)), 0.9),
        Row("composition of 20 services", _repeat(rounds, lambda: _run(_COMPOSE)), 0.05),
        Row("`botserver --help`", _repeat(rounds, lambda: _command("--help"))),
        Row("`botserver services`", _repeat(rounds, lambda: _command("services"))),
        Row("`botserver serve` until it answers", _repeat(rounds, _serve), 2.0),
        Row("the same, without compiled modules", _repeat(min(rounds, 3), lambda: _serve(compiled=False)), 2.0),
    ]


def _repeat(rounds: int, run: Callable[[], Measured]) -> Measured:
    run()  # the disk cache is warm, and modules are compiled
    found = [run() for _ in range(rounds)]
    return Measured(
        statistics.median(it.seconds for it in found),
        statistics.median(it.busy for it in found),
        max(it.mebibytes for it in found),
    )


def _import(name: str) -> Measured:
    return _run(_IMPORT.format(name=name))


def _run(program: str) -> Measured:
    """The program prints the seconds that count; the start of its interpreter does not."""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    seconds, busy = map(float, process.stdout.read().split())
    return Measured(seconds, busy, _end(process).mebibytes)


def _command(*words: str) -> Measured:
    began = time.perf_counter()
    process = subprocess.Popen([*BOTSERVER, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return _end(process)._replace(seconds=time.perf_counter() - began)


def _serve(*, compiled: bool = True) -> Measured:
    """From the start of the process to the line that says that connections are accepted."""
    with tempfile.TemporaryDirectory() as folder:
        environment = dict(os.environ) if compiled else {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        began = time.perf_counter()
        process = subprocess.Popen(
            [*BOTSERVER, "serve", "--port", "0", "--json"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        seconds = time.perf_counter() - began
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        return _end(process)._replace(seconds=seconds)


def _end(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> Measured:
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{process.args!r} ended with {process.returncode}")
    return Measured(0, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def _render(row: Row) -> str:
    seconds = "" if row.bound_seconds is None else f"{row.bound_seconds:g}"
    mebibytes = "" if row.bound_mebibytes is None else f"{row.bound_mebibytes:g} MiB"
    found = row.measured
    return (
        f"| {row.question} | {found.seconds:.3f} | {found.busy:.3f} | {seconds} "
        f"| {found.mebibytes:.0f} MiB | {mebibytes} |"
    )


if __name__ == "__main__":
    sys.exit(main())
