"""What a digest tells of its app's alerts: what fired, what still does, what never did. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.core.alert_model import Phase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from zoneinfo import ZoneInfo

    from digest.core.alert_model import AlertState
    from digest.core.metrics import Unit
    from digest.core.periods import Period
    from digest.core.wording import Wording

LONG_ENOUGH = timedelta(days=28)
"""After so long without a firing a rule is worth a word."""


class Memory(StrEnum):
    """How an alert did, in a word or two; what needs a look comes first."""

    FIRES = "fires"
    FLAPPED = "flapped"
    FIRED = "fired"
    NO_DATA = "no data"
    SILENCED = "silenced"
    NEVER = "never fired"


@dataclass(frozen=True, slots=True, kw_only=True)
class PastEpisode:
    """One firing: since when, until when (None: still), the worst value, and who was told."""

    since: datetime
    ended_at: datetime | None
    worst: float | None
    told: bool
    flapping: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleMemory:
    """What is known of one alert. `suggestion` is a sentence about its limit, or empty."""

    alert: str
    title: str
    bound: str
    unit: Unit
    state: AlertState
    episodes: tuple[PastEpisode, ...] = ()
    silenced_until: datetime | None = None
    silence: str = ""
    suggestion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """One alert's line in a digest."""

    alert: str
    title: str
    memory: Memory
    sentence: str
    suggestion: str = ""


def remembered(
    rules: Sequence[RuleMemory], period: Period, now: datetime, zone: ZoneInfo, words: Wording
) -> tuple[Remembered, ...]:
    """A line for each alert that has something to tell of the period, the most urgent first.

    An alert that did nothing is only worth a line once it never fired in four weeks.
    """
    found = [
        line
        for rule in rules
        if (line := _line(rule, period, now, _Words(zone, words, rule.unit))) is not None
    ]
    order = list(Memory)
    return tuple(sorted(found, key=lambda line: (order.index(line.memory), line.alert)))


@dataclass(frozen=True, slots=True)
class _Words:
    zone: ZoneInfo
    words: Wording
    unit: Unit

    def at(self, instant: datetime) -> str:
        return self.words.instant(instant, self.zone)

    def worst(self, value: float | None) -> str:
        return "" if value is None else f", at worst {self.words.value(self.unit, value)}"


def _line(rule: RuleMemory, period: Period, now: datetime, say: _Words) -> Remembered | None:
    mine = [
        one
        for one in rule.episodes
        if one.since < period.ends_at and (one.ended_at is None or one.ended_at > period.starts_at)
    ]
    memory = _memory(rule, mine, now)
    if memory is None:
        return None
    return Remembered(
        alert=rule.alert,
        title=rule.title,
        memory=memory,
        sentence=_sentence(rule, memory, mine, say),
        suggestion=rule.suggestion if memory in {Memory.NEVER, Memory.FLAPPED} else "",
    )


def _memory(rule: RuleMemory, mine: Sequence[PastEpisode], now: datetime) -> Memory | None:
    if rule.state.truth is Phase.FIRING:
        return Memory.FIRES
    if any(one.flapping for one in mine):
        return Memory.FLAPPED
    if mine:
        return Memory.FIRED
    if rule.state.phase is Phase.NO_DATA:
        return Memory.NO_DATA
    if rule.silenced_until is not None:
        return Memory.SILENCED
    first = rule.state.first
    if not rule.episodes and not rule.state.episode and first and now - first >= LONG_ENOUGH:
        return Memory.NEVER
    return None


def _sentence(rule: RuleMemory, memory: Memory, mine: Sequence[PastEpisode], say: _Words) -> str:
    silenced = "" if not rule.silence else f" It is silenced: {rule.silence}."
    match memory:
        case Memory.FIRES:
            since = rule.state.episode_since
            when = "" if since is None else f" since {say.at(since)}"
            return f"Fires{when} ({rule.bound}){say.worst(rule.state.worst)}.{silenced}"
        case Memory.FLAPPED | Memory.FIRED:
            return _fired(rule, mine, say) + silenced
        case Memory.NO_DATA:
            return f"Has had nothing to judge by: {rule.state.reason}.{silenced}"
        case Memory.SILENCED:
            return f"Silenced: {rule.silence}."
        case Memory.NEVER:
            return f"Has never fired ({rule.bound}).{silenced}"


def _fired(rule: RuleMemory, mine: Sequence[PastEpisode], say: _Words) -> str:
    times = "once" if len(mine) == 1 else f"{len(mine)} times"
    longest = max(((one.ended_at or one.since) - one.since for one in mine), default=timedelta())
    values = [one.worst for one in mine if one.worst is not None]
    # of several nobody knows any more which was worst: that depends on the limit's direction
    worst = say.worst(values[0]) if len(values) == 1 else ""
    lasted = f", for {say.words.duration(longest.total_seconds())}" if longest else ""
    if len(mine) > 1 and lasted:
        lasted = lasted.replace("for", "the longest for")
    untold = sum(not one.told for one in mine)
    hushed = f"; {untold} of them held back" if untold and len(mine) > 1 else ""
    hushed = "; nobody was told" if untold == len(mine) else hushed
    first = say.at(mine[0].since)
    start = (
        f"Fired {times} ({rule.bound}), first {first}"
        if len(mine) > 1
        else (f"Fired {times} ({rule.bound}), on {first}")
    )
    return f"{start}{lasted}{worst}{hushed}."
