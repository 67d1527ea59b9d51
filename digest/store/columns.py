"""What all tables are made with: their kinds of columns, and the one schema that they are in.

Instants are whole microseconds since 1970, UTC, so that both databases keep and order them alike.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, Integer, MetaData
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy import Dialect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware instant."""

    impl = BigInteger  # type: ignore[mutable-override]
    cache_ok = True  # type: ignore[mutable-override]

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Aware instant → microseconds."""
        del dialect
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Microseconds → aware instant, UTC."""
        del dialect
        return None if value is None else _EPOCH + timedelta(microseconds=value)


# SQLite gives only an INTEGER primary key its own row number.
RowId = BigInteger().with_variant(Integer, "sqlite")

metadata = MetaData()
