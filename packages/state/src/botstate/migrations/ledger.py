"""Which services have tables in a database, and how far their branches are. One row a service, kept for ever.

Alembic's own table holds the heads of all branches and not whose they are; of a package that was removed, it could say
nothing. Both are written in one transaction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import Column, DateTime, MetaData, String, Table, delete, insert, inspect, select

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sqlalchemy import Connection

#: Alembic's table, by a name that no other application in the same database has.
HEADS = "botserver_head"

_metadata = MetaData()
_ledger = Table(
    "botserver_ledger",
    _metadata,
    Column("name", String, primary_key=True),
    Column("package", String, nullable=False),
    Column("release", String, nullable=False),
    Column("head", String, nullable=False),
    Column("digest", String, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
    Column("detached_at", DateTime(timezone=True)),
)


class Entry(NamedTuple):
    """One service. `head` is the revision that its tables are at, "" when they were removed.

    `release` and `digest` are those of the code that was the last to change something.
    """

    name: str
    package: str
    release: str
    head: str
    digest: str
    changed_at: datetime
    detached_at: datetime | None = None


def read_ledger(connection: Connection) -> dict[str, Entry]:
    """The entries by name; none in a new database."""
    if not inspect(connection).has_table(_ledger.name):
        return {}
    rows = connection.execute(select(_ledger).order_by(_ledger.c.name))
    return {row.name: Entry(*row) for row in rows}


def write_ledger(connection: Connection, entries: Iterable[Entry]) -> None:
    """Put these in the place of those with the same name."""
    _metadata.create_all(connection)
    for entry in entries:
        connection.execute(delete(_ledger).where(_ledger.c.name == entry.name))
        connection.execute(insert(_ledger).values(entry._asdict()))
