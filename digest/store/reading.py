"""Looking things up in the ledger, on connections of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, or_, select

from digest.core.content import DeliveryKind, Parcel
from digest.core.content import DeliveryState as State
from digest.core.outbox import NEEDS_PERSON, WAITING
from digest.store.agenda import AgendaReading
from digest.store.alerts import AlertsReading
from digest.store.glances import Glances
from digest.store.rows import DELIVERIES, Run, Step, delivery_of, run_of
from digest.store.snapshots import nearest
from digest.store.tables import attempts, contents, deliveries, runs
from digest.store.troubles import TroublesReading

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime, timedelta

    from sqlalchemy import Engine

    from digest.core.outbox import Delivery
    from digest.core.snapshots import Snapshot

_KEPT_DOCUMENTS = 4
_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Which deliveries are meant: those of these runs (None: of all), rows and channels.

    With `early` those that wait for a later time are taken up now.
    """

    runs: tuple[int, ...] | None
    rows: frozenset[int] | None = None
    channels: frozenset[str] | None = None
    early: bool = False


def in_scope(scope: Scope) -> Any:
    """The deliveries of a scope."""
    return _narrowed(DELIVERIES, scope)


def _narrowed(statement: Any, scope: Scope) -> Any:
    if scope.runs is not None:
        statement = statement.where(deliveries.c.run_id.in_(scope.runs))
    if scope.rows is not None:
        statement = statement.where(deliveries.c.id.in_(scope.rows))
    if scope.channels is not None:
        statement = statement.where(deliveries.c.channel.in_(scope.channels))
    return statement


def waiting(scope: Scope, channel: str, now: datetime) -> Any:
    """Those of a channel that may be taken up now."""
    statement = in_scope(scope).where(
        deliveries.c.channel == channel, deliveries.c.state.in_(WAITING)
    )
    if scope.early:
        return statement
    return statement.where(or_(deliveries.c.due_at.is_(None), deliveries.c.due_at <= now))


