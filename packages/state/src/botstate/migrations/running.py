"""Brings a database to the state that the code needs, and back.

Each of these is one transaction, which holds a lock from its first statement on: of several processes that upgrade at
once, one does, and the others find nothing left to do. What fails leaves the database as it was.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from botlib import ConflictError, NotFoundError, SystemClock
from botstate.migrations.sources import MigrationError, find_sources
from botstate.migrations.standing import Branch, judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractAsyncContextManager

    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from botlib import Clock
    from botstate.database import DatabaseSettings
    from botstate.migrations.ledger import Entry
    from botstate.migrations.sources import Source
    from botstate.service import Service


async def upgrade(
    database: DatabaseSettings, services: Iterable[Service], *, clock: Clock | None = None
) -> tuple[str, ...]:
    """Apply what the branches of these services lack, and give the revisions that were applied. Others are left alone.

    A service that was detached and is among them again goes on where it was. Raises `MigrationError` when the database
    is newer than the code, when revisions do not fit together, or when one fails.
    """
    sources = find_sources(services)
    ledger = await _read_ledger(database)
    if all(_is_done(source, ledger.get(source.name)) for source in sources):
        return ()  # without Alembic, which takes a quarter of a second
    async with _lock(database) as connection:
        return await connection.run_sync(partial(_upgrade, sources, clock or SystemClock()))


async def status(database: DatabaseSettings, services: Iterable[Service]) -> tuple[Branch, ...]:
    """How every branch stands: those of these services first, then those that are in the database only."""
    from botstate.migrations.scripts import Scripts

    sources = find_sources(services)
    return judge(sources, Scripts(sources).chains, await _read_ledger(database))


async def downgrade(
    database: DatabaseSettings,
    services: Iterable[Service],
    name: str,
    revision: str = "base",
    *,
    clock: Clock | None = None,
) -> tuple[str, ...]:
    """Take the branch of one service back to a revision; "base" removes its tables. What was undone, in order."""
    sources = [source for source in find_sources(services) if source.name == name]
    if not sources:
        raise NotFoundError(
            f"No service named {name} with migrations is installed.", remedy="Only its package can remove its tables."
        )
    async with _lock(database) as connection:
        return await connection.run_sync(partial(_downgrade, sources[0], revision, clock or SystemClock()))


async def detach(
    database: DatabaseSettings, services: Iterable[Service], name: str, *, clock: Clock | None = None
) -> Branch:
    """Forget a service that is not installed any more. Its tables stay; installed again, it goes on where it was."""
    if any(service.name == name for service in services):
        raise ConflictError(
            f"{name} is installed.", remedy=f"Uninstall it first; `botserver db downgrade {name}` removes its tables."
        )
    async with _lock(database) as connection:
        return await connection.run_sync(partial(_detach, name, clock or SystemClock()))


def _upgrade(sources: Sequence[Source], clock: Clock, connection: Connection) -> tuple[str, ...]:
    from botstate.migrations.environment import apply, attach
    from botstate.migrations.ledger import read_ledger, write_ledger
    from botstate.migrations.scripts import Scripts

    scripts = Scripts(sources)
    ledger = read_ledger(connection)
    newer = [it.sentence for it in judge(sources, scripts.chains, ledger) if it.state == "newer"]
    if newer:
        raise MigrationError("\n".join(newer))
    attach(connection, [ledger[it.name].head for it in sources if _is_detached(ledger.get(it.name))])
    applied = apply(connection, scripts, sources)
    write_ledger(connection, [_entry(it, scripts, ledger.get(it.name), clock) for it in sources])
    return applied


def _downgrade(source: Source, revision: str, clock: Clock, connection: Connection) -> tuple[str, ...]:
    from botstate.migrations.environment import revert
    from botstate.migrations.ledger import read_ledger, write_ledger
    from botstate.migrations.scripts import Scripts

    scripts = Scripts([source])
    (branch, *_) = judge([source], scripts.chains, read_ledger(connection))
    if branch.state == "newer":
        raise MigrationError(branch.sentence)
    chain = scripts.chains[source.name]
    if revision != "base" and revision not in chain:
        raise NotFoundError(f"{source.name} has no revision {revision}.", remedy=f"It has {', '.join(chain)}.")
    undone = revert(connection, scripts, source, revision)
    entry = _entry(source, scripts, None, clock)
    # No digest: the next upgrade must look.
    write_ledger(connection, [entry._replace(head="" if revision == "base" else revision, digest="")])
    return undone


def _detach(name: str, clock: Clock, connection: Connection) -> Branch:
    from botstate.migrations.environment import release
    from botstate.migrations.ledger import read_ledger, write_ledger

    ledger = read_ledger(connection)
    if name not in ledger:
        known = ", ".join(ledger) or "nobody"
        raise NotFoundError(f"{name} has no tables in this database.", remedy=f"There are tables of {known}.")
    entry = ledger[name]._replace(detached_at=clock.now(), digest="")
    release(connection, entry.head)
    write_ledger(connection, [entry])
    return judge((), {}, {name: entry})[0]


def _lock(database: DatabaseSettings) -> AbstractAsyncContextManager[AsyncConnection]:
    from botstate.migrations.connecting import lock

    return lock(database)


async def _read_ledger(database: DatabaseSettings) -> dict[str, Entry]:
    from botstate.migrations.connecting import connect
    from botstate.migrations.ledger import read_ledger

    if not database.url and not database.file.exists():
        return {}  # nothing is made by looking
    async with connect(database) as connection:
        return await connection.run_sync(read_ledger)


def _is_done(source: Source, entry: Entry | None) -> bool:
    return entry is not None and entry.digest == source.digest and not _is_detached(entry)


def _is_detached(entry: Entry | None) -> bool:
    return entry is not None and entry.detached_at is not None


def _entry(source: Source, scripts: Any, before: Entry | None, clock: Clock) -> Entry:
    from botstate.migrations.ledger import Entry

    chain = scripts.chains[source.name]
    entry = Entry(source.name, source.package, source.release, chain[-1] if chain else "", source.digest, clock.now())
    same = before is not None and before._replace(changed_at=entry.changed_at) == entry
    return before if same and before is not None else entry
