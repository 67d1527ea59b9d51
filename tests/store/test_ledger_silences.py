"""Silences in both databases: they hold until their time, or until a person ends them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from digest.store import upkeep
from digest.store.opening import open_deciding
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from datetime import datetime

    from digest.store.opened import Store
    from digest.store.silences import Silence
    from tests.store.databases import Ledgers

HOUR = timedelta(hours=1)


def silence(store: Store, alert: str = "bounce", hours: float = 4, at: datetime = NOW) -> Silence:
    return store.alerts.silence(alert, at + hours * HOUR, "eva", "a campaign", at)


def names(store: Store, at: datetime) -> list[str]:
    return [one.alert for one in store.alerts.silences(at)]


def test_a_silence_is_kept_as_it_was_said(store: Store) -> None:
    made = silence(store)
    assert store.alerts.silences(NOW) == store.alerts.all_silences() == [made]
    assert (made.alert, made.author, made.why) == ("bounce", "eva", "a campaign")
    assert (made.created_at, made.until, made.ended_at) == (NOW, NOW + 4 * HOUR, None)


def test_it_holds_until_its_time_and_no_longer(store: Store) -> None:
    silence(store)
    silence(store, "*", 1)
    last = timedelta(microseconds=1)
    assert names(store, NOW + HOUR - last) == ["*", "bounce"]
    assert names(store, NOW + HOUR) == ["bounce"]
    assert names(store, NOW + 4 * HOUR) == []


def test_a_person_ends_those_of_one_alert_that_hold(store: Store) -> None:
    for alert, hours in (("bounce", 4), ("bounce", 8), ("bounce", 1), ("*", 4), ("visits", 4)):
        silence(store, alert, hours)
    later = NOW + 2 * HOUR
    assert store.alerts.unsilence("bounce", later) == 2
    assert names(store, later) == ["*", "visits"]
    assert store.alerts.unsilence("*", later) == 1
    assert store.alerts.unsilence("*", later) == 0
    ended = [one.ended_at for one in store.alerts.all_silences()]
    assert ended == [None, later, None, later, later], "newest first"


def test_the_list_of_all_is_as_long_as_asked_for(store: Store) -> None:
    made = [silence(store) for _ in range(5)]
    assert store.alerts.all_silences(2) == [made[4], made[3]]


def test_it_is_said_and_ended_beside_the_sender(ledgers: Ledgers) -> None:
    store = ledgers.open()
    beside = open_deciding(ledgers.place, clock=ledgers.clock)
    assert beside is not None
    with beside:
        silence(beside)
        assert names(store, NOW) == ["bounce"]
        assert beside.alerts.unsilence("bounce", NOW) == 1
    assert names(store, NOW) == []


def test_a_purge_deletes_those_that_were_over_before(store: Store) -> None:
    silence(store, "over")
    silence(store, "ended", 1000)
    silence(store, "holds", 1000)
    store.alerts.unsilence("ended", NOW)
    upkeep.purge(store.writer, NOW)
    assert len(store.alerts.all_silences()) == 3
    upkeep.purge(store.writer, NOW + 5 * HOUR)
    assert [one.alert for one in store.alerts.all_silences()] == ["holds"]
