"""Opening the ledger: for the one who sends, for a person who decides, and to read only."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from digest.errors import StateRefusedError
from digest.store import failures, postgres, sqlite
from digest.store.agenda import Agenda
from digest.store.alerts import Alerts
from digest.store.highwater import HighWater
from digest.store.identity import RECOVER, first_rows, identity
from digest.store.ledger import Ledger
from digest.store.lock import SenderLock
from digest.store.opened import Store
from digest.store.places import make_folder, refused
from digest.store.reading import Reading
from digest.store.recovery import recover
from digest.store.tables import meta
from digest.store.troubles import Troubles
from digest.store.upkeep import accept_older
from digest.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Engine

    from digest.store.highwater import Mark
    from digest.store.places import StatePlace


def open_sender(
    place: StatePlace,
    *,
    command: str,
    clock: Callable[[], datetime],
    wall: Callable[[], datetime] | None = None,
) -> Store:
    """Open the ledger as its one sender, making it when there is none; recover what was left.

    `clock` decides what is due and is written down; `wall`, where it is another one, is the time
    that servers know, too.

    On PostgreSQL there may be many senders, each with a lease. Raises StateBusyError that names
    the process which has it, StateRefusedError when it is damaged, newer than we are, older than
    it was, gone, or can't be written.
    """
    with ExitStack() as closing:
        if place.path is None:
            store = _open_server(place, command, clock, closing)
        else:
            store = _open_file(place, place.path, command, clock, closing)
        if wall is not None:
            store.ledger.wall = wall
        store.closing = closing.pop_all()
    return store


def open_deciding(place: StatePlace, *, clock: Callable[[], datetime]) -> Store | None:
    """Open the ledger beside its sender, for what a person decides; None when there is none.

    Raises StateRefusedError when it can't be used as it is.
    """
    with ExitStack() as closing:
        engine = _engine_if_there(place, closing)
        if engine is None:
            return None
        try:
            mark = None
            if place.path is not None:
                mark = HighWater(place.path.parent)
                # Read before the ledger, which a sender beside us may be raising just now.
                _refuse_older(place.path, mark.read(), engine)
            store = _store(engine, place, clock, closing, owner="", mark=mark)
        except DBAPIError as error:
            raise failures.when_reading(error, place.shown) from None
        store.closing = closing.pop_all()
    return store


@contextmanager
def reading(place: StatePlace) -> Iterator[Reading | None]:
    """Look into the ledger, beside its sender; None when there is none.

    Raises StateRefusedError when it can't be used as it is.
    """
    with ExitStack() as closing:
        engine = _engine_if_there(place, closing)
        if engine is None:
            yield None
            return
        try:
            with engine.connect() as connection:
                install, _ = identity(connection)
            yield Reading(engine, install)
        except DBAPIError as error:
            raise failures.when_reading(error, place.shown) from None


def _engine_if_there(place: StatePlace, closing: ExitStack) -> Engine | None:
    """The database as it is, beside its sender; None when nothing was ever sent."""
    if place.path is None:
        return closing.enter_context(postgres.opened_as_it_is(place))
    if not place.path.exists():
        _refuse_lost(place.path)
        return None
    engine = sqlite.ready(place.path, whole=False)
    closing.callback(engine.dispose)
    return engine


def accept_older_database(place: StatePlace, *, clock: Callable[[], datetime]) -> int:
    """Go on with the database that is there, or with a new one where it is gone.

    Gives how many deliveries are held because nobody knows whether they were sent meanwhile.
    Raises StateRefusedError when it is damaged: then a copy has to be put back first.
    """
    if place.path is None:
        raise StateRefusedError("on PostgreSQL there is nothing to recover from here")
    path = place.path
    with ExitStack() as closing:
        _take_lock(path, "digest recover", closing)
        mark = HighWater(path.parent)
        try:
            known = mark.read()
        except StateRefusedError:
            known = None
        if not path.exists():
            sqlite.create(path, first_rows)
        engine = sqlite.ready(path, whole=True)
        closing.callback(engine.dispose)
        store = _store(engine, place, clock, closing, owner="sender", mark=None)
        install, now = store.ledger.install, clock()
        sent = 0 if known is None else known.sent
        store.writer.do(lambda batch: recover(batch.connection, install, now, None))
        held = store.writer.do(lambda batch: accept_older(batch, install, sent, now))
        with engine.connect() as connection:
            install, sent = identity(connection)
        mark.open(install, -1)
        closing.callback(mark.close)
        mark.raise_to(sent)
    return held


def _open_server(
    place: StatePlace, command: str, clock: Callable[[], datetime], closing: ExitStack
) -> Store:
    engine = closing.enter_context(postgres.opened(place))
    lease = postgres.Lease(command)
    store = _store(engine, place, clock, closing, owner=lease.owner, mark=None)
    closing.enter_context(lease.held(store.writer))
    store.alive = lease.is_ours
    install = store.ledger.install

    def recover_dead() -> int:
        return store.writer.do(
            lambda batch: recover(batch.connection, install, clock(), postgres.OWNER_DEAD)
        )

    store.recover_dead = recover_dead
    store.recovered = recover_dead()
    return store


def _open_file(
    place: StatePlace,
    path: Path,
    command: str,
    clock: Callable[[], datetime],
    closing: ExitStack,
) -> Store:
    _take_lock(path, command, closing)
    mark = HighWater(path.parent)
    known = mark.read()
    if not path.exists():
        _refuse_lost(path)
        sqlite.create(path, first_rows)
        known = None
    engine = sqlite.ready(path, whole=True)
    closing.callback(engine.dispose)
    install = _refuse_older(path, known, engine)
    store = _store(engine, place, clock, closing, owner="sender", mark=mark)
    # The lock is ours, so whoever held anything is dead.
    store.recovered = store.writer.do(
        lambda batch: recover(batch.connection, install, clock(), None)
    )
    store.agenda.recover(clock())
    return store


def _refuse_older(path: Path, known: Mark | None, engine: Engine) -> str:
    """The installation's id. Raises StateRefusedError when this is not the newest ledger."""
    with engine.connect() as connection:
        install, sent = identity(connection)
    if known is not None and (known.install != install or known.sent > sent):
        raise StateRefusedError(
            f"the ledger {path} is older than it was: it knows of {sent} sent messages, and "
            f"{known.sent} were recorded. Put the newest copy back, or go on with this one: "
            f"{RECOVER}"
        )
    return install


