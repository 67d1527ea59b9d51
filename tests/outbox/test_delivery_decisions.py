"""The delivery state machine as tables: which moves there are, and which one is next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.content import DeliveryState as State
from digest.core.content import Look, Outcome, Sighting
from digest.core.outbox import (
    LOOK_AGAIN,
    MAX_RESENDS,
    MOVES,
    NEEDS_PERSON,
    OPEN,
    RETRY_AFTER,
    WAITING,
    Decision,
    OnUncertain,
    after_try,
    before_try,
    retry_wait,
    when_uncertain,
)
from tests.support.ledgers import DAY, LATER, LOST, NOW, REFUSED, SENT, delivery

RESEND, HOLD = OnUncertain.RESEND, OnUncertain.HOLD
FOUND = Look(sighting=Sighting.FOUND)
ABSENT = Look(sighting=Sighting.ABSENT)
GONE = Look(sighting=Sighting.ABSENT, lasting=True)
UNKNOWN = Look(sighting=Sighting.UNKNOWN, detail="mail can't be looked up")
SOON = NOW + LOOK_AGAIN


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


# Moves


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("planned", "leased dead skipped held"),
        ("leased", "sending planned retry_wait"),
        ("sending", "at_risk retry_wait failed planned"),
        ("at_risk", "sent retry_wait failed uncertain"),
        ("retry_wait", "leased dead skipped held"),
        ("uncertain", "sent planned held skipped"),
        ("held", "sent planned skipped"),
        ("failed", "skipped"),
        ("dead", "skipped"),
        ("sent", ""),
        ("skipped", ""),
    ],
)
def test_a_delivery_moves_only_so(before: str, after: str) -> None:
    assert set(MOVES[State(before)]) == {State(name) for name in after.split()}


def test_every_state_has_its_moves() -> None:
    assert set(MOVES) == set(State)


def test_only_what_is_at_risk_or_was_becomes_sent() -> None:
    before_sent = {state for state, moves in MOVES.items() if State.SENT in moves}
    assert before_sent == {State.AT_RISK, State.UNCERTAIN, State.HELD}


def test_nothing_is_risked_that_was_not_leased_and_begun() -> None:
    def before(after: State) -> set[State]:
        return {state for state, moves in MOVES.items() if after in moves}

    assert before(State.AT_RISK) == {State.SENDING}
    assert before(State.SENDING) == {State.LEASED}
    assert before(State.LEASED) == WAITING


def test_whatever_is_at_risk_leaves_by_an_answer_or_is_counted_as_uncertain() -> None:
    answers = {State.SENT, State.RETRY_WAIT, State.FAILED}
    assert MOVES[State.AT_RISK] - answers == {State.UNCERTAIN}


def test_what_is_sent_or_skipped_stays_so() -> None:
    assert {state for state, moves in MOVES.items() if not moves} == {State.SENT, State.SKIPPED}


def test_every_state_is_open_or_a_persons_or_over() -> None:
    over = {State.SENT, State.SKIPPED}
    assert OPEN | NEEDS_PERSON | over == set(State)
    assert not OPEN & NEEDS_PERSON
    assert WAITING < OPEN


@pytest.mark.parametrize("start", sorted(OPEN))
def test_from_every_open_state_there_is_a_way_to_an_end(start: State) -> None:
    reached, new = {start}, {start}
    while new:
        new = {after for state in new for after in MOVES[state]} - reached
        reached |= new
    assert State.SENT in reached
    assert reached & NEEDS_PERSON


# Before a try


@pytest.mark.parametrize(
    ("wanted", "late", "last_error", "state", "reason"),
    [
        (True, minutes(-1), "", None, ""),
        (True, minutes(0), "", None, ""),
        (True, minutes(1), "", State.DEAD, "given up at its deadline 2026-11-24T08:00Z"),
        (
            True,
            minutes(1),
            "451 greylisted",
            State.DEAD,
            "given up at its deadline 2026-11-24T08:00Z; last: 451 greylisted",
        ),
        (
            False,
            minutes(-1),
            "",
            State.SKIPPED,
            "the config no longer has this recipient for this digest",
        ),
        (
            False,
            minutes(1),
            "451 greylisted",
            State.SKIPPED,
            "the config no longer has this recipient for this digest",
        ),
    ],
)
def test_it_is_tried_until_its_deadline_while_it_is_wanted(
    wanted: bool,  # noqa: FBT001 — a column of the table
    late: timedelta,
    last_error: str,
    state: State | None,
    reason: str,
) -> None:
    held = delivery(State.RETRY_WAIT, last_error=last_error, deadline=NOW + DAY)
    verdict = before_try(held, NOW + DAY + late, wanted=wanted)
    assert verdict == (None if state is None else Decision(state=state, reason=reason))


# After a try


@pytest.mark.parametrize(
    ("attempts", "wait"),
    [(0, 1), (1, 1), (2, 5), (3, 15), (4, 30), (5, 60), (6, 60), (1000, 60)],
)
def test_the_waits_between_tries_grow_to_an_hour(attempts: int, wait: int) -> None:
    assert retry_wait(attempts) == minutes(wait)


@given(st.integers(0, 10_000))
def test_a_later_try_never_waits_less(attempts: int) -> None:
    assert RETRY_AFTER[0] <= retry_wait(attempts) <= retry_wait(attempts + 1) <= RETRY_AFTER[-1]


@pytest.mark.parametrize(
    ("outcome", "known", "decision"),
    [
        pytest.param(SENT, {}, Decision(state=State.SENT, reason=""), id="a yes"),
        pytest.param(
            REFUSED,
            {},
            Decision(state=State.FAILED, reason="550 no such user"),
            id="a no for good",
        ),
        pytest.param(
            LOST, {}, Decision(state=State.UNCERTAIN, reason="taken"), id="no clear answer"
        ),
        pytest.param(
            LATER,
            {"attempts": 1},
            Decision(state=State.RETRY_WAIT, reason="451 greylisted", at=NOW + minutes(1)),
            id="a no for now",
        ),
        pytest.param(
            LATER,
            {"attempts": 3},
            Decision(state=State.RETRY_WAIT, reason="451 greylisted", at=NOW + minutes(15)),
            id="a third no for now",
        ),
        pytest.param(
            Outcome(state=State.RETRY_WAIT, detail="rate limited", retry_after=7.0),
            {"attempts": 3},
            Decision(state=State.RETRY_WAIT, reason="rate limited", at=NOW + timedelta(seconds=7)),
            id="the server names the wait",
        ),
        pytest.param(
            Outcome(state=State.RETRY_WAIT, detail="552 too big", too_large=True),
            {"attempts": 3},
            Decision(state=State.RETRY_WAIT, reason="too large: without pictures", at=NOW),
            id="too large: at once, smaller",
        ),
        pytest.param(
            Outcome(state=State.RETRY_WAIT, detail="552 too big", too_large=True),
            {"attempts": 2, "small": True},
            Decision(state=State.RETRY_WAIT, reason="552 too big", at=NOW + minutes(5)),
            id="too large though small",
        ),
    ],
)
def test_what_a_try_came_to(outcome: Outcome, known: dict[str, Any], decision: Decision) -> None:
    assert after_try(delivery(State.AT_RISK, **known), outcome, NOW) == decision


@pytest.mark.parametrize(
    "state",
    sorted(set(State) - {State.SENT, State.FAILED, State.RETRY_WAIT, State.UNCERTAIN}),
)
def test_a_try_ends_in_no_other_state(state: State) -> None:
    with pytest.raises(ValueError, match=f"a try does not end as {state}"):
        after_try(delivery(State.AT_RISK), Outcome(state=state), NOW)


# When nobody knows


def _again(why: str) -> Decision:
    return Decision(state=State.PLANNED, reason=f"{why}; sent again")


@pytest.mark.parametrize(
    ("look", "known", "policy", "decision"),
    [
        pytest.param(
            FOUND,
            {"uncertain": 1},
            RESEND,
            Decision(state=State.SENT, reason="found in the channel"),
            id="found",
        ),
        pytest.param(
            FOUND,
            {"uncertain": 2, "looks": 1},
            HOLD,
            Decision(state=State.SENT, reason="found in the channel"),
            id="found at the second look, whatever the policy",
        ),
        pytest.param(
            ABSENT,
            {"uncertain": 1},
            RESEND,
            Decision(
                state=State.UNCERTAIN,
                reason="not found yet; looking once more",
                at=SOON,
                count=True,
            ),
            id="not found: looked for once more",
        ),
        pytest.param(
            ABSENT,
            {"uncertain": 1, "looks": 1, "due_at": SOON},
            RESEND,
            Decision(state=State.UNCERTAIN, reason="not found yet", at=SOON),
            id="the second look comes too early",
        ),
        pytest.param(
            ABSENT,
            {"uncertain": 1, "looks": 1, "due_at": NOW},
            RESEND,
            _again("not found in the channel"),
            id="not found twice",
        ),
        pytest.param(
            ABSENT,
            {"uncertain": 1, "looks": 1},
            RESEND,
            _again("not found in the channel"),
            id="not found twice, with no time for the second",
        ),
        pytest.param(
            GONE,
            {"uncertain": 1},
            RESEND,
            _again("not found in the channel"),
            id="an absence that lasts needs one look",
        ),
        pytest.param(
            GONE,
            {"uncertain": 1, "looks": 1, "due_at": SOON},
            HOLD,
            Decision(
                state=State.HELD, reason="not found in the channel; held, as on_uncertain says"
            ),
            id="not there, and held",
        ),
        pytest.param(
            UNKNOWN,
            {"uncertain": 1},
            RESEND,
            _again("mail can't be looked up"),
            id="no way to look: sent again",
        ),
        pytest.param(
            Look(sighting=Sighting.UNKNOWN),
            {"uncertain": 1},
            RESEND,
            _again("it can't be looked up"),
            id="no way to look, and no word why",
        ),
        pytest.param(
            UNKNOWN,
            {"uncertain": 1},
            HOLD,
            Decision(
                state=State.HELD, reason="mail can't be looked up; held, as on_uncertain says"
            ),
            id="no way to look: held",
        ),
        pytest.param(
            UNKNOWN,
            {"uncertain": 1 + MAX_RESENDS},
            RESEND,
            Decision(state=State.HELD, reason="mail can't be looked up; unknown 2 times"),
            id="unknown once more: held",
        ),
        pytest.param(
            GONE,
            {"uncertain": 1 + MAX_RESENDS},
            RESEND,
            Decision(state=State.HELD, reason="not found in the channel; unknown 2 times"),
            id="not there after too many unknown outcomes: held",
        ),
    ],
)
def test_what_becomes_of_an_unknown_outcome(
    look: Look, known: dict[str, Any], policy: OnUncertain, decision: Decision
) -> None:
    held = delivery(State.UNCERTAIN, **known)
    assert when_uncertain(held, look, policy, NOW, LOOK_AGAIN) == decision


@given(
    look=st.sampled_from([FOUND, ABSENT, GONE, UNKNOWN]),
    uncertain=st.integers(1, 5),
    looks=st.integers(0, 5),
    due=st.none() | st.integers(-60, 60),
    policy=st.sampled_from(OnUncertain),
)
def test_an_unknown_outcome_moves_within_the_machine_and_is_resent_at_most_once(
    look: Look, uncertain: int, looks: int, due: int | None, policy: OnUncertain
) -> None:
    due_at = None if due is None else NOW + timedelta(seconds=due)
    held = delivery(State.UNCERTAIN, uncertain=uncertain, looks=looks, due_at=due_at)
    decision = when_uncertain(held, look, policy, NOW, LOOK_AGAIN)
    assert decision.state in MOVES[State.UNCERTAIN] | {State.UNCERTAIN}
    if decision.state is State.PLANNED:
        assert policy is RESEND
        assert uncertain <= MAX_RESENDS
    if decision.state is State.UNCERTAIN:
        assert decision.at is not None
        assert decision.at > NOW
