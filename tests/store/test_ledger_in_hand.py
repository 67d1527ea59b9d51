"""What a process has in hand, and what it lost hold of without dying."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryState as State
from digest.core.outbox import OnUncertain
from digest.errors import StateBusyError
from digest.store.reading import Scope
from tests.store.databases import Ledgers
from tests.support.ledgers import DOWN, Clock, Post, only, plan, scope, sender, states, written

if TYPE_CHECKING:
    from digest.core.content import Outcome, Passage
    from digest.store.ledger import Leased
    from digest.store.opened import Store
    from digest.store.rows import Run


def lease(store: Store, run: Run, most: int = 50) -> list[Leased]:
    return store.ledger.lease(
        scope(run, early=True), "mail", after=0, most=most, wanted=lambda _held: True
    )


def let_go(store: Store, *some: Leased) -> None:
    store.ledger.let_go(one.delivery.row for one in some)


def test_what_somebody_here_is_at_work_on_is_left_to_them(store: Store) -> None:
    run = plan(store, "ana", "ben")
    for one in lease(store, run):
        written(store, store.ledger.begin(one))
    assert store.ledger.reclaim(scope(run)) == 0
    assert states(store, run) == {"ana": "sending", "ben": "sending"}


def test_what_was_let_go_of_waits_again_or_is_uncertain_as_after_a_crash(store: Store) -> None:
    run = plan(store, "ana", "ben", "cy", "dan")
    ana, ben, cy, _ = lease(store, run)
    written(store, store.ledger.begin(ana))
    written(store, store.ledger.begin(ben))
    assert store.ledger.arm(ben)
    let_go(store, ana, ben, cy)
    assert store.ledger.reclaim(scope(run)) == 3
    assert states(store, run) == {
        "ana": "planned",
        "ben": "uncertain",
        "cy": "planned",
        "dan": "leased",
    }
    (_, held, *_) = store.ledger.deliveries(scope(run))
    assert held.uncertain == 1
    assert held.last_error == (
        "the ledger could not be used meanwhile, and whether it was taken is not known"
    )
    assert not store.ledger.arm(ana), "it is nobody's any more"


def test_only_what_is_in_the_scope_is_looked_at(store: Store) -> None:
    one, other = plan(store, "ana"), plan(store, "ana", period="2026-W48")
    let_go(store, *lease(store, one), *lease(store, other))
    assert store.ledger.reclaim(scope(one)) == 1
    assert (states(store, one), states(store, other)) == ({"ana": "planned"}, {"ana": "leased"})
    assert store.ledger.reclaim(Scope(runs=None)) == 1


def test_what_another_sender_has_is_left_to_it(store: Store) -> None:
    run = plan(store, "ana")
    let_go(store, *lease(store, run))
    Ledgers.sql(store, "UPDATE deliveries SET owner = 'another'")
    assert store.ledger.reclaim(scope(run)) == 0


@pytest.mark.parametrize("outcome", [None, DOWN], ids=["all sent", "a fault"])
def test_a_pass_lets_go_of_all_that_it_took(
    store: Store, clock: Clock, outcome: Outcome | None
) -> None:
    run = plan(store, "ana", "ben")
    post = Post(script={"ana": [outcome]} if outcome else {})
    sender(store, clock, [post]).send(scope(run))
    assert store.ledger._hand.rows == set()


class Breaking(Post):
    """Loses its head with a parcel in hand that may have been taken."""

    def deliver(self, passage: Passage) -> None:
        parcel = passage.take()
        assert parcel is not None
        passage.begin(parcel)
        passage.arm(parcel)
        raise ZeroDivisionError


def test_a_channel_that_breaks_lets_go_too(store: Store, clock: Clock) -> None:
    run = plan(store, "ana", "ben")
    sender(store, clock, [Breaking()], policy=OnUncertain.HOLD).send(scope(run))
    assert states(store, run) == {"ana": "held", "ben": "planned"}
    assert store.ledger._hand.rows == set()


def test_bytes_that_cannot_be_read_just_now_are_sent_at_the_next_pass(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, post = plan(store, "ana"), Post()

    def unreadable(_content: int) -> bytes:
        raise StateBusyError("the connection was lost; try again")

    with monkeypatch.context() as patched:
        patched.setattr(store.ledger, "_document", unreadable)
        with pytest.raises(StateBusyError):
            sender(store, clock, [post]).send(scope(run))
    assert states(store, run) == {"ana": "leased"}
    sender(store, clock, [post]).send(scope(run))
    assert (only(store, run).state, only(store, run).uncertain) == (State.SENT, 0)
    assert post.tried == ["ana"]


def test_taking_nothing_up_leaves_nothing_in_the_log(store: Store) -> None:
    run = plan(store, "ana")
    assert lease(store, run, most=0) == []
    assert Ledgers.sql(store, "SELECT count(*) FROM attempts") == [(0,)]
