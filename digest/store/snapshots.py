"""What was fetched, as it came: for changes that the API can't give, and to trace a number.

A list of all-time counts can only be compared with one of our own that was taken earlier.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sqlalchemy import select

from digest.core.snapshots import Snapshot
from digest.store.inserting import insert_new
from digest.store.tables import snapshots

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from sqlalchemy import Connection, Engine


def keep(connection: Connection, taken: Iterable[Snapshot]) -> None:
    """Store them; one that is there already stays."""
    for one in taken:
        connection.execute(
            insert_new(connection, snapshots).values(
                app_id=one.app_id,
                report=one.report,
                what=one.what,
                start=one.start.isoformat() if one.start else "",
                end=one.end.isoformat() if one.end else "",
                taken_at=one.taken_at,
                answer=json.dumps(one.answer, ensure_ascii=False, separators=(",", ":")),
            )
        )


def nearest(
    engine: Engine, app_id: str, report: str, what: str, *, at: datetime, within: timedelta
) -> Snapshot | None:
    """The all-time answer that was taken nearest to `at`, not further from it than `within`."""
    statement = select(snapshots).where(
        snapshots.c.app_id == app_id,
        snapshots.c.report == report,
        snapshots.c.what == what,
        snapshots.c.start == "",
        snapshots.c.taken_at.between(at - within, at + within),
    )
    with engine.connect() as connection:
        rows = connection.execute(statement).all()
    if not rows:
        return None
    row = min(rows, key=lambda one: (abs(one.taken_at - at), one.id))
    return Snapshot(
        app_id=row.app_id,
        report=row.report,
        what=row.what,
        start=None,
        end=None,
        taken_at=row.taken_at,
        answer=json.loads(row.answer),
    )
