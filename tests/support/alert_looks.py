"""Looks of alerts, judged, and what is to be written of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from digest.core.alert_model import (
    AlertState,
    Hush,
    HushKind,
    Look,
    Policy,
    Seen,
    Verdict,
    VerdictKind,
)
from digest.core.alerts import judge
from digest.core.content import DeliveryKind, Frozen
from digest.store.alerts import AlertChange, NewNotice
from tests.support.ledgers import key, new_run

if TYPE_CHECKING:
    from digest.store.opened import Store

FIRST = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ALWAYS = Policy(cooldown=timedelta())
"""A rule that fires at the first breach and is over at the first clear day, without a cooldown."""

WORDS = {VerdictKind.FIRE: "firing", VerdictKind.RESOLVE: "resolved"}
"""How the periods of messages begin, where that is not the verdict's own word."""

ANA = ("ana@example.com",)
SILENCED = Hush(kind=HushKind.SILENCED, reason="silenced by eva")


def look(day: int, seen: Seen = Seen.BREACH, value: float | None = 64.0, **fields: Any) -> Look:
    """At the n-th whole day, two hours after it."""
    begins = FIRST + day * DAY
    usual: dict[str, Any] = {
        "bucket": begins.date().isoformat(),
        "begins_at": begins,
        "ends_at": begins + DAY,
        "at": begins + DAY + timedelta(hours=2),
        "seen": seen,
        "value": value,
        "excess": 0.0 if value is None or seen is not Seen.BREACH else value - 60.0,
        "reason": f"{seen} at {value}",
    }
    return Look(**(usual | fields))


def clear(day: int, value: float = 40.0) -> Look:
    return look(day, Seen.CLEAR, value)


def looked(
    store: Store,
    seen: Look,
    name: str = "bounce",
    *,
    policy: Policy = ALWAYS,
    hush: Hush | None = None,
    to: tuple[str, ...] = ANA,
    flapping: bool = False,
) -> Verdict:
    """Read the state, judge, and write what comes of it, as the daemon does."""
    verdict, change, notices = judged(
        store, seen, name, policy=policy, hush=hush, to=to, flapping=flapping
    )
    assert store.alerts.commit([change], notices, seen.at)
    return verdict


def judged(
    store: Store,
    seen: Look,
    name: str = "bounce",
    *,
    policy: Policy = ALWAYS,
    hush: Hush | None = None,
    to: tuple[str, ...] = ANA,
    flapping: bool = False,
) -> tuple[Verdict, AlertChange, list[NewNotice]]:
    """The same without the writing."""
    known = store.alerts.states([name]).get(name)
    verdict = judge(policy, AlertState() if known is None else known.state, seen, hush)
    words = WORDS.get(verdict.kind, verdict.kind.replace(" ", "-"))
    period = f"{words}-{seen.bucket}"
    says = verdict.kind is not VerdictKind.QUIET
    change = AlertChange(
        name=name,
        app="shop",
        severity="warning",
        version=None if known is None else known.version,
        state=verdict.state,
        at=seen.at,
        verdict=verdict,
        look=seen,
        told_by=(name, period) if says else None,
        flapping=flapping,
    )
    return verdict, change, [notice(store, name, period, to, at=seen.at)] if says else []


def failed(change: AlertChange, **fields: Any) -> AlertChange:
    """The same change for a look that failed."""
    return replace(change, verdict=None, look=None, told_by=None, **fields)


def notice(
    store: Store,
    job: str = "bounce",
    period: str = "firing-2026-11-01",
    to: tuple[str, ...] = ANA,
    *,
    at: datetime = FIRST + DAY,
    document: bytes = b"the alert",
) -> NewNotice:
    """A message to some readers."""
    new = new_run(job=job, kind=DeliveryKind.ALERT, period=period, planned_at=at, deadline=at + DAY)
    keys = [
        key(reader, install=store.ledger.install, job=job, kind=new.kind, period=period)
        for reader in to
    ]
    # gone through once only, as what is made one at a time is
    batch = ((one, Frozen(document=document, head=one.recipient.encode())) for one in keys)
    return NewNotice(new=new, batch=batch)


def alert_runs(store: Store) -> list[tuple[str, str]]:
    """The job and period of every planned message, oldest first."""
    runs = reversed(store.ledger.latest_runs(1000))
    return [(run.job, run.period) for run in runs if run.kind is DeliveryKind.ALERT]
