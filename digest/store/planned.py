"""Writing a run: its deliveries' frozen bytes, each document once, all or nothing."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from digest.core.content import DeliveryKind, Frozen
from digest.core.content import DeliveryState as State
from digest.core.outbox import WAITING
from digest.core.steps import Step, reached
from digest.errors import StateBusyError
from digest.store import agenda, holds, moves, troubles
from digest.store.inserting import in_pieces, insert_new
from digest.store.rows import DELIVERIES, Run, delivery_of, held_texts, run_of
from digest.store.snapshots import keep
from digest.store.tables import contents, deliveries, runs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from digest.core.content import DeliveryKey
    from digest.core.snapshots import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What is planned: a job's period, until when it is tried, and from when (None: at once)."""

    job: str
    kind: DeliveryKind
    period: str
    app: str
    planned_at: datetime
    deadline: datetime
    generation: int = 0
    warnings: tuple[str, ...] = ()
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a run tells the operator about: deliveries and due periods (rows), channels, troubles.

    Each is told once, because that is written together with the run.
    """

    deliveries: Collection[int] = ()
    dues: Collection[int] = ()
    channels: Collection[str] = ()
    troubles: Collection[str] = ()


NOTHING_TOLD = Told()


NewDelivery = tuple["DeliveryKey", "Frozen | str"]
"""A key with its bytes, or with the sentence why there are none for this recipient."""


class Passes:
    """A batch that may have to be gone through more than once.

    A second pass through an iterator would find nothing, and the run would be one that nobody
    gets: that raises StateBusyError instead.
    """

    def __init__(self, batch: Iterable[NewDelivery]) -> None:
        self._batch = batch
        self._used = False

    def __iter__(self) -> Iterator[NewDelivery]:
        if self._used and iter(self._batch) is self._batch:
            raise StateBusyError("the ledger could not be written together with other work")
        self._used = True
        return iter(self._batch)


def plan(
    connection: Connection,
    new: NewRun,
    batch: Iterable[NewDelivery],
    *,
    snapshots: Iterable[Snapshot],
    supersedes: int | None,
    told: Told,
    install: str,
) -> Run | None:
    """Write a run and its deliveries; None when the run is there already."""
    row = connection.execute(
        insert_new(connection, runs)
        .values(
            job=new.job,
            kind=new.kind,
            period=new.period,
            generation=new.generation,
            app=new.app,
            planned_at=new.planned_at,
            deadline=new.deadline,
            warnings=held_texts(new.warnings) or "",
        )
        .returning(runs)
    ).first()
    if row is None:
        return None
    keep(connection, snapshots)
    reached(Step.SNAPSHOT_POST)
    for some in in_pieces(_new_rows(connection, row, batch, new.not_before)):
        connection.execute(insert(deliveries), some)
    if supersedes is not None:
        _supersede(connection, supersedes, install, new.planned_at)
    if new.kind is DeliveryKind.DIGEST:
        agenda.planned(connection, new.job, new.period, new.planned_at)
    _note_told(connection, told)
    return run_of(row)


def _note_told(connection: Connection, told: Told) -> None:
    for rows in in_pieces(told.deliveries):
        connection.execute(
            update(deliveries).where(deliveries.c.id.in_(rows)).values(reported=True)
        )
    if told.channels:
        holds.told(connection, told.channels)
    if told.troubles:
        troubles.told(connection, told.troubles)
    agenda.told(connection, told.dues)


def _new_rows(
    connection: Connection,
    run: Row[Any],
    batch: Iterable[NewDelivery],
    not_before: datetime | None,
) -> Iterator[dict[str, Any]]:
    known: dict[int, tuple[bytes, int]] = {}
    for key, held in batch:
        frozen = held if isinstance(held, Frozen) else Frozen(document=b"")
        refusal = held if isinstance(held, str) else None
        document = frozen.document
        if id(document) not in known:  # readers of one content share one bytes object
            known[id(document)] = (document, _content(connection, document))
        yield {
            "key": key.digest,
            "run_id": run.id,
            "channel": key.channel,
            "recipient": key.recipient,
            "generation": key.generation,
            "content_id": known[id(document)][1],
            "head": frozen.head,
            "reference": frozen.reference,
            "place": None,
            "remarks": held_texts(frozen.remarks),
            "state": State.PLANNED if refusal is None else State.FAILED,
            "fence": 0,
            "owner": None,
            "attempts": 0,
            "uncertain": 0,
            "looks": 0,
            "small": False,
            "due_at": not_before,
            "armed_at": None,
            "updated_at": run.planned_at,
            "reported": False,
            "last_error": refusal,
        }


def _content(connection: Connection, document: bytes) -> int:
    """The id of a document, which is stored once however often it is sent."""
    digest = hashlib.sha256(document).digest()
    new = insert_new(connection, contents).values(sha256=digest, data=document)
    # Held on to until our deliveries refer to it: a purge beside us may be about to delete it.
    known = (
        select(contents.c.id)
        .where(contents.c.sha256 == digest)
        .with_for_update(read=True, key_share=True)
    )
    while True:
        connection.execute(new)
        row = connection.execute(known).scalar()
        if row is not None:
            return int(row)


def _supersede(connection: Connection, run: int, install: str, now: datetime) -> None:
    """A newer generation is on its way, so what is left of this one is not sent any more."""
    left = (*WAITING, State.UNCERTAIN, State.HELD, State.FAILED, State.DEAD)
    statement = DELIVERIES.where(deliveries.c.run_id == run, deliveries.c.state.in_(left))
    for row in connection.execute(statement).all():
        held = delivery_of(row, install)
        reason = f"superseded by a newer generation; was {held.state}"
        moves.end(connection, held, held.state, State.SKIPPED, now, reason=reason)
