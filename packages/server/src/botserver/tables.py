"""The tables of all services in the database that the settings name, for work on them without a server."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from botstate import BASIS, DATA_FOLDER, DatabaseSettings, compose, foundation, locate_database, migrations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from botstate import Service, Settings
    from botstate.migrations import Branch


class Tables:
    """`botstate.migrations` over one database and one set of services. `located` is complete: file or URL."""

    def __init__(self, located: DatabaseSettings, services: tuple[Service, ...]) -> None:
        self.located = located
        self._services = services

    async def upgrade(self) -> tuple[str, ...]:
        """Apply what is missing; the revisions that were."""
        return await migrations.upgrade(self.located, self._services)

    async def status(self) -> tuple[Branch, ...]:
        """How each branch stands."""
        return await migrations.status(self.located, self._services)

    async def downgrade(self, name: str, revision: str) -> tuple[str, ...]:
        """Take one branch back; the revisions that were undone."""
        return await migrations.downgrade(self.located, self._services, name, revision)

    async def detach(self, name: str) -> Branch:
        """Forget a service that is not installed."""
        return await migrations.detach(self.located, self._services, name)


@asynccontextmanager
async def open_tables(settings: Settings, services: Iterable[Service]) -> AsyncIterator[Tables]:
    """The tables of these services and of the basis. Secrets are found as a server finds them."""
    async with compose((foundation(settings),)) as state:
        located = await locate_database(settings.part(DatabaseSettings), state.require(DATA_FOLDER), state.secrets)
        yield Tables(located, (*BASIS, *services))
