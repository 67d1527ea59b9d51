"""What must be known about a report's numbers, in sentences: banners, remarks, definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from digest.core.deltas import DeltaKind
from digest.core.metrics import CATALOGUE, Metric, Rollup
from digest.core.periods import BaselineKind, PeriodKind, utc_day
from digest.core.report_model import Note, Tone
from digest.core.wording import Wording
from digest.report.lists import not_offered
from digest.report.planning import ListCall, SeriesCall, Side

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from digest.core.metrics import Dimension
    from digest.core.report_model import Headline
    from digest.core.series import Series
    from digest.report.fetching import Fetched
    from digest.report.planning import Call, FetchPlan

    Sides = Mapping[Metric, Series]

_AVERAGES = frozenset({Metric.BOUNCE_RATE, Metric.SESSION_DURATION})


def notes(
    plan: FetchPlan,
    fetched: Fetched,
    headlines: Sequence[Headline],
    sides: Sequence[Sides],
    *,
    partial: bool,
    quiet: bool,
) -> tuple[Note, ...]:
    """All notes, the loudest first. `sides` are the days of the period, then of its baselines."""
    wording = Wording(plan.spec.locale)
    banners = [
        *(_not_over(plan, fetched) if partial else ()),
        *(_no_data(plan, wording) if quiet else ()),
        *_left_out(plan, fetched),
    ]
    remarks = [
        *_no_cities(fetched),
        *_gaps(plan, fetched, headlines, sides, wording),
        *([] if quiet else _days_without_sessions(headlines, sides[0], wording)),
        *_small_samples(headlines),
        *_from_nothing(plan, headlines, wording),
        *_unequal_lengths(plan, headlines, wording),
    ]
    return (
        *(Note(text=text, tone=Tone.WARNING) for text in banners),
        *(Note(text=text) for text in remarks),
        *(Note(text=text, tone=Tone.DEFINITION) for text in _definitions(plan, wording)),
    )


def _not_over(plan: FetchPlan, fetched: Fetched) -> Iterator[str]:
    kind, made = plan.period.kind, f"{fetched.oldest:%Y-%m-%d %H:%M} UTC"
    if fetched.oldest >= plan.period.ends_at:
        yield (
            f"This {kind} had only just ended at {made}: its numbers may still grow, and are"
            " not compared."
        )
    else:
        yield (
            f"This {kind} is not over: these are its numbers up to {made}, and they are not"
            " compared."
        )


def _no_data(plan: FetchPlan, wording: Wording) -> Iterator[str]:
    yield (
        f"No data: Phase counted nothing in {wording.period(plan.period)}. If the app was in use,"
        " check that it still sends its events."
    )


def _left_out(plan: FetchPlan, fetched: Fetched) -> Iterator[str]:
    lost = [gap for gap in fetched.gaps if not gap.not_offered]
    if not lost:
        return
    calls = [gap.call for gap in lost]
    lists = {c.dimension for c in calls if isinstance(c, ListCall) and c.side is not Side.BASELINE}
    names = dict.fromkeys(name for call in calls for name in _names(plan, call, lists))
    reports = ", ".join(dict.fromkeys(call.report for call in calls))
    yield f"Phase could not give everything ({reports}). Left out: {', '.join(names)}."


def _names(plan: FetchPlan, call: Call, lists: Collection[Dimension]) -> Iterator[str]:
    """What a reader misses without an answer; `lists` are missed as a whole."""
    match call:
        case SeriesCall(metric=metric, end=end):
            shown = [CATALOGUE[m] for m in plan.spec.metrics if metric in CATALOGUE[m].needs]
            past = "the baseline of " if end <= plan.period.start else ""
            yield from (f"{past}{info.title}" for info in shown or [CATALOGUE[metric]])
        case ListCall(side=Side.BASELINE, dimension=dimension):
            if dimension not in lists:
                yield f"changes in {dimension.heading}"
        case ListCall(dimension=dimension):
            yield dimension.heading
        case _:
            assert_never(call)


def _no_cities(fetched: Fetched) -> Iterator[str]:
    for dimension in not_offered(fetched):
        yield f"{dimension.heading} is left out: this Phase server does not offer it."


def _gaps(
    plan: FetchPlan,
    fetched: Fetched,
    headlines: Sequence[Headline],
    sides: Sequence[Sides],
    wording: Wording,
) -> Iterator[str]:
    today = utc_day(fetched.newest)
    found: dict[tuple[date, ...], list[str]] = {}
    for headline in headlines:
        needs = [n for n in headline.info.needs if all(n in side for side in sides)]
        series = [side[n] for n in needs for side in sides if not side[n].is_empty]
        days = {day for one in series for day in one.missing if day <= today}
        if headline.info.rollup is Rollup.LAST:
            days &= {plan.period.last_day, *(one.last_day for one in plan.baseline.periods)}
        if days:
            found.setdefault(tuple(sorted(days)), []).append(headline.info.title)
    for missing, titles in found.items():
        yield (
            f"{', '.join(titles)}: no value for {wording.days(missing)}; only days that have one"
            " on both sides are compared."
        )


def _days_without_sessions(
    headlines: Sequence[Headline], period: Sides, wording: Wording
) -> Iterator[str]:
    averages = [h.info.title.lower() for h in headlines if h.metric in _AVERAGES]
    series = period.get(Metric.SESSIONS)
    if series is None or len(series.days) == 1 or not averages:
        return
    empty = [day for day, value in zip(series.days, series.values, strict=True) if value == 0]
    if empty:
        yield f"No sessions on {wording.days(empty)}, so {_listed(averages)} leave that out."


def _small_samples(headlines: Sequence[Headline]) -> Iterator[str]:
    found: dict[tuple[Metric, int], list[str]] = {}
    for headline in headlines:
        if (sample := headline.comparison.delta.sample) is not None:
            basis = headline.info.basis[-1]
            found.setdefault((basis, sample), []).append(headline.info.title.lower())
    for (basis, sample), titles in found.items():
        counted = _counted(basis, sample)
        yield (
            f"Small numbers: only {counted} on one side, so a change of {_listed(titles)} says"
            " little."
        )


def _counted(basis: Metric, sample: int) -> str:
    name = CATALOGUE[basis].of_a_day.title.lower()
    return f"{sample} {name.removesuffix('s') if sample == 1 else name}"


def _listed(words: Sequence[str]) -> str:
    """`bounce rate`, `bounce rate and session duration`, `a, b and c`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def _from_nothing(
    plan: FetchPlan, headlines: Sequence[Headline], wording: Wording
) -> Iterator[str]:
    titles = [h.info.title for h in headlines if h.comparison.delta.kind is DeltaKind.NEW]
    if titles:
        before = wording.baseline(plan.baseline)
        yield f"{', '.join(titles)}: none in {before}, so there is no percent."


def _unequal_lengths(
    plan: FetchPlan, headlines: Iterable[Headline], wording: Wording
) -> Iterator[str]:
    others = [one for one in plan.baseline.periods if one.length != plan.period.length]
    if others and any(h.info.rollup is Rollup.SUM for h in headlines):
        lengths = ", ".join(f"{wording.period(one)} has {one.length}" for one in others)
        yield (
            f"{wording.period(plan.period)} has {plan.period.length} days, {lengths}: sums are"
            " compared as they are."
        )


def _definitions(plan: FetchPlan, wording: Wording) -> Iterator[str]:
    rule, kind = plan.baseline.rule, plan.period.kind
    yield "Days are whole UTC days, because Phase counts by them."
    before = f"Compared with {wording.baseline(plan.baseline)} ({plan.baseline.label})"
    if rule.kind is BaselineKind.YEAR and kind is not PeriodKind.MONTH:
        before += ", 364 days back so that weekdays meet weekdays"
    yield f"{before}."
    if any(not d.has_total for d in plan.spec.breakdowns):
        yield "Events have no shares: Phase's total of events includes screen views."
    yield "Events can reach Phase up to 7 days late, so numbers may still grow a little."
