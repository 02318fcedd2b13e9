"""Types of columns that mean the same in SQLite and in PostgreSQL. Ids are `sqlalchemy.Uuid`, which needs nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, BigInteger, DateTime, Integer, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB

if TYPE_CHECKING:
    from sqlalchemy import Dialect
    from sqlalchemy.types import TypeEngine


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, which comes back in UTC; a naive one is refused. SQLite keeps no zone, so what it keeps is UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("A time without a zone is not stored. Take it from the clock, or give it one.")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - given
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


#: JSON; in PostgreSQL the kind that can be searched by its content, and that does not keep the order of keys.
Json: TypeEngine[Any] = JSON().with_variant(JSONB(), "postgresql")
#: The primary key of rows that are only ever counted up. SQLite counts only its INTEGER by itself.
Counter: TypeEngine[int] = BigInteger().with_variant(Integer(), "sqlite")
