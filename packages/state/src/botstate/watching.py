"""Finds units of work that wait for something else than the database, such as a request to another server.

Such a unit keeps its connection, its locks, and in SQLite every other writer, for as long as a stranger likes. Time
would tell that only sometimes. So each suspension of the unit is looked at: SQLAlchemy runs everything that waits for
the database by its function `greenlet_spawn`, so a chain of awaits without that one leads somewhere else. That covers
sleeping, tasks, queues and every kind of network. It does not see what blocks the whole event loop, nor what is awaited
within `run_sync`, and tasks that a unit starts without waiting for them are not part of it.
"""

from __future__ import annotations

import gc
import types
from typing import TYPE_CHECKING, Any

from sqlalchemy.util.concurrency import greenlet_spawn

from botstate.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from botstate.database import R

_OWN = greenlet_spawn.__code__


@types.coroutine
def watch(unit: Coroutine[Any, Any, R]) -> Generator[Any, Any, R]:
    """Run this unit; where it waits for something else than its session, `StateError` is raised there.

    Giving way to other tasks, `asyncio.sleep(0)`, is no waiting.
    """
    try:
        waiting = unit.send(None)
        while True:
            place = _foreign_place(unit) if waiting is not None else None
            if place is not None:
                waiting = unit.throw(_told(place))
                continue
            try:
                sent = yield waiting
            except BaseException as error:  # noqa: BLE001 - whatever the event loop says is for the unit
                waiting = unit.throw(error)
            else:
                waiting = unit.send(sent)
    except StopIteration as stop:
        result: R = stop.value
        return result


def _told(place: str) -> StateError:
    return StateError(
        f"A unit of work waits for something else than the database, at {place}.",
        remedy="Do that before the unit or after it; its locks are held meanwhile.",
    )


def _foreign_place(unit: Coroutine[Any, Any, Any]) -> str | None:
    """Where the unit waits, as file and line of its innermost frame; None when it waits for its session."""
    place = None
    step: Any = unit
    while step is not None:
        frame = getattr(step, "cr_frame", None) or getattr(step, "ag_frame", None) or getattr(step, "gi_frame", None)
        if frame is not None:
            if frame.f_code is _OWN:
                return None
            place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        step = _next(step)
    return place


def _next(step: Any) -> Any:
    for name in ("cr_await", "ag_await", "gi_yieldfrom"):
        if hasattr(step, name):
            return getattr(step, name)
    # One step of an asynchronous generator does not tell of which.
    return next((it for it in gc.get_referents(step) if isinstance(it, types.AsyncGeneratorType)), None)
