"""Noticing that the ledger was written, without reading it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from digest.errors import StoreError
from digest.store.tables import attempts, deliveries

if TYPE_CHECKING:
    from sqlalchemy import Engine, PoolProxiedConnection


class Witness:
    """Remembers what it saw. SQLite counts the commits of other connections (`data_version`).

    PostgreSQL does not, so there the newest rows are looked at.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: PoolProxiedConnection | None = None
        self._seen: object = None

    def changed(self) -> bool:
        """Whether something was written since the last call."""
        try:
            now = self._look()
        except (
            DBAPIError,
            sqlite3.Error,
            StoreError,
        ):  # whoever wants to read or write will say why
            self.close()
            return True
        before, self._seen = self._seen, now
        return now != before

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _look(self) -> object:
        if self._engine.dialect.name != "sqlite":
            with self._engine.connect() as connection:
                newest = select(func.max(deliveries.c.id)).scalar_subquery()
                log = select(func.max(attempts.c.id)).scalar_subquery()
                return tuple(connection.execute(select(newest, log)).one())
        if self._connection is None:
            # not SQLAlchemy's own, which would begin a transaction that keeps the writer out
            self._connection = self._engine.raw_connection()
        cursor = self._connection.cursor()
        try:
            return cursor.execute("PRAGMA data_version").fetchone()
        finally:
            cursor.close()
