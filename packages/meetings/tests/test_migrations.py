from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from botserver_meetings.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.ext.asyncio import AsyncSession

    from botserver_meetings.testing import World

pytestmark = pytest.mark.anyio


async def test_the_revisions_make_the_tables_that_the_code_knows(world: World) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"include_name": lambda name, kind, _parents: kind != "table" or str(name).startswith("meetings")}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))

    async def work(session: AsyncSession) -> list[object]:
        return await (await session.connection()).run_sync(differences)

    assert await world.context.database.read(work) == []


async def test_the_database_itself_keeps_an_end_an_end(world: World) -> None:
    anna = await world.user()
    bot = await world.bot(anna)
    await bot.say("exited", exit_code=0)

    async def revive(session: AsyncSession) -> None:
        await session.execute(text("UPDATE meetings SET status = 'active' WHERE status = 'completed'"))

    with pytest.raises(DBAPIError, match="final"):
        await world.context.database.write(revive)
    assert (await world.meeting(anna, bot.meeting_id))["status"] == "completed"
