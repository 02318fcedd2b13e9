"""Whether the revisions of a service do what they should, for its tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import inspect

from botstate.migrations import downgrade, upgrade
from botstate.migrations.connecting import connect

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData

    from botstate.database import DatabaseSettings
    from botstate.service import Service


async def check_migrations(database: DatabaseSettings, service: Service) -> None:
    """The revisions make the tables that the manifest names, remove them again, and can be run a second time.

    `database` is an empty one. Run it on SQLite, and on PostgreSQL where the service is used with it.
    """
    assert service.migrations, f"{service.name} has no migrations"
    assert service.migrations.tables, f"the manifest of {service.name} does not name its tables"
    tables = service.migrations.tables()
    await upgrade(database, [service])
    different = await _differences(database, tables)
    assert not different, f"the tables of the code are not those of the revisions: {different}"
    await downgrade(database, [service], service.name)
    left = await _existing(database, tables)
    assert not left, f"the downgrade leaves something behind: {left}"
    await upgrade(database, [service])


async def _differences(database: DatabaseSettings, tables: MetaData) -> list[Any]:
    async with connect(database) as connection:
        found: list[Any] = await connection.run_sync(_compare, tables)
    return found


async def _existing(database: DatabaseSettings, tables: MetaData) -> list[str]:
    async with connect(database) as connection:
        names = await connection.run_sync(lambda it: inspect(it).get_table_names())
    return sorted(set(names) & set(tables.tables))


def _compare(connection: Connection, tables: MetaData) -> list[Any]:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "table" or name in tables.tables

    options = {"include_name": is_ours, "compare_type": True}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), tables))
