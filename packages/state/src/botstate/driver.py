"""sqlite3 for SQLAlchemy's asyncio: a connection lives in a thread of its own, and a statement is one hand-over to it.

A short unit of work spends most of its time in handing over, so this does what aiosqlite does not. Execute, fetch and
close are one step, and so is the BEGIN of a transaction with its first statement. And the event loop waits a moment for
an answer before it turns to others: nearly all statements are done by then, and waking the loop through its socket
would take longer than they do. A statement that is cancelled is interrupted.
"""

from __future__ import annotations

import asyncio
import sqlite3
from _thread import allocate_lock
from collections import deque
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from sqlalchemy.engine import AdaptedConnection
from sqlalchemy.util.concurrency import await_only, in_greenlet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Work = Callable[[sqlite3.Connection], Any]

#: How long the event loop waits for a statement before it turns to others, in seconds.
MOMENT = 0.0002
#: How many statements in a row may be over within that moment before other tasks get their turn.
MOST_AT_ONCE = 32
_AGAIN = 0.05  # seconds: an interrupt that came before the statement had begun is lost


class Module:
    """What SQLAlchemy takes for the DB-API module of a driver.

    Each connection starts with these pragmas, and each of its transactions with this statement. Where transactions only
    read, nobody waits for their end: the next one on the connection comes after it all the same.
    """

    paramstyle = "qmark"
    has_stop = True
    sqlite_version = sqlite3.sqlite_version
    sqlite_version_info = sqlite3.sqlite_version_info
    PARSE_COLNAMES = sqlite3.PARSE_COLNAMES
    PARSE_DECLTYPES = sqlite3.PARSE_DECLTYPES
    Binary = sqlite3.Binary
    DatabaseError = sqlite3.DatabaseError
    Error = sqlite3.Error
    IntegrityError = sqlite3.IntegrityError
    NotSupportedError = sqlite3.NotSupportedError
    OperationalError = sqlite3.OperationalError
    ProgrammingError = sqlite3.ProgrammingError
    exceptions_module = sqlite3

    def __init__(self, begin: str = "BEGIN", pragmas: Sequence[str] = (), *, reads_only: bool = False) -> None:
        self._begin = begin
        self._reads_only = reads_only
        self._pragmas = tuple(pragmas)

    def connect(self, *arguments: Any, **options: Any) -> Connection:
        """A connection in a new thread."""
        worker = Worker(partial(self._open, *arguments, **options))
        try:
            await_only(worker.call(_nothing))
        except BaseException:
            worker.stop()
            raise
        return Connection(worker, self._begin, reads_only=self._reads_only)

    def _open(self, *arguments: Any, **options: Any) -> sqlite3.Connection:
        # Transactions begin here and not in sqlite3; interrupt() and in_transaction are asked for by another thread.
        options = {**options, "isolation_level": None, "check_same_thread": False}
        connection: sqlite3.Connection = sqlite3.connect(*arguments, **options)
        try:
            for pragma in self._pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection


