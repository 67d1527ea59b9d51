"""The ledger of runs and deliveries: planning, leasing, and every move until the end.

All writing goes through the writer; a function that returns a Future is durable when that has its
result. Reading uses connections of its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from digest.core.content import DeliveryState as State
from digest.core.content import Frozen, Parcel
from digest.core.outbox import WAITING, after_try, before_try
from digest.core.steps import Step, reached
from digest.store import holds, moves
from digest.store.inserting import insert_new
from digest.store.reading import Reading, Scope, waiting
from digest.store.rows import DELIVERIES, Run, delivery_of, held_texts, run_of
from digest.store.snapshots import keep
from digest.store.tables import contents, deliveries, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from concurrent.futures import Future
    from datetime import datetime

    from sqlalchemy import Connection, Engine, Row

    from digest.core.content import DeliveryKey, DeliveryKind, Outcome
    from digest.core.outbox import Decision, Delivery
    from digest.core.snapshots import Snapshot
    from digest.store.writer import Batch, Writer

# Commits that may wait for company, in seconds: a try that has begun is only counted, and the
# next message's arm comes about as soon as its server answers.
_BEGIN_WAITS = 0.5
_RESULT_WAITS = 0.003
_AT_ONCE = 100  # rows of one statement, so that memory does not grow with the readers


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """What is planned: a job's period, and until when it is tried."""

    job: str
    kind: DeliveryKind
    period: str
    app: str
    planned_at: datetime
    deadline: datetime
    generation: int = 0
    warnings: tuple[str, ...] = ()


NewDelivery = tuple["DeliveryKey", "Frozen | str"]
"""A key with its bytes, or with the sentence why there are none for this recipient."""


@dataclass(slots=True)
class Leased:
    """A delivery that is ours to send. `at` is where it stands, as far as we moved it."""

    delivery: Delivery
    parcel: Parcel
    at: State = field(default=State.LEASED)


