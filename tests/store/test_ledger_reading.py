"""Looking into the ledger: what it says of deliveries, and what was fetched before."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryKind
from digest.core.content import DeliveryState as State
from digest.core.snapshots import Snapshot
from digest.store import reading as reading_module
from tests.store.databases import Ledgers
from tests.support.ledgers import (
    DAY,
    NOW,
    REFUSED,
    Clock,
    Post,
    new_run,
    only,
    plan,
    scope,
    sender,
)

if TYPE_CHECKING:
    from digest.store.opened import Store

HOUR = timedelta(hours=1)


# Deliveries


def test_all_deliveries_come_newest_first_whatever_their_number(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_module, "_PAGE", 4)
    plan(store, *(f"reader{n}" for n in range(6)))
    plan(store, "reader6", "reader7", period="2026-W48")
    names = [one.key.recipient for one in store.ledger.all_deliveries()]
    assert names == [f"reader{n}" for n in reversed(range(8))]


def test_what_needs_a_person_comes_newest_first_without_tests(store: Store, clock: Clock) -> None:
    post = Post(script={"ben": [REFUSED], "eva": [REFUSED], "max": [REFUSED]})
    runs = [plan(store, "ana", "ben"), plan(store, "eva", period="2026-W48")]
    test = plan(store, "max", kind=DeliveryKind.TEST, period="2026-W49")
    for run in (*runs, test):
        sender(store, clock, [post]).send(scope(run))
    assert [one.key.recipient for one in store.ledger.needing_person()] == ["eva", "ben"]
    assert [one.key.recipient for one in store.ledger.untold()] == ["ben", "eva"]
    assert store.ledger.counts() == {State.SENT: 1, State.FAILED: 3}


def test_runs_of_which_something_is_open_are_known(store: Store, clock: Clock) -> None:
    done, waits = plan(store, "ana"), plan(store, "ana", "ben", period="2026-W48")
    sender(store, clock, [Post()]).send(scope(done))
    assert store.ledger.open_runs() == (waits.row,)


def test_a_slow_reader_of_all_deliveries_keeps_nobody_waiting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_module, "_PAGE", 2)
    plan(store, "ana", "ben", "eva")
    slowly = store.ledger.all_deliveries()
    assert next(slowly).key.recipient == "eva"
    plan(store, "max", period="2026-W48")
    assert [one.key.recipient for one in slowly] == ["ben", "ana"]


def test_a_delivery_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    run = plan(store, *(f"reader{n}" for n in range(40)))
    one = store.ledger.deliveries(scope(run))[7]
    assert store.ledger.found(one.key.digest) == [one]
    assert one in store.ledger.found(one.key.digest[:8])
    assert len(store.ledger.found("")) == 3, "enough to know that it is not the only one"


@pytest.mark.parametrize("beginning", ["%", "_" * 32, "zzzz", "\\"])
def test_an_id_is_no_pattern(store: Store, beginning: str) -> None:
    plan(store, "ana")
    assert store.ledger.found(beginning) == []


def test_counts_are_of_everything_or_of_one_run(store: Store) -> None:
    run = plan(store, "ana", "ben")
    plan(store, "ana", period="2026-W48")
    assert store.ledger.counts() == {State.PLANNED: 3}
    assert store.ledger.counts(run.row) == {State.PLANNED: 2}


def test_an_instant_is_kept_to_the_microsecond(store: Store) -> None:
    exact = NOW + timedelta(microseconds=123_457)
    run = plan(store, "ana", deadline=exact)
    assert only(store, run).deadline == exact


def test_a_document_is_read_once_for_all_its_readers(store: Store) -> None:
    run = plan(store, "ana", "ben", document=b"the digest")
    ana, ben = store.ledger.deliveries(scope(run))
    first = store.ledger.parcel(ana).document
    Ledgers.sql(store, "UPDATE contents SET data = :data", data=b"changed on the disk")
    assert store.ledger.parcel(ben).document is first


# What was fetched


def taken(at: timedelta, **fields: Any) -> Snapshot:
    usual: dict[str, Any] = {
        "app_id": "shop",
        "report": "sessions",
        "what": "country",
        "start": None,
        "end": None,
        "answer": {"rows": [["Österreich", 1]], "complete": True},
    }
    return Snapshot(taken_at=NOW + at, **{**usual, **fields})


def kept(store: Store, *snapshots: Snapshot) -> None:
    period = f"{len(store.ledger.latest_runs(99))}"
    assert store.ledger.plan(new_run(period=period), [], snapshots=snapshots) is not None


def nearest(store: Store, *, within: timedelta = HOUR, **asked: Any) -> Snapshot | None:
    usual = {"app_id": "shop", "report": "sessions", "what": "country"}
    return store.ledger.snapshot(**{**usual, **asked}, at=NOW, within=within)


def test_an_answer_is_kept_as_it_came(store: Store) -> None:
    snapshot = taken(timedelta(0))
    kept(store, snapshot)
    assert nearest(store) == snapshot


@pytest.mark.parametrize(
    ("minutes", "found"),
    [
        ((), None),
        ((-61,), None),
        ((61,), None),
        ((-60,), -60),
        ((60,), 60),
        ((-50, 40), 40),
        ((-20, 40), -20),
        ((-30, 30), -30),
        ((30, -30), 30),
    ],
)
def test_the_nearest_answer_is_found_within_the_tolerance(
    store: Store, minutes: tuple[int, ...], found: int | None
) -> None:
    kept(store, *(taken(timedelta(minutes=one)) for one in minutes))
    nearest_one = nearest(store)
    expected = None if found is None else NOW + timedelta(minutes=found)
    assert (None if nearest_one is None else nearest_one.taken_at) == expected


@pytest.mark.parametrize(
    "asked", [{"app_id": "blog"}, {"report": "users"}, {"what": "browser"}, {"within": -HOUR}]
)
def test_only_an_answer_to_the_same_question_is_found(store: Store, asked: dict[str, Any]) -> None:
    kept(store, taken(timedelta(0)))
    assert nearest(store, **asked) is None


def test_an_answer_about_some_days_is_no_all_time_answer(store: Store) -> None:
    days = taken(timedelta(0), start=date(2026, 11, 16), end=date(2026, 11, 23))
    kept(store, days)
    assert nearest(store, within=DAY) is None
    found = Ledgers.sql(store, 'SELECT start, "end" FROM snapshots')
    assert [tuple(row) for row in found] == [("2026-11-16", "2026-11-23")]


def test_an_answer_that_is_there_already_stays_as_it_is(store: Store) -> None:
    kept(store, taken(timedelta(0), answer={"rows": [], "complete": True}))
    kept(store, taken(timedelta(0), answer={"rows": [["x", 1]], "complete": True}))
    found = nearest(store)
    assert found is not None
    assert found.answer == {"rows": [], "complete": True}
