"""The state machine of alerts: what a look at a bucket changes, and what is said about it. Pure.

    ok ─breach→ pending ─for long enough→ firing ─clear for long enough→ ok
    pending ─not breached→ ok          any ─nothing to judge by→ no_data ─data again→ as before

The same bucket, or an older one, never counts twice. Missing data never resolves anything and an
error changes nothing. What holds a message back (a cooldown, a silence, quiet hours, another
alert, the cap) never touches the state: firing, readers who were not told hear of it as soon as
they may; and what was told as firing is told as over. The table test of `judge` is the
specification.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from digest.core.alert_model import (
    AlertState,
    HeldBack,
    Hush,
    HushKind,
    Missing,
    Phase,
    Policy,
    Seen,
    Told,
    Verdict,
    VerdictKind,
)
from digest.core.alert_moves import moved

if TYPE_CHECKING:
    from datetime import datetime

    from digest.core.alert_model import Look

EARLY, MOST_EARLY = 0.05, timedelta(minutes=5)
"""How much of a wait may be missing for it to be over, and how much at most."""

ERRORS_TOLD = 3
"""Looks in a row that fail before the operator hears of it."""


def judge(policy: Policy, state: AlertState, look: Look, hush: Hush | None = None) -> Verdict:
    """What a look changes and what is said; `hush` is what holds messages back at `look.at`.

    A bucket that is not newer than the newest one changes nothing.
    """
    if state.judged is not None and look.ends_at <= state.judged:
        return Verdict(
            kind=VerdictKind.QUIET, state=state, reason=f"{look.bucket} was judged before"
        )
    return _said(policy, state, moved(policy, state, look), look, hush)


def errored(state: AlertState, at: datetime) -> AlertState:
    """The look failed: nothing changes but the count of failures."""
    return replace(state, errors=state.errors + 1, first=state.first or at)


def next_repeat(policy: Policy, told: Told) -> datetime | None:
    """When readers hear again of what still fires; None where they never do."""
    if policy.repeat is None:
        return None
    return told.at + _wait_after(policy.repeat, policy.repeat_most, told.repeats)


def _said(
    policy: Policy, old: AlertState, new: AlertState, look: Look, hush: Hush | None
) -> Verdict:
    was, fires = old.truth is Phase.FIRING, new.truth is Phase.FIRING
    began = fires and (not was or new.episode > old.episode)
    ended = was and (not fires or began)
    if ended and old.told is None:
        new = _untold(policy, old, new, look, hush)
    quiet = Verdict(kind=VerdictKind.QUIET, state=new, reason=look.reason, began=began, ended=ended)
    if look.seen is Seen.MISSING:
        return _missing(policy, quiet, look, hush)
    verdict = _with_data(policy, quiet, look, hush)
    if not old.missing_told:
        return verdict
    return _data_again(policy, verdict, look, hush)


def _missing(policy: Policy, quiet: Verdict, look: Look, hush: Hush | None) -> Verdict:
    state = quiet.state
    if state.missing_told or state.missing < policy.missing_after:
        return quiet
    match policy.missing:
        case Missing.IGNORE:
            return quiet
        case Missing.KEEP:
            told = f"there has been nothing to judge by for {state.missing} looks: {look.reason}"
            return replace(quiet, state=replace(state, missing_told=True), operator=told)
        case Missing.ALERT if hush is not None:
            return _held_back(quiet, look.reason, hush)
        case Missing.ALERT:
            return replace(quiet, kind=VerdictKind.NO_DATA, state=replace(state, missing_told=True))
        case _:
            assert_never(policy.missing)


def _data_again(policy: Policy, verdict: Verdict, look: Look, hush: Hush | None) -> Verdict:
    """Whoever was told that there is no data is told that there is again, by whatever message."""
    if verdict.kind is VerdictKind.QUIET and policy.missing is Missing.ALERT:
        if hush is not None:
            return verdict if verdict.hush is not None else _held_back(verdict, look.reason, hush)
        verdict = replace(verdict, kind=VerdictKind.DATA_AGAIN, reason=f"data again: {look.reason}")
    return replace(verdict, state=replace(verdict.state, missing_told=False))


def _with_data(policy: Policy, quiet: Verdict, look: Look, hush: Hush | None) -> Verdict:
    """What is said by what is true now and what readers believe."""
    match quiet.state.phase, quiet.state.told:
        case Phase.FIRING, _ if look.seen is Seen.TOO_FEW:
            return replace(quiet, reason=f"still firing; {look.reason}")
        case Phase.FIRING, _ if look.seen is Seen.CLEAR:
            return replace(quiet, reason=f"still firing, not clear for long enough: {look.reason}")
        case Phase.FIRING, Told() as told:
            return _repeat(policy, quiet, told, look, hush)
        case Phase.FIRING, _:
            return _fire(policy, quiet, look, hush)
        case Phase.OK, Told() as told:
            return _resolve(quiet, told, look, hush)
        case Phase.OK, _:
            return _summary(policy, quiet, look, hush)
        case _:
            return replace(quiet, reason=f"not for long enough yet: {look.reason}")


def _fire(policy: Policy, quiet: Verdict, look: Look, hush: Hush | None) -> Verdict:
    state = quiet.state
    hush = hush or _cooldown(policy, state, look.at)
    if hush is not None:
        return _held_back(quiet, look.reason, hush)
    told = Told(episode=state.episode, since=state.episode_since or look.begins_at, at=look.at)
    return replace(
        quiet,
        kind=VerdictKind.FIRE,
        state=replace(state, told=told, told_at=look.at, held=None),
        held=state.held,
        told=told,
    )


def _repeat(policy: Policy, quiet: Verdict, told: Told, look: Look, hush: Hush | None) -> Verdict:
    still = f"still firing: {look.reason}"
    due = next_repeat(policy, told)
    if due is None:
        return replace(quiet, reason=still)
    if not _is_over(due - told.at, told.at, look.at):
        return replace(quiet, reason=f"{still}; told again from {_words(due)} on")
    if hush is not None:
        return _held_back(quiet, still, hush)
    again = replace(told, at=look.at, repeats=told.repeats + 1)
    return replace(
        quiet,
        kind=VerdictKind.REPEAT,
        state=replace(quiet.state, told=again),
        reason=still,
        told=again,
    )


def _resolve(quiet: Verdict, told: Told, look: Look, hush: Hush | None) -> Verdict:
    state = quiet.state
    if hush is not None and hush.kind is HushKind.QUIET_HOURS:
        return _held_back(quiet, f"over: {look.reason}", hush)
    return replace(
        quiet,
        kind=VerdictKind.RESOLVE,
        state=replace(state, told=None),
        reason=f"over: {look.reason}",
        told=told,
        lasted=(state.clear_since or look.begins_at) - told.since,
    )


def _summary(policy: Policy, quiet: Verdict, look: Look, hush: Hush | None) -> Verdict:
    state = quiet.state
    if state.held is None:
        return quiet
    hush = hush or _cooldown(policy, state, look.at)
    if hush is not None:
        return _held_back(quiet, look.reason, hush)
    return replace(
        quiet,
        kind=VerdictKind.SUMMARY,
        state=replace(state, held=None, told_at=look.at),
        reason=f"held back {state.held.count}, now over: {look.reason}",
        held=state.held,
    )


def _held_back(quiet: Verdict, reason: str, hush: Hush) -> Verdict:
    return replace(quiet, hush=hush, reason=f"{reason}; {hush.reason}")


def _untold(
    policy: Policy, old: AlertState, new: AlertState, look: Look, hush: Hush | None
) -> AlertState:
    """An episode that nobody was told of is kept for a summary."""
    why = hush or _cooldown(policy, old, look.at)
    ended = new.since or look.begins_at
    held = HeldBack(
        count=1,
        since=old.episode_since or ended,
        until=ended,
        worst=old.worst,
        excess=old.excess,
        why="it was over before it could be told" if why is None else why.reason,
    )
    if old.held is not None:
        worst = max(old.held, held, key=lambda one: one.excess)
        held = replace(
            held,
            count=old.held.count + 1,
            since=old.held.since,
            worst=worst.worst,
            excess=worst.excess,
        )
    return replace(new, held=held)


def _cooldown(policy: Policy, state: AlertState, at: datetime) -> Hush | None:
    if state.told_at is None or _is_over(policy.cooldown, state.told_at, at):
        return None
    until = state.told_at + policy.cooldown
    reason = f"in its cooldown until {_words(until)}"
    return Hush(kind=HushKind.COOLDOWN, reason=reason, until=until)


def _wait_after(repeat: timedelta, most: timedelta, repeats: int) -> timedelta:
    """How long after the last message the next one comes: doubled each time, up to `most`."""
    wait = repeat
    for _ in range(repeats):
        if wait >= most:
            break
        wait *= 2
    return max(min(wait, most), repeat)


def _is_over(wait: timedelta, since: datetime, at: datetime) -> bool:
    # Looks are never quite as far apart as the schedule says: "once a day" must not become every
    # other day because yesterday's answer took a second longer.
    return at - since >= wait - min(wait * EARLY, MOST_EARLY)


def _words(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
