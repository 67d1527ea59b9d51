"""What a person does to the ledger as a whole: purge, take an older copy for good, send again."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update

from digest.core.content import DeliveryKey
from digest.core.content import DeliveryState as State
from digest.core.outbox import OPEN
from digest.core.steps import Step, reached
from digest.store import agenda, alert_upkeep, moves
from digest.store.inserting import in_pieces, insert_new
from digest.store.rows import DELIVERIES, delivery_of
from digest.store.tables import attempts, contents, deliveries, meta, runs, snapshots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from digest.core.outbox import Delivery
    from digest.store.writer import Batch, Writer

_AT_ONCE = 500
_PURGES = timedelta(days=1)
_ENDED = (State.SENT, State.FAILED, State.DEAD, State.SKIPPED)
_AGAIN = frozenset({State.FAILED, State.DEAD, State.HELD})


def purge(writer: Writer, before: datetime) -> int:
    """Delete deliveries that ended before an instant, with their bytes and log.

    Their runs stay: they are what keeps a period from being sent a second time; only those of
    alerts go with their deliveries. A later generation stays while an earlier one is open, because
    its number must not be given again. Snapshots of that age go, too, and what is kept of alerts.
    Gives how many deliveries were deleted.
    """
    gone = 0
    while some := writer.do(lambda batch: _purge_some(batch.connection, before)):
        gone += some
        reached(Step.PRUNE_MID)
    writer.do(lambda batch: _purge_rest(batch.connection, before))
    return gone


def purge_when_due(writer: Writer, before: datetime, now: datetime) -> int:
    """The same, but at most once a day."""
    if not writer.do(lambda batch: _purge_is_due(batch.connection, now)):
        return 0
    return purge(writer, before)


def _purge_is_due(connection: Connection, now: datetime) -> bool:
    """Whether the last one was a day ago; if so this one is noted."""
    name = "purged_at"
    known = connection.execute(select(meta.c.value).where(meta.c.name == name)).scalar()
    if known is None:
        connection.execute(insert_new(connection, meta).values(name=name, value=now.isoformat()))
        return False  # a new ledger has nothing to purge
    if now - datetime.fromisoformat(known) < _PURGES:
        return False
    ours = connection.execute(
        update(meta).where(meta.c.name == name, meta.c.value == known).values(value=now.isoformat())
    )
    return ours.rowcount == 1  # else another process does it


def _purge_some(connection: Connection, before: datetime) -> int:
    rows = (
        connection.execute(
            select(deliveries.c.id)
            .where(deliveries.c.state.in_(_ENDED), deliveries.c.updated_at < before, _unneeded())
            .limit(_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        .scalars()
        .all()
    )
    if rows:
        connection.execute(delete(attempts).where(attempts.c.delivery_id.in_(rows)))
        connection.execute(delete(deliveries).where(deliveries.c.id.in_(rows)))
    return len(rows)


def _unneeded() -> ColumnElement[bool]:
    """Whether no earlier generation of the same delivery is open or held."""
    earlier = deliveries.alias("earlier")
    same = and_(
        earlier.c.run_id == deliveries.c.run_id,
        earlier.c.channel == deliveries.c.channel,
        earlier.c.recipient == deliveries.c.recipient,
        earlier.c.generation < deliveries.c.generation,
        earlier.c.state.not_in(_ENDED),
    )
    return or_(deliveries.c.generation == 0, ~select(earlier.c.id).where(same).exists())


def _purge_rest(connection: Connection, before: datetime) -> None:
    unused = contents.c.id.not_in(select(deliveries.c.content_id))
    # Locked first and looked at again, because a run beside us may be planned with these bytes.
    free = select(contents.c.id).where(unused).with_for_update(skip_locked=True)
    for some in in_pieces(connection.execute(free).scalars().all(), _AT_ONCE):
        connection.execute(delete(contents).where(contents.c.id.in_(some), unused))
    connection.execute(delete(snapshots).where(snapshots.c.taken_at < before))
    agenda.purge(connection, before)
    alert_upkeep.purge(connection, before)


def accept_older(batch: Batch, install: str, sent: int, now: datetime) -> int:
    """Take an older copy as the ledger from now on; gives how many deliveries are held for it.

    What it says is waiting may have been sent meanwhile, so a person decides about each. The
    count of sent messages goes on from where it had come to.
    """
    connection = batch.connection
    rows = connection.execute(DELIVERIES.where(deliveries.c.state.in_(OPEN))).all()
    held = 0
    for row in rows:
        one = delivery_of(row, install)
        reason = "an older ledger was put back; it may have been sent meanwhile"
        held += moves.end(connection, one, one.state, State.HELD, now, reason=reason)
    known = int(connection.execute(select(meta.c.value).where(meta.c.name == "sent")).scalar_one())
    connection.execute(
        update(meta).where(meta.c.name == "sent").values(value=str(max(known, sent)))
    )
    agenda.accept_older(connection, now)
    alert_upkeep.accept_older(connection, now)
    connection.execute(delete(meta).where(meta.c.name == "restored_at"))
    connection.execute(insert(meta).values(name="restored_at", value=now.isoformat()))
    return held


def resend(
    batch: Batch, chosen: Sequence[Delivery], deadline: datetime, now: datetime
) -> list[int]:
    """Plan a new generation of each, with the same bytes; gives their rows.

    What had ended badly counts as settled by that. One that was moved or purged meanwhile is left
    out.
    """
    rows = (_resend(batch.connection, one, deadline, now) for one in chosen)
    return [row for row in rows if row is not None]


def _resend(connection: Connection, one: Delivery, deadline: datetime, now: datetime) -> int | None:
    old = connection.execute(
        select(deliveries).where(deliveries.c.id == one.row).with_for_update()
    ).first()
    if old is None:
        return None  # purged meanwhile
    newest = connection.execute(
        select(deliveries.c.generation)
        .where(
            deliveries.c.run_id == one.run,
            deliveries.c.channel == old.channel,
            deliveries.c.recipient == old.recipient,
        )
        .order_by(deliveries.c.generation.desc())
        .limit(1)
    ).scalar_one()
    key = DeliveryKey(
        install=one.key.install,
        job=one.key.job,
        kind=one.key.kind,
        period=one.key.period,
        channel=one.key.channel,
        recipient=one.key.recipient,
        generation=newest + 1,
    )
    reason = f"sent again as {key.digest[:8]}; was {one.state}"
    if one.state in _AGAIN and not moves.end(
        connection, one, one.state, State.SKIPPED, now, reason=reason
    ):
        return None
    row = connection.execute(
        insert(deliveries)
        .values(
            key=key.digest,
            run_id=one.run,
            channel=old.channel,
            recipient=old.recipient,
            generation=key.generation,
            content_id=old.content_id,
            head=old.head,
            reference=_renamed(one, key),
            place=None,
            remarks=old.remarks,
            state=State.PLANNED,
            fence=0,
            owner=None,
            attempts=0,
            uncertain=0,
            looks=0,
            small=old.small,
            due_at=None,
            armed_at=None,
            updated_at=now,
            reported=False,
            last_error=None,
        )
        .returning(deliveries.c.id)
    ).scalar_one()
    connection.execute(
        update(runs)
        .where(runs.c.id == one.run, runs.c.deadline < deadline)
        .values(deadline=deadline)
    )
    return int(row)


def _renamed(one: Delivery, key: DeliveryKey) -> str | None:
    """A Message-ID is made from the key, so a new generation has one of its own."""
    if one.reference is None or one.key.digest not in one.reference:
        return None
    return one.reference.replace(one.key.digest, key.digest)
