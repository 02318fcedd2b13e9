"""How fast tasks go, with the queues of DBOS and procrastinate beside them on the same databases, round by round.

    uv run --with 'procrastinate>=3.10,<4' python benchmarks/workflows.py

Ours runs tasks of five shapes, 5.6 steps a task on average: each step is taken, run, stored with its transitions, and
moves up those that wait for it. The peers run as many jobs of their own, each for itself, with nothing before or after
it. `other_engines` puts procrastinate, and DBOS on SQLite, below the same tables too. Two worker processes each;
handlers that do nothing; rates from the first start to the last end, by the clock of the tables. Medians.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import count
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from other_engines import create_app, open_dbos_on_sqlite, open_procrastinate
from sqlalchemy import create_engine, func, select, text

from botlib import IdSource, SystemClock, SystemRandomness
from botserver_client import SyncOrchestrationClient
from botserver_client import TaskRequest as Wish
from botserver_stack import BlockingStack
from botserver_workflows.doorbell import Doorbell
from botserver_workflows.engines.local import LocalEngine
from botserver_workflows.lives import Lives
from botserver_workflows.proofs.field import SHAPES
from botserver_workflows.proofs.process import Place, open_place
from botserver_workflows.request import TaskRequest
from botserver_workflows.states import TASK_ENDS
from botserver_workflows.submitting import register_template, submit
from botserver_workflows.tables import metadata, steps, tasks
from botserver_workflows.unit import Store
from botserver_workflows.worker import WorkerOptions

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from contextlib import AbstractAsyncContextManager
    from multiprocessing.process import BaseProcess

    from botserver_workflows.engine import Engine
    from botserver_workflows.handlers import Step
    from botserver_workflows.unit import Unit

PROCESSES = 2
KINDS = ("SQLite", "PostgreSQL")
#: Slots of a worker, and seconds between two looks of DBOS at its queue, which are what its rate depends on.
SETTINGS = ((8, 0.05), (32, 0.02))
_FORK = get_context("forkserver")
_numbers = count(1)


class Side(NamedTuple):
    """One queue: its name, its databases, and what runs so many steps or jobs and tells how many a second."""

    name: str
    kinds: tuple[str, ...]
    run: Callable[[str, int], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=200, help="of ours a round; peers run five jobs for each")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--idle", type=float, default=20.0, help="seconds that an idle worker is watched")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    stack = BlockingStack(services=("postgres",)).start()
    try:
        with tempfile.TemporaryDirectory() as folder:
            create = partial(_create_database, stack.database_url, Path(folder))
            print("| steps or jobs a second | slots | SQLite | PostgreSQL |\n|---|--:|--:|--:|")
            for slots, interval in SETTINGS:
                _compare(slots, interval, create, options)
            _measure_latency(create)
            _measure_idle(create, options.idle)
            _measure_api(Path(folder))
    finally:
        stack.stop()


def _create_database(server: str, folder: Path, kind: str) -> str:
    name = f"bench_{next(_numbers)}"
    if kind == "SQLite":
        return str(folder / f"{name}.sqlite3")
    engine = create_engine(server.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    head, _, tail = server.rpartition("/")
    return f"{head}/{name}{tail[tail.index('?') :] if '?' in tail else ''}"


def _compare(slots: int, interval: float, create: Callable[[str], str], options: argparse.Namespace) -> None:
    often = f"every {interval * 1000:g} ms"
    sides = [
        Side("engine local", KINDS, partial(_rate_of_ours, slots=slots)),
        Side(f"engine dbos, {often}", KINDS, partial(_rate_of_ours, slots=slots, engine="dbos", interval=interval)),
        Side(f"DBOS queue, {often}", KINDS, partial(_rate_of_dbos, slots, interval)),
    ]
    if find_spec("procrastinate"):
        run = partial(_rate_of_ours, slots=slots, engine="procrastinate")
        sides.append(Side("procrastinate as an engine", ("PostgreSQL",), run))
        sides.append(Side("procrastinate", ("PostgreSQL",), partial(_rate_of_procrastinate, slots)))
    rates: dict[tuple[str, str], list[float]] = {}
    for _ in range(options.rounds):
        for kind in KINDS:
            for side in sides:
                if kind in side.kinds:
                    rates.setdefault((side.name, kind), []).append(side.run(create(kind), options.tasks))
    for side in sides:
        cells = [rates.get((side.name, kind)) for kind in KINDS]
        shown = " | ".join("" if cell is None else f"{statistics.median(cell):.0f}" for cell in cells)
        print(f"| {side.name} | {slots} | {shown} |", flush=True)


# Ours


def _open_engine(name: str, database: str, interval: float) -> AbstractAsyncContextManager[Engine]:
    if name == "local":
        return nullcontext(LocalEngine())
    if name == "procrastinate":
        return open_procrastinate(database)
    if not database.startswith("postgres"):
        return open_dbos_on_sqlite(database, interval)
    from botserver_workflows.engines.dbos import open_dbos  # not in the memory of workers that do without

    return open_dbos(database, interval)


@asynccontextmanager
async def _open_store(database: str, engine: str = "local", interval: float = 0.05) -> AsyncIterator[Store]:
    async def prepare(unit: Unit) -> None:
        await (await unit.session.connection()).run_sync(metadata.create_all)
        for template in SHAPES:
            await register_template(unit, template)

    clock = SystemClock()
    async with open_place(_place(database, ("proof",))) as opened, _open_engine(engine, database, interval) as carrier:
        store = Store(opened, clock, IdSource(clock, SystemRandomness()), carrier)
        await store.write("bench", prepare)
        yield store


def _place(database: str, namespaces: Sequence[str]) -> Place:
    return Place(database, "", tuple(namespaces), 30.0, 5.0)


def _work(database: str, namespaces: Sequence[str], slots: int, engine: str = "local", interval: float = 0.05) -> None:
    async def run() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        clock, randomness = SystemClock(), SystemRandomness()

        async def handler(step: Step) -> str:
            return step.name

        options = WorkerOptions("bench", tuple(namespaces), slots, 30.0, 5.0)
        async with open_place(_place(database, namespaces)) as opened, _open_engine(engine, database, interval) as it:
            store = Store(opened, clock, IdSource(clock, randomness), it)
            await Lives(store, {"proof.work": handler}, options, clock, randomness, Doorbell()).run(stop)

    logging.disable(logging.WARNING)
    asyncio.run(run())


def _rate_of_ours(database: str, number: int, *, slots: int, engine: str = "local", interval: float = 0.05) -> float:
    async def run() -> float:
        async with _open_store(database, engine, interval) as store:
            await _submit(store, number)
            with _processes(_work, (database, ("proof",), slots, engine, interval)):
                await _until_all_end(store)
            moments = select(
                func.min(steps.c.started_at), func.max(tasks.c.completed_at), func.count(steps.c.id.distinct())
            )
            row = (
                await store.read(lambda unit: unit.session.execute(moments.join(tasks, tasks.c.id == steps.c.task_id)))
            ).one()
            return float(row[2] / (row[1] - row[0]).total_seconds())

    return asyncio.run(run())


async def _submit(store: Store, number: int) -> None:
    async def work(unit: Unit) -> None:
        for index in range(number):
            template = SHAPES[index % len(SHAPES)]
            await submit(unit, TaskRequest(template.namespace, template.name, context={}))

    await store.write("bench", work)


async def _until_all_end(store: Store) -> None:
    is_open = select(tasks.c.id).where(tasks.c.state.not_in([state.value for state in TASK_ENDS])).limit(1)
    while await store.read(lambda unit: unit.session.scalar(is_open)) is not None:  # noqa: ASYNC110 - it is in a table
        await asyncio.sleep(0.1)


@contextmanager
def _processes(work: Callable[..., None], arguments: tuple[Any, ...], number: int = PROCESSES) -> Iterator[list[int]]:
    """So many processes that do this; they are told to stop, and waited for."""
    started: list[BaseProcess] = [_FORK.Process(target=work, args=arguments, daemon=True) for _ in range(number)]
    for process in started:
        process.start()
    try:
        yield [process.pid or 0 for process in started]
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.join(20)
            if process.exitcode is None:
                process.kill()


# DBOS


def _rate_of_dbos(slots: int, interval: float, database: str, number: int) -> float:
    url = _dbos_url(database)
    maker = _FORK.Process(target=_dbos_work, args=(url, slots, interval, False), daemon=True)  # it makes the tables
    maker.start()
    maker.join(60)
    client = import_module("dbos").DBOSClient(system_database_url=url)
    jobs = number * 5
    for _ in range(jobs):
        client.enqueue({"workflow_name": "job", "queue_name": "bench"})
    engine = create_engine(url)
    table = "workflow_status" if url.startswith("sqlite") else "dbos.workflow_status"
    with _processes(_dbos_work, (url, slots, interval)):
        while _scalar(engine, f"SELECT count(*) FROM {table} WHERE status = 'SUCCESS'") < jobs:
            time.sleep(0.1)
    # Milliseconds.
    took = _scalar(engine, f"SELECT max(updated_at) - min(started_at_epoch_ms) FROM {table}")
    engine.dispose()
    client.destroy()
    return float(jobs / (took / 1000))


def _dbos_url(database: str) -> str:
    if database.startswith("postgres"):
        return database.replace("postgresql://", "postgresql+psycopg://")
    return f"sqlite:///{database}"


def _dbos_work(url: str, slots: int, interval: float, is_worker: bool = True) -> None:
    DBOS: Any = import_module("dbos").DBOS  # noqa: N806 - as it is called everywhere
    logging.disable(logging.CRITICAL)
    DBOS(
        config={
            "name": "bench",
            "system_database_url": url,
            "run_admin_server": False,
            "application_version": "1",
            "executor_id": str(os.getpid()),
        }
    )

    async def job() -> None:
        return

    DBOS.workflow(name="job")(job)
    DBOS.listen_queues(["bench"] if is_worker else [])
    DBOS.launch()
    DBOS.register_queue("bench", worker_concurrency=slots, polling_interval_sec=interval)
    if is_worker:
        signal.pause()
    DBOS.destroy()


def _scalar(engine: Any, question: str) -> Any:
    with engine.connect() as connection:
        return connection.execute(text(question)).scalar()


# procrastinate


def _rate_of_procrastinate(slots: int, database: str, number: int) -> float:
    app = _procrastinate_app(database)
    jobs = number * 5

    async def prepare() -> None:
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            deferrer = app.configure_task("job", queue="bench")
            await deferrer.batch_defer_async(*({} for _ in range(jobs)))

    asyncio.run(prepare())
    engine = create_engine(database.replace("postgresql://", "postgresql+psycopg://"))
    with _processes(_procrastinate_work, (database, slots)):
        while _scalar(engine, "SELECT count(*) FROM procrastinate_jobs WHERE status = 'succeeded'") < jobs:
            time.sleep(0.1)
    ends = "max(at) FILTER (WHERE type = 'succeeded') - min(at) FILTER (WHERE type = 'started')"
    took = _scalar(engine, f"SELECT extract(epoch FROM {ends}) FROM procrastinate_events")
    engine.dispose()
    return jobs / float(took)


def _procrastinate_app(database: str) -> Any:
    app = create_app(database)

    async def job() -> None:
        return

    app.task(name="job")(job)
    return app


def _procrastinate_work(database: str, slots: int) -> None:
    logging.disable(logging.CRITICAL)
    app = _procrastinate_app(database)

    async def run() -> None:
        async with app.open_async():
            await app.run_worker_async(queues=["bench"], concurrency=slots, install_signal_handlers=True)

    asyncio.run(run())


# What else was asked for


def _measure_latency(create: Callable[[str], str]) -> None:
    """From ready to started, at about 40 steps a second: with the doorbell of one process, and by looking alone."""
    print("\n| ready until started, ms | p50 | p95 |\n|---|--:|--:|")
    for kind in ("SQLite", "PostgreSQL"):
        for name, has_bell in (("doorbell", True), ("all hints dropped", False)):
            delays = asyncio.run(_delays(create(kind), has_bell=has_bell))
            found = statistics.quantiles(delays, n=100)
            print(f"| {kind}, {name} | {found[49]:.1f} | {found[94]:.1f} |", flush=True)


async def _delays(database: str, *, has_bell: bool) -> list[float]:
    class Deaf(Doorbell):
        def ring(self) -> None:
            return

    async def handler(step: Step) -> str:
        return step.name

    clock, randomness = SystemClock(), SystemRandomness()
    bell = Doorbell() if has_bell else Deaf()
    options = WorkerOptions("bench", ("proof",), 16, 30.0, 5.0)
    async with _open_store(database) as store:
        stop = asyncio.Event()
        lives = Lives(store, {"proof.work": handler}, options, clock, randomness, bell)
        working = asyncio.create_task(lives.run(stop))
        for _ in range(80):
            await _submit(store, 1)
            bell.ring()
            await asyncio.sleep(0.1)
        await _until_all_end(store)
        stop.set()
        bell.ring()
        await working
        rows = await store.read(lambda unit: unit.session.execute(select(steps.c.enqueued_at, steps.c.started_at)))
        return [(row.started_at - row.enqueued_at).total_seconds() * 1000 for row in rows]


def _measure_idle(create: Callable[[str], str], seconds: float) -> None:
    print("\n| idle worker, 20 namespaces | of a core | memory |\n|---|--:|--:|")
    for kind, engine in (("SQLite", "local"), ("PostgreSQL", "local"), ("PostgreSQL", "dbos")):
        database = create(kind)

        async def prepare(database: str = database, engine: str = engine) -> None:
            async with _open_store(database, engine):
                pass

        asyncio.run(prepare())
        with _processes(_work, (database, [f"n{number}" for number in range(20)], 16, engine), 1) as (pid,):
            time.sleep(3)
            before = _processor_seconds(pid)
            time.sleep(seconds)
            share = (_processor_seconds(pid) - before) / seconds
            print(f"| {kind}, engine {engine} | {share:.1%} | {_memory(pid):.0f} MiB |", flush=True)


def _processor_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def _measure_api(folder: Path) -> None:
    """How long a look at a task takes while 1,000 tasks run, on SQLite."""
    command = [sys.executable, "-m", "botserver", "serve", "workflows", "--port", "0"]
    environment = {**os.environ, "BOT_DATA__FOLDER": str(folder / "api"), "BOT_WEB__ADDRESS_RATE__COUNT": "0"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        assert server.stdout is not None
        url = next(word for line in server.stdout for word in line.split() if word.startswith("http://"))
        with SyncOrchestrationClient(url) as client:
            ids = [_ask(client, number) for number in range(1_000)]
            took = list(_looks(client, ids))
        found = statistics.quantiles(took, n=100)
        print(f"\nGET of a task while 1,000 run: median {found[49]:.1f} ms, p99 {found[98]:.1f} ms, {len(took)} times")
    finally:
        server.terminate()
        server.wait(30)


def _ask(client: Any, number: int) -> str:
    wish = Wish("diamond_workflow", "diamond_pattern", {"even_number": 2 + number % 49 * 2})
    return str(client.create_task(wish).task_uuid)


def _looks(client: Any, ids: Sequence[str]) -> Iterator[float]:
    for task_id in reversed(ids):
        began = time.perf_counter()
        client.get_task(task_id)
        yield (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
