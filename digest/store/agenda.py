"""The table of due periods, and until when each job's schedule is accounted for.

A period of a job is in it once, whoever finds it due and however often; so a restart, a step of
the clock or a second process can't make it due a second time.
"""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, exists, func, insert, or_, select, update

from digest.core.agenda import Due, DueState, JobClock
from digest.core.content import DeliveryKind
from digest.store.inserting import in_pieces, insert_new
from digest.store.tables import dues, job_clocks, runs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from digest.store.writer import Batch, Writer

CLAIM = timedelta(minutes=20)
"""How long a due period is one process's to build; longer than a build may take."""

_UNTOLD = (DueState.SKIPPED, DueState.MISSED)


class AgendaReading:
    """One installation's due periods, read only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def clocks(self) -> dict[str, JobClock]:
        """The clock of every job that was ever on the schedule."""
        with self._engine.connect() as connection:
            return {
                row.job: JobClock(job=row.job, since=row.since, schedule=row.schedule)
                for row in connection.execute(select(job_clocks))
            }

    def last_period(self, job: str) -> str | None:
        """The period of a job that became due last."""
        statement = select(dues.c.period).where(dues.c.job == job)
        with self._engine.connect() as connection:
            return connection.execute(
                statement.order_by(dues.c.due_at.desc(), dues.c.id.desc()).limit(1)
            ).scalar()

    def latest(self) -> datetime | None:
        """The newest instant that something was planned or done; None in a new ledger."""
        # a notice about a wrong clock has that clock's time
        digests = select(runs.c.planned_at).where(runs.c.kind != DeliveryKind.OPS)
        statement = digests.order_by(runs.c.id.desc()).limit(1)
        with self._engine.connect() as connection:
            planned = connection.execute(statement).scalar()
            moved = connection.execute(select(func.max(dues.c.updated_at))).scalar()
        return max((at for at in (planned, moved) if at is not None), default=None)

    def waiting(self) -> list[Due]:
        """What is to be built, the earliest first."""
        return self._read(select(dues).where(dues.c.state == DueState.WAITING))

    def recent(self, most: int) -> list[Due]:
        """What became due last, newest first."""
        return self._read(select(dues), newest=True, most=most)

    def untold(self) -> list[Due]:
        """What was missed or left out, and the operator was not told of."""
        statement = select(dues).where(dues.c.state.in_(_UNTOLD), dues.c.reported.is_(False))
        return self._read(statement)

    def missed(self) -> list[Due]:
        """Periods that were missed, not sent by hand since, and the newest of their jobs."""
        newer, run = dues.alias(), runs.alias()
        statement = select(dues).where(
            dues.c.state == DueState.MISSED,
            ~exists().where(newer.c.job == dues.c.job, newer.c.due_at > dues.c.due_at),
            ~exists().where(
                run.c.job == dues.c.job,
                run.c.period == dues.c.period,
                run.c.kind == DeliveryKind.DIGEST,
            ),
        )
        return self._read(statement)

    def counts(self) -> dict[DueState, int]:
        """How many there are in each state."""
        statement = select(dues.c.state, func.count()).group_by(dues.c.state)
        with self._engine.connect() as connection:
            return {DueState(state): count for state, count in connection.execute(statement)}

    def _read(self, statement: Any, *, newest: bool = False, most: int | None = None) -> list[Due]:
        order = (dues.c.id.desc(),) if newest else (dues.c.due_at, dues.c.id)
        with self._engine.connect() as connection:
            return [
                due_of(row) for row in connection.execute(statement.order_by(*order).limit(most))
            ]


class Agenda(AgendaReading):
    """The same, written by one owner (a process)."""

    def __init__(self, engine: Engine, writer: Writer, owner: str) -> None:
        super().__init__(engine)
        self._writer = writer
        self._owner = owner

    def note(self, clocks: Sequence[JobClock], found: Sequence[Due], now: datetime) -> None:
        """Write what became due together with how far that accounts for; what is known stays."""
        if clocks or found:
            self._writer.do(lambda batch: _note(batch.connection, clocks, found, now))

    def forget(self, jobs: Iterable[str], reason: str, now: datetime) -> None:
        """Jobs that are not on the schedule any more: what waits of them is skipped."""
        for some in in_pieces(jobs):
            self._writer.do(partial(_forget, some, reason, now))

    def claim(self, due: Due, now: datetime) -> bool:
        """Take it up; False when another process has it, or it is done."""
        return self._writer.do(lambda batch: _claim(batch.connection, due, self._owner, now))

    def put_off(
        self, due: Due, *, until: datetime, reason: str, now: datetime, failed: bool = True
    ) -> None:
        """It could not be built now."""
        values = {
            "tries": due.tries + failed,
            "next_try": until,
            "reason": reason,
            "owner": None,
            "claimed_until": None,
        }
        self._change(due, now, **values)

    def end(self, due: Due, state: DueState, reason: str, now: datetime) -> None:
        """It is planned, or given up."""
        values = {"state": state, "reason": reason, "owner": None, "claimed_until": None}
        self._change(due, now, **values)

    def recover(self, now: datetime) -> None:
        """Whoever was building is dead (on SQLite, where there is one process only)."""
        free = {"owner": None, "claimed_until": None, "updated_at": now}
        statement = update(dues).where(dues.c.state == DueState.WAITING, dues.c.owner.is_not(None))
        self._writer.do(lambda batch: batch.connection.execute(statement.values(**free)).rowcount)

    def _change(self, due: Due, now: datetime, **values: Any) -> None:
        statement = (
            update(dues)
            .where(dues.c.id == due.row, dues.c.state == DueState.WAITING)
            .values(updated_at=now, **values)
        )
        self._writer.do(lambda batch: batch.connection.execute(statement).rowcount)


def due_of(row: Any) -> Due:
    """A row of `dues`."""
    return Due(
        row=row.id,
        job=row.job,
        period=row.period,
        due_at=row.due_at,
        local=row.local,
        ready_at=row.ready_at,
        deadline=row.deadline,
        state=DueState(row.state),
        tries=row.tries,
        next_try=row.next_try,
        reason=row.reason or "",
        reported=row.reported,
        updated_at=row.updated_at,
    )


def planned(connection: Connection, job: str, period: str, now: datetime) -> None:
    """The period's deliveries are in the ledger; part of the transaction that plans them."""
    connection.execute(
        update(dues)
        .where(dues.c.job == job, dues.c.period == period, dues.c.state == DueState.WAITING)
        .values(state=DueState.PLANNED, owner=None, claimed_until=None, reason=None, updated_at=now)
    )


