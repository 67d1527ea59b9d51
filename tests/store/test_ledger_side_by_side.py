"""PostgreSQL: senders that purge, plan and send again beside each other."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from digest.core.content import Frozen
from digest.store import upkeep
from digest.store.places import StatePlace
from tests.store.databases import Ledgers, emptied_database
from tests.support.ledgers import DAY, NOW, Clock, Post, key, new_run, plan, scope, sender, states

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.core.content import DeliveryKey
    from digest.store.opened import Store
    from digest.store.rows import Run

SHARED = b"shared by an old run and a new one"
PATIENCE = 20.0


@pytest.fixture
def ledger_place() -> StatePlace:
    """Only this one of the two."""
    return StatePlace(url=emptied_database())


@pytest.fixture
def old(store: Store, clock: Clock) -> Run:
    """A run that was sent, and is purged any moment."""
    run = plan(store, "ana", document=SHARED, period="2026-W40")
    sender(store, clock, [Post()]).send(scope(run))
    return run


def documents(store: Store) -> list[bytes]:
    return [bytes(data) for (data,) in Ledgers.sql(store, "SELECT data FROM contents")]


def test_a_purge_leaves_bytes_that_a_run_is_just_being_planned_with(
    ledgers: Ledgers, store: Store, old: Run
) -> None:
    other = ledgers.open()
    found, go_on = threading.Event(), threading.Event()

    def slowly() -> Iterator[tuple[DeliveryKey, Frozen]]:
        install = other.ledger.install
        yield key("ana", install=install), Frozen(document=SHARED, head=b"")
        found.set()  # its content is found, and no delivery refers to it yet
        assert go_on.wait(PATIENCE)

    with ThreadPoolExecutor() as pool:
        planning = pool.submit(other.ledger.plan, new_run(), slowly())
        assert found.wait(PATIENCE)
        assert pool.submit(upkeep.purge, store.writer, NOW + DAY).result(PATIENCE) == 1
        go_on.set()
        run = planning.result(PATIENCE)
    assert run is not None
    assert states(store, old) == {}
    assert documents(store) == [SHARED]
    assert upkeep.purge(store.writer, NOW - DAY) == 0
    assert documents(store) == [SHARED], "now they are in use"


def test_a_run_is_planned_anew_with_bytes_that_are_just_being_purged(
    ledgers: Ledgers, store: Store, old: Run
) -> None:
    other = ledgers.open()
    Ledgers.sql(store, "DELETE FROM attempts")
    Ledgers.sql(store, "DELETE FROM deliveries")
    with ThreadPoolExecutor() as pool:
        with store.engine.begin() as purging:
            purging.execute(text("DELETE FROM contents"))
            planning = pool.submit(plan, other, "ana", document=SHARED)
            assert wait([planning], timeout=0.2).not_done, "it waits for what becomes of them"
        run = planning.result(PATIENCE)
    assert states(store, run) == {"ana": "planned"}
    assert states(store, old) == {}
    assert documents(store) == [SHARED]


def test_two_purges_at_once_take_each_delivery_once(ledgers: Ledgers, store: Store) -> None:
    other = ledgers.open()
    run = plan(store, *(f"reader{n}" for n in range(300)))
    sender(store, ledgers.clock, [Post()]).send(scope(run))
    with ThreadPoolExecutor() as pool:
        purging = [
            pool.submit(upkeep.purge, one.writer, NOW + DAY) for one in (store, other, store, other)
        ]
        assert sum(one.result(PATIENCE) for one in purging) == 300
    assert (states(store, run), documents(store)) == ({}, [])


def test_of_many_senders_one_purges_a_day(ledgers: Ledgers) -> None:
    stores = [ledgers.open() for _ in range(3)]

    def is_mine(store: Store, later: timedelta) -> bool:
        return store.writer.do(lambda batch: upkeep._purge_is_due(batch.connection, NOW + later))

    with ThreadPoolExecutor() as pool:
        for later, times in ((timedelta(), 0), (DAY, 1)):
            asked = [pool.submit(is_mine, store, later) for store in stores]
            assert sum(one.result(PATIENCE) for one in asked) == times


def test_what_was_purged_meanwhile_is_not_sent_again(store: Store, old: Run) -> None:
    (gone,) = store.ledger.deliveries(scope(old))
    assert upkeep.purge(store.writer, NOW + DAY) == 1
    assert store.writer.do(lambda batch: upkeep.resend(batch, [gone], NOW + DAY, NOW)) == []
