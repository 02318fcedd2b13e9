"""The database: short units of work, each of which happens as a whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

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
    is busy for too long, or when the unit takes too long itself.
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
    """`file` is the SQLite database; times are in seconds.

    `lock_limit`: how long to wait for other processes. `unit_limit`: how long a unit may take.
    """

    file: Path = Path("data/botserver.sqlite3")
    lock_limit: float = 5.0
    unit_limit: float = 10.0
    readers: int = 4

    def __post_init__(self) -> None:
        if self.lock_limit <= 0 or self.unit_limit <= 0:
            raise ValueError("lock_limit and unit_limit are numbers of seconds, more than zero.")
        if self.readers < 1:
            raise ValueError("readers is a number of connections, at least 1.")