def told(connection: Connection, rows: Collection[int]) -> None:
    """The operator has been told of these."""
    for some in in_pieces(rows):
        connection.execute(update(dues).where(dues.c.id.in_(some)).values(reported=True))


def accept_older(connection: Connection, now: datetime) -> None:
    """An older copy was put back, so nobody knows what was sent since: no schedule looks back."""
    connection.execute(update(job_clocks).where(job_clocks.c.since < now).values(since=now))
    connection.execute(
        update(dues)
        .where(dues.c.state == DueState.WAITING)
        .values(
            state=DueState.SKIPPED,
            reason="an older ledger was put back; it may have been sent meanwhile",
            reported=False,
            updated_at=now,
        )
    )


def purge(connection: Connection, before: datetime) -> None:
    """Delete what ended longer ago than that.

    A period that old can't become due again: its job's clock is past it.
    """
    connection.execute(
        delete(dues).where(dues.c.state != DueState.WAITING, dues.c.updated_at < before)
    )


def _note(
    connection: Connection, clocks: Sequence[JobClock], found: Sequence[Due], now: datetime
) -> None:
    for some in in_pieces(clocks):
        connection.execute(delete(job_clocks).where(job_clocks.c.job.in_([c.job for c in some])))
        connection.execute(
            insert(job_clocks),
            [{"job": c.job, "since": c.since, "schedule": c.schedule} for c in some],
        )
    for due in in_pieces(found):
        connection.execute(insert_new(connection, dues), [_values(one, now) for one in due])


def _values(due: Due, now: datetime) -> dict[str, Any]:
    return {
        "job": due.job,
        "period": due.period,
        "due_at": due.due_at,
        "local": due.local,
        "ready_at": due.ready_at,
        "deadline": due.deadline,
        "state": due.state,
        "tries": 0,
        "next_try": None,
        "owner": None,
        "claimed_until": None,
        "reason": due.reason or None,
        "reported": due.reported,
        "updated_at": now,
    }


def _forget(jobs: Sequence[str], reason: str, now: datetime, batch: Batch) -> None:
    connection = batch.connection
    connection.execute(
        update(dues)
        .where(dues.c.job.in_(jobs), dues.c.state == DueState.WAITING)
        .values(state=DueState.SKIPPED, reason=reason, reported=True, updated_at=now)
    )
    connection.execute(delete(job_clocks).where(job_clocks.c.job.in_(jobs)))


def _claim(connection: Connection, due: Due, owner: str, now: datetime) -> bool:
    taken = connection.execute(
        update(dues)
        .where(
            dues.c.id == due.row,
            dues.c.state == DueState.WAITING,
            or_(dues.c.owner.is_(None), dues.c.owner == owner, dues.c.claimed_until < now),
        )
        .values(owner=owner, claimed_until=now + CLAIM, updated_at=now)
    )
    return bool(taken.rowcount == 1)
