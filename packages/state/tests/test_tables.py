from datetime import datetime, timedelta, timezone
from uuid import UUID

import pytest
from sqlalchemy import Connection, create_engine, insert, inspect, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from botstate import DatabaseSettings, database_service
from botstate.columns import UtcDateTime
from botstate.metadata import metadata
from botstate.migrations import downgrade, upgrade
from botstate.migrations.connecting import connect
from botstate.outbox.tables import messages
from botstate.tables import all_tables


def describe(connection: Connection) -> dict[str, object]:
    """What the tables of botstate look like in the database itself."""
    inspector = inspect(connection)
    return {
        name: (
            [(it["name"], str(it["type"]), it["nullable"]) for it in inspector.get_columns(name)],
            sorted((it["name"] or "", tuple(it["column_names"])) for it in inspector.get_indexes(name)),
            [
                (it["referred_table"], it["constrained_columns"], it["options"])
                for it in inspector.get_foreign_keys(name)
            ],
        )
        for name in all_tables().tables
        if inspector.has_table(name)
    }


@pytest.mark.anyio
async def test_the_revisions_make_what_the_code_expects(empty_database: DatabaseSettings) -> None:
    await upgrade(empty_database, [database_service])
    async with connect(empty_database) as connection:
        migrated = await connection.run_sync(describe)
    await downgrade(empty_database, [database_service], "database")
    async with connect(empty_database) as connection:
        assert await connection.run_sync(describe) == {}
        await connection.run_sync(metadata.create_all)
        declared = await connection.run_sync(describe)

    assert {"outbox_message", "webhook", "event_follower"} < set(migrated)
    assert migrated == declared


def test_times_come_back_aware_and_equal_from_a_database_without_zones() -> None:
    engine = create_engine("sqlite://")
    moment = datetime(2030, 1, 1, 12, tzinfo=timezone(timedelta(hours=5)))
    with engine.begin() as connection:
        metadata.create_all(connection)
        values = {"id": UUID(int=1), "kind": "a", "key": "", "payload": {}, "created": moment, "due": moment}
        connection.execute(insert(messages).values(**values, state="pending", attempts=0))
        (due,) = connection.execute(select(messages.c.due)).one()
    engine.dispose()

    assert (due, due.utcoffset()) == (moment, timedelta(0))
    assert UtcDateTime().process_bind_param(None, sqlite.dialect()) is None
    assert "DATETIME" in str(CreateTable(messages).compile(dialect=sqlite.dialect()))