class Ledger(Reading):
    """One installation's runs and deliveries, written by one owner (a process)."""

    def __init__(
        self,
        engine: Engine,
        writer: Writer,
        *,
        install: str,
        owner: str,
        clock: Callable[[], datetime],
    ) -> None:
        super().__init__(engine, install)
        self._writer = writer
        self._owner = owner
        self._clock = clock
        self.wall = clock

    # Planning

    def plan(
        self,
        new: NewRun,
        batch: Iterable[NewDelivery],
        *,
        snapshots: Iterable[Snapshot] = (),
        supersedes: int | None = None,
        reports: Collection[int] = (),
        told: Collection[str] = (),
    ) -> Run | None:
        """Write a run with its deliveries' frozen bytes, all or nothing.

        Gives None when the run is there already; then nothing is changed. `supersedes` is an
        older run whose unfinished deliveries end as skipped. `reports` are deliveries whose bad
        end this run tells about, `told` channels whose trouble it does; each is told once.
        """
        reached(Step.PLAN_PRE)
        made = self._writer.do(
            lambda held: self._plan(
                held.connection,
                new,
                batch,
                snapshots=snapshots,
                supersedes=supersedes,
                reports=reports,
                told=told,
            )
        )
        reached(Step.PLAN_POST)
        return made

    def _plan(
        self,
        connection: Connection,
        new: NewRun,
        batch: Iterable[NewDelivery],
        *,
        snapshots: Iterable[Snapshot],
        supersedes: int | None,
        reports: Collection[int],
        told: Collection[str],
    ) -> Run | None:
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
        for some in _in_pieces(self._new_rows(connection, row, batch), _AT_ONCE):
            connection.execute(insert(deliveries), some)
        if supersedes is not None:
            _supersede(connection, supersedes, self.install, new.planned_at)
        for rows in _in_pieces(reports, _AT_ONCE):
            connection.execute(
                update(deliveries).where(deliveries.c.id.in_(rows)).values(reported=True)
            )
        if told:
            holds.told(connection, told)
        return run_of(row)

    def _new_rows(
        self, connection: Connection, run: Row[Any], batch: Iterable[NewDelivery]
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
                "due_at": None,
                "armed_at": None,
                "updated_at": run.planned_at,
                "reported": False,
                "last_error": refusal,
            }

    # Leasing

    def lease(
        self,
        scope: Scope,
        channel: str,
        *,
        after: int,
        most: int,
        wanted: Callable[[Delivery], bool],
    ) -> list[Leased]:
        """Take up to `most` waiting deliveries of a channel; they are ours alone until settled.

        Only rows beyond `after` are looked at. Those that may not be tried any more end here, as
        dead or skipped.
        """
        now = self._clock()
        while True:
            last, taken = self._writer.do(
                partial(self._lease, scope, channel, after=after, most=most, wanted=wanted, now=now)
            )
            if taken or last is None:
                break
            after = last  # all of these have ended
        reached(Step.LEASE_POST)
        return [
            Leased(delivery=held, parcel=self.parcel_of(held, head, content))
            for held, head, content in taken
        ]

    def _lease(
        self,
        scope: Scope,
        channel: str,
        batch: Batch,
        *,
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
            held = delivery_of(row, self.install)
            last = held.row
            verdict = before_try(held, now, wanted=wanted(held))
            if verdict is None:
                found.append((replace(held, fence=held.fence + 1), row.head, row.content_id))
            else:
                moves.end(connection, held, held.state, verdict.state, now, reason=verdict.reason)
        self._take(connection, [held for held, _, _ in found], now)
        return last, found

    def _take(self, connection: Connection, taken: list[Delivery], now: datetime) -> None:
        if not taken:
            return
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id.in_([held.row for held in taken]))
            .values(
                state=State.LEASED,
                owner=self._owner,
                fence=deliveries.c.fence + 1,
                updated_at=now,
            )
        )
        moves.log(connection, [moves.entry(held, held.state, State.LEASED, now) for held in taken])

    # What became of it

    def begin(self, leased: Leased) -> Future[bool]:
        """A try has begun. Need not be waited for: `arm` comes after it."""
        now, held = self._clock(), leased.delivery
        leased.at = State.SENDING
        return self._writer.submit(
            lambda batch: moves.begin(batch.connection, held, now), patience=_BEGIN_WAITS
        )

    def arm(self, leased: Leased) -> bool:
        """Make it durable that the recipient may have it from now on; False: not ours any more.

        Raises StoreError when it could not be written; then nothing may be sent.
        """
        now, held, before = self._clock(), leased.delivery, leased.at
        seen = self.wall()
        ours = self._writer.do(
            lambda batch: moves.arm(batch.connection, held, before, now, armed_at=seen)
        )
        if ours:
            leased.at = State.AT_RISK
        return ours

    def settle(self, leased: Leased, outcome: Outcome) -> Future[bool]:
        """What one try came to. Kept until it can be written."""
        now, before = self._clock(), leased.at
        begun = before is not State.LEASED
        held = replace(leased.delivery, attempts=leased.delivery.attempts + begun)
        decision = after_try(held, outcome, now)
        leased.at = decision.state

        def work(batch: Batch) -> bool:
            connection, attempt = batch.connection, int(begun)
            match decision.state:
                case State.SENT:
                    done = moves.sent(
                        connection,
                        leased.delivery,
                        before,
                        now,
                        reference=outcome.reference or held.reference,
                        place=outcome.place,
                        remarks=held_texts((*held.remarks, *outcome.remarks)),
                    )
                    batch.sent += done
                    return done
                case State.UNCERTAIN:
                    return moves.unsure(
                        connection, leased.delivery, now, decision.reason, attempt=attempt
                    )
                case _:
                    return moves.end(
                        connection,
                        leased.delivery,
                        before,
                        decision.state,
                        now,
                        reason=outcome.detail or decision.reason,
                        attempt=attempt,
                        code=outcome.code,
                        due_at=decision.at,
                        small=held.small or outcome.too_large,
                    )

        return self._writer.submit(work, must=True, patience=_RESULT_WAITS)

    def put_off(
        self,
        scope: Scope,
        channel: str,
        reason: str,
        until: datetime,
        wanted: Callable[[Delivery], bool],
    ) -> None:
        """The channel is in trouble, so all that waits for it waits until then; no try counts."""
        after = 0
        while some := self.lease(scope, channel, after=after, most=_AT_ONCE, wanted=wanted):
            after = some[-1].delivery.row
            now = self._clock()
            self._writer.do(partial(_put_off, some, reason, until, now))

    def hold(self, channel: str, fault: Outcome) -> datetime:
        """Note that a channel is in trouble; gives until when it is left alone."""
        now = self._clock()
        return self._writer.do(lambda batch: holds.hold(batch.connection, channel, fault, now))

    def give_up(self) -> None:
        """The process has to end: what can't be written now is not waited for any more."""
        self._writer.stop_waiting()

    def release(self, channel: str) -> None:
        """The channel has taken a message, so the trouble is over."""
        if any(hold.channel == channel for hold in self.holds()):
            self._writer.do(lambda batch: holds.release(batch.connection, channel))

    def hand_back(self, leased: Leased) -> Future[bool]:
        """Not sent and not to be sent by us: it waits again, as if it had not been taken."""
        now, held, before = self._clock(), leased.delivery, leased.at
        attempt = int(before is State.SENDING)
        return self._writer.submit(
            lambda batch: moves.end(
                batch.connection,
                held,
                before,
                State.PLANNED,
                now,
                reason="handed back",
                attempt=attempt,
                due_at=held.due_at,
                keep_error=True,
            )
        )

    def resolve(self, held: Delivery, decision: Decision, **found: Any) -> bool:
        """Move a delivery whose outcome was unknown, or that a person decides about.

        `found` are reference, place and remarks of a message that was found. False: it was moved
        by somebody else meanwhile.
        """
        now = self._clock()

        def work(batch: Batch) -> bool:
            connection = batch.connection
            if decision.state is State.SENT:
                done = moves.sent(
                    connection, held, held.state, now, reason=decision.reason, **found
                )
                batch.sent += done
                return done
            if decision.state is held.state:
                return moves.looked(connection, held, now, decision.at, count=decision.count)
            return moves.end(
                connection,
                held,
                held.state,
                decision.state,
                now,
                reason=decision.reason,
                due_at=decision.at,
                keep_error=decision.state is State.PLANNED,
            )

        return self._writer.do(work)


