"""A worker as a real process, for proofs that kill and freeze it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
from contextlib import asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from botlib import BotError, IdSource, Secret, SystemClock, SystemRandomness
from botserver_workflows import worker
from botserver_workflows.doorbell import Doorbell
from botserver_workflows.engines.local import LocalEngine
from botserver_workflows.lives import Lives
from botserver_workflows.orchestrator import Orchestrator
from botserver_workflows.proofs.bugs import plant_bug, renew_unheard, rescue_unasked
from botserver_workflows.unit import Store
from botserver_workflows.worker import WorkerOptions
from botstate import DatabaseSettings
from botstate.postgres import open_postgres
from botstate.sqlite import open_sqlite

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager

    from botserver_workflows.engine import Engine
    from botserver_workflows.handlers import Step
    from botstate import Database

WORK, DEADLY = "proof.work", "proof.deadly"


class Place(NamedTuple):
    """Where a proof runs: a SQLite file or the URL of a PostgreSQL database, and the file that notes effects."""

    database: str
    effects: str
    namespaces: tuple[str, ...]
    lease_seconds: float
    drain_seconds: float
    slots: int = 4
    sweep_seconds: float = 0.3
    is_deaf: bool = False  # does not hear that it was given up
    bug: str = ""  # a mistake that the proof must find
    engine: str = "local"  # or dbos, on PostgreSQL


def open_place(place: Place, *, unit_limit: float = 10.0) -> AbstractAsyncContextManager[Database]:
    """The database of a proof. A unit of work may take that many seconds."""
    clock, randomness = SystemClock(), SystemRandomness()
    if place.database.startswith("postgres"):
        settings = DatabaseSettings(url=Secret(place.database), unit_limit=unit_limit)
        return open_postgres(settings, clock, randomness)
    return open_sqlite(DatabaseSettings(Path(place.database), unit_limit=unit_limit), clock, randomness)


@asynccontextmanager
async def open_store(place: Place, *, unit_limit: float = 10.0) -> AsyncIterator[Store]:
    """The tables of a proof, with its engine."""
    clock = SystemClock()
    async with open_place(place, unit_limit=unit_limit) as database, _open_engine(place) as engine:
        yield Store(database, clock, IdSource(clock, SystemRandomness()), engine)


@asynccontextmanager
async def _open_engine(place: Place) -> AsyncIterator[Engine]:
    if place.engine == "local":
        yield LocalEngine()
        return
    from botserver_workflows.engines.dbos import open_dbos  # an extra

    async with open_dbos(place.database) as engine:
        yield engine


def run_worker(place: Place) -> None:
    """Work until SIGTERM."""
    _enter(place)
    if place.is_deaf:
        worker.renew_lease = renew_unheard  # type: ignore[attr-defined]
    asyncio.run(_work(place))


def run_orchestrator(place: Place) -> None:
    """Sweep until somebody ends this process."""
    _enter(place)
    asyncio.run(_orchestrate(place))


async def sweep(store: Store, place: Place) -> None:
    """Like the loops of an orchestrator, and more often: leases are short here."""
    orchestrator = Orchestrator(store, SystemClock(), Doorbell())
    rescue = partial(rescue_unasked, store) if place.bug == "rescue unasked" else orchestrator.sweep
    while True:
        with suppress(BotError):
            await orchestrator.bring_due()
            await rescue()
            await orchestrator.reclaim()
            await orchestrator.resend()
        await asyncio.sleep(place.sweep_seconds)


def _enter(place: Place) -> None:
    logging.disable(logging.CRITICAL)
    plant_bug(place.bug)


async def _work(place: Place) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    clock, randomness = SystemClock(), SystemRandomness()

    async def work(step: Step) -> str:
        key = f"{step.key}.{step.attempt}" if place.bug == "no key" else step.key
        await asyncio.to_thread(note_effect, place.effects, key)
        await asyncio.sleep(step.context.get("seconds", 0.02))  # whoever is killed now has done it, and nobody knows
        return f"{step.name} by {os.getpid()}"

    async def die(_step: Step) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    handlers: dict[str, Any] = {WORK: work, DEADLY: die}
    options = WorkerOptions("proof", place.namespaces, place.slots, place.lease_seconds, place.drain_seconds)
    async with open_store(place) as store:
        await Lives(store, handlers, options, clock, randomness, Doorbell()).run(stop)


async def _orchestrate(place: Place) -> None:
    async with open_store(place) as store:
        await sweep(store, place)


def make_effects(file: str) -> None:
    """An empty note of effects, as another system would keep it: one row a key, and how often it was asked for."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE effect (key TEXT PRIMARY KEY, asked INTEGER NOT NULL)")


def note_effect(file: str, key: str) -> None:
    """Do what this key stands for, unless it is done."""
    with closing(sqlite3.connect(file, timeout=30)) as connection, connection:
        statement = "INSERT INTO effect VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET asked = asked + 1"
        connection.execute(statement, (key,))


def count_effects(file: str) -> tuple[int, int]:
    """How many effects there are, and how often they were asked for."""
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        count, asked = connection.execute("SELECT count(*), coalesce(sum(asked), 0) FROM effect").fetchone()
        return int(count), int(asked)
