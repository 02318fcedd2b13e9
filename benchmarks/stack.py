"""How fast a stack is, with pytest-postgresql beside it in a folder that PostgreSQL's account can read.

    uv pip install --target /tmp/peer pytest-postgresql 'psycopg[binary]'
    PYTHONPATH=/tmp/peer uv run python benchmarks/stack.py --peer-python /usr/bin/python3

PostgreSQL alone takes turns with pytest-postgresql on the same server, round by round: its executor makes a cluster by
initdb and starts it, which is what it does for each run. It refuses to run as root, so both run as the account that
PostgreSQL runs as when this is started by root. Medians of wall times; prints a table, and what missed its bound.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import TYPE_CHECKING, NamedTuple

from botserver_stack import TemporaryStack
from botserver_stack.accounts import find_account
from botserver_stack.postgres_template import reachable_programs
from botserver_stack.recipes.postgres import PostgresRecipe

if TYPE_CHECKING:
    from collections.abc import Callable

PEER = """
import sys, time
from pytest_postgresql.executors.proc import PostgreSQLExecutor
from pathlib import Path
program, folder, port = sys.argv[1:]
begin = time.perf_counter()
executor = PostgreSQLExecutor(
    executable=program, host="127.0.0.1", port=int(port), datadir=str(Path(folder, "data")), unixsocketdir=folder,
    logfile=str(Path(folder, "log")), startparams="-w", dbname="tests", postgres_options="",
)
with executor:
    executor.wait_for_postgres()
    print(time.perf_counter() - begin)
"""


class Row(NamedTuple):
    """One line of the table. `bound` is what `value` may be at most."""

    question: str
    value: float
    bound: float
    unit: str = "s"


async def measure_ready(services: tuple[str, ...], count: int = 1) -> tuple[float, float]:
    """Seconds until so many stacks, started at once, are ready; and until they are gone."""
    stacks = [TemporaryStack(services=services) for _ in range(count)]
    begin = time.perf_counter()
    await asyncio.gather(*(it.start() for it in stacks))
    ready = time.perf_counter()
    await asyncio.gather(*(it.stop() for it in stacks))
    return ready - begin, time.perf_counter() - ready


async def measure_databases(rounds: int) -> float:
    """Median seconds for a fresh database, dropped again after each."""
    async with TemporaryStack(services=("postgres",)) as stack:
        times = []
        for number in range(rounds):
            begin = time.perf_counter()
            await stack.create_database(f"fresh{number}")
            times.append(time.perf_counter() - begin)
            await stack.drop_database(f"fresh{number}")
    return statistics.median(times)


async def measure_memory(services: tuple[str, ...]) -> float:
    """MiB of all processes of a stack, memory that they share counted once (PSS)."""
    async with TemporaryStack(services=services) as stack:
        pids = _descendants(stack.keeper_pid)
        return sum(_pss(it) for it in pids) / 1024


def measure_peer(program: str, python: str) -> float:
    """Seconds until pytest-postgresql has a server that answers."""
    account = find_account()
    folder = tempfile.mkdtemp(prefix="peer-")
    try:
        if account:
            os.chown(folder, account.uid, account.gid)
        pg_ctl = os.path.join(os.path.dirname(program), "pg_ctl")
        done = subprocess.run(
            [python, "-c", PEER, pg_ctl, folder, "15499"],
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": folder,
                "LC_ALL": "C.UTF-8",
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"the peer does not run: {done.stderr.strip().splitlines()[-1]}")
        return float(done.stdout)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def median(rounds: int, measure: Callable[[], float]) -> float:
    """The median of so many rounds."""
    return statistics.median(measure() for _ in range(rounds))


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description="Measure stacks beside pytest-postgresql.")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peer-python", default=sys.executable, help="a Python that PostgreSQL's account may execute")
    options = parser.parse_args()
    rounds = options.rounds
    program = asyncio.run(reachable_programs(PostgresRecipe().find(), find_account()))
    asyncio.run(measure_ready(("postgres", "redis", "s3")))  # makes the template
    ours, peers = [], []
    for _ in range(rounds):
        ours.append(asyncio.run(measure_ready(("postgres",)))[0])
        peers.append(measure_peer(program, options.peer_python))
    small = [asyncio.run(measure_ready(("postgres", "redis"))) for _ in range(rounds)]
    large = [asyncio.run(measure_ready(("postgres", "redis", "s3"))) for _ in range(rounds)]
    whole = [asyncio.run(measure_ready(("postgres", "redis", "s3", "botserver"))) for _ in range(rounds)]
    many = [asyncio.run(measure_ready(("postgres", "redis"), 16)) for _ in range(3)]
    peer = statistics.median(peers)
    rows = [
        Row("PostgreSQL alone, ready", statistics.median(ours), 0.35 * peer),
        Row("PostgreSQL and Valkey, ready", statistics.median(it[0] for it in small), 0.3),
        Row("the same with S3 (Swift), ready", statistics.median(it[0] for it in large), 1.5),
        Row("the same with the bot server, ready", statistics.median(it[0] for it in whole), 1.5),
        Row("16 stacks of PostgreSQL and Valkey at once, ready", statistics.median(it[0] for it in many), 4.0),
        Row("teardown of PostgreSQL, Valkey and S3", statistics.median(it[1] for it in large), 0.5),
        Row("teardown with the bot server", statistics.median(it[1] for it in whole), 0.5),
        Row("a fresh database", asyncio.run(measure_databases(3 * rounds)), 0.06),
        Row(
            "memory of PostgreSQL, Valkey and S3", asyncio.run(measure_memory(("postgres", "redis", "s3"))), 130, "MiB"
        ),
    ]
    print(f"pytest-postgresql on the same server: {peer:.2f} s (best {min(peers):.2f}, worst {max(peers):.2f})")
    print(f"load while measuring: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores\n")
    print("| question | measured | bound |\n|---|--:|--:|")
    for row in rows:
        print(f"| {row.question} | {row.value:.3g} {row.unit} | {row.bound:.3g} {row.unit} |")
    missed = [row.question for row in rows if row.value > row.bound]
    print(f"\nmissed: {', '.join(missed) or 'nothing'}; PostgreSQL alone / peer: {rows[0].value / peer:.2f}")


def _descendants(pid: int) -> list[int]:
    found = [pid]
    for parent in found:
        with open(f"/proc/{parent}/task/{parent}/children", encoding="ascii") as file:
            found += [int(it) for it in file.read().split()]
    return found


def _pss(pid: int) -> int:
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


if __name__ == "__main__":
    main()
