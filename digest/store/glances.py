"""Looks at the ledger as a whole: counts, ages, what comes next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select

from digest.core.content import DeliveryKind
from digest.core.content import DeliveryState as State
from digest.core.outbox import NEEDS_PERSON, OPEN, WAITING
from digest.store.rows import Hold, Run, run_of
from digest.store.tables import deliveries, holds, runs

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Engine


@dataclass(slots=True, kw_only=True)
class Outcomes:
    """Deliveries of one period by state, and when one of them moved last."""

    counts: dict[State, int]
    at: datetime

    @property
    def all_sent(self) -> bool:
        """Whether every reader who should have it has it."""
        states = {state for state, count in self.counts.items() if count}
        return states <= {State.SENT, State.SKIPPED}


class Glances:
    """How an installation's ledger stands."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def latest_runs(self, most: int) -> list[Run]:
        """The runs that were planned last, newest first."""
        statement = select(runs).order_by(runs.c.id.desc()).limit(most)
        with self._engine.connect() as connection:
            return [run_of(row) for row in connection.execute(statement)]

    def counts(self, run: int | None = None) -> dict[State, int]:
        """How many deliveries there are in each state."""
        statement = select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
        if run is not None:
            statement = statement.where(deliveries.c.run_id == run)
        with self._engine.connect() as connection:
            return {State(state): count for state, count in connection.execute(statement)}

    def outcomes(self, most: int) -> dict[tuple[str, str], Outcomes]:
        """Of the latest digest runs, by job and period, how their deliveries stand."""
        latest = select(runs.c.id).order_by(runs.c.id.desc()).limit(most).scalar_subquery()
        statement = (
            select(
                runs.c.job,
                runs.c.period,
                deliveries.c.state,
                func.count(),
                func.max(deliveries.c.updated_at),
            )
            .select_from(deliveries.join(runs))
            .where(runs.c.id.in_(latest), runs.c.kind == DeliveryKind.DIGEST)
            .group_by(runs.c.id, runs.c.job, runs.c.period, deliveries.c.state)
            .order_by(runs.c.id)
        )
        found: dict[tuple[str, str], Outcomes] = {}
        with self._engine.connect() as connection:
            for job, period, state, count, at in connection.execute(statement):
                outcomes = found.setdefault((job, period), Outcomes(counts={}, at=at))
                outcomes.counts[State(state)] = outcomes.counts.get(State(state), 0) + count
                outcomes.at = max(outcomes.at, at)
        return found

    def needing_count(self) -> int:
        """How many of those there are."""
        statement = (
            select(func.count())
            .select_from(deliveries.join(runs))
            .where(deliveries.c.state.in_(NEEDS_PERSON), runs.c.kind != DeliveryKind.TEST)
        )
        with self._engine.connect() as connection:
            return int(connection.execute(statement).scalar_one())

    def queue_age(self, now: datetime) -> timedelta:
        """How long the delivery has waited that could have been sent for the longest time."""
        since = func.coalesce(deliveries.c.due_at, deliveries.c.updated_at)
        statement = select(func.min(since)).where(
            deliveries.c.state.in_(WAITING),
            or_(deliveries.c.due_at.is_(None), deliveries.c.due_at <= now),
        )
        with self._engine.connect() as connection:
            oldest: datetime | None = connection.execute(statement).scalar()
        return timedelta() if oldest is None else max(now - oldest, timedelta())

    def ops_undelivered(self, before: datetime) -> int:
        """How many notices to the operator failed, or wait since before that instant."""
        statement = (
            select(func.count())
            .select_from(deliveries.join(runs))
            .where(
                runs.c.kind == DeliveryKind.OPS,
                or_(
                    deliveries.c.state.in_(NEEDS_PERSON),
                    and_(deliveries.c.state.in_(OPEN), runs.c.planned_at < before),
                ),
            )
        )
        with self._engine.connect() as connection:
            return int(connection.execute(statement).scalar_one())

    def holds(self) -> list[Hold]:
        """The channels in trouble."""
        with self._engine.connect() as connection:
            return [
                Hold(
                    channel=row.channel,
                    since=row.since,
                    until=row.until,
                    times=row.times,
                    passing=row.passing,
                    reported=row.reported,
                    reason=row.reason,
                )
                for row in connection.execute(select(holds).order_by(holds.c.channel))
            ]

    def next_takes(self) -> dict[str, datetime | None]:
        """For each channel from when something of it is to be taken up or looked for.

        None: at once.
        """
        at_once = deliveries.c.due_at.is_(None)
        statement = (
            select(
                deliveries.c.channel,
                func.min(deliveries.c.due_at),
                func.max(case((at_once, 1), else_=0)),
            )
            .where(deliveries.c.state.in_((*WAITING, State.UNCERTAIN)))
            .group_by(deliveries.c.channel)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(statement).all()
        return {channel: None if now else soonest for channel, soonest, now in rows}

    def open_runs(self) -> tuple[int, ...]:
        """The runs of which something is not brought to its end."""
        statement = select(deliveries.c.run_id).where(deliveries.c.state.in_(OPEN)).distinct()
        with self._engine.connect() as connection:
            return tuple(connection.execute(statement).scalars())
