"""digest's own troubles, each under a name: told once while it lasts, and once a day at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import delete, select, update

from digest.store.inserting import insert_new
from digest.store.tables import troubles

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection, Engine

    from digest.store.writer import Writer

QUIET = timedelta(days=1)
"""Trouble that comes back within this time after it was told is not told again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnTrouble:
    """What is wrong since when; `until` where it is over. `name` says what it is about."""

    name: str
    since: datetime
    until: datetime | None
    reported: bool
    sentence: str


class TroublesReading:
    """What is wrong with digest itself or with what it needs, read only."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def now(self) -> list[OwnTrouble]:
        """What is wrong now, the oldest first."""
        statement = select(troubles).where(troubles.c.until.is_(None)).order_by(troubles.c.since)
        with self._engine.connect() as connection:
            return [
                OwnTrouble(
                    name=row.name,
                    since=row.since,
                    until=row.until,
                    reported=row.reported,
                    sentence=row.sentence,
                )
                for row in connection.execute(statement)
            ]


class Troubles(TroublesReading):
    """The same, written."""

    def __init__(self, engine: Engine, writer: Writer) -> None:
        super().__init__(engine)
        self._writer = writer

    def begin(self, name: str, sentence: str, now: datetime) -> None:
        """Something is wrong, or still is."""
        self._writer.do(lambda batch: _begin(batch.connection, name[:120], sentence, now))

    def end(self, name: str, now: datetime) -> None:
        """It is over."""
        statement = (
            update(troubles)
            .where(troubles.c.name == name[:120], troubles.c.until.is_(None))
            .values(until=now)
        )
        self._writer.do(lambda batch: batch.connection.execute(statement).rowcount)


def told(connection: Connection, names: Collection[str]) -> None:
    """The operator has been told of these."""
    connection.execute(update(troubles).where(troubles.c.name.in_(names)).values(reported=True))


def _begin(connection: Connection, name: str, sentence: str, now: datetime) -> None:
    connection.execute(
        delete(troubles).where(troubles.c.name == name, troubles.c.until < now - QUIET)
    )
    connection.execute(
        insert_new(connection, troubles).values(
            name=name, since=now, until=None, reported=False, sentence=sentence
        )
    )
    connection.execute(
        update(troubles).where(troubles.c.name == name).values(until=None, sentence=sentence)
    )
