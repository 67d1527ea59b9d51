"""The ledger's agenda, the folder's deliveries and the notices, as they lie on the disk."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING, Any

from tests.soak.jobs import OPS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tests.support.smtp_acts import Received

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = "job, period, due_at, state, coalesce(reason, ''), reported"
_NOT_SENT = re.compile(r"([a-z-]+) was not sent for ((?:[0-9W…-]+(?: \(\d+ more\))?(?:, )?)+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """One due period as it stands in the ledger."""

    job: str
    period: str
    due_at: datetime
    state: str
    reason: str
    reported: bool


def due_rows(folder: Path) -> list[DueRow]:
    """Everything that became due, in order."""
    ledger = folder / "digest.db"
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as database:
        found = database.execute(f"SELECT {_COLUMNS} FROM dues ORDER BY due_at, id").fetchall()
    return [
        DueRow(
            job=job,
            period=period,
            due_at=_EPOCH + timedelta(microseconds=at),
            state=state,
            reason=reason,
            reported=bool(reported),
        )
        for job, period, at, state, reason, reported in found
    ]


def folder_entries(folder: Path) -> Iterator[dict[str, Any]]:
    """What lies in the folder, as a journal would have it; when it was written is not known."""
    for mark in sorted((folder / "out").rglob("delivery.json")):
        key = json.loads(mark.read_text("utf-8"))
        yield {
            "kind": "slack",
            "event": "accepted",
            "key": key["key"],
            "channel": key["recipient"],
            "part": 0,
            "sha256": hashlib.sha256((mark.parent / "email.html").read_bytes()).hexdigest(),
        }


def told_twice(received: Sequence[Received]) -> Iterator[str]:
    """Periods that more than one notice says were not sent."""
    told: dict[tuple[str, str], set[str]] = {}
    for mail in received:
        if mail.accepted and mail.recipients == (OPS,):
            message = message_from_bytes(mail.data, policy=default)
            text = message.get_body(("plain",))
            assert text is not None
            for job, labels in _NOT_SENT.findall(" ".join(text.get_content().split())):
                for label in re.findall(r"\d{4}-[0-9W-]+", labels):
                    told.setdefault((job, label), set()).add(str(message["Message-ID"]))
    for (job, label), notices in told.items():
        if len(notices) > 1:
            yield f"{len(notices)} notices say that {job} was not sent for {label}"
