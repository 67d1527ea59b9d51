"""Moves of one delivery: each by compare-and-swap, each with its line in the execution log."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryState as State
from digest.core.content import Outcome
from digest.core.outbox import MOVES, Decision
from digest.errors import StoreError
from digest.store import moves
from digest.store.opening import open_sender
from tests.store.databases import Ledgers
from tests.support.ledgers import (
    DOWN,
    LATER,
    LOCKED_OUT,
    LOST,
    NOW,
    REFUSED,
    SENT,
    Clock,
    delivery,
    only,
    plan,
    scope,
    written,
)

if TYPE_CHECKING:
    from digest.core.outbox import Delivery
    from digest.store.ledger import Leased
    from digest.store.opened import Store
    from digest.store.rows import Run

TOO_LARGE = Outcome(state=State.RETRY_WAIT, detail="552 too big", code="552", too_large=True)


def lease(store: Store, run: Run) -> Leased:
    (leased,) = store.ledger.lease(
        scope(run, early=True), "mail", after=0, most=1, wanted=lambda _held: True
    )
    return leased


def armed(store: Store, run: Run) -> Leased:
    leased = lease(store, run)
    assert written(store, store.ledger.begin(leased))
    assert store.ledger.arm(leased)
    return leased


def unsure(store: Store, run: Run) -> Delivery:
    assert written(store, store.ledger.settle(armed(store, run), LOST))
    return only(store, run)


def log(store: Store, held: Delivery) -> list[str]:
    """`before after`, and code and reason where there are any."""
    return [
        " ".join(str(part) for part in (one.before, one.after, one.code, one.reason) if part)
        for one in store.ledger.steps(held)
    ]


# What a try came to


def test_beginning_counts_a_try_before_anything_is_risked(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    leased = lease(store, run)
    clock.go(seconds=1)
    assert written(store, store.ledger.begin(leased))
    held = only(store, run)
    assert (held.state, held.attempts, held.armed_at) == (State.SENDING, 1, None)
    assert held.updated_at == NOW + timedelta(seconds=1)


def test_arming_notes_since_when_the_recipient_may_have_it(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    leased = armed(store, run)
    assert (only(store, run).state, only(store, run).armed_at) == (State.AT_RISK, NOW)
    clock.go(seconds=20)
    assert store.ledger.arm(leased), "it waited, and is armed anew"
    assert only(store, run).armed_at == NOW + timedelta(seconds=20)
    assert log(store, only(store, run)) == ["planned leased", "leased sending", "sending at_risk"]


def test_the_recipient_may_have_it_since_an_instant_that_its_server_knows_too(
    ledgers: Ledgers, clock: Clock
) -> None:
    real = Clock(now=NOW + timedelta(days=9))
    with open_sender(ledgers.place, command="a test", clock=clock, wall=real) as store:
        run = plan(store, "ana")
        armed(store, run)
        assert only(store, run).armed_at == real.now
        assert only(store, run).updated_at == clock.now


@pytest.mark.parametrize(
    ("outcome", "armed_first", "known"),
    [
        pytest.param(
            Outcome(
                state=State.SENT,
                reference="<2@digest>",
                place="C1",
                remarks=("the chart is missing",),
            ),
            True,
            {
                "state": State.SENT,
                "attempts": 1,
                "reference": "<2@digest>",
                "place": "C1",
                "remarks": ("the chart is missing",),
                "last_error": "",
                "due_at": None,
            },
            id="sent",
        ),
        pytest.param(
            REFUSED,
            True,
            {"state": State.FAILED, "attempts": 1, "last_error": "550 no such user"},
            id="refused for good",
        ),
        pytest.param(
            REFUSED,
            False,
            {"state": State.FAILED, "attempts": 1, "last_error": "550 no such user"},
            id="refused before it was at risk",
        ),
        pytest.param(
            LATER,
            True,
            {
                "state": State.RETRY_WAIT,
                "attempts": 1,
                "last_error": "451 greylisted",
                "due_at": NOW + timedelta(minutes=1),
                "small": False,
            },
            id="refused for now",
        ),
        pytest.param(
            TOO_LARGE,
            True,
            {
                "state": State.RETRY_WAIT,
                "last_error": "552 too big",
                "due_at": NOW,
                "small": True,
            },
            id="too large: at once, smaller",
        ),
        pytest.param(
            LOST,
            True,
            {"state": State.UNCERTAIN, "attempts": 1, "uncertain": 1, "looks": 0, "due_at": None},
            id="no clear answer",
        ),
    ],
)
def test_what_is_kept_of_a_try(
    store: Store,
    outcome: Outcome,
    armed_first: bool,  # noqa: FBT001 — a column of the table
    known: dict[str, Any],
) -> None:
    run = plan(store, "ana")
    leased = lease(store, run)
    store.ledger.begin(leased)
    if armed_first:
        store.ledger.arm(leased)
    assert written(store, store.ledger.settle(leased, outcome))
    held = only(store, run)
    assert {name: getattr(held, name) for name in known} == known
    assert leased.at is held.state


def test_a_second_try_waits_longer_and_what_was_too_large_stays_small(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana")
    assert written(store, store.ledger.settle(armed(store, run), TOO_LARGE))
    assert written(store, store.ledger.settle(armed(store, run), LATER))
    held = only(store, run)
    assert (held.attempts, held.small) == (2, True)
    assert held.due_at == clock() + timedelta(minutes=5)
    assert lease(store, run).parcel.small


def test_trouble_of_the_channel_counts_against_nobody(store: Store) -> None:
    run = plan(store, "ana")
    written(store, store.ledger.settle(armed(store, run), LATER))
    assert written(store, store.ledger.settle(lease(store, run), DOWN))
    held = only(store, run)
    assert (held.state, held.attempts) == (State.RETRY_WAIT, 1)
    assert store.ledger.steps(held)[-1].attempt == 1
    assert held.due_at == NOW + timedelta(minutes=1), "as after one try"


def test_every_move_leaves_a_line_with_its_try_fence_and_reason(store: Store) -> None:
    run = plan(store, "ana")
    written(store, store.ledger.settle(armed(store, run), LATER))
    written(store, store.ledger.settle(armed(store, run), REFUSED))
    held = only(store, run)
    assert log(store, held) == [
        "planned leased",
        "leased sending",
        "sending at_risk",
        "at_risk retry_wait 451 451 greylisted",
        "retry_wait leased",
        "leased sending",
        "sending at_risk",
        "at_risk failed 550 550 no such user",
    ]
    steps = store.ledger.steps(held)
    assert [one.attempt for one in steps] == [0, 1, 1, 1, 1, 2, 2, 2]
    assert [one.fence for one in steps] == [1, 1, 1, 1, 2, 2, 2, 2]
    assert {one.at for one in steps} == {NOW}


def test_what_is_handed_back_waits_as_if_it_had_not_been_taken(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    written(store, store.ledger.settle(armed(store, run), LATER))
    clock.go(minutes=2)
    leased = lease(store, run)
    store.ledger.begin(leased)
    assert written(store, store.ledger.hand_back(leased))
    held = only(store, run)
    assert (held.state, held.attempts, held.last_error) == (State.PLANNED, 2, "451 greylisted")
    assert held.due_at == NOW + timedelta(minutes=1)


def test_a_message_sent_is_counted_in_the_ledger(ledgers: Ledgers) -> None:
    store = ledgers.open()
    run = plan(store, "ana")
    written(store, store.ledger.settle(armed(store, run), SENT))
    assert Ledgers.sql(store, "SELECT value FROM meta WHERE name = 'sent'") == [("1",)]


# Whose turn it is


@pytest.mark.parametrize(
    "move",
    [
        pytest.param(lambda ledger, old: ledger.begin(old), id="begin"),
        pytest.param(lambda ledger, old: ledger.hand_back(old), id="hand back"),
        pytest.param(lambda ledger, old: ledger.settle(old, LATER), id="settle"),
    ],
)
def test_an_old_fence_moves_nothing(store: Store, move: Any) -> None:
    run = plan(store, "ana")
    old = lease(store, run)
    written(store, store.ledger.hand_back(old))
    assert lease(store, run).delivery.fence == 2
    old.at = State.LEASED
    before = only(store, run), log(store, only(store, run))
    assert not written(store, move(store.ledger, old))
    assert (only(store, run), log(store, only(store, run))) == before


def test_an_old_fence_arms_nothing_also_not_anew(store: Store) -> None:
    run = plan(store, "ana")
    old = armed(store, run)
    written(store, store.ledger.settle(old, LATER))
    new = armed(store, run)
    for old.at in (State.SENDING, State.AT_RISK):
        assert not store.ledger.arm(old)
    assert only(store, run).fence == new.delivery.fence
    assert old.at is State.AT_RISK


def test_a_try_is_settled_once(store: Store) -> None:
    run = plan(store, "ana")
    leased = armed(store, run)
    assert written(store, store.ledger.settle(leased, SENT))
    leased.at = State.AT_RISK
    assert not written(store, store.ledger.settle(leased, LOST))
    assert (only(store, run).state, only(store, run).uncertain) == (State.SENT, 0)


def test_a_person_who_looked_at_an_older_state_moves_nothing(store: Store) -> None:
    run = plan(store, "ana")
    seen = unsure(store, run)
    again = Decision(state=State.PLANNED, reason="sent again")
    assert store.ledger.resolve(seen, again)
    assert not store.ledger.resolve(seen, again)
    assert not store.ledger.resolve(seen, Decision(state=State.SENT, reason="x"), **NOTHING_FOUND)
    assert not store.ledger.resolve(seen, Decision(state=State.UNCERTAIN, reason="x", at=NOW))
    assert only(store, run).state is State.PLANNED


NOTHING_FOUND = {"reference": None, "place": None, "remarks": None}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (before, after)
        for before in State
        for after in State
        if after not in MOVES[before] and before is not after
    ],
)
def test_a_move_that_the_machine_lacks_is_a_defect(before: State, after: State) -> None:
    with pytest.raises(ValueError, match=f"does not go from {before} to {after}"):
        moves.end(None, delivery(before), before, after, NOW, reason="")  # type: ignore[arg-type]


def test_a_defect_writes_nothing_and_is_said(store: Store) -> None:
    run = plan(store, "ana")
    leased = lease(store, run)
    with pytest.raises(StoreError, match=r"the ledger's work failed \(ValueError\); a defect"):
        written(store, store.ledger.settle(leased, SENT))
    assert only(store, run).state is State.LEASED


# Unknown outcomes


def test_a_second_unknown_outcome_is_counted_on_and_looks_begin_anew(store: Store) -> None:
    run = plan(store, "ana")
    first = unsure(store, run)
    looked = Decision(state=State.UNCERTAIN, reason="", at=NOW, count=True)
    assert store.ledger.resolve(first, looked)
    assert only(store, run).looks == 1
    assert store.ledger.resolve(only(store, run), Decision(state=State.PLANNED, reason="again"))
    second = unsure(store, run)
    assert (second.uncertain, second.looks, second.attempts) == (2, 0, 2)


def test_a_look_without_a_find_is_counted_only_when_it_says_so(store: Store) -> None:
    run = plan(store, "ana")
    held = unsure(store, run)
    due = NOW + timedelta(seconds=30)
    assert store.ledger.resolve(held, Decision(state=State.UNCERTAIN, reason="", at=due))
    assert (only(store, run).looks, only(store, run).due_at) == (0, due)
    assert len(store.ledger.steps(held)) == 4, "a look is no move"


def test_what_was_found_is_sent_as_it_was_found_and_is_no_further_try(store: Store) -> None:
    run = plan(store, "ana")
    held = unsure(store, run)
    found = {"reference": "171.2", "place": "C1", "remarks": '["late"]'}
    assert store.ledger.resolve(held, Decision(state=State.SENT, reason="found"), **found)
    sent = only(store, run)
    assert (sent.state, sent.reference, sent.place) == (State.SENT, "171.2", "C1")
    assert (sent.remarks, sent.last_error, sent.attempts) == (("late",), "", 1)
    assert log(store, sent)[-1] == "uncertain sent found"
    assert Ledgers.sql(store, "SELECT value FROM meta WHERE name = 'sent'") == [("1",)]


def test_what_is_sent_again_keeps_the_reason_why(store: Store) -> None:
    run = plan(store, "ana")
    store.ledger.resolve(unsure(store, run), Decision(state=State.PLANNED, reason="again"))
    assert only(store, run).last_error == "taken"


def test_what_is_held_says_why(store: Store) -> None:
    run = plan(store, "ana")
    store.ledger.resolve(unsure(store, run), Decision(state=State.HELD, reason="unknown twice"))
    assert only(store, run).last_error == "unknown twice"
    assert store.ledger.untold() == [only(store, run)]


# Channels in trouble


def test_a_channel_in_trouble_is_left_alone_for_longer_each_time(
    store: Store, clock: Clock
) -> None:
    waits = []
    for _ in range(3):
        waits.append(store.ledger.hold("mail", DOWN) - clock())
        clock.go(minutes=1)
    assert waits == [timedelta(minutes=minutes) for minutes in (1, 5, 15)]
    (hold,) = store.ledger.holds()
    assert (hold.channel, hold.times, hold.since) == ("mail", 3, NOW)
    assert (hold.reason, hold.passing, hold.reported) == ("the server is down", True, False)


def test_a_server_that_names_a_time_is_left_alone_until_then(store: Store) -> None:
    asked = Outcome(state=State.RETRY_WAIT, detail="429", fault=True, retry_after=90.0)
    assert store.ledger.hold("slack", asked) == NOW + timedelta(seconds=90)


def test_trouble_that_changes_its_kind_is_known_by_the_last(store: Store) -> None:
    store.ledger.hold("mail", DOWN)
    store.ledger.hold("mail", LOCKED_OUT)
    (hold,) = store.ledger.holds()
    assert (hold.reason, hold.passing) == ("535 wrong password", False)


def test_trouble_is_over_with_a_release_and_begins_anew_after_it(store: Store) -> None:
    store.ledger.hold("mail", DOWN)
    store.ledger.hold("slack", DOWN)
    store.ledger.release("mail")
    store.ledger.release("never held")
    assert [hold.channel for hold in store.ledger.holds()] == ["slack"]
    assert store.ledger.hold("mail", DOWN) == NOW + timedelta(minutes=1)


def test_all_that_waits_for_a_channel_in_trouble_waits_with_it(store: Store, clock: Clock) -> None:
    run = plan(store, *(f"reader{n}" for n in range(130)), "gone")
    until = clock() + timedelta(minutes=5)
    store.ledger.put_off(
        scope(run), "mail", "down", until, lambda held: held.key.recipient != "gone"
    )
    held = store.ledger.deliveries(scope(run))
    assert {(one.state, one.due_at, one.last_error) for one in held[:-1]} == {
        (State.RETRY_WAIT, until, "down")
    }
    assert {one.attempts for one in held} == {0}
    assert held[-1].state is State.SKIPPED
