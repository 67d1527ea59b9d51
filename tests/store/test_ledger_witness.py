"""Noticing in both databases that somebody else has written, and what their sender's config is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.store import terms
from digest.store.opening import open_deciding
from tests.support.ledgers import plan, scope

if TYPE_CHECKING:
    from digest.store.opened import Store
    from tests.store.databases import Ledgers


def beside(ledgers: Ledgers) -> Store:
    """The ledger as a command has it that runs beside the daemon."""
    found = open_deciding(ledgers.place, clock=ledgers.clock)
    assert found is not None
    return found


def test_what_others_plan_is_noticed_once(ledgers: Ledgers) -> None:
    store = ledgers.open()
    store.changed()
    assert not store.changed()
    with beside(ledgers) as other:
        plan(other)
    assert store.changed()
    assert not store.changed()


def test_what_others_decide_is_noticed(ledgers: Ledgers) -> None:
    store = ledgers.open()
    run = plan(store)
    store.changed()
    with beside(ledgers) as other:
        other.ledger.hurry(scope(run))
        plan(other, "bob", period="2026-W46")
    assert store.changed()


def test_looking_keeps_nobody_from_writing(ledgers: Ledgers) -> None:
    store = ledgers.open()
    store.changed()
    with beside(ledgers) as other:
        for n in range(3):
            plan(other, period=f"2026-W{n + 10}")
            assert store.changed()


def test_after_it_was_closed_it_looks_anew(ledgers: Ledgers) -> None:
    store = ledgers.open()
    store.changed()
    store.witness.close()
    store.changed()
    assert not store.changed()


def test_a_database_that_can_t_be_looked_at_counts_as_changed(ledgers: Ledgers) -> None:
    store = ledgers.open()
    store.changed()
    if ledgers.place.path is None:
        ledgers.sql(store, "ALTER TABLE attempts RENAME TO gone")
        try:
            assert store.changed()
        finally:
            ledgers.sql(store, "ALTER TABLE gone RENAME TO attempts")
    else:
        connection = store.witness._connection
        assert connection is not None
        assert connection.driver_connection is not None
        connection.driver_connection.close()
        assert store.changed()
    store.changed()
    assert not store.changed()


def test_the_terms_of_the_sender_are_known_beside_it_and_written_when_they_change(
    ledgers: Ledgers,
) -> None:
    store = ledgers.open()
    assert terms.known(store) is None
    terms.note(store, "one")
    terms.note(store, "two")
    with beside(ledgers) as other:
        assert terms.known(other) == "two"
        store.changed()
        terms.note(other, "two")
        assert not store.changed(), "what is known is not written again"