class Reading(Glances):
    """One installation's ledger, read only."""

    def __init__(self, engine: Engine, install: str) -> None:
        super().__init__(engine)
        self.install = install
        self.agenda = AgendaReading(engine)
        self.troubles = TroublesReading(engine)
        self.alerts = AlertsReading(engine)
        self._document = lru_cache(maxsize=_KEPT_DOCUMENTS)(self._read_document)

    def run(self, job: str, kind: DeliveryKind, period: str) -> Run | None:
        """The newest generation of a run, or None when it was never planned."""
        statement = (
            select(runs)
            .where(runs.c.job == job, runs.c.kind == kind, runs.c.period == period)
            .order_by(runs.c.generation.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            row = connection.execute(statement).first()
        return None if row is None else run_of(row)

    def was_planned(self, job: str, period: str) -> bool:
        """Whether a digest's period is in the ledger, whoever had it made."""
        return self.run(job, DeliveryKind.DIGEST, period) is not None

    def run_at(self, row: int) -> Run | None:
        """The run of that row."""
        with self._engine.connect() as connection:
            found = connection.execute(select(runs).where(runs.c.id == row)).first()
        return None if found is None else run_of(found)

    def deliveries(self, scope: Scope, states: Collection[State] = ()) -> list[Delivery]:
        """The deliveries of a scope, oldest first; all states, or only these."""
        statement = in_scope(scope).order_by(deliveries.c.id)
        if states:
            statement = statement.where(deliveries.c.state.in_(states))
        return list(self._read(statement))

    def all_deliveries(self) -> Iterator[Delivery]:
        """Every delivery in the ledger, newest first."""
        return self._paged(DELIVERIES)

    def needing_person(self) -> Iterator[Delivery]:
        """What only a person can put right, newest first. How a test went was seen at once."""
        return self._paged(
            DELIVERIES.where(deliveries.c.state.in_(NEEDS_PERSON), runs.c.kind != DeliveryKind.TEST)
        )

    def _paged(self, chosen: Any) -> Iterator[Delivery]:
        statement = chosen.order_by(deliveries.c.id.desc()).limit(_PAGE)
        last: int | None = None
        while True:
            page = statement if last is None else statement.where(deliveries.c.id < last)
            # read at once: a reader that takes its time must not keep the writer waiting
            found = list(self._read(page))
            yield from found
            if len(found) < _PAGE:
                return
            last = found[-1].row

    def found(self, beginning: str) -> list[Delivery]:
        """The deliveries whose id begins like this."""
        statement = DELIVERIES.where(deliveries.c.key.startswith(beginning, autoescape=True))
        return list(self._read(statement.limit(3)))

    def untold(self) -> list[Delivery]:
        """Digests and alerts that ended badly and that the operator was not told of yet."""
        statement = DELIVERIES.where(
            deliveries.c.state.in_(NEEDS_PERSON),
            deliveries.c.reported.is_(False),
            runs.c.kind.in_((DeliveryKind.DIGEST, DeliveryKind.ALERT)),
        ).order_by(deliveries.c.id)
        return list(self._read(statement))

    def channels(self, scope: Scope) -> list[str]:
        """The channels for which something waits."""
        statement = (
            select(deliveries.c.channel)
            .where(deliveries.c.state.in_(WAITING))
            .distinct()
            .order_by(deliveries.c.channel)
        )
        statement = _narrowed(statement, scope)
        with self._engine.connect() as connection:
            return list(connection.execute(statement).scalars())

    def waiting_count(self, scope: Scope) -> int:
        """How many deliveries of a scope wait to be sent, at whatever time."""
        statement = (
            select(func.count()).select_from(deliveries).where(deliveries.c.state.in_(WAITING))
        )
        statement = _narrowed(statement, scope)
        with self._engine.connect() as connection:
            return int(connection.execute(statement).scalar_one())

    def is_due(self, scope: Scope, channel: str, now: datetime) -> bool:
        """Whether anything of a channel may be taken up at its own time, not early."""
        due = replace(scope, early=False)
        with self._engine.connect() as connection:
            return connection.execute(waiting(due, channel, now).limit(1)).first() is not None

    def steps(self, held: Delivery) -> list[Step]:
        """The execution log of one delivery, oldest first."""
        statement = (
            select(attempts).where(attempts.c.delivery_id == held.row).order_by(attempts.c.id)
        )
        with self._engine.connect() as connection:
            return [
                Step(
                    at=row.at,
                    attempt=row.attempt,
                    fence=row.fence,
                    before=None if row.before is None else State(row.before),
                    after=State(row.after),
                    code=row.code or "",
                    reason=row.reason or "",
                )
                for row in connection.execute(statement)
            ]

    def parcel(self, held: Delivery) -> Parcel:
        """The frozen bytes of a delivery, for a look."""
        with self._engine.connect() as connection:
            row = connection.execute(
                select(deliveries.c.head, deliveries.c.content_id).where(
                    deliveries.c.id == held.row
                )
            ).one()
        return self.parcel_of(held, row.head, row.content_id)

    def parcel_of(self, held: Delivery, head: bytes, content: int) -> Parcel:
        """The same from what was read already."""
        return Parcel(
            key=held.key,
            document=self._document(content),
            head=head,
            reference=held.reference,
            small=held.small,
            place=held.place or self._place(held),
            armed_at=held.armed_at,
        )

    def snapshot(
        self, app_id: str, report: str, what: str, *, at: datetime, within: timedelta
    ) -> Snapshot | None:
        """The all-time answer that was taken nearest to an instant."""
        return nearest(self._engine, app_id, report, what, at=at, within=within)

    def _read(self, statement: Any) -> Iterator[Delivery]:
        with self._engine.connect() as connection:
            for row in connection.execute(statement):
                yield delivery_of(row, self.install)

    def _place(self, held: Delivery) -> str | None:
        """Where the last message to this recipient went, for a channel that has places."""
        if held.reference is not None:
            return None
        statement = (
            select(deliveries.c.place)
            .where(
                and_(
                    deliveries.c.channel == held.key.channel,
                    deliveries.c.recipient == held.key.recipient,
                    deliveries.c.place.is_not(None),
                )
            )
            .order_by(deliveries.c.id.desc())
            .limit(1)
        )
        with self._engine.connect() as connection:
            return connection.execute(statement).scalar()

    def _read_document(self, content: int) -> bytes:
        with self._engine.connect() as connection:
            found = connection.execute(
                select(contents.c.data).where(contents.c.id == content)
            ).scalar_one()
        return bytes(found)
