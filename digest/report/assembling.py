"""Fetched → Report: every value with its baseline, its delta and what must be known about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from digest.core.daily import baseline_daily, daily_of
from digest.core.deltas import DeltaKind, compare
from digest.core.metrics import CATALOGUE, Metric, Rollup, Unit
from digest.core.periods import DAY, PeriodKind
from digest.core.report_model import Headline, Report
from digest.core.series import Series
from digest.core.verdict import verdict
from digest.core.wording import Wording
from digest.report.lists import breakdowns
from digest.report.notes import notes
from digest.report.planning import RECENT_DAYS, not_over

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from digest.core.deltas import Comparison
    from digest.core.metrics import Dimension
    from digest.core.periods import Period
    from digest.report.fetching import Fetched
    from digest.report.kept import Earlier
    from digest.report.planning import FetchPlan

    Sides = Mapping[Metric, Series]


def assemble(
    plan: FetchPlan,
    fetched: Fetched,
    *,
    earlier: Mapping[Dimension, Earlier] | None = None,
    partial_ok: bool = False,
) -> Report:
    """The report of a plan's answers, and of `earlier` all-time lists of our own.

    A period that was not over, or not settled, by the server's clock is marked partial where
    that is allowed (here or in the plan), else it raises PeriodNotOverError.
    """
    partial = fetched.oldest < plan.ready_at
    if partial and not (partial_ok or plan.partial_ok):
        raise not_over(plan.period, plan.ready_at, fetched.oldest)
    spec, wording = plan.spec, Wording(plan.spec.locale)
    days = _Days.of(plan, fetched)
    quiet = not partial and _is_quiet(days.period)
    shown = dict.fromkeys(spec.metrics)
    headlines = tuple(_headline(metric, days, plan, partial=partial) for metric in shown)
    lists = breakdowns(plan, fetched, days.period, days.baselines, earlier or {}, partial=partial)
    return Report(
        job=spec.job,
        title=spec.heading,
        app=spec.app,
        app_title=spec.app_title,
        period=plan.period,
        baseline=plan.baseline,
        timezone=spec.timezone,
        locale=spec.locale,
        headlines=headlines,
        breakdowns=lists,
        notes=notes(
            plan,
            fetched,
            headlines,
            (days.period, *days.baselines),
            partial=partial,
            quiet=quiet,
        ),
        verdict=verdict(
            headlines,
            wording,
            partial=partial,
            quiet=quiet,
            before=wording.baseline(plan.baseline),
        ),
        generated_at=fetched.newest,
        requests=fetched.requests,
        asked=fetched.asked,
        partial=partial,
        quiet=quiet,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """The fetched days, sorted into the period and its baselines; `recent` for a day's digest."""

    period: Sides
    baselines: tuple[Sides, ...]
    recent: Sides | None

    @classmethod
    def of(cls, plan: FetchPlan, fetched: Fetched) -> _Days:
        first = plan.period.end - DAY * RECENT_DAYS
        return cls(
            period=_sides(fetched, plan.period.days),
            baselines=tuple(_sides(fetched, one.days) for one in plan.baseline.periods),
            recent=_sides(fetched, [first + DAY * n for n in range(RECENT_DAYS)])
            if plan.period.kind is PeriodKind.DAY
            else None,
        )


def _sides(fetched: Fetched, days: Sequence[date]) -> Sides:
    return {metric: Series.over(values, days) for metric, values in fetched.values.items()}


def _is_quiet(period: Sides) -> bool:
    """Whether everything that was counted over the period came to nothing."""
    counted = [
        series
        for metric, series in period.items()
        if CATALOGUE[metric].unit is Unit.COUNT and CATALOGUE[metric].rollup is not Rollup.LAST
    ]
    known = [series for series in counted if not series.is_empty]
    return bool(known) and all(series.all_zero for series in known)


def _headline(metric: Metric, days: _Days, plan: FetchPlan, *, partial: bool) -> Headline:
    comparison = compare(metric, days.period, days.baselines, partial=partial)
    newest = plan.baseline.periods[-1]
    recent = None
    if days.recent is not None:
        recent = daily_of(metric, days.recent, next(iter(days.recent.values())).days)
    info = CATALOGUE[metric]
    return Headline(
        info=info.of_a_day if plan.period.kind is PeriodKind.DAY else info,
        comparison=comparison,
        daily=daily_of(metric, days.period, plan.period.days),
        baseline_daily=_baseline_days(metric, days.baselines, newest),
        recent=recent,
        note=_why(metric, comparison, days.period, plan.period),
    )


def _baseline_days(metric: Metric, baselines: Sequence[Sides], newest: Period) -> Series | None:
    if len(baselines) == 1:
        series = daily_of(metric, baselines[0], newest.days)
    else:
        series = baseline_daily(metric, baselines, newest.days)
    return None if series.is_empty else series


def _why(metric: Metric, comparison: Comparison, period: Sides, of: Period) -> str | None:
    """Why a number is not known or not compared, for people; None where nothing is unusual."""
    match comparison.delta.kind:
        case DeltaKind.PARTIAL:
            return "Not compared, because the period is not over."
        case DeltaKind.NEW:
            return "There were none before, so there is no percent."
        case DeltaKind.NO_DATA if comparison.value is None:
            return _why_no_value(metric, period, of)
        case DeltaKind.NO_DATA:
            return "Nothing but zeros, which is taken for missing data and not compared."
        case DeltaKind.NO_BASELINE if comparison.delta.common_days == 0:
            return "There is no day that has a value on both sides, so nothing is compared."
        case DeltaKind.NO_BASELINE:
            return "There is nothing to compare with."
        case DeltaKind.CHANGED | DeltaKind.NO_CHANGE:
            return None
        case _:
            assert_never(comparison.delta.kind)


def _why_no_value(metric: Metric, period: Sides, of: Period) -> str:
    info = CATALOGUE[metric]
    if any(need not in period or period[need].is_empty for need in info.needs):
        return "Phase could not give this number."
    if info.rollup is Rollup.LAST:
        return f"Phase has no value for the last day, {of.last_day}."
    basis = CATALOGUE[info.basis[-1]].title.lower()
    return f"There were no {basis}, so there is nothing to take an average of."
