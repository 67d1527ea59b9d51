"""digest's own troubles in both databases: told once while they last, and once a day at most."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.store import troubles as table
from digest.store.troubles import QUIET
from tests.support.ledgers import NOW

if TYPE_CHECKING:
    from digest.store.opened import Store
    from digest.store.troubles import OwnTrouble

NAME = "job daily"


def tell(store: Store) -> None:
    store.writer.do(lambda batch: table.told(batch.connection, [NAME]))


def now(store: Store) -> list[tuple[str, bool]]:
    return [(one.sentence, one.reported) for one in store.troubles.now()]


def the_one(store: Store) -> OwnTrouble:
    (found,) = store.troubles.now()
    return found


def test_what_is_wrong_is_there_until_it_is_over(store: Store) -> None:
    store.troubles.begin(NAME, "It waits", NOW)
    store.troubles.begin("queue", "It grows", NOW - QUIET)
    assert now(store) == [("It grows", False), ("It waits", False)], "the oldest first"
    store.troubles.end("queue", NOW)
    store.troubles.end("unheard of", NOW)
    assert now(store) == [("It waits", False)]


def test_what_goes_on_keeps_its_beginning_and_has_the_newest_words(store: Store) -> None:
    store.troubles.begin(NAME, "It waits", NOW)
    tell(store)
    store.troubles.begin(NAME, "It waits still", NOW + QUIET)
    assert (the_one(store).since, the_one(store).sentence) == (NOW, "It waits still")
    assert the_one(store).reported, "told once while it lasts, however long"


def test_what_comes_back_within_a_day_is_not_told_again(store: Store) -> None:
    store.troubles.begin(NAME, "It waits", NOW)
    tell(store)
    store.troubles.end(NAME, NOW)
    store.troubles.begin(NAME, "It waits again", NOW + QUIET)
    assert now(store) == [("It waits again", True)]


def test_what_comes_back_after_a_day_is_told_again(store: Store) -> None:
    store.troubles.begin(NAME, "It waits", NOW)
    tell(store)
    store.troubles.end(NAME, NOW)
    later = NOW + QUIET + QUIET
    store.troubles.begin(NAME, "It waits again", later)
    assert (now(store), the_one(store).since) == ([("It waits again", False)], later)


def test_the_end_is_the_first_one_that_was_noted(store: Store) -> None:
    store.troubles.begin(NAME, "It waits", NOW)
    tell(store)
    store.troubles.end(NAME, NOW)
    store.troubles.end(NAME, NOW + QUIET)
    store.troubles.begin(NAME, "It waits again", NOW + QUIET + QUIET / 2)
    assert now(store) == [("It waits again", False)]


def test_a_name_of_any_length_is_kept(store: Store) -> None:
    name = "job " + "é" * 300
    store.troubles.begin(name, "It waits", NOW)
    store.troubles.begin(name, "It waits", NOW)
    assert len(now(store)) == 1
    store.troubles.end(name, NOW)
    assert now(store) == []