class Worker:
    """A thread that opens one connection, works on it, and closes it when it is told to stop."""

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._at_once = 0
        self.thread = Thread(target=self._run, name="botstate-sqlite", daemon=True)
        self.thread.start()

    async def call(self, work: Work, *, interruptible: bool = False) -> Any:
        """The result of this work, which is always done to its end, also when the caller is cancelled meanwhile.

        `interruptible` work comes to its end at once then, with an error that nobody sees.
        """
        if interruptible and self._at_once >= MOST_AT_ONCE:
            self._at_once = 0
            await asyncio.sleep(0)
        job = _Job(work)
        self._jobs.put(job)
        if job.done.acquire(timeout=MOMENT):
            self._at_once += 1
            return job.result()
        self._at_once = 0
        loop = asyncio.get_running_loop()
        finished = loop.create_future()
        job.wake = partial(_wake, loop, finished)
        if job.done.acquire(blocking=False):  # it may have ended before it could know whom to wake
            return job.result()
        try:
            await asyncio.shield(finished)
        except asyncio.CancelledError:
            await self._see_the_end_of(finished, interruptible=interruptible)
            raise
        return job.result()

    def send(self, work: Work) -> None:
        """Have it done after what is waiting. Nobody hears what came of it."""
        self._jobs.put(_Job(work))

    async def close(self) -> None:
        """Close the connection after what is waiting, and return when it is closed."""
        try:
            await self.call(sqlite3.Connection.close)
        finally:
            self.stop()

    def stop(self) -> None:
        """Close the connection after what is waiting. Needs no event loop."""
        self._jobs.put(None)

    async def _see_the_end_of(self, finished: asyncio.Future[None], *, interruptible: bool) -> None:
        while not finished.done():
            if interruptible and self._connection is not None:
                self._connection.interrupt()
            try:
                await asyncio.wait([finished], timeout=_AGAIN)
            except asyncio.CancelledError:
                continue  # it is cancelled already

    def _run(self) -> None:
        error: BaseException | None = None
        try:
            self._connection = self._connect()
        except BaseException as caught:  # noqa: BLE001 - whoever asks first gets it
            error = caught
        while (job := self._jobs.get()) is not None:
            job.run(self._connection, error)
            del job  # or its result would live as long as the thread waits
        if self._connection is not None:
            connection, self._connection = self._connection, None
            connection.close()


class _Job:
    """A piece of work, and whom to tell of its end. `done` is free when it has ended."""

    __slots__ = ("_error", "_value", "_work", "done", "wake")

    def __init__(self, work: Work) -> None:
        self._work = work
        self._value: Any = None
        self._error: BaseException | None = None
        self.wake: Callable[[], None] | None = None
        self.done = allocate_lock()
        self.done.acquire()

    def run(self, connection: sqlite3.Connection | None, error: BaseException | None) -> None:
        if connection is None:
            self._error = error
        else:
            try:
                self._value = self._work(connection)
            except BaseException as caught:  # noqa: BLE001 - it belongs to whoever waits
                self._error = caught
        self.done.release()
        if self.wake is not None:
            self.wake()

    def result(self) -> Any:
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # its traceback holds this frame
        return self._value


class Connection(AdaptedConnection):
    """What SQLAlchemy takes for a connection of the DB-API: the first statement begins a transaction."""

    __slots__ = ("_begin", "_begun", "_reads_only", "worker")

    #: SQLAlchemy asks: sqlite3 begins no transactions of its own.
    isolation_level = None

    def __init__(self, worker: Worker, begin: str, *, reads_only: bool) -> None:
        self.worker = worker
        self._reads_only = reads_only
        self._connection: Any = worker  # the name that SQLAlchemy knows
        self._begin = begin
        self._begun = False

    def run(self, work: Work) -> Any:
        """Do this in the thread, within the transaction."""
        return await_only(self.worker.call(self._within_transaction(work), interruptible=True))

    def cursor(self, *, server_side: bool = False) -> Cursor:
        return StreamingCursor(self) if server_side else Cursor(self)

    def execute(self, operation: str, parameters: Any = None) -> Cursor:
        cursor = self.cursor()
        cursor.execute(operation, parameters)
        return cursor

    def create_function(self, *arguments: Any, **options: Any) -> None:
        await_only(self.worker.call(lambda connection: connection.create_function(*arguments, **options)))

    def commit(self) -> None:
        self._end(sqlite3.Connection.commit)

    def rollback(self) -> None:
        self._end(sqlite3.Connection.rollback)

    def close(self) -> None:
        await_only(self.worker.close())

    def terminate(self) -> None:
        """Without an event loop, as when nobody closed it."""
        self.worker.stop()

    def _within_transaction(self, work: Work) -> Work:
        def run(connection: sqlite3.Connection) -> Any:
            if not self._begun:
                connection.execute(self._begin)
                self._begun = True
            elif not connection.in_transaction:
                # As when the disk is full. Whatever came now would be committed by itself.
                raise sqlite3.OperationalError("SQLite has undone the transaction.")
            return work(connection)

        return run

    def _end(self, how: Work) -> None:
        if not self._begun:
            return
        self._begun = False
        if self._reads_only:
            self.worker.send(how)
        else:
            await_only(self.worker.call(how))


