"""Whether a commit came about whose answer was lost. A server can be asked that, a disk can't.

Every transaction of a writer counts up a row of its own. After the connection was lost while it
was committing, that row says whether the transaction is in the database that answers now.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sqlalchemy import text

from digest.errors import StateBusyError

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SECONDS = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT)"
_COUNT = text(
    f"INSERT INTO meta (name, value) VALUES (:name, :turn || ' ' || {_SECONDS}) "  # noqa: S608 — a constant
    "ON CONFLICT (name) DO UPDATE SET value = excluded.value"
)
# It waits for a transaction that has the row in hand, whatever becomes of that one.
_ASK = text(
    "INSERT INTO meta (name, value) VALUES (:name, '') "
    "ON CONFLICT (name) DO UPDATE SET value = meta.value RETURNING value"
)
_NAME = text("SELECT set_config('application_name', :name, false)")
# A connection can be dead for us and alive for the server, with our locks.
_END_OTHERS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE application_name = :name AND usename = current_user AND pid <> pg_backend_pid()"
)
_FORGET = text("DELETE FROM meta WHERE name = :name")
_FORGET_DEAD = text(
    "DELETE FROM meta WHERE name LIKE 'writer %' "  # noqa: S608 — as above
    f"AND CAST(split_part(value, ' ', 2) AS BIGINT) < {_SECONDS} - 86400"
)


class UnknownCommitError(StateBusyError):
    """Nobody could be asked whether the commit came about, so it must not simply be repeated."""


class Receipts:
    """One writer's row on a server; nothing at all on SQLite."""

    def __init__(self, dialect: str) -> None:
        self._asked = dialect == "postgresql"
        self._name = f"writer {secrets.token_hex(8)}"
        self._turn = 0

    def begin(self, connection: Connection) -> None:
        """On each new connection of the writer's: no older one of them does anything more."""
        if self._asked:
            with connection.begin():
                connection.execute(_END_OTHERS, {"name": self._name})
                connection.execute(_NAME, {"name": self._name})
                connection.execute(_FORGET_DEAD)

    def count(self, connection: Connection) -> int:
        """At the end of a transaction; gives its number, 0 where nobody can be asked."""
        if not self._asked:
            return 0
        self._turn += 1
        connection.execute(_COUNT, {"name": self._name, "turn": str(self._turn)})
        return self._turn

    def has(self, connection: Connection, turn: int) -> bool | None:
        """Whether the transaction with this number was committed; None when the row is gone."""
        transaction = connection.begin()
        try:
            found = connection.execute(_ASK, {"name": self._name}).scalar_one()
        finally:
            transaction.rollback()
        counted = str(found).partition(" ")[0]
        if not counted and turn > 1:
            return None
        return counted == str(turn)

    def end(self, connection: Connection) -> None:
        """The writer has ended; its row goes."""
        if self._turn:
            with connection.begin():
                connection.execute(_FORGET, {"name": self._name})
