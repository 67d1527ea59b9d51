"""Taking deliveries up: they are ours alone until they are settled, let go of, or we are dead."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sqlalchemy import update

from digest.core.content import DeliveryState as State
from digest.core.outbox import WAITING, before_try
from digest.store import moves
from digest.store.inserting import in_pieces
from digest.store.reading import in_scope, waiting
from digest.store.rows import delivery_of
from digest.store.tables import deliveries, holds

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlalchemy import Connection

    from digest.core.outbox import Delivery
    from digest.store.reading import Scope
    from digest.store.writer import Batch


@dataclass(frozen=True, slots=True)
class Hand:
    """The rows that this process is at work on. `lock` is held while that changes in the ledger."""

    rows: set[int] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)


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
    ended: Callable[[Delivery, State, str], None],
) -> tuple[int | None, list[tuple[Delivery, bytes, int]]]:
    """The last row that was looked at, and what was leased. `ended` is told of the others."""
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
            ended(held, verdict.state, "")
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


def hurry(scope: Scope, now: datetime, batch: Batch) -> None:
    """What waits for a later time may be taken up now, also where its channel is left alone."""
    connection = batch.connection
    found = connection.execute(in_scope(scope).where(deliveries.c.state.in_(WAITING))).all()
    for some in in_pieces(row.id for row in found):
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_(some), deliveries.c.state.in_(WAITING))
            .values(due_at=None)
        )
    connection.execute(
        update(holds)
        .where(holds.c.channel.in_({row.channel for row in found}), holds.c.until > now)
        .values(until=now)
    )
