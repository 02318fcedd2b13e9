"""The database: short units of work, each of which happens as a whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from botlib import Secret
from botstate.capability import Capability

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sqlalchemy.ext.asyncio import AsyncSession

R = TypeVar("R")


class Database(Protocol):
    """Runs units of work: functions that get a SQLAlchemy session and return something.

    A unit is committed when its function returns and undone when it raises. It may be run several times, because it is
    tried again when others were in the way; so it does nothing but work with the session, and above all it waits for no
    network and opens no other unit. Objects that it returns stay usable. Raises `UnavailableError` when the database
    is busy for too long, when it cannot be reached, or when the unit takes too long itself.
    """

    async def write(self, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        """A unit that may change something. What it reads cannot be changed by others before it is committed, provided
        that it selects `with_for_update()`; where the database has no such rows, the whole unit is alone.
        """
        ...

    async def read(self, work: Callable[[AsyncSession], Awaitable[R]]) -> R:
        """A unit that only reads, and sees one state of the data throughout. No writer waits for it, nor it for one."""
        ...


DATABASE = Capability[Database]("database", remedy="Add `botstate.database_service` to the services.")


@dataclass(frozen=True)
class DatabaseSettings:
    """Which database, and how long anybody waits for it. Times are in seconds.

    `url` is `postgresql://…`, or a reference to the secret that holds it (`env:NAME`, `file:/PATH`); without one the
    database is the SQLite `file`, below the data folder. `lock_limit`: how long to wait for what others have locked.
    `unit_limit`: how long a unit may take. `turn_limit`: how long a unit may wait for a connection. `readers`:
    connections that read from SQLite. `connections`: those to PostgreSQL. `upgrade`: migrate at start-up; without it a
    server refuses to start on a database that is behind. `debug`: find units that wait for something else than the
    database, which costs time.
    """

    file: Path = Path("botserver.sqlite3")
    url: Secret = field(default_factory=lambda: Secret(""))
    lock_limit: float = 5.0
    unit_limit: float = 10.0
    turn_limit: float = 15.0
    readers: int = 4
    connections: int = 10
    upgrade: bool = True
    debug: bool = False

    def __post_init__(self) -> None:
        if min(self.lock_limit, self.unit_limit, self.turn_limit) <= 0:
            raise ValueError("lock_limit, unit_limit and turn_limit are numbers of seconds, more than zero.")
        if min(self.readers, self.connections) < 1:
            raise ValueError("readers and connections are numbers of connections, at least 1.")