def _refuse_lost(path: Path) -> None:
    known = HighWater(path.parent).read()
    if known is not None and known.sent:
        raise StateRefusedError(
            f"the ledger {path} is gone, though {known.sent} messages were recorded in it; put it "
            f"back, or begin a new one with: {RECOVER}"
        )


def _take_lock(path: Path, command: str, closing: ExitStack) -> None:
    make_folder(path.parent)
    lock = SenderLock(path.parent)
    try:
        lock.take(command)
    except OSError as error:
        said = f"the state folder {path.parent} can't be written: {error.strerror}"
        raise refused(error, said) from None
    closing.callback(lock.release)


def _store(
    engine: Engine,
    place: StatePlace,
    clock: Callable[[], datetime],
    closing: ExitStack,
    *,
    owner: str,
    mark: HighWater | None,
) -> Store:
    with engine.connect() as connection:
        install, sent = identity(connection)
        since = connection.scalar(select(meta.c.value).where(meta.c.name == "restored_at"))
    if mark is not None:
        known = mark.read()
        mark.open(install, -1 if known is None else known.sent)
        closing.callback(mark.close)
        mark.raise_to(sent)
    writer = Writer(engine, place.shown, mark.raise_to if mark else None)
    closing.callback(writer.close)
    return Store(
        engine=engine,
        writer=writer,
        ledger=Ledger(engine, writer, install=install, owner=owner, clock=clock),
        agenda=Agenda(engine, writer, owner),
        alerts=Alerts(engine, writer, install),
        troubles=Troubles(engine, writer),
        place=place,
        restored_at=None if since is None else datetime.fromisoformat(since),
    )
