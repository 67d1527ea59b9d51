"""Which installation a ledger belongs to, and how many messages it has recorded as sent."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import insert, select

from digest.store.tables import meta

if TYPE_CHECKING:
    from sqlalchemy import Connection

RECOVER = "digest recover --accept-older-db"


def first_rows(connection: Connection) -> None:
    """A new installation."""
    rows = [{"name": "install", "value": secrets.token_hex(8)}, {"name": "sent", "value": "0"}]
    connection.execute(insert(meta), rows)


def identity(connection: Connection) -> tuple[str, int]:
    """The installation's id, and its count of sent messages."""
    found = {row.name: row.value for row in connection.execute(select(meta)).all()}
    return found["install"], int(found["sent"])