def _put_off(some: list[Leased], reason: str, until: datetime, now: datetime, batch: Batch) -> None:
    for leased in some:
        moves.end(
            batch.connection,
            leased.delivery,
            State.LEASED,
            State.RETRY_WAIT,
            now,
            reason=reason,
            due_at=until,
        )


def _content(connection: Connection, document: bytes) -> int:
    """The id of a document, which is stored once however often it is sent."""
    digest = hashlib.sha256(document).digest()
    statement = insert_new(connection, contents).values(sha256=digest, data=document)
    connection.execute(statement)
    return int(
        connection.execute(select(contents.c.id).where(contents.c.sha256 == digest)).scalar_one()
    )


def _supersede(connection: Connection, run: int, install: str, now: datetime) -> None:
    """A newer generation is on its way, so what is left of this one is not sent any more."""
    left = (*WAITING, State.UNCERTAIN, State.HELD, State.FAILED, State.DEAD)
    statement = DELIVERIES.where(deliveries.c.run_id == run, deliveries.c.state.in_(left))
    for row in connection.execute(statement).all():
        held = delivery_of(row, install)
        reason = f"superseded by a newer generation; was {held.state}"
        moves.end(connection, held, held.state, State.SKIPPED, now, reason=reason)


def _in_pieces(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    piece: list[Any] = []
    for item in items:
        piece.append(item)
        if len(piece) == size:
            yield piece
            piece = []
    if piece:
        yield piece