class Cursor:
    """Holds a result, and no cursor of sqlite3: that one lives and ends in the thread."""

    server_side = False

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._rows: deque[Any] = deque()
        self.arraysize = 1
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    def execute(self, operation: str, parameters: Any = None) -> Any:
        return self._take(lambda cursor: cursor.execute(operation, () if parameters is None else parameters))

    def executemany(self, operation: str, seq_of_parameters: Sequence[Any]) -> Any:
        return self._take(lambda cursor: cursor.executemany(operation, seq_of_parameters))

    def _take(self, statement: Callable[[sqlite3.Cursor], object]) -> Any:
        def run(connection: sqlite3.Connection) -> tuple[Any, int, int | None, list[Any]]:
            cursor = connection.cursor()
            try:
                statement(cursor)
                rows = cursor.fetchall() if cursor.description else []
                return cursor.description, cursor.rowcount, cursor.lastrowid, rows
            finally:
                cursor.close()

        self.description, self.rowcount, self.lastrowid, rows = self._connection.run(run)
        self._rows = deque(rows)
        return self

    def fetchone(self) -> Any:
        return self._rows.popleft() if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        count = self.arraysize if size is None else size
        return [self._rows.popleft() for _ in range(min(count, len(self._rows)))]

    def fetchall(self) -> list[Any]:
        rows = list(self._rows)
        self._rows.clear()
        return rows

    def __iter__(self) -> Iterator[Any]:
        while self._rows:
            yield self._rows.popleft()

    def setinputsizes(self, *_sizes: Any) -> None:
        return

    def close(self) -> None:
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        """SQLAlchemy asks for it before it reads the rows without waiting. They are here already."""


class StreamingCursor(Cursor):
    """Fetches rows from the thread as they are asked for."""

    server_side = True

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self._cursor: sqlite3.Cursor | None = None

    def _take(self, statement: Callable[[sqlite3.Cursor], object]) -> Any:
        def run(connection: sqlite3.Connection) -> sqlite3.Cursor:
            cursor = connection.cursor()
            statement(cursor)
            return cursor

        self._cursor = cursor = self._connection.run(run)
        self.description, self.rowcount, self.lastrowid = cursor.description, cursor.rowcount, cursor.lastrowid
        return self

    def fetchone(self) -> Any:
        return self._ask(lambda cursor: cursor.fetchone())

    def fetchmany(self, size: int | None = None) -> list[Any]:
        rows: list[Any] = self._ask(lambda cursor: cursor.fetchmany(self.arraysize if size is None else size))
        return rows

    def fetchall(self) -> list[Any]:
        rows: list[Any] = self._ask(lambda cursor: cursor.fetchall())
        return rows

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def close(self) -> None:
        if self._cursor is not None and in_greenlet():
            self._ask(lambda cursor: cursor.close())
            self._cursor = None

    def _ask(self, question: Callable[[sqlite3.Cursor], Any]) -> Any:
        cursor = self._cursor
        if cursor is None:
            raise sqlite3.ProgrammingError("The cursor is closed.")
        return self._connection.run(lambda _connection: question(cursor))


def _nothing(_connection: sqlite3.Connection) -> None:
    """Done when the connection is open."""


def _wake(loop: asyncio.AbstractEventLoop, finished: asyncio.Future[None]) -> None:
    try:
        loop.call_soon_threadsafe(_finish, finished)
    except RuntimeError:
        return  # the loop is closed: nobody waits any more


def _finish(finished: asyncio.Future[None]) -> None:
    if not finished.done():
        finished.set_result(None)
