"""Looks for the tests of alerting, from words: `breach, breach/silenced, clear`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from digest.core.alert_model import AlertState, Hush, HushKind, Look, Seen
from digest.core.alerts import judge

if TYPE_CHECKING:
    from digest.core.alert_model import Policy, Verdict

START = datetime(2026, 11, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
BEYOND = {Seen.BREACH: 64.0, Seen.BETWEEN: 55.0, Seen.CLEAR: 40.0, Seen.TOO_FEW: 80.0}
"""The value that is seen, of a rule that fires above 60 and is clear below 50."""


def look(seen: Seen, begins_at: datetime, *, lasts: timedelta = HOUR) -> Look:
    """A look at a bucket as soon as it is over."""
    value = BEYOND.get(seen)
    return Look(
        bucket=f"{begins_at:%Y-%m-%dT%H:%MZ}",
        begins_at=begins_at,
        ends_at=begins_at + lasts,
        at=begins_at + lasts,
        seen=seen,
        value=value,
        excess=max(value - 60, 0.0) if value is not None and seen is Seen.BREACH else 0.0,
        reason=f"saw {seen}",
    )


def hushed(words: str) -> Hush | None:
    """What `silenced` and its like mean to `judge`."""
    return Hush(kind=HushKind(words), reason=f"hushed: {words}") if words else None


def story(words: str, start: datetime = START) -> list[tuple[Look, Hush | None]]:
    """A look an hour, with commas between; a word after the slash held messages back."""
    told = []
    for hour, word in enumerate(words.split(",")):
        seen, _, hush = word.strip().partition("/")
        told.append((look(Seen(seen), start + HOUR * hour), hushed(hush)))
    return told


def verdicts(
    policy: Policy, heard: list[tuple[Look, Hush | None]], state: AlertState | None = None
) -> list[Verdict]:
    """What `judge` makes of each look, one after the other."""
    found: list[Verdict] = []
    for seen, hush in heard:
        before = found[-1].state if found else state or AlertState()
        found.append(judge(policy, before, seen, hush))
    return found
