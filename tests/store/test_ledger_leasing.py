"""Leasing: a waiting delivery goes to one sender, when it is due and as long as it makes sense."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState as State
from digest.core.content import Outcome
from digest.store.reading import Scope
from tests.support.ledgers import DAY, LATER, NOW, Clock, plan, scope, states, written

if TYPE_CHECKING:
    from digest.core.outbox import Delivery
    from digest.store.ledger import Leased
    from digest.store.opened import Store
    from digest.store.rows import Run


def wanted(_held: Delivery) -> bool:
    return True


def lease(
    store: Store, run: Run, *, most: int = 50, after: int = 0, early: bool = False
) -> list[Leased]:
    where = scope(run, early=early)
    return store.ledger.lease(where, "mail", after=after, most=most, wanted=wanted)


def names(leased: list[Leased]) -> list[str]:
    return [one.parcel.key.recipient for one in leased]


def test_what_is_leased_comes_with_its_bytes_and_a_new_fence(store: Store) -> None:
    run = plan(store, "ana", document=b"the digest")
    (leased,) = lease(store, run)
    assert (leased.parcel.document, leased.parcel.head) == (b"the digest", b"ana")
    assert leased.parcel.key == leased.delivery.key
    assert (leased.at, leased.delivery.fence) == (State.LEASED, 1)
    (held,) = store.ledger.deliveries(scope(run))
    assert (held.state, held.fence, held.attempts) == (State.LEASED, 1, 0)


def test_what_is_leased_is_nobody_elses(store: Store) -> None:
    run = plan(store, "ana", "ben")
    assert names(lease(store, run)) == ["ana", "ben"]
    assert lease(store, run) == []


def test_no_more_than_asked_for_and_oldest_first(store: Store) -> None:
    run = plan(store, "ana", "ben", "eva")
    assert names(lease(store, run, most=2)) == ["ana", "ben"]
    assert names(lease(store, run, most=2)) == ["eva"]


def test_only_what_lies_beyond_the_cursor(store: Store) -> None:
    run = plan(store, "ana", "ben", "eva")
    first = store.ledger.deliveries(scope(run))[0]
    assert names(lease(store, run, after=first.row)) == ["ben", "eva"]
    assert states(store, run)["ana"] == "planned"


def test_only_the_scope_and_the_channel_that_are_meant(store: Store) -> None:
    run = plan(store, "ana", "ben")
    other = plan(store, "ana", period="2026-W48")
    posts = plan(store, "#team", period="2026-W49", channel="slack")
    (ana, ben) = store.ledger.deliveries(scope(run))
    only_ben = Scope(runs=(run.row, posts.row), rows=frozenset({ben.row}))
    assert names(store.ledger.lease(only_ben, "mail", after=0, most=9, wanted=wanted)) == ["ben"]
    assert states(store, other) == {"ana": "planned"}
    assert states(store, posts) == {"#team": "planned"}
    assert store.ledger.deliveries(Scope(runs=(run.row,), rows=frozenset({ana.row})))[0] == ana


def test_each_delivery_goes_to_one_of_many_threads(store: Store) -> None:
    readers = [f"reader{n}@example.com" for n in range(120)]
    run = plan(store, *readers)

    def take_until_there_is_none(_thread: int) -> list[str]:
        taken: list[str] = []
        while some := lease(store, run, most=7):
            taken += names(some)
        return taken

    with ThreadPoolExecutor(max_workers=6) as pool:
        taken = [name for names in pool.map(take_until_there_is_none, range(6)) for name in names]
    assert sorted(taken) == sorted(readers)


@pytest.mark.parametrize(
    ("after", "early", "leased"),
    [
        (timedelta(seconds=59), False, []),
        (timedelta(seconds=60), False, ["ana"]),
        (timedelta(seconds=0), True, ["ana"]),
    ],
)
def test_what_waits_for_its_time_is_leased_then_or_when_that_is_asked_for(
    store: Store,
    clock: Clock,
    after: timedelta,
    early: bool,  # noqa: FBT001 — a column of the table
    leased: list[str],
) -> None:
    run = plan(store, "ana")
    (first,) = lease(store, run)
    store.ledger.begin(first)
    assert written(store, store.ledger.settle(first, LATER))
    clock.now += after
    assert names(lease(store, run, early=early)) == leased


@pytest.mark.parametrize(
    ("after", "due"), [(timedelta(seconds=59), False), (timedelta(seconds=60), True)]
)
def test_whether_something_is_due_is_its_own_time_even_when_early_is_asked(
    store: Store,
    clock: Clock,
    after: timedelta,
    due: bool,  # noqa: FBT001 — a column of the table
) -> None:
    run = plan(store, "ana")
    (first,) = lease(store, run)
    store.ledger.begin(first)
    written(store, store.ledger.settle(first, LATER))
    clock.now += after
    assert store.ledger.channels(scope(run)) == ["mail"]
    assert store.ledger.is_due(scope(run, early=True), "mail", clock()) is due


def test_at_its_deadline_a_delivery_is_dead_with_its_last_error(store: Store, clock: Clock) -> None:
    run = plan(store, "ana", deadline=NOW + DAY)
    (first,) = lease(store, run)
    store.ledger.begin(first)
    written(store, store.ledger.settle(first, LATER))
    clock.go(days=1, seconds=1)
    assert lease(store, run) == []
    (dead,) = store.ledger.deliveries(scope(run))
    assert dead.state is State.DEAD
    assert dead.last_error == "given up at its deadline 2026-11-24T08:00Z; last: 451 greylisted"
    assert store.ledger.untold() == [dead]


def test_whoever_is_not_wanted_any_more_is_skipped(store: Store) -> None:
    run = plan(store, "ana", "ben")
    leased = store.ledger.lease(
        scope(run), "mail", after=0, most=9, wanted=lambda held: held.key.recipient == "ben"
    )
    assert names(leased) == ["ben"]
    assert states(store, run) == {"ana": "skipped", "ben": "leased"}


def test_any_number_that_ended_is_passed_over_for_one_that_can_be_sent(store: Store) -> None:
    run = plan(store, *(f"gone{n}" for n in range(25)), "ana")
    leased = store.ledger.lease(
        scope(run), "mail", after=0, most=10, wanted=lambda held: held.key.recipient == "ana"
    )
    assert names(leased) == ["ana"]
    assert store.ledger.counts(run.row) == {State.SKIPPED: 25, State.LEASED: 1}


def test_it_is_known_where_the_last_message_to_a_recipient_went(store: Store) -> None:
    first = plan(store, "#team", channel="slack")
    (leased,) = store.ledger.lease(scope(first), "slack", after=0, most=1, wanted=wanted)
    store.ledger.begin(leased)
    store.ledger.arm(leased)
    posted = Outcome(state=State.SENT, reference="171.2", place="C123")
    assert written(store, store.ledger.settle(leased, posted))
    second = plan(store, "#team", "#others", channel="slack", period="2026-W48")
    parcels = store.ledger.lease(scope(second), "slack", after=0, most=2, wanted=wanted)
    assert [one.parcel.place for one in parcels] == ["C123", None]
