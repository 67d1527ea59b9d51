"""What the ledger keeps of alerts: their states, episodes and silences.

What a look changes is written together with the messages about it, in one transaction, and only
if no state has changed since it was read: so a look is told or it was not, and it is told once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sqlalchemy import func, not_, or_, select

from digest.core.content import DeliveryKind
from digest.core.steps import Step, reached
from digest.store import alert_changes, alert_upkeep, planned, silences
from digest.store.alert_changes import AlertChange
from digest.store.alert_rows import AlertDay, Episode, StoredAlert, day_of, episode_of, stored_of
from digest.store.alert_tables import alert_days, alert_episodes, alert_states
from digest.store.inserting import in_pieces
from digest.store.planned import NOTHING_TOLD
from digest.store.silences import Silence
from digest.store.tables import runs

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date, datetime

    from sqlalchemy import Connection, Engine

    from digest.store.planned import NewDelivery, NewRun
    from digest.store.writer import Batch, Writer

__all__ = [
    "AlertChange",
    "AlertDay",
    "Alerts",
    "AlertsReading",
    "Episode",
    "NewNotice",
    "Silence",
    "StoredAlert",
]

# How the periods of runs begin that say that something is over, or what was held back.
_UNCOUNTED = ("resolved-", "data-again-", "held-")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNotice:
    """One message about alerts: its run, and its deliveries' bytes."""

    new: NewRun
    batch: Iterable[NewDelivery]


class AlertsReading:
    """One installation's alerts, read only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def states(self, names: Collection[str] | None = None) -> dict[str, StoredAlert]:
        """The rules that were ever looked at, or those of these names.

        Also what the config has no more (`looked_at` is None). Raises StateRefusedError when one
        is damaged.
        """
        statement = select(alert_states).order_by(alert_states.c.name)
        if names is not None:
            statement = statement.where(alert_states.c.name.in_(names))
        with self._engine.connect() as connection:
            return {row.name: stored_of(row) for row in connection.execute(statement)}

    def silences(self, now: datetime) -> list[Silence]:
        """Those in force, the one that ends first comes first."""
        with self._engine.connect() as connection:
            return silences.in_force(connection, now)

    def all_silences(self, most: int = 50) -> list[Silence]:
        """The latest silences, also those that are over, newest first."""
        with self._engine.connect() as connection:
            return silences.newest(connection, most)

    def told_since(self, instant: datetime) -> int:
        """How many messages about alerts were planned since then; one about several counts once.

        That something is over is not counted, nor what says that others are held back.
        """
        uncounted = or_(*(runs.c.period.startswith(word) for word in _UNCOUNTED))
        statement = (
            select(func.count())
            .select_from(runs)
            .where(runs.c.kind == DeliveryKind.ALERT, runs.c.planned_at >= instant, not_(uncounted))
        )
        with self._engine.connect() as connection:
            return int(connection.execute(statement).scalar_one())

    def episodes(
        self, since: datetime, until: datetime | None = None, names: Collection[str] | None = None
    ) -> list[Episode]:
        """Those that fired at any time in [since, until), by the data, the earliest first."""
        episode = alert_episodes.c
        still = or_(episode.ended_at.is_(None), episode.ended_at > since, episode.since >= since)
        statement = select(alert_episodes).where(still)
        if until is not None:
            statement = statement.where(episode.since < until)
        if names is not None:
            statement = statement.where(episode.alert.in_(names))
        with self._engine.connect() as connection:
            found = connection.execute(statement.order_by(episode.since, episode.id))
            return [episode_of(row) for row in found]

    def episode(self, name: str, number: int) -> Episode | None:
        """A rule's episode of that number, whether it is over or not."""
        statement = select(alert_episodes).where(
            alert_episodes.c.alert == name, alert_episodes.c.number == number
        )
        with self._engine.connect() as connection:
            row = connection.execute(statement).first()
        return None if row is None else episode_of(row)

    def days(self, name: str, since: date) -> list[AlertDay]:
        """What a rule has seen of each UTC day from `since` on, the earliest first."""
        statement = (
            select(alert_days)
            .where(alert_days.c.alert == name, alert_days.c.day >= since.isoformat())
            .order_by(alert_days.c.day)
        )
        with self._engine.connect() as connection:
            return [day_of(row) for row in connection.execute(statement)]


class Alerts(AlertsReading):
    """The same, written."""

    def __init__(self, engine: Engine, writer: Writer, install: str) -> None:
        super().__init__(engine)
        self._writer = writer
        self._install = install

    def commit(
        self, changes: Iterable[AlertChange], notices: Iterable[NewNotice], now: datetime
    ) -> bool:
        """Write what looks changed, each alert once, with the messages about it; all or nothing.

        False, and nothing is written, when a state has changed since it was read or a message is
        planned already: then another process was first, so read again. Raises StoreError when it
        could not be written.
        """
        # The frozen bytes are made before the transaction, which may have to be repeated.
        made = [replace(one, batch=(*one.batch,)) for one in notices]
        # All take the states in the same order, so that two never wait for each other.
        ordered = sorted(changes, key=lambda change: change.name)
        reached(Step.PLAN_PRE)
        done = self._writer.do(
            lambda batch: _commit(batch.connection, ordered, made, self._install, now)
        )
        reached(Step.PLAN_POST)
        return done

    def silence(self, alert: str, until: datetime, author: str, why: str, now: datetime) -> Silence:
        """Have an alert, or every one (`*`), not be heard until then."""
        return self._writer.do(
            lambda batch: silences.begin(
                batch.connection, alert, until=until, author=author, why=why, now=now
            )
        )

    def unsilence(self, alert: str, now: datetime) -> int:
        """End the silences of that alert (`*`: those of every one); gives how many that were."""
        return self._writer.do(lambda batch: silences.end(batch.connection, alert, now))

    def forget(self, names: Iterable[str], now: datetime) -> None:
        """The config has these rules no more: nothing of them fires.

        What stays is how far they were judged and how many episodes there were, so that a rule
        that comes back says nothing twice.
        """
        for some in in_pieces(names):
            self._writer.do(partial(_forget, some, now))


def _commit(
    connection: Connection,
    changes: Sequence[AlertChange],
    notices: Sequence[NewNotice],
    install: str,
    now: datetime,
) -> bool:
    # Others share this transaction, so what is undone is undone alone.
    with connection.begin_nested() as mine:
        if all(alert_changes.swapped(connection, change, now) for change in changes):
            for change in changes:
                alert_changes.note(connection, change)
            reached(Step.ALERT_TXN)
            if all(_is_planned(connection, notice, install) for notice in notices):
                return True
        mine.rollback()
    return False


def _is_planned(connection: Connection, notice: NewNotice, install: str) -> bool:
    made = planned.plan(
        connection,
        notice.new,
        notice.batch,
        snapshots=(),
        supersedes=None,
        told=NOTHING_TOLD,
        install=install,
    )
    return made is not None


def _forget(names: Sequence[str], now: datetime, batch: Batch) -> None:
    for name in names:
        alert_upkeep.forget(batch.connection, name, now)
