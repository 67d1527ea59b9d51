"""PostgreSQL as the ledger: many senders, each with a lease by the database's own clock."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import text

from digest.core.content import DeliveryState as State
from digest.errors import StateBusyError, StateRefusedError, StoreError
from digest.store import postgres
from digest.store.opening import reading
from digest.store.places import StatePlace
from tests.store.databases import Ledgers, emptied_database, new_database, owner
from tests.store.processes import running
from tests.support.ledgers import (
    LATER,
    SENT,
    Clock,
    Post,
    only,
    opened,
    plan,
    scope,
    sender,
    states,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from digest.store.ledger import Leased
    from digest.store.opened import Store
    from digest.store.rows import Run
    from digest.store.writer import Batch


@pytest.fixture
def ledger_place() -> StatePlace:
    """Only this one of the two."""
    return StatePlace(url=emptied_database())


def lease(store: Store, run: Run, most: int = 50) -> list[Leased]:
    return store.ledger.lease(
        scope(run, early=True), "mail", after=0, most=most, wanted=lambda _held: True
    )


def owners(store: Store) -> dict[str, str]:
    """Who there is, and with which command."""
    return dict(map(tuple, Ledgers.sql(store, "SELECT id, command FROM owners")))


@contextmanager
def locked(store: Store, row: int) -> Iterator[None]:
    """While somebody is at work on a delivery, in a transaction that is not over."""
    statement = text("SELECT 1 FROM deliveries WHERE id = :id FOR UPDATE")
    with store.engine.begin() as connection:
        connection.execute(statement, {"id": row})
        yield


def eventually(true: Any) -> None:
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


# The server


def test_an_empty_database_becomes_a_ledger_once_however_many_come_at_once() -> None:
    with (
        new_database() as url,
        ThreadPoolExecutor(max_workers=4) as pool,
        Ledgers(StatePlace(url=url)) as ledgers,
    ):
        stores = list(pool.map(ledgers.open, [f"sender {n}" for n in range(4)]))
        assert len({store.ledger.install for store in stores}) == 1
        assert sorted(owners(stores[0]).values()) == [f"sender {n}" for n in range(4)]


@pytest.mark.parametrize("look", [opened, None])
def test_a_server_that_cannot_be_reached_is_for_later_and_its_password_is_not_said(
    tmp_path: Path, look: Any
) -> None:
    url = "postgresql+psycopg://me:secret@127.0.0.1:1/digest"
    looking = reading(StatePlace(url=url)) if look is None else opened(tmp_path, url=url)
    with pytest.raises(StateBusyError) as caught, looking:
        pass
    assert str(caught.value) == (
        "the ledger postgresql+psycopg://127.0.0.1:1/digest can't be reached (OperationalError); "
        "is the server up, and are user and password right?"
    )


def test_without_its_driver_the_way_to_get_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with (
        pytest.raises(StateRefusedError, match=r"pip install 'phase-digest\[postgres\]'"),
        opened(tmp_path, url="postgresql+psycopg://db/digest"),
    ):
        pass


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("CREATE TABLE songs (title TEXT)", "it has other tables than digest's"),
        (
            "CREATE TABLE deliveries(); CREATE TABLE alembic_version AS SELECT 9999 version_num",
            "it was written by a newer digest (schema 9999); install that version again",
        ),
    ],
)
def test_a_database_that_is_no_ledger_of_ours_is_refused(
    tmp_path: Path, statement: str, why: str
) -> None:
    with new_database() as url:
        with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
            connection.execute(statement.encode())
        with pytest.raises(StateRefusedError) as caught, opened(tmp_path, url=url):
            pass
    assert str(caught.value).endswith(f"can't be used: {why}")


# Owners


def test_a_sender_is_among_the_owners_while_it_has_the_ledger_open(ledgers: Ledgers) -> None:
    first, second = ledgers.open("digest run daily"), ledgers.open("digest run weekly")
    assert owners(first) == {owner(first): "digest run daily", owner(second): "digest run weekly"}
    second.close()
    assert owners(first) == {owner(first): "digest run daily"}


def test_an_owner_lives_a_minute_by_the_database_clock(store: Store) -> None:
    now = "EXTRACT(EPOCH FROM clock_timestamp()) * 1000000"
    ((left,),) = Ledgers.sql(store, f"SELECT alive_until - {now} FROM owners")
    assert 50e6 < float(left) <= 60e6


def test_owners_that_died_long_ago_are_forgotten(ledgers: Ledgers) -> None:
    first, second = ledgers.open(), ledgers.open()
    ledgers.sql(first, "UPDATE owners SET alive_until = 1 WHERE id = :id", id=owner(second))
    third = ledgers.open()
    assert set(owners(first)) == {owner(first), owner(third)}


def test_a_lease_is_renewed_as_long_as_the_process_lives(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_RENEWAL", 0.02)
    store = ledgers.open()
    ledgers.kill(store)
    alive = "SELECT alive_until > 0 FROM owners"
    eventually(lambda: ledgers.sql(store, alive) == [(True,)])
    assert store.alive()


def test_a_lease_that_cannot_be_renewed_is_over_before_anybody_else_takes_over(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_RENEWAL", 0.02)
    store = ledgers.open()
    ledgers.sql(store, "ALTER TABLE owners RENAME TO gone")
    try:
        monkeypatch.setattr(postgres, "LEASE", 0.2)
        eventually(lambda: not store.alive())
    finally:
        ledgers.sql(store, "ALTER TABLE gone RENAME TO owners")
    eventually(store.alive)


# Many senders


def test_what_a_living_sender_has_in_hand_is_left_to_it(ledgers: Ledgers) -> None:
    first = ledgers.open()
    run = plan(first, "ana", "ben")
    ours = lease(first, run, most=1)[0]
    assert written(first, first.ledger.begin(ours))
    second = ledgers.open()
    assert second.recovered == 0
    assert [one.parcel.key.recipient for one in lease(second, run)] == ["ben"]
    assert first.ledger.arm(ours)
    assert written(first, first.ledger.settle(ours, SENT))


def test_another_sender_takes_over_when_a_lease_is_over_and_the_zombie_sends_nothing(
    ledgers: Ledgers,
) -> None:
    zombie = ledgers.open()
    run = plan(zombie, "ana")
    (lost,) = lease(zombie, run)
    assert written(zombie, zombie.ledger.begin(lost))
    ledgers.kill(zombie)
    heir = ledgers.open()
    assert heir.recovered == 1
    post = Post()
    sender(heir, ledgers.clock, [post]).send(scope(run))
    assert post.tried == ["ana"]
    assert not zombie.ledger.arm(lost)
    assert not written(zombie, zombie.ledger.settle(lost, LATER))
    assert states(heir, run) == {"ana": "sent"}


def test_a_zombie_whose_message_is_on_its_way_is_counted_as_unknown(ledgers: Ledgers) -> None:
    zombie = ledgers.open()
    run = plan(zombie, "ana")
    (lost,) = lease(zombie, run)
    written(zombie, zombie.ledger.begin(lost))
    assert zombie.ledger.arm(lost)
    ledgers.kill(zombie)
    heir = ledgers.open()
    assert (only(heir, run).state, only(heir, run).uncertain) == (State.UNCERTAIN, 1)
    assert not written(zombie, zombie.ledger.settle(lost, SENT))
    assert only(heir, run).state is State.UNCERTAIN


def test_who_recovers_waits_for_nobody_who_is_just_recovering(ledgers: Ledgers) -> None:
    dead = ledgers.open()
    run = plan(dead, "ana", "ben")
    ana, _ = lease(dead, run)
    ledgers.kill(dead)
    with ThreadPoolExecutor() as pool, locked(dead, ana.delivery.row):
        store = pool.submit(ledgers.open).result(10)
        assert store.recovered == 1
        assert states(store, run) == {"ana": "leased", "ben": "planned"}


def test_two_senders_lease_each_delivery_once(ledgers: Ledgers) -> None:
    stores = [ledgers.open(), ledgers.open()]
    readers = [f"reader{n:03}" for n in range(200)]
    run = plan(stores[0], *readers)

    def take_until_there_is_none(store: Store) -> list[str]:
        taken: list[str] = []
        while some := lease(store, run, most=9):
            taken += [one.parcel.key.recipient for one in some]
        return taken

    with ThreadPoolExecutor(max_workers=4) as pool:
        parts = list(pool.map(take_until_there_is_none, stores * 2))
    assert sorted(name for part in parts for name in part) == readers


def test_what_another_sender_is_just_taking_is_passed_over(ledgers: Ledgers) -> None:
    first, second = ledgers.open(), ledgers.open()
    run = plan(first, "ana", "ben")
    ana, _ = first.ledger.deliveries(scope(run))
    with ThreadPoolExecutor() as pool, locked(first, ana.row):
        leased = pool.submit(lease, second, run).result(10)
        assert [one.parcel.key.recipient for one in leased] == ["ben"]


SENDING = """\
import sys
from datetime import UTC, datetime
from digest.store.opening import open_sender
from digest.store.places import StatePlace
from digest.store.reading import Scope

