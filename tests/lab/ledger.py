"""The ledger as it lies on the disk, read with nothing but sqlite3.

A process that was killed may have left its rollback journal behind. Rolling that back is writing,
so a copy is read then, and the ledger stays as it was.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from digest.core.content import DeliveryState

DATABASE, MARK = "digest.db", "instance.json"
_ROWS = """
    SELECT d.id AS row, d.key, r.job, r.period, d.channel, d.recipient, d.state, d.fence,
           d.attempts, d.uncertain, d.reference, d.last_error
    FROM deliveries d JOIN runs r ON r.id = d.run_id ORDER BY d.id
"""
_LOG = """
    SELECT delivery_id AS delivery, attempt, fence, before, after, code, reason
    FROM attempts ORDER BY id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One delivery."""

    row: int
    key: str
    job: str
    period: str
    channel: str
    recipient: str
    state: DeliveryState
    fence: int
    attempts: int
    uncertain: int
    reference: str | None
    last_error: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the execution log."""

    delivery: int
    attempt: int
    fence: int
    before: DeliveryState | None
    after: DeliveryState
    code: str | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All deliveries and the whole log, oldest first; how many were sent, and the mark of that.

    `mark` is None where there is no file of it.
    """

    rows: tuple[Row, ...] = ()
    log: tuple[Entry, ...] = ()
    sent: int = 0
    mark: int | None = None

    def of(self, job: str) -> tuple[Row, ...]:
        """The deliveries of one digest."""
        return tuple(row for row in self.rows if row.job == job)

    def states(self, job: str) -> dict[str, DeliveryState]:
        """Recipient → state."""
        return {row.recipient: row.state for row in self.of(job)}


def read_books(folder: Path) -> Books:
    """What the state folder holds; nothing where no ledger was made yet."""
    path = folder / DATABASE
    mark = _mark(folder / MARK)
    if not path.exists():
        return Books(mark=mark)
    journal = path.with_name(f"{DATABASE}-journal")
    if not journal.exists():
        return _read(path, mark)
    with tempfile.TemporaryDirectory() as copy:
        for file in (path, journal):
            shutil.copy(file, copy)
        return _read(Path(copy) / DATABASE, mark, mode="rw")


def _mark(path: Path) -> int | None:
    if not path.exists() or not path.stat().st_size:  # made, and then killed
        return None
    return int(json.loads(path.read_text("utf-8"))["sent"])


def _read(path: Path, mark: int | None, mode: str = "ro") -> Books:
    with closing(sqlite3.connect(f"file:{path}?mode={mode}", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        rows = connection.execute(_ROWS).fetchall()
        log = connection.execute(_LOG).fetchall()
        sent = connection.execute("SELECT value FROM meta WHERE name = 'sent'").fetchone()
    return Books(
        rows=tuple(_row(dict(found)) for found in rows),
        log=tuple(_entry(dict(found)) for found in log),
        sent=int(sent["value"]),
        mark=mark,
    )


def _row(found: dict[str, Any]) -> Row:
    return Row(**(found | {"state": DeliveryState(found["state"])}))


def _entry(found: dict[str, Any]) -> Entry:
    before = None if found["before"] is None else DeliveryState(found["before"])
    return Entry(**(found | {"before": before, "after": DeliveryState(found["after"])}))
