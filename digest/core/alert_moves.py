"""What a look at a bucket changes of what is known about a rule. Pure; nothing is said here."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from digest.core.alert_model import AlertState, Phase, Policy, Seen

if TYPE_CHECKING:
    from digest.core.alert_model import Look

_MOST_FIRED = 20


def moved(policy: Policy, state: AlertState, look: Look) -> AlertState:
    """The state after a look at a newer bucket."""
    seen = replace(
        state,
        bucket=look.bucket,
        judged=look.ends_at,
        reason=look.reason,
        errors=0,
        first=state.first or look.at,
    )
    if look.seen is Seen.MISSING:
        return _without_data(seen, look)
    seen = replace(_with_data(seen, look), value=look.value)
    if look.seen is Seen.TOO_FEW:
        return seen
    if not policy.lasting:
        seen = _news_is_past(seen, look)
    match look.seen:
        case Seen.BREACH:
            return _breached(policy, seen, look)
        case Seen.BETWEEN:
            return _not_clear(seen) if seen.phase is Phase.FIRING else _fine(seen, look)
        case Seen.CLEAR:
            return _cleared(policy, seen, look) if seen.phase is Phase.FIRING else _fine(seen, look)
        case _:
            assert_never(look.seen)


def _without_data(state: AlertState, look: Look) -> AlertState:
    missing = replace(state, missing=state.missing + 1, value=None)
    if state.phase is Phase.NO_DATA:
        return missing
    return replace(missing, phase=Phase.NO_DATA, before=state.phase, since=look.begins_at)


def _with_data(state: AlertState, look: Look) -> AlertState:
    if state.phase is not Phase.NO_DATA:
        return state
    return replace(
        state,
        phase=state.before,
        since=state.breach_since or look.begins_at,
        before=Phase.OK,
        missing=0,
    )


def _news_is_past(state: AlertState, look: Look) -> AlertState:
    """News is of one look: the next that can be judged may bring other news, and ends nothing."""
    if state.phase is not Phase.FIRING:
        return state
    return replace(_no_breach(state), phase=Phase.OK, since=look.begins_at, told=None)


def _breached(policy: Policy, state: AlertState, look: Look) -> AlertState:
    if state.phase is Phase.FIRING:
        return _worst(_not_clear(state), look)
    first = state.phase is Phase.OK
    state = _first_breach(state, look) if first else replace(state, breaches=state.breaches + 1)
    state = _worst(state, look)
    if policy.hold.is_met(state.breaches, state.breach_seen, look.ends_at):
        return _fired(policy, state, look)
    return replace(state, phase=Phase.PENDING)


def _first_breach(state: AlertState, look: Look) -> AlertState:
    """Breaches in a row begin; readers who have not heard yet that it was over count them in."""
    if state.told is None:
        state = replace(state, worst=None, excess=0.0)
    return replace(
        state,
        breaches=1,
        breach_since=look.begins_at,
        breach_seen=look.ends_at,
        since=look.begins_at,
    )


def _fired(policy: Policy, state: AlertState, look: Look) -> AlertState:
    recent = [one for one in state.fired if look.at - one <= policy.flap_within]
    state = replace(
        _not_clear(state),
        phase=Phase.FIRING,
        since=state.breach_since,
        episode_since=state.breach_since,
        fired=(*recent, look.at)[-_MOST_FIRED:],
    )
    if state.told is None:
        return replace(state, episode=state.episode + 1)
    # readers have not heard yet that it was over: for them it still is the same episode
    return replace(state, episode_since=state.told.since)


def _worst(state: AlertState, look: Look) -> AlertState:
    if look.value is None or (state.worst is not None and look.excess <= state.excess):
        return state
    return replace(state, worst=look.value, excess=look.excess)


def _cleared(policy: Policy, state: AlertState, look: Look) -> AlertState:
    if state.clears == 0:
        state = replace(state, clear_since=look.begins_at, clear_seen=look.ends_at)
    state = replace(state, clears=state.clears + 1)
    if not policy.keep.is_met(state.clears, state.clear_seen, look.ends_at):
        return state
    return replace(
        _no_breach(state), phase=Phase.OK, since=state.clear_since, clears=0, clear_seen=None
    )


def _fine(state: AlertState, look: Look) -> AlertState:
    since = look.begins_at if state.phase is Phase.PENDING or state.since is None else state.since
    return replace(_no_breach(state), phase=Phase.OK, since=since)


def _no_breach(state: AlertState) -> AlertState:
    return replace(state, breaches=0, breach_since=None, breach_seen=None)


def _not_clear(state: AlertState) -> AlertState:
    return replace(state, clears=0, clear_since=None, clear_seen=None)
