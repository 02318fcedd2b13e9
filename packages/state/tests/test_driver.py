import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from sqlalchemy import ForeignKey, delete, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload

from botstate import driver
from botstate.driver import Module

pytestmark = pytest.mark.anyio


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    books: Mapped[list["Book"]] = relationship(order_by="Book.id")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author: Mapped[int] = mapped_column(ForeignKey("author.id"))


@asynccontextmanager
async def open_session(folder: Path) -> AsyncIterator[AsyncSession]:
    engine = create_async_engine(f"sqlite+aiosqlite:///{folder}/test.sqlite3", module=Module())
    try:
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        async with AsyncSession(engine) as session:
            yield session
    finally:
        await engine.dispose()


async def test_objects_are_kept_with_what_they_refer_to(tmp_path: Path) -> None:
    async with open_session(tmp_path) as session:
        session.add(Author(name="anna", books=[Book(title="a"), Book(title="b")]))
        await session.commit()
        session.expunge_all()
        author = (await session.execute(select(Author).options(selectinload(Author.books)))).scalar_one()

        assert [(book.id, book.title, book.author) for book in author.books] == [(1, "a", 1), (2, "b", 1)]


async def test_statements_tell_what_they_did(tmp_path: Path) -> None:
    async with open_session(tmp_path) as session:
        await session.execute(insert(Author), [{"name": f"{number}"} for number in range(300)])
        one = await session.execute(insert(Author).values(name="one"))
        assert one.inserted_primary_key == (301,)  # type: ignore[attr-defined]  # as above
        changed = await session.execute(update(Author).where(Author.id > 100).values(name=Author.name + "!"))
        removed = await session.execute(delete(Author).where(Author.id <= 100).returning(Author.id))

        assert changed.rowcount == 201  # type: ignore[attr-defined]  # as above
        assert sorted(removed.scalars()) == list(range(1, 101))
        assert (await session.execute(text("SELECT 1 WHERE 0"))).keys() == ["1"]
        assert (await session.execute(select(Author.name).limit(2))).all() == [("100!",), ("101!",)]


async def test_results_can_be_streamed(tmp_path: Path) -> None:
    async with open_session(tmp_path) as session:
        await session.execute(insert(Author), [{"name": f"{number}"} for number in range(300)])
        stream = await session.stream(select(Author.id).order_by(Author.id))

        assert [number async for (number,) in stream] == list(range(1, 301))


async def test_errors_are_those_of_sqlalchemy(tmp_path: Path) -> None:
    async with open_session(tmp_path) as session:
        await session.execute(insert(Author).values(name="anna"))
        with pytest.raises(IntegrityError, match="UNIQUE"):
            await session.execute(insert(Author).values(name="anna"))
        await session.rollback()
        with pytest.raises(IntegrityError, match="UNIQUE"):
            await session.execute(insert(Author), [{"name": "bert"}, {"name": "bert"}])
        await session.rollback()
        with pytest.raises(OperationalError, match="no such table"):
            await session.execute(text("SELECT * FROM no_such_table"))
        assert (await session.execute(select(Author))).all() == []


async def test_a_stream_that_is_left_early_lets_the_next_statement_run(tmp_path: Path) -> None:
    async with open_session(tmp_path) as session:
        await session.execute(insert(Author), [{"name": f"{number}"} for number in range(300)])
        stream = await session.stream(select(Author.id).order_by(Author.id))
        assert (await stream.first()) == (1,)
        stream = await session.stream(select(Author.id).order_by(Author.id))
        assert await stream.fetchmany(2) == [(1,), (2,)]
        assert len(await stream.all()) == 298
        await session.commit()


async def test_nothing_is_committed_by_itself_after_sqlite_has_undone_a_transaction(tmp_path: Path) -> None:
    """As it does when the disk is full; here somebody says so."""
    async with open_session(tmp_path) as session:
        await session.execute(insert(Author).values(name="anna"))
        await session.execute(text("ROLLBACK"))
        with pytest.raises(OperationalError, match="SQLite has undone the transaction"):
            await session.execute(insert(Author).values(name="bert"))
        await session.rollback()
        assert (await session.execute(select(Author))).all() == []


async def test_a_transaction_begins_with_its_first_statement(tmp_path: Path) -> None:
    engine = create_async_engine(
        f"sqlite+aiosqlite:///{tmp_path}/test.sqlite3", module=Module("BEGIN IMMEDIATE", ("busy_timeout = 0",))
    )
    async with engine.connect() as one, engine.connect() as other:
        await one.begin()
        await other.execute(text("CREATE TABLE thing (id INTEGER)"))
        with pytest.raises(OperationalError, match="locked"):
            await one.execute(text("SELECT 1"))
        await other.commit()
        assert (await one.execute(text("SELECT count(*) FROM thing"))).scalar_one() == 0
    await engine.dispose()


async def test_a_file_that_cannot_be_opened_leaves_no_thread(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/none/test.sqlite3", module=Module())
    with pytest.raises(OperationalError, match="unable to open"):
        await engine.connect()
    await asyncio.to_thread(end_threads)


def end_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == "botstate-sqlite":
            thread.join(20)
            assert not thread.is_alive(), "a connection was left open"


async def test_other_tasks_run_while_a_statement_takes_long(tmp_path: Path) -> None:
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    async with open_session(tmp_path) as session:
        task = asyncio.create_task(session.execute(text(endless)))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def count_until_heard(session: AsyncSession) -> int:
    """How many statements a task runs before another one, which is ready, has had its turn; 1,000 at most."""
    heard = asyncio.Event()
    asyncio.get_running_loop().call_soon(heard.set)
    for number in range(1_000):
        if heard.is_set():
            return number
        await session.execute(text("SELECT 1"))
    return 1_000


@pytest.mark.parametrize(("most", "starved"), [(driver.MOST_AT_ONCE, False), (1_000_000, True)])
async def test_quick_statements_let_other_tasks_have_their_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, most: int, *, starved: bool
) -> None:
    """With its twin, which never gives way: each statement is over before the loop would turn to others."""
    async with open_session(tmp_path) as session:
        await session.execute(text("SELECT 1"))
        monkeypatch.setattr(driver, "MOMENT", 10.0)
        monkeypatch.setattr(driver, "MOST_AT_ONCE", most)
        assert (await count_until_heard(session) == 1_000) is starved
