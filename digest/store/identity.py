"""Which installation a ledger belongs to, and how many messages it has recorded as sent."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import insert, select, text

from digest.store.tables import meta

if TYPE_CHECKING:
    from sqlalchemy import Connection

RECOVER = "digest recover --accept-older-db"
_COUNT_SENT = text(
    "UPDATE meta SET value = CAST(CAST(value AS INTEGER) + :more AS TEXT) "
    "WHERE name = 'sent' RETURNING value"
)


def first_rows(connection: Connection) -> None:
    """A new installation."""
    rows = [{"name": "install", "value": secrets.token_hex(8)}, {"name": "sent", "value": "0"}]
    connection.execute(insert(meta), rows)


def identity(connection: Connection) -> tuple[str, int]:
    """The installation's id, and its count of sent messages."""
    found = {row.name: row.value for row in connection.execute(select(meta)).all()}
    return found["install"], int(found["sent"])


def count_sent(connection: Connection, more: int) -> int:
    """Count so many more messages as sent; gives how many there are now."""
    return int(connection.execute(_COUNT_SENT, {"more": more}).scalar_one())
