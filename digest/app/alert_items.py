"""What an alert comes to → its part of a message, and its chart. No I/O, no clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.core.alert_charting import alert_chart
from digest.core.alert_model import Phase, Seen, VerdictKind
from digest.core.alert_notice import AlertItem
from digest.core.alerts import next_repeat
from digest.core.charting import chart_name
from digest.core.metrics import CATALOGUE, Metric, Rollup, Unit
from digest.core.periods import DAY, PeriodKind
from digest.core.rules.limits import short
from digest.core.series import Series
from digest.core.unusual import unusual, usual_range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.app.alert_looks import Sight
    from digest.config.alerts import Alert
    from digest.core.alert_model import AlertState
    from digest.core.alert_round import Judged
    from digest.core.causes import Cause
    from digest.core.charts_spec import LineChart, NoChart
    from digest.core.periods import Period
    from digest.core.rules.reading import Known, Observation
    from digest.core.wording import Wording

_SHOWN = {PeriodKind.DAY: 28, PeriodKind.WEEK: 12, PeriodKind.MONTH: 12}
_PAST = timedelta(days=84)


def item_of(
    one: Judged, sight: Sight, known: Known, words: Wording, causes: tuple[Cause, ...] = ()
) -> AlertItem:
    """What the message says of a verdict."""
    verdict, alert, seen = one.verdict, sight.alert, sight.observation
    told = verdict.told
    return AlertItem(
        alert=alert.name,
        title=alert.title or alert.rule.title(),
        what=alert.rule.title(),
        kind=verdict.kind,
        firing=verdict.state.truth is Phase.FIRING,
        severity=alert.severity,
        unit=seen.unit,
        reason=seen.reason,
        bucket=sight.bucket.label,
        period=sight.bucket.period,
        partial=sight.bucket.partial,
        at=one.look.at,
        value=seen.value,
        limit=seen.limit,
        measured=seen.measured,
        bound=alert.rule.bound(words),
        clear=clear_words(seen, words),
        subject=seen.subject,
        since=told.since if told is not None else verdict.state.episode_since,
        lasted=verdict.lasted,
        worst=verdict.state.worst,
        episode=verdict.state.episode,
        repeats=0 if told is None else told.repeats,
        again=None if told is None else next_repeat(alert.policy, told),
        held=verdict.held,
        flapping=verdict.state.is_flapping(alert.policy, one.look.at),
        unusual=_unusual(sight, known, words),
        causes=causes,
        owner=alert.owner or "",
        action=alert.action or "",
        link=alert.link or "",
    )


def still_firing(alert: Alert, state: AlertState, one: AlertItem, words: Wording) -> AlertItem:
    """An alert that was told in the same message as `one`, as it is remembered."""
    return replace(
        one,
        alert=alert.name,
        title=alert.title or alert.rule.title(),
        what=alert.rule.title(),
        kind=VerdictKind.QUIET,
        firing=state.truth is Phase.FIRING,
        severity=alert.severity,
        unit=alert.rule.unit,
        reason=state.reason,
        bucket=state.bucket,
        value=state.value,
        limit=None,
        measured="" if state.value is None else words.value(alert.rule.unit, state.value),
        bound=alert.rule.bound(words),
        clear="",
        subject="",
        since=state.episode_since,
        lasted=None,
        worst=state.worst,
        episode=state.episode,
        repeats=0 if state.told is None else state.told.repeats,
        again=None if state.told is None else next_repeat(alert.policy, state.told),
        held=None,
        flapping=False,
        unusual="",
        causes=(),
        owner=alert.owner or "",
        action=alert.action or "",
        link=alert.link or "",
        picture="",
    )


def clear_words(seen: Observation, words: Wording) -> str:
    """When it is over: `below 50 %`."""
    if seen.clear is None or seen.limit is None:
        return ""
    direction = "below" if seen.clear < seen.limit else "above"
    return f"{direction} {short(seen.unit, seen.clear, words)}"


def chart_of(sight: Sight, known: Known, words: Wording) -> LineChart | NoChart:
    """The number over time with its limit, and the breaches of the same rule marked."""
    alert, bucket, seen = sight.alert, sight.bucket, sight.observation
    periods = _periods(bucket.period)
    series = _series(alert, periods, known, words)
    observed = {p: alert.rule.observe(alert.scope(p), known, words) for p in periods[:-1]}
    breaches = {p.start for p, one in observed.items() if one.seen is Seen.BREACH}
    breaches |= {bucket.period.start} if seen.seen is Seen.BREACH else set()
    limit = "" if seen.limit is None else f"limit {short(seen.unit, seen.limit, words)}"
    clear = clear_words(seen, words)
    return alert_chart(
        name=f"alert-{chart_name(alert.name)}",
        title=alert.rule.title(),
        unit=seen.unit,
        rollup=_rollup(alert),
        series=series,
        kind=bucket.period.kind,
        limit=seen.limit,
        limit_text=limit,
        clear=seen.clear,
        clear_text=f"clears {clear}" if clear else "",
        usual=_usual_range(sight, known),
        breaches=breaches,
        open_end=bucket.partial,
        locale=words.locale,
    )


def _periods(period: Period) -> list[Period]:
    found = [period]
    while len(found) < _SHOWN[period.kind]:
        found.append(found[-1].previous())
    return found[::-1]


def _series(alert: Alert, periods: Sequence[Period], known: Known, words: Wording) -> Series:
    """One value for each period, by its first day."""
    starts = tuple(period.start for period in periods)
    if periods[0].kind is PeriodKind.DAY:
        return alert.rule.daily(known, starts) or Series(starts, (None,) * len(starts))
    values = (alert.rule.observe(alert.scope(p), known, words).value for p in periods)
    return Series(starts, tuple(values))


def _rollup(alert: Alert) -> Rollup:
    metric = alert.rule.metric
    return Rollup.SUM if metric is None else CATALOGUE[metric].rollup


def _past(sight: Sight, known: Known) -> tuple[Series | None, Series | None]:
    """The days before the bucket, and their sessions; for numbers of a day only."""
    period = sight.bucket.period
    if period.kind is not PeriodKind.DAY:
        return None, None
    days = tuple(period.start - DAY * n for n in range(_PAST.days, 0, -1))
    sessions = known.values.get(Metric.SESSIONS)
    weights = None if sessions is None else Series.over(sessions, days)
    return sight.alert.rule.daily(known, days), weights


def _unusual(sight: Sight, known: Known, words: Wording) -> str:
    series, weights = _past(sight, known)
    seen = sight.observation
    if series is None or seen.value is None or (sight.bucket.partial and _adds_up(seen.unit)):
        return ""
    return unusual(
        series,
        seen.value,
        sight.bucket.period.start,
        unit=seen.unit,
        weekday=False,
        words=words,
        weights=weights,
    )


def _usual_range(sight: Sight, known: Known) -> tuple[float, float] | None:
    series, weights = _past(sight, known)
    return None if series is None else usual_range(series, weights=weights)


def _adds_up(unit: Unit) -> bool:
    """Whether a day that is not over can't be held against whole ones."""
    return unit is Unit.COUNT
