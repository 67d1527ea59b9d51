"""The rows in SQLite, in memory: one connection, one query at a time."""

from __future__ import annotations

import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.sandbox.rows import Rows

_SCHEMA = """
CREATE TABLE devices (
    device_id TEXT PRIMARY KEY, app_id TEXT NOT NULL,
    platform TEXT, country TEXT, city TEXT, first_seen INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY, device_id TEXT NOT NULL,
    started_at INTEGER NOT NULL, last_activity_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE events (
    app_id TEXT NOT NULL, device_id TEXT NOT NULL, name TEXT NOT NULL,
    is_screen INTEGER NOT NULL, is_debug INTEGER NOT NULL, at INTEGER NOT NULL
);
-- A session belongs to the app of its device; one without a device belongs to none.
CREATE VIEW app_sessions AS
    SELECT app_id, device_id, platform, country, city, started_at, last_activity_at,
           last_activity_at - started_at AS duration
    FROM sessions JOIN devices USING (device_id);
"""
_INDEXES = """
CREATE INDEX devices_by_app ON devices (app_id, first_seen);
CREATE INDEX sessions_by_device ON sessions (device_id, started_at, last_activity_at);
CREATE INDEX events_by_app ON events (app_id, at);
"""


class Store:
    """Answers SQL over the rows. Close it after use.

    Raises UsageError when two rows have the same id.
    """

    def __init__(self, rows: Rows) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            self._load(rows)
        except sqlite3.IntegrityError as error:
            self.close()
            raise UsageError(f"two rows have the same id ({error})") from None

    def rows(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of a SELECT with named values."""
        with self._lock:
            return self._database.execute(sql, values).fetchall()

    def row(self, sql: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
        """The one row of a SELECT that always has one."""
        return self.rows(sql, values)[0]

    def add(self, rows: Rows) -> None:
        """More rows, as if they had come in just now. Raises UsageError as the start does."""
        with self._lock:
            try:
                self._insert(rows)
                self._database.commit()
            except sqlite3.IntegrityError as error:
                self._database.rollback()
                raise UsageError(f"two rows have the same id ({error})") from None

    def _load(self, rows: Rows) -> None:
        self._database.executescript(_SCHEMA)
        self._insert(rows)
        self._database.executescript(_INDEXES)
        self._database.commit()

    def _insert(self, rows: Rows) -> None:
        database = self._database
        database.executemany("INSERT INTO devices VALUES (?, ?, ?, ?, ?, ?)", rows.devices)
        database.executemany("INSERT INTO sessions VALUES (?, ?, ?, ?)", rows.sessions)
        database.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", rows.events)

    def close(self) -> None:
        """Forget the rows."""
        with self._lock:
            self._database.close()
