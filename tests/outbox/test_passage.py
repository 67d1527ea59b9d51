"""What one channel asks and tells while it delivers, and what stands in the ledger meanwhile."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryState as State
from digest.core.content import Outcome, Parcel
from digest.errors import NotArmedError, StoreError
from digest.outbox import passage as passage_module
from digest.outbox.passage import FRESH, LedgerPassage
from digest.outbox.stopping import Stop
from tests.store.databases import Ledgers
from tests.support.ledgers import (
    DOWN,
    LATER,
    LOST,
    REFUSED,
    SENT,
    Clock,
    only,
    plan,
    scope,
    states,
)

if TYPE_CHECKING:
    from digest.store.opened import Store
    from digest.store.rows import Run

WHY = "the channel gave up"


def passage(store: Store, run: Run, **changes: Any) -> LedgerPassage:
    usual: dict[str, Any] = {
        "wanted": lambda _held: True,
        "stop": Stop(),
        "alive": lambda: True,
        "monotonic": Clock().monotonic,
    }
    return LedgerPassage(store.ledger, scope(run), "mail", **{**usual, **changes})


def taken(made: LedgerPassage) -> Parcel:
    parcel = made.take()
    assert parcel is not None
    return parcel


def names(made: LedgerPassage) -> list[str]:
    """All that it gives."""
    found = []
    while (parcel := made.take()) is not None:
        found.append(parcel.key.recipient)
        assert len(found) < 100, "it never ends"
    return found


# Taking


def test_each_delivery_is_offered_once_however_many_there_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passage_module, "_AT_ONCE", 3)
    readers = [f"reader{n}" for n in range(8)]
    made = passage(store, plan(store, *readers))
    assert names(made) == readers
    assert made.take() is None


def test_what_is_settled_as_to_be_tried_again_at_once_is_not_offered_again(store: Store) -> None:
    run = plan(store, "ana", "ben")
    made = passage(store, run)
    again = Outcome(state=State.RETRY_WAIT, detail="again", retry_after=0.0)
    given = []
    while (parcel := made.take()) is not None:
        given.append(parcel.key.recipient)
        assert len(given) < 100, "it never ends"
        made.settle(parcel, again)
    made.close(WHY)
    assert given == ["ana", "ben"]


def test_what_is_planned_meanwhile_is_not_waited_for(store: Store) -> None:
    run = plan(store, "ana")
    made = passage(store, run)
    assert names(made) == ["ana"]
    plan(store, "ana", period="2026-W48")
    assert names(made) == []


def test_after_a_fault_nothing_more_is_given_and_the_rest_is_handed_back(store: Store) -> None:
    run = plan(store, "ana", "ben")
    made = passage(store, run)
    made.settle(taken(made), DOWN)
    assert made.take() is None
    assert made.fault == DOWN
    made.close(WHY)
    assert states(store, run) == {"ana": "retry_wait", "ben": "planned"}


def test_of_two_faults_the_first_says_what_the_trouble_is(store: Store) -> None:
    made = passage(store, plan(store, "ana", "ben"))
    first, second = taken(made), taken(made)
    made.settle(first, DOWN)
    made.settle(second, Outcome(state=State.RETRY_WAIT, detail="another", fault=True))
    assert made.fault == DOWN


def test_after_a_stop_nothing_more_is_given_and_the_rest_is_handed_back(store: Store) -> None:
    stop = Stop()
    run = plan(store, "ana", "ben")
    made = passage(store, run, stop=stop)
    ana = taken(made)
    stop.ask()
    assert made.take() is None
    made.settle(ana, LATER)
    made.close(WHY)
    assert states(store, run) == {"ana": "planned", "ben": "planned"}
    assert only_attempts(store, run) == [0, 0]


def only_attempts(store: Store, run: Run) -> list[int]:
    return [one.attempts for one in store.ledger.deliveries(scope(run))]


# Begin, arm, settle


def test_every_word_of_the_channel_stands_in_the_ledger(store: Store) -> None:
    run = plan(store, "ana")
    made = passage(store, run)
    parcel = taken(made)
    assert only(store, run).state is State.LEASED
    made.begin(parcel)
    assert not made.at_risk
    made.arm(parcel)
    assert made.at_risk
    assert only(store, run).state is State.AT_RISK
    made.settle(parcel, SENT)
    assert not made.at_risk
    made.close(WHY)
    assert only(store, run).state is State.SENT
    assert (made.sent, made.error, made.fault) == (1, None, None)


def test_while_the_arm_is_being_written_it_counts_as_a_risk(store: Store) -> None:
    run = plan(store, "ana")
    made = passage(store, run)
    parcel = taken(made)
    made.begin(parcel)
    go_on, seen = threading.Event(), threading.Event()

    def hold_up(_batch: object) -> None:
        seen.set()
        go_on.wait(10)

    store.writer.submit(hold_up)
    assert seen.wait(10)
    arming = threading.Thread(target=made.arm, args=(parcel,))
    arming.start()
    try:
        while not made.at_risk:
            pass
        assert only(store, run).state is State.LEASED
    finally:
        go_on.set()
        arming.join()
    assert only(store, run).state is State.AT_RISK


@pytest.mark.parametrize(
    ("seconds", "alive", "fresh"),
    [
        (0.0, True, True),
        (FRESH, True, True),
        (FRESH + 0.1, True, False),
        (0.0, False, False),
    ],
)
def test_an_arm_may_be_acted_on_for_five_seconds_while_the_lease_lives(
    store: Store,
    seconds: float,
    alive: bool,  # noqa: FBT001 — a column of the table
    fresh: bool,  # noqa: FBT001 — as above
) -> None:
    time, living = Clock(), [True]
    made = passage(store, plan(store, "ana"), monotonic=time.monotonic, alive=lambda: living[0])
    parcel = taken(made)
    made.begin(parcel)
    made.arm(parcel)
    time.go(seconds=seconds)
    living[0] = alive
    assert made.still_fresh(parcel) is fresh


def test_an_arm_that_was_renewed_is_fresh_again(store: Store) -> None:
    time = Clock()
    made = passage(store, plan(store, "ana"), monotonic=time.monotonic)
    parcel = taken(made)
    made.begin(parcel)
    made.arm(parcel)
    time.go(seconds=60)
    made.arm(parcel)
    assert made.still_fresh(parcel)


def test_what_was_never_armed_is_not_fresh(store: Store) -> None:
    made = passage(store, plan(store, "ana"))
    assert not made.still_fresh(taken(made))


def test_a_parcel_is_settled_once(store: Store) -> None:
    run = plan(store, "ana")
    made = passage(store, run)
    parcel = taken(made)
    made.begin(parcel)
    made.settle(parcel, REFUSED)
    made.settle(parcel, SENT)
    made.close(WHY)
    assert (only(store, run).state, made.sent) == (State.FAILED, 0)


def test_how_many_are_settled_is_told(store: Store) -> None:
    told: list[None] = []
    made = passage(store, plan(store, "ana", "ben"), settled=lambda: told.append(None))
    for _ in range(2):
        made.settle(taken(made), LATER)
    assert len(told) == 2


# When nothing may be sent


def test_after_a_stop_nothing_is_begun_or_armed(store: Store) -> None:
    stop = Stop()
    run = plan(store, "ana", "ben")
    made = passage(store, run, stop=stop)
    ana, ben = taken(made), taken(made)
    made.begin(ana)
    stop.ask()
    with pytest.raises(NotArmedError, match="digest was told to stop"):
        made.arm(ana)
    with pytest.raises(NotArmedError, match="digest was told to stop"):
        made.begin(ben)
    for parcel in (ana, ben):
        made.settle(parcel, LATER)
    made.close(WHY)
    assert states(store, run) == {"ana": "planned", "ben": "planned"}


def test_a_definite_answer_counts_though_we_were_told_to_stop(store: Store) -> None:
    stop = Stop()
    run = plan(store, "ana")
    made = passage(store, run, stop=stop)
    parcel = taken(made)
    made.begin(parcel)
    made.arm(parcel)
    stop.ask()
    made.settle(parcel, SENT)
    made.close(WHY)
    assert states(store, run) == {"ana": "sent"}


def test_whoever_lost_a_delivery_is_told_so_and_moves_nothing(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    run = plan(store, "ana")
    made = passage(store, run)
    parcel = taken(made)
    made.begin(parcel)
    Ledgers.sql(store, "UPDATE deliveries SET fence = fence + 1")
    with pytest.raises(NotArmedError, match="another process has taken this delivery over"):
        made.arm(parcel)
    assert not made.at_risk
    made.settle(parcel, LATER)
    made.close(WHY)
    assert made.error is None
    assert only(store, run).attempts == 0
    actions = {getattr(record, "action", "") for record in caplog.records}
    assert actions == {"delivery_lost"}


def test_without_a_living_lease_nothing_is_armed(store: Store) -> None:
    made = passage(store, plan(store, "ana"), alive=lambda: False)
    parcel = taken(made)
    made.begin(parcel)
    with pytest.raises(NotArmedError, match="could not be reached for too long"):
        made.arm(parcel)
    assert isinstance(made.error, StoreError)


def break_ledger(store: Store) -> None:
    Ledgers.sql(store, "ALTER TABLE attempts RENAME TO gone")


def mend_ledger(store: Store) -> None:
    Ledgers.sql(store, "ALTER TABLE gone RENAME TO attempts")


def test_an_arm_that_cannot_be_written_ends_the_passage(store: Store) -> None:
    run = plan(store, "ana", "ben")
    made = passage(store, run)
    ana, ben = taken(made), taken(made)
    break_ledger(store)
    try:
        with pytest.raises(NotArmedError) as caught:
            made.arm(ana)
        assert str(caught.value) == str(made.error)
        with pytest.raises(NotArmedError):
            made.begin(ben)
        assert made.take() is None
        for parcel in (ana, ben):
            made.settle(parcel, LATER)
        made.close(WHY)
    finally:
        mend_ledger(store)
    assert states(store, run) == {"ana": "leased", "ben": "leased"}, "the next start hands it back"


def test_a_lease_that_cannot_be_written_ends_the_passage(store: Store) -> None:
    made = passage(store, plan(store, "ana"))
    break_ledger(store)
    try:
        assert made.take() is None
    finally:
        mend_ledger(store)
    assert isinstance(made.error, StoreError)


def test_a_move_that_could_not_be_written_is_noticed_with_the_next(store: Store) -> None:
    run = plan(store, "ana", "ben")
    made = passage(store, run)
    ana, ben = taken(made), taken(made)
    break_ledger(store)
    try:
        made.begin(ana)
        made.begin(ben)
        made.close(WHY)
    finally:
        mend_ledger(store)
    assert isinstance(made.error, StoreError)


# The end


def test_what_the_channel_left_is_settled_by_how_far_it_had_come(store: Store) -> None:
    run = plan(store, "leased", "begun", "at risk", "never taken")
    made = passage(store, run)
    leased, begun, at_risk = taken(made), taken(made), taken(made)
    made.begin(begun)
    made.begin(at_risk)
    made.arm(at_risk)
    made.close(WHY)
    assert states(store, run) == {
        "leased": "retry_wait",
        "begun": "retry_wait",
        "at risk": "uncertain",
        "never taken": "planned",
    }
    found = {one.key.recipient: one for one in store.ledger.deliveries(scope(run))}
    assert [found[name].attempts for name in found] == [0, 1, 1, 0]
    assert {found[name].last_error for name in ("leased", "begun", "at risk")} == {WHY}
    assert made.take() is None
    for parcel in (leased, begun, at_risk):
        made.settle(parcel, LOST)
        with pytest.raises(NotArmedError, match="not waited for any more"):
            made.begin(parcel)
        with pytest.raises(NotArmedError, match="not waited for any more"):
            made.arm(parcel)
        assert not made.still_fresh(parcel)


def test_closing_twice_is_closing_once(store: Store) -> None:
    run = plan(store, "ana")
    made = passage(store, run)
    taken(made)
    made.close(WHY)
    made.close("another reason")
    assert only(store, run).last_error == WHY


def test_closing_waits_until_all_is_written(store: Store) -> None:
    run = plan(store, *(f"reader{n}" for n in range(20)))
    made = passage(store, run)
    while (parcel := made.take()) is not None:
        made.begin(parcel)
        made.arm(parcel)
        made.settle(parcel, SENT)
    made.close(WHY)
    assert store.ledger.counts(run.row) == {State.SENT: 20}
