"""The days that a rule goes by: what is asked for, what came, and whether it is enough."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from digest.core.alert_model import Seen
from digest.core.daily import daily_of
from digest.core.metrics import CATALOGUE, Metric, Rollup, Unit
from digest.core.periods import DAY, PeriodKind
from digest.core.rules.reading import HISTORY, SeriesWant
from digest.core.series import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from digest.core.metrics import MetricInfo
    from digest.core.periods import Period
    from digest.core.rules.reading import Known, Scope
    from digest.core.wording import Wording

Side = dict[Metric, Series]


def series_wants(
    metrics: Iterable[Metric], scope: Scope, since: date | None = None
) -> frozenset[SeriesWant]:
    """The days of plain metrics up to the bucket's end: 84 before it, or from `since` on.

    The sessions are among them where a least number of them is asked for.
    """
    start, end = scope.period.start - DAY * HISTORY, scope.period.end
    start = start if since is None else min(start, since)
    wanted = {*metrics, Metric.SESSIONS} if scope.min_sessions else set(metrics)
    return frozenset(SeriesWant(metric, start, end) for metric in wanted)


def needed(metric: Metric) -> tuple[Metric, ...]:
    """The plain metrics by which one is judged: what it is made of, and what shows true zeros."""
    info = CATALOGUE[metric]
    return tuple(dict.fromkeys((*info.needs, *info.pulse)))


def side_of(known: Known, days: Iterable[date]) -> Side:
    """Every plain metric that there is something of, on these days."""
    wanted = tuple(days)
    return {
        metric: Series.over({d: v for d, v in found.items() if math.isfinite(v)}, wanted)
        for metric, found in known.values.items()
        if CATALOGUE[metric].parts is None
    }


def first_counted(info: MetricInfo, known: Known) -> date | None:
    """The first day that is known on which the metric's basis counted anything.

    The API fills the days before an app began with zeros, which are no history of it.
    """
    days = [
        day for need in info.basis for day, value in known.values.get(need, {}).items() if value
    ]
    return min(days, default=None)


def daily(metric: Metric, known: Known, days: tuple[date, ...]) -> Series:
    """The metric on each of these days; None on days without sessions for averages and ratios."""
    return daily_of(metric, side_of(known, days), days)


def gaps(metric: Metric, side: Mapping[Metric, Series]) -> tuple[date, ...]:
    """The days on which something is missing that the metric needs; a level needs its last day."""
    found: set[date] = set()
    for need in CATALOGUE[metric].needs:
        series = side.get(need)
        if series is not None:
            found.update(series.missing)
            if CATALOGUE[metric].rollup is Rollup.LAST:
                found.intersection_update(series.days[-1:])
    return tuple(sorted(found))


def total(metric: Metric, side: Mapping[Metric, Series]) -> float | None:
    """All that was counted of a plain metric on the days that are known; None without any."""
    series = side.get(metric)
    if series is None or series.is_empty:
        return None
    return math.fsum(value for value in series.values if value is not None)


def mean_total(metric: Metric, periods: Iterable[Side]) -> float | None:
    """What was counted of a plain metric in a period on average; None without any."""
    totals = [one for one in (total(metric, side) for side in periods) if one is not None]
    return math.fsum(totals) / len(totals) if totals else None


def counted(metric: Metric, value: float | None, side: Mapping[Metric, Series]) -> float | None:
    """How many of the counted thing there are: a count itself, or what a rate is made of."""
    info = CATALOGUE[metric]
    return value if info.unit is Unit.COUNT else total(info.basis[-1], side)


def too_few(
    scope: Scope,
    words: Wording,
    *,
    sessions: float | None,
    count: float | None,
    thing: str,
    where: str = "",
) -> tuple[Seen, str] | None:
    """TOO_FEW with why, where less was counted than is asked for; MISSING where nobody knows."""
    where = f" {where}" if where else ""
    asked = ((scope.min_sessions, sessions, "sessions"), (scope.min_count, count, thing))
    for least, found, what in asked:
        if not least:
            continue
        if found is None:
            return Seen.MISSING, f"how many {what} there were{where} is not known"
        if found < least:
            few = f"only {words.count(found)} {what}{where}"
            return Seen.TOO_FEW, f"{few}, {words.count(least)} are asked for"
    return None


def named(info: MetricInfo, kind: PeriodKind) -> MetricInfo:
    """The metric's entry, worded for what is looked at."""
    return info.of_a_day if kind is PeriodKind.DAY else info


def lower(title: str) -> str:
    """A title in the middle of a sentence."""
    return title[:1].lower() + title[1:]


def thing_of(info: MetricInfo) -> str:
    """What is counted, in a sentence: `sessions`, `active users`."""
    return lower(CATALOGUE[info.basis[-1]].of_a_day.title)


def so_far(scope: Scope) -> str:
    """What makes a sentence honest about a day that is not over."""
    return " so far" if scope.partial else ""


def absent(info: MetricInfo, side: Side, period: Period, words: Wording) -> str:
    """Why a metric has no value: days that are missing, or nothing that it could be made of."""
    name = lower(named(info, period.kind).title)
    missing = gaps(info.metric, side)
    if not set(info.needs) <= set(side) or len(missing) == period.length:
        return f"Phase has nothing on {name} for {words.period(period)}"
    if missing:
        return f"{days_missing(missing, words)}, so {name} can't be known"
    return f"there were no {thing_of(info)}, so there is no {name}"


def days_missing(missing: Sequence[date], words: Wording) -> str:
    """`Wed, Nov 18 is missing`."""
    return f"{words.days(missing)} {'is' if len(missing) == 1 else 'are'} missing"
