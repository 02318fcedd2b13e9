"""The database of a server on many machines: PostgreSQL, through psycopg 3."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine

from botlib import InvalidError

if TYPE_CHECKING:
    from sqlalchemy import URL
    from sqlalchemy.ext.asyncio import AsyncEngine

    from botstate.database import DatabaseSettings

#: The server ends what this process should have ended, had it been able to. In seconds after the limit of a unit.
_LATER = 1.0


def create_engine(settings: DatabaseSettings, connections: int) -> AsyncEngine:
    """An engine with at most that many connections. It connects when it is first used."""
    try:
        return create_async_engine(
            parse_url(settings.url.reveal()),
            pool_size=connections,
            max_overflow=0,
            connect_args={
                "application_name": "botserver",
                "connect_timeout": max(math.ceil(settings.lock_limit), 2),
                "options": " ".join(f"-c {name}={value}" for name, value in _parameters(settings).items()),
            },
        )
    except ImportError as error:
        raise InvalidError(
            "PostgreSQL needs a driver that is not installed.", remedy="Install botstate[postgres]."
        ) from error


def parse_url(text: str) -> URL:
    """The URL with its driver, or `InvalidError`, which does not repeat it: it may hold a password."""
    try:
        url = make_url(text)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in {"postgresql", "postgresql+psycopg", "postgres"}:
        raise InvalidError(
            "The setting database.url is not understood.", remedy="Write postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        )
    return url.set(drivername="postgresql+psycopg")


def _parameters(settings: DatabaseSettings) -> dict[str, str | int]:
    last_resort = round((settings.unit_limit + _LATER) * 1000)
    return {
        "statement_timeout": last_resort,
        "idle_in_transaction_session_timeout": last_resort,
        "lock_timeout": round(settings.lock_limit * 1000),
        "timezone": "UTC",
    }
