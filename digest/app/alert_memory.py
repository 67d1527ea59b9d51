"""What the ledger has of an app's alerts, for its digest."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Protocol, runtime_checkable
from zoneinfo import ZoneInfo

from digest.core.alert_memory import PastEpisode, Remembered, RuleMemory, remembered
from digest.core.alert_model import AlertState
from digest.core.hushing import EVERY_ALERT
from digest.core.periods import PeriodKind
from digest.core.rules.threshold import Threshold
from digest.core.suggesting import Extremes, suggest
from digest.core.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from digest.config.alerts import Alert
    from digest.config.models import Config
    from digest.core.periods import Period
    from digest.pipeline import Job
    from digest.store.alerts import AlertsReading, Silence

LOOK_BACK = timedelta(days=90)


@runtime_checkable
class HasAlerts(Protocol):
    """A ledger, to read or to write."""

    @property
    def alerts(self) -> AlertsReading:
        """What it has of alerts."""
        ...


def memory_of(
    config: Config, job: Job, period: Period, now: datetime, held: HasAlerts | None
) -> tuple[Remembered, ...]:
    """What a digest of a week or a month tells of its app's alerts; nothing in one of a day."""
    alerts = [one for one in config.alerts.values() if one.app == job.spec.app and one.enabled]
    if held is None or not alerts or period.kind is PeriodKind.DAY:
        return ()
    since = min(period.starts_at, now - LOOK_BACK)
    names = [alert.name for alert in alerts]
    states = held.alerts.states(names)
    silences = held.alerts.silences(now)
    episodes: dict[str, list[PastEpisode]] = {}
    for one in held.alerts.episodes(since, None, names):
        episodes.setdefault(one.alert, []).append(
            PastEpisode(
                since=one.since,
                ended_at=one.ended_at,
                worst=one.worst,
                told=one.run_job is not None,
                flapping=one.flapping,
            )
        )
    words = Wording(config.locale)
    rules = []
    for alert in alerts:
        stored = states.get(alert.name)
        past = tuple(episodes.get(alert.name, ()))
        silence = _silence(alert.name, silences)
        rules.append(
            RuleMemory(
                alert=alert.name,
                title=alert.title or alert.rule.title(),
                bound=alert.rule.bound(words),
                unit=alert.rule.unit,
                state=AlertState() if stored is None else stored.state,
                episodes=past,
                silenced_until=None if silence is None else silence.until,
                silence=""
                if silence is None
                else f"until {silence.until:%Y-%m-%d %H:%M} UTC by {silence.author}, {silence.why}",
                suggestion=_suggestion(alert, held, past, now, words),
            )
        )
    return remembered(rules, period, now, ZoneInfo(job.spec.timezone), words)


def _silence(name: str, silences: Sequence[Silence]) -> Silence | None:
    mine = [one for one in silences if one.alert in {name, EVERY_ALERT}]
    return max(mine, key=lambda one: one.until, default=None)


def _suggestion(
    alert: Alert,
    held: HasAlerts,
    past: Sequence[PastEpisode],
    now: datetime,
    words: Wording,
) -> str:
    """A better limit for a rule that never fires, or flaps; only where the limit is one number."""
    flaps = any(one.flapping for one in past)
    if not isinstance(alert.rule, Threshold) or (past and not flaps):
        return ""
    seen = [
        Extremes(day.day, day.lowest, day.highest)
        for day in held.alerts.days(alert.name, (now - LOOK_BACK).date())
        if day.lowest is not None and day.highest is not None
    ]
    line = alert.rule.line
    return suggest(
        seen, above=line.up, limit=line.limit, unit=alert.rule.unit, words=words, flaps=flaps
    ).sentence
