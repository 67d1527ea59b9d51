"""PostgreSQL as the ledger: many senders, each with a lease by the database's own clock."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError

from digest.errors import StateBusyError, StateRefusedError, StoreError
from digest.store import schema
from digest.store.failures import explain_reading
from digest.store.identity import first_rows
from digest.store.tables import deliveries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import ColumnElement, Connection, Engine

    from digest.store.places import StatePlace
    from digest.store.writer import Batch, Writer

LEASE = 60.0  # seconds that an owner lives without renewing
_RENEWAL = 20.0
_CONNECTION = {
    "connect_timeout": 10,
    "keepalives_idle": 15,  # seconds; a server that is gone is noticed within half a minute
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,  # milliseconds
}
_LOCK = 0x64696765  # our number among the server's advisory locks
_NOW = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000000 AS BIGINT)"

OWNER_DEAD: ColumnElement[bool] = deliveries.c.owner.not_in(
    text(f"(SELECT id FROM owners WHERE alive_until > {_NOW})")  # noqa: S608 — a constant
)


@contextmanager
def opened(place: StatePlace) -> Iterator[Engine]:
    """An engine whose database has our schema. Raises StateRefusedError, StateBusyError."""
    with _connected(place) as engine:
        with _explained(place), engine.begin() as connection:
            _prepare(connection)
        explain_reading(engine, place.shown)
        yield engine


@contextmanager
def opened_as_it_is(place: StatePlace) -> Iterator[Engine | None]:
    """The same, but nothing is made or migrated; None for an empty database."""
    with _connected(place) as engine:
        with _explained(place), engine.connect() as connection:
            found = schema.revision(connection)
            old = schema.must_migrate(found)
            if found is not None and old:
                raise StateRefusedError("it has an older schema; digest run brings it up to date")
        explain_reading(engine, place.shown)
        yield None if found is None else engine


@contextmanager
def _connected(place: StatePlace) -> Iterator[Engine]:
    try:
        url = make_url(place.url)
        kept = {name: value for name, value in _CONNECTION.items() if name not in url.query}
        engine = create_engine(url, connect_args=kept, pool_pre_ping=True)
    except ModuleNotFoundError:
        raise StateRefusedError(
            "a ledger on PostgreSQL needs the package psycopg: pip install 'phase-digest[postgres]'"
        ) from None
    event.listen(engine, "connect", _limit)
    try:
        yield engine
    finally:
        engine.dispose()


def _limit(connection: Any, _record: object) -> None:
    """A machine that is gone, or stands still, must not hold locks in a transaction of its own."""
    connection.autocommit = True
    connection.execute(f"SET idle_in_transaction_session_timeout = {int(LEASE * 1000)}")
    connection.autocommit = False


@contextmanager
def _explained(place: StatePlace) -> Iterator[None]:
    """Says of which ledger it is that something is wrong."""
    try:
        yield
    except StateRefusedError as error:
        raise StateRefusedError(f"{place.shown} can't be used: {error}") from None
    except DBAPIError as error:
        raise StateBusyError(
            f"the ledger {place.shown} can't be reached ({type(error.orig).__name__}); is the "
            "server up, and are user and password right?"
        ) from None


def _prepare(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = schema.revision(connection)
    if schema.must_migrate(found):
        schema.migrate(connection)
    if found is None:
        first_rows(connection)


class Lease:
    """This process among the ledger's owners, alive as long as it renews."""

    def __init__(self, command: str) -> None:
        self.owner = secrets.token_hex(8)
        self._command = command
        self._renewed = time.monotonic()
        self._ended = threading.Event()

    @contextmanager
    def held(self, writer: Writer) -> Iterator[None]:
        """Be an owner, renewed from a thread, while the block lasts."""
        writer.do(self._begin)
        self._renewed = time.monotonic()
        thread = threading.Thread(target=self._renew, args=(writer,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()
            with suppress(StoreError):  # a lease that can't be given back runs out by itself
                writer.do(self._end)

    def is_ours(self) -> bool:
        """Whether nobody else can have taken over what we hold."""
        return time.monotonic() - self._renewed < LEASE

    def _begin(self, batch: Batch) -> None:
        batch.connection.execute(
            text(f"DELETE FROM owners WHERE alive_until < {_NOW} - 86400000000")  # noqa: S608 — a constant
        )
        batch.connection.execute(
            text(
                "INSERT INTO owners (id, host, pid, command, since, alive_until) "  # noqa: S608 — as above
                f"VALUES (:id, :host, :pid, :command, {_NOW}, {_NOW} + :lease)"
            ),
            {
                "id": self.owner,
                "host": socket.gethostname()[:255],
                "pid": os.getpid(),
                "command": self._command[:200],
                "lease": int(LEASE * 1_000_000),
            },
        )

    def _renew(self, writer: Writer) -> None:
        while not self._ended.wait(_RENEWAL):
            asked = time.monotonic()
            try:
                writer.do(self._extend)
            except StoreError:
                continue  # `is_ours` says so in time
            self._renewed = asked

    def _extend(self, batch: Batch) -> None:
        known = batch.connection.execute(
            text(f"UPDATE owners SET alive_until = {_NOW} + :lease WHERE id = :id"),  # noqa: S608 — as above
            {"id": self.owner, "lease": int(LEASE * 1_000_000)},
        )
        if not known.rowcount:  # away for so long that we were forgotten
            self._begin(batch)

    def _end(self, batch: Batch) -> None:
        batch.connection.execute(text("DELETE FROM owners WHERE id = :id"), {"id": self.owner})
