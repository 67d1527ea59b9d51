"""The ledger of runs and deliveries: planning, leasing, and every move until the end.

All writing goes through the writer; a function that returns a Future is durable when that has its
result. Reading uses connections of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from digest.core.content import DeliveryState as State
from digest.core.outbox import after_try
from digest.core.steps import Step, reached
from digest.errors import StoreError
from digest.store import holds, leasing, moves, planned, recovery
from digest.store.inserting import AT_ONCE
from digest.store.planned import NOTHING_TOLD
from digest.store.reading import Reading
from digest.store.rows import held_texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from datetime import datetime

    from sqlalchemy import Engine

    from digest.core.content import Outcome, Parcel
    from digest.core.outbox import Decision, Delivery
    from digest.core.snapshots import Snapshot
    from digest.store.planned import NewDelivery, NewRun, Told
    from digest.store.reading import Scope
    from digest.store.rows import Run
    from digest.store.writer import Batch, Writer

# Commits that may wait for company, in seconds: a try that has begun is only counted, and the
# next message's arm comes about as soon as its server answers.
_BEGIN_WAITS = 0.5
_RESULT_WAITS = 0.003


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
        self.ended: Callable[[Delivery, State, str], None] = lambda _held, _state, _code: None
        self._hand = leasing.Hand()

    # Planning

    def plan(
        self,
        new: NewRun,
        batch: Iterable[NewDelivery],
        *,
        snapshots: Iterable[Snapshot] = (),
        supersedes: int | None = None,
        told: Told = NOTHING_TOLD,
    ) -> Run | None:
        """Write a run with its deliveries' frozen bytes, all or nothing.

        Gives None when the run is there already; then nothing is changed. `supersedes` is an
        older run whose unfinished deliveries end as skipped. `told` is what this run tells the
        operator about. A due period of that job waits no more.

        Work beside it that fails has it written once more, for which `batch` is gone through
        again; one that can't be raises StateBusyError then.
        """
        passes = planned.Passes(batch)
        reached(Step.PLAN_PRE)
        made = self._writer.do(
            lambda held: planned.plan(
                held.connection,
                new,
                passes,
                snapshots=snapshots,
                supersedes=supersedes,
                told=told,
                install=self.install,
            )
        )
        reached(Step.PLAN_POST)
        return made

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
        dead or skipped. `let_go` has to be told when nobody is at work on them any more.
        """
        now = self._clock()
        while True:
            work = partial(
                leasing.lease,
                scope,
                channel,
                install=self.install,
                owner=self._owner,
                after=after,
                most=most,
                wanted=wanted,
                now=now,
                ended=self.ended,
            )
            with self._hand.lock:
                last, taken = self._writer.do(work)
                self._hand.rows.update(held.row for held, _, _ in taken)
            if taken or last is None:
                break
            after = last  # all of these have ended
        reached(Step.LEASE_POST)
        try:
            return [
                Leased(delivery=held, parcel=self.parcel_of(held, head, content))
                for held, head, content in taken
            ]
        except StoreError:
            self.let_go(held.row for held, _, _ in taken)
            raise

    def let_go(self, rows: Iterable[int]) -> None:
        """Nobody here is at work on these any more, whatever the ledger says of them."""
        with self._hand.lock:
            self._hand.rows.difference_update(rows)

    def reclaim(self, scope: Scope) -> int:
        """Settle what is ours in the ledger though nobody here is at work on it; gives how many.

        That is left when the ledger could not be written or read for a while: what was never at
        risk waits again, and what was is uncertain, as after a crash.
        """
        with self._hand.lock:
            lost = recovery.lost_hold(scope, self._owner, self._hand.rows)
            with self._engine.connect() as connection:
                if not recovery.is_any(connection, lost):
                    return 0
            now = self._clock()
            return self._writer.do(
                lambda batch: recovery.reclaim(batch.connection, self.install, now, lost)
            )

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
        if self._writer.broken is not None:  # its own commit may have been the last good one
            raise self._writer.broken
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

        done = self._writer.submit(work, must=True, patience=_RESULT_WAITS)
        if decision.state in {State.SENT, State.FAILED}:
            done.add_done_callback(
                lambda written: self._tell(written, held, decision.state, outcome.code)
            )
        return done

    def _tell(self, written: Future[bool], held: Delivery, state: State, code: str) -> None:
        if written.exception() is None and written.result():
            self.ended(held, state, code)

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
        while some := self.lease(scope, channel, after=after, most=AT_ONCE, wanted=wanted):
            after = some[-1].delivery.row
            now = self._clock()
            held = [leased.delivery for leased in some]
            try:
                self._writer.do(partial(leasing.put_off, held, reason, until, now))
            finally:
                self.let_go(one.row for one in held)

    def hold(self, channel: str, fault: Outcome) -> datetime:
        """Note that a channel is in trouble; gives until when it is left alone."""
        now = self._clock()
        return self._writer.do(lambda batch: holds.hold(batch.connection, channel, fault, now))

    def hurry(self, scope: Scope) -> None:
        """Have what waits in the scope taken up now, whoever sends it."""
        now = self._clock()
        self._writer.do(partial(leasing.hurry, scope, now))

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

        done = self._writer.do(work)
        if done and decision.state not in {held.state, State.PLANNED}:
            self.ended(held, decision.state, "")
        return done
