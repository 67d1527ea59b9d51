"""A person's word that an alert is not to be heard for a while. It ends by the wall clock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, or_, select, update

from digest.store.alert_tables import silences

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Who silenced which alert (`*`: every one) until when, and why.

    `ended_at` is when it was ended before its time.
    """

    row: int
    alert: str
    created_at: datetime
    until: datetime
    ended_at: datetime | None
    author: str
    why: str


def in_force(connection: Connection, now: datetime) -> list[Silence]:
    """Those that hold at an instant, the one that ends first comes first."""
    statement = select(silences).where(silences.c.ended_at.is_(None), silences.c.until > now)
    found = connection.execute(statement.order_by(silences.c.until, silences.c.id))
    return [_silence_of(row) for row in found]


def newest(connection: Connection, most: int) -> list[Silence]:
    """The latest ones, whether they still hold or not, newest first."""
    statement = select(silences).order_by(silences.c.id.desc()).limit(most)
    return [_silence_of(row) for row in connection.execute(statement)]


def begin(
    connection: Connection, alert: str, *, until: datetime, author: str, why: str, now: datetime
) -> Silence:
    """Silence an alert, or every one (`*`)."""
    values = {"alert": alert, "created_at": now, "until": until, "author": author, "why": why}
    made = connection.execute(insert(silences).values(ended_at=None, **values).returning(silences))
    return _silence_of(made.one())


def end(connection: Connection, alert: str, now: datetime) -> int:
    """End those of an alert that hold; gives how many that were."""
    statement = update(silences).where(
        silences.c.alert == alert, silences.c.ended_at.is_(None), silences.c.until > now
    )
    return connection.execute(statement.values(ended_at=now)).rowcount


def purge(connection: Connection, before: datetime) -> None:
    """Delete those that were over before an instant."""
    over = or_(silences.c.until < before, silences.c.ended_at < before)
    connection.execute(delete(silences).where(over))


def _silence_of(row: Row[Any]) -> Silence:
    return Silence(
        row=row.id,
        alert=row.alert,
        created_at=row.created_at,
        until=row.until,
        ended_at=row.ended_at,
        author=row.author,
        why=row.why,
    )
