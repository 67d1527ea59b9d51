"""Taking deliveries up: they are ours alone until they are settled or we are dead."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import update

from digest.core.content import DeliveryState as State
from digest.core.outbox import before_try
from digest.store import moves
from digest.store.reading import waiting
from digest.store.rows import delivery_of
from digest.store.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from digest.core.outbox import Delivery
    from digest.store.reading import Scope
    from digest.store.writer import Batch


def lease(
    scope: Scope,
    channel: str,
    batch: Batch,
    *,
    install: str,
    owner: str,
    after: int,
    most: int,
    wanted: Callable[[Delivery], bool],
    now: datetime,
) -> tuple[int | None, list[tuple[Delivery, bytes, int]]]:
    """The last row that was looked at, and what was leased."""
    connection = batch.connection
    statement = (
        waiting(scope, channel, now)
        .add_columns(deliveries.c.head, deliveries.c.content_id)
        .where(deliveries.c.id > after)
        .order_by(deliveries.c.id)
        .with_for_update(of=deliveries, skip_locked=True)
        .limit(most)
    )
    found: list[tuple[Delivery, bytes, int]] = []
    last = None
    for row in connection.execute(statement).all():
        held = delivery_of(row, install)
        last = held.row
        verdict = before_try(held, now, wanted=wanted(held))
        if verdict is None:
            found.append((replace(held, fence=held.fence + 1), row.head, row.content_id))
        else:
            moves.end(connection, held, held.state, verdict.state, now, reason=verdict.reason)
    _take(connection, [held for held, _, _ in found], owner, now)
    return last, found


def _take(connection: Connection, taken: list[Delivery], owner: str, now: datetime) -> None:
    if not taken:
        return
    connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_([held.row for held in taken]))
        .values(
            state=State.LEASED,
            owner=owner,
            fence=deliveries.c.fence + 1,
            updated_at=now,
        )
    )
    moves.log(connection, [moves.entry(held, held.state, State.LEASED, now) for held in taken])


def put_off(
    some: list[Delivery], reason: str, until: datetime, now: datetime, batch: Batch
) -> None:
    """What was leased waits until then; it was not tried."""
    for held in some:
        moves.end(
            batch.connection,
            held,
            State.LEASED,
            State.RETRY_WAIT,
            now,
            reason=reason,
            due_at=until,
        )