def clock():
    return datetime(2026, 11, 23, 8, tzinfo=UTC)

with open_sender(StatePlace(url=sys.argv[1]), command="a test", clock=clock) as store:
    print("open", flush=True)
    sys.stdin.readline()
    scope = Scope(runs=(int(sys.argv[2]),))
    while some := store.ledger.lease(scope, "mail", after=0, most=5, wanted=lambda _held: True):
        for one in some:
            store.ledger.begin(one)
            store.ledger.arm(one)
            print(one.parcel.key.recipient, flush=True)
"""


def test_two_processes_arm_each_delivery_once(ledgers: Ledgers) -> None:
    readers = [f"reader{n:03}" for n in range(60)]
    store = ledgers.open()
    run = plan(store, *readers)
    with (
        running(SENDING, ledgers.place.url, run.row) as one,
        running(SENDING, ledgers.place.url, run.row) as other,
    ):
        for process in (one, other):
            assert process.stdout is not None
            assert process.stdout.readline() == "open\n"
        for process in (one, other):
            assert process.stdin is not None
            process.stdin.write("\n")
            process.stdin.flush()
        said = [process.communicate(timeout=30)[0].split() for process in (one, other)]
    assert sorted(said[0] + said[1]) == readers
    assert store.ledger.counts(run.row) == {State.AT_RISK: 60}


# Connections that break


def break_connection(batch: Batch) -> None:
    """What a restart of the server does to a transaction."""
    pid = batch.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with psycopg.connect(_url(batch), autocommit=True) as other:
        other.execute(f"SELECT pg_terminate_backend({pid})".encode())
    batch.connection.exec_driver_sql("SELECT 1")


def _url(batch: Batch) -> str:
    url = batch.connection.engine.url.set(drivername="postgresql")
    return url.render_as_string(hide_password=False)


def test_a_connection_that_was_lost_is_for_later_and_the_next_work_has_a_new_one(
    store: Store,
) -> None:
    with pytest.raises(StateBusyError) as caught:
        store.writer.do(break_connection)
    assert str(caught.value) == f"{store.place.shown}: the connection was lost; try again"
    assert plan(store, "ana").row


def test_a_result_outlives_the_connection(store: Store) -> None:
    tries: list[int] = []

    def result(batch: Batch) -> str:
        tries.append(1)
        if len(tries) < 3:
            break_connection(batch)
        return "written"

    assert store.writer.submit(result, must=True).result(20) == "written"
    assert len(tries) == 3


def test_what_the_server_refuses_is_said_by_its_kind(store: Store) -> None:
    with pytest.raises(StoreError) as caught:
        store.writer.do(lambda batch: batch.connection.exec_driver_sql("SELECT * FROM nowhere"))
    assert str(caught.value) == f"{store.place.shown}: the database refused (UndefinedTable)"
    assert not isinstance(caught.value, StateBusyError)


def test_a_sender_whose_lease_ended_with_the_connection_arms_nothing(ledgers: Ledgers) -> None:
    store, clock = ledgers.open(), Clock()
    run = plan(store, "ana")
    store.alive = lambda: False
    post = Post()
    with pytest.raises(StoreError, match="could not be reached for too long; nothing is sent"):
        sender(store, clock, [post]).send(scope(run))
    assert post.accepted == []


def test_looking_makes_nothing_in_an_empty_database() -> None:
    with new_database() as url:
        with reading(StatePlace(url=url)) as found:
            assert found is None
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            tables = connection.execute(
                "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
            ).fetchone()
        assert tables == (0,)


def test_looking_at_an_older_ledger_leaves_it_old(monkeypatch: pytest.MonkeyPatch) -> None:
    with new_database() as url:
        place = StatePlace(url=url)
        with postgres.opened(place):
            pass
        monkeypatch.setattr("digest.store.schema.HEAD", "9000")
        with pytest.raises(StateRefusedError, match="it has an older schema"), reading(place):
            pass
