"""Rows of the ledger → what the status page shows of them."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from digest.app.notice import advice
from digest.core.agenda import DueState
from digest.core.content import DeliveryKind, DeliveryState
from digest.core.outbox import NEEDS_PERSON, OPEN
from digest.web import standing as shown
from digest.web.alert_standing import Alert, Quiet
from digest.web.standing import RunState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from digest.app.silencing import Standing
    from digest.core.agenda import Due
    from digest.core.outbox import Delivery
    from digest.core.wording import Wording
    from digest.store.glances import Outcomes
    from digest.store.rows import Run

_ENDS = {DueState.SKIPPED: RunState.SKIPPED, DueState.MISSED: RunState.MISSED}


def past_of(due: Due, outcomes: Mapping[tuple[str, str], Outcomes]) -> shown.Past:
    """How one due period of a job ended, or where it stands."""
    if due.state is not DueState.PLANNED:
        state = _ENDS.get(due.state, RunState.WAITING)
        return shown.Past(period=due.period, state=state, at=due.updated_at, error=due.reason)
    known = outcomes.get((due.job, due.period))
    if known is None:
        return shown.Past(period=due.period, state=RunState.SENT, at=due.updated_at)
    late = max(known.at - due.effective, timedelta())
    return shown.Past(period=due.period, state=state_of(known.counts), at=known.at, late=late)


def state_of(counts: Mapping[DeliveryState, int]) -> RunState:
    """How a run stands, from its deliveries."""
    states = {state for state, count in counts.items() if count}
    if states & OPEN:
        return RunState.RUNNING
    if DeliveryState.HELD in states:
        return RunState.HELD
    if states & NEEDS_PERSON:
        return RunState.PARTLY if DeliveryState.SENT in states else RunState.FAILED
    return RunState.SENT


def due_of(past: Mapping[str, list[Due]], run: Run) -> Due | None:
    """The due period that a run was made for; none for one that was forced or ordered."""
    if run.kind is not DeliveryKind.DIGEST or run.generation:
        return None
    return next((due for due in past.get(run.job, ()) if due.period == run.period), None)


def waiting_of(due: Due, now: datetime) -> shown.Waiting:
    """Why a period waits, and until when."""
    if due.reason:
        return shown.Waiting(job=due.job, period=due.period, why=due.reason, until=due.next_try)
    if due.ready_at > now:
        why = "its period is not over in UTC and settled"
        return shown.Waiting(job=due.job, period=due.period, why=why, until=due.ready_at)
    why = "it is fetched ahead of its time" if due.due_at > now else "its turn comes next"
    return shown.Waiting(job=due.job, period=due.period, why=why)


def missed_of(due: Due) -> shown.Need:
    """A period that could not be built in time."""
    return shown.Need(
        what=f"{due.job} was not sent for {due.period}",
        why=due.reason,
        advice="If it is still wanted.",
        commands=(f"digest run {due.job} --period {due.period}",),
        since=due.updated_at,
    )


def need_of(held: Delivery) -> shown.Need:
    """What needs a person, with the commands to type."""
    what, todo, commands = advice(held)
    return shown.Need(
        what=what,
        why=held.last_error or "No reason is known.",
        advice=todo,
        commands=commands,
        since=held.updated_at,
    )


def delivered_of(held: Delivery) -> shown.Delivered:
    """One delivery of a run."""
    return shown.Delivered(
        id=held.key.digest[:8],
        channel=held.key.channel,
        recipient=held.key.recipient,
        state=held.state,
        at=held.updated_at.astimezone(UTC),
        error=held.last_error,
        remarks=held.remarks,
    )


def alert_of(one: Standing, words: Wording) -> Alert:
    """How an alert stands."""
    alert, state, silence = one.alert, one.state, one.silence
    return Alert(
        name=alert.name,
        state=state.phase,
        app=alert.app,
        title=alert.title or alert.rule.title(),
        since=state.since,
        value="" if state.value is None else words.value(alert.rule.unit, state.value),
        bound=alert.rule.bound(words),
        bucket=state.bucket,
        reason=state.reason,
        severity=alert.severity,
        enabled=alert.enabled,
        told=state.told is not None,
        errors=state.errors,
        silence=None
        if silence is None
        else Quiet(until=silence.until, author=silence.author, why=silence.why),
        next_look=one.next_look,
    )


def open_count(counts: Mapping[DeliveryState, int]) -> int:
    """How many deliveries are not at their end."""
    return sum(count for state, count in counts.items() if state in OPEN)
