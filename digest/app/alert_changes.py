"""What a round of alerts changes of what the ledger knows of them. No I/O, no clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.core.alert_model import AlertState, Missing, Phase
from digest.core.alerts import errored
from digest.store.alerts import AlertChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from digest.config.models import Config
    from digest.core.alert_round import Judged, Message, Round
    from digest.store.alerts import StoredAlert

    Held = Mapping[str, StoredAlert]


def changes_of(
    played: Round, messages: Iterable[Message], stored: Held, now: datetime
) -> list[AlertChange]:
    """What the looks of a round come to, `stored` being what they were judged by.

    `messages` are those that somebody gets.
    """
    told = {one.rule.name: message for message in messages for one in message.about}
    changes = []
    for one in played.judged:
        name, held = one.rule.name, stored.get(one.rule.name)
        message = told.get(name)
        changes.append(
            AlertChange(
                name=name,
                app=one.rule.app,
                severity=one.rule.severity,
                version=None if held is None else held.version,
                state=one.verdict.state,
                at=now,
                verdict=one.verdict,
                look=one.look,
                told_by=None if message is None else (message.job, message.period),
                flapping=one.verdict.state.is_flapping(one.rule.policy, now),
            )
        )
    return changes


def failures_of(
    config: Config, names: Iterable[str], stored: Held, now: datetime
) -> list[AlertChange]:
    """Looks that failed change nothing but their count."""
    return [
        AlertChange(
            name=name,
            app=config.alerts[name].app,
            severity=config.alerts[name].severity,
            version=stored[name].version if name in stored else None,
            state=errored(state_of(stored.get(name)), now),
            at=now,
        )
        for name in names
    ]


def firing_of(config: Config, stored: Held) -> frozenset[str]:
    """The alerts that fire by what is known; one that is switched off says nothing any more."""
    return frozenset(
        name
        for name, held in stored.items()
        if name in config.alerts
        and config.alerts[name].enabled
        and held.state.truth is Phase.FIRING
    )


def state_of(held: StoredAlert | None) -> AlertState:
    """What is remembered of an alert; nothing of one that was never looked at."""
    return AlertState() if held is None else held.state


def for_operator(one: Judged) -> str:
    """What the operator should know of a look that was written down; empty where nothing.

    Missing data is told at every look: a crash may have come between the state and the word.
    """
    verdict = one.verdict
    if not verdict.state.missing_told or one.rule.policy.missing is not Missing.KEEP:
        return ""
    said = verdict.operator or f"there is nothing to judge by: {verdict.reason}"
    return f"{one.rule.name}: {said}"
