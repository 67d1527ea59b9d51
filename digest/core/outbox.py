"""The delivery state machine: which moves there are, and which one is next. Pure.

    planned → leased → sending → at_risk → sent
    leased, sending → planned                   handed back, or its process is gone
    leased, sending, at_risk → retry_wait       a definite no that can pass, or trouble on the way
    sending, at_risk → failed                   a definite no for good
    at_risk → uncertain                         no clear answer, or nobody left to hear it
    uncertain → sent | planned | held           found, sent again by policy, or up to a person
    planned, retry_wait → dead | skipped
    planned, retry_wait → held                  an older ledger was put back
    held → sent | planned                       as a person says
    uncertain, held, failed, dead → skipped     a person let it be, or sent it anew

Only a delivery that is `at_risk` may reach its recipient; that it got there is durable before.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

from digest.core.content import DeliveryState as State
from digest.core.content import Sighting

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from digest.core.content import DeliveryKey, Look, Outcome

MAX_RESENDS = 1
"""How often a delivery whose outcome is unknown may be sent again."""

RETRY_AFTER = tuple(timedelta(minutes=n) for n in (1, 5, 15, 30, 60))
"""Waits after the first, second, … try that was refused for now; the last one repeats."""

LOOK_AGAIN = timedelta(seconds=30)
"""Between two looks for a message that was not found; an answer may lag behind the post."""

MOVES: Mapping[State, frozenset[State]] = {
    State.PLANNED: frozenset({State.LEASED, State.DEAD, State.SKIPPED, State.HELD}),
    State.LEASED: frozenset({State.SENDING, State.PLANNED, State.RETRY_WAIT}),
    State.SENDING: frozenset({State.AT_RISK, State.RETRY_WAIT, State.FAILED, State.PLANNED}),
    State.AT_RISK: frozenset({State.SENT, State.RETRY_WAIT, State.FAILED, State.UNCERTAIN}),
    State.RETRY_WAIT: frozenset({State.LEASED, State.DEAD, State.SKIPPED, State.HELD}),
    State.UNCERTAIN: frozenset({State.SENT, State.PLANNED, State.HELD, State.SKIPPED}),
    State.HELD: frozenset({State.SENT, State.PLANNED, State.SKIPPED}),
    State.FAILED: frozenset({State.SKIPPED}),
    State.DEAD: frozenset({State.SKIPPED}),
    State.SENT: frozenset(),
    State.SKIPPED: frozenset(),
}

WAITING = frozenset({State.PLANNED, State.RETRY_WAIT})
"""What a sender may take up."""

OPEN = WAITING | {State.LEASED, State.SENDING, State.AT_RISK, State.UNCERTAIN}
"""What digest itself will still bring to an end."""

NEEDS_PERSON = frozenset({State.HELD, State.FAILED, State.DEAD})
"""What only a person can put right."""


class OnUncertain(StrEnum):
    """What to do when it is unknown whether a message arrived: send it again, or hold it."""

    RESEND = "resend"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The next state and why. `at` is the instant from which it may be taken up again, UTC."""

    state: State
    reason: str
    at: datetime | None = None
    count: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery as the ledger has it.

    `attempts` counts the tries that were begun, `uncertain` those whose outcome nobody knew.
    `due_at` is when it may be taken up again, `deadline` until when it is tried at all. All
    instants are aware, UTC.
    """

    row: int
    run: int
    key: DeliveryKey
    state: State
    fence: int
    attempts: int
    uncertain: int
    looks: int
    small: bool
    reference: str | None
    place: str | None
    last_error: str
    remarks: tuple[str, ...]
    due_at: datetime | None
    armed_at: datetime | None
    deadline: datetime
    updated_at: datetime


def retry_wait(attempts: int) -> timedelta:
    """How long to wait after this many tries (RFC 5321, 4.5.4.1 asks for growing waits)."""
    return RETRY_AFTER[min(max(attempts, 1), len(RETRY_AFTER)) - 1]


def after_try(delivery: Delivery, outcome: Outcome, now: datetime) -> Decision:
    """What one try's outcome means for the delivery."""
    match outcome.state:
        case State.RETRY_WAIT if outcome.too_large and not delivery.small:
            return Decision(state=State.RETRY_WAIT, reason="too large: without pictures", at=now)
        case State.RETRY_WAIT:
            wait = retry_wait(delivery.attempts)
            if outcome.retry_after is not None:
                wait = timedelta(seconds=outcome.retry_after)
            return Decision(state=State.RETRY_WAIT, reason=outcome.detail, at=now + wait)
        case State.SENT | State.FAILED | State.UNCERTAIN:
            return Decision(state=outcome.state, reason=outcome.detail)
        case _:
            raise ValueError(f"a try does not end as {outcome.state}")


def before_try(delivery: Delivery, now: datetime, *, wanted: bool) -> Decision | None:
    """Why a waiting delivery is not tried any more, or None when it may be.

    `wanted` says whether the config still has this recipient for this job.
    """
    if not wanted:
        reason = "the config no longer has this recipient for this digest"
        return Decision(state=State.SKIPPED, reason=reason)
    if now > delivery.deadline:
        why = f"; last: {delivery.last_error}" if delivery.last_error else ""
        return Decision(
            state=State.DEAD,
            reason=f"given up at its deadline {delivery.deadline:%Y-%m-%dT%H:%MZ}{why}",
        )
    return None


def when_uncertain(
    delivery: Delivery, look: Look, policy: OnUncertain, now: datetime, gap: timedelta
) -> Decision:
    """What becomes of a delivery whose outcome is unknown, after a look for it.

    Not found twice, `gap` apart, it counts as not there. `Decision.count` asks to count the look.
    """
    match look.sighting:
        case Sighting.FOUND:
            return Decision(state=State.SENT, reason="found in the channel")
        case Sighting.ABSENT if not look.lasting and delivery.looks == 0:
            return Decision(
                state=State.UNCERTAIN,
                reason="not found yet; looking once more",
                at=now + gap,
                count=True,
            )
        case Sighting.ABSENT if not look.lasting and delivery.due_at and now < delivery.due_at:
            return Decision(
                state=State.UNCERTAIN, reason="not found yet", at=delivery.due_at, count=False
            )
        case Sighting.ABSENT:
            return _again(delivery, policy, "not found in the channel")
        case Sighting.UNKNOWN:
            return _again(delivery, policy, look.detail or "it can't be looked up")
        case _:
            assert_never(look.sighting)


def _again(delivery: Delivery, policy: OnUncertain, why: str) -> Decision:
    match policy:
        case OnUncertain.HOLD:
            return Decision(state=State.HELD, reason=f"{why}; held, as on_uncertain says")
        case OnUncertain.RESEND if delivery.uncertain > MAX_RESENDS:
            return Decision(state=State.HELD, reason=f"{why}; unknown {delivery.uncertain} times")
        case OnUncertain.RESEND:
            return Decision(state=State.PLANNED, reason=f"{why}; sent again")
        case _:
            assert_never(policy)
