"""Report → what its charts show: values, worded marks and axes, and the words for the blind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.core.chart_axis import axis_of
from digest.core.chart_series import FEWEST_POINTS, ends, known_points, too_few
from digest.core.chart_text import chart_text, spoken_text
from digest.core.charts_spec import Bar, BarChart, ChartSpec, LineChart, Mark, NoChart
from digest.core.deltas import DeltaKind
from digest.core.metrics import Dimension, Metric, Unit
from digest.core.periods import PeriodKind
from digest.core.report_model import BreakdownRow
from digest.core.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from digest.core.report_model import Breakdown, Headline, Report
    from digest.core.series import Series

MOST_BARS = 10


def chart_specs(report: Report, wanted: Sequence[str]) -> tuple[ChartSpec | NoChart, ...]:
    """One chart for each wanted metric (`bounce_rate`) or breakdown (`sessions.country`).

    A chart with nothing to show becomes a NoChart; one that the digest does not have is left out.
    """
    found: list[ChartSpec | NoChart] = []
    for name in wanted:
        if name in set(Metric):
            headline = report.headline(Metric(name))
            if headline is not None:
                found.append(_line(report, headline))
        else:
            breakdown = report.breakdown(Dimension(name))
            if breakdown is not None:
                found.append(_bars(report, breakdown))
    return tuple(found)


def chart_name(name: str) -> str:
    """The slug of a metric's or breakdown's picture: `sessions-country`."""
    return name.replace(".", "-").replace("_", "-").lower()


def _line(report: Report, headline: Headline) -> LineChart | NoChart:
    wording = Wording(report.locale)
    info = headline.info
    single = report.period.kind is PeriodKind.DAY
    series = headline.recent if single and headline.recent is not None else headline.daily
    known = [v for v in series.values if v is not None]
    title = _title(report, headline)
    if len(known) < FEWEST_POINTS or not any(known):
        return NoChart(
            name=chart_name(info.metric),
            title=title,
            sentence=f"{title}: {too_few(len(known))}, so there is no chart.",
        )
    baseline = () if single else _baseline(headline, len(series.days))
    held = [*known, *(v for v in baseline if v is not None)]
    return LineChart(
        name=chart_name(info.metric),
        title=title,
        days=tuple(wording.tick(day, report.period.kind) for day in series.days),
        values=series.values,
        baseline=baseline,
        axis=axis_of(info.unit, info.rollup, held, wording),
        marks=_marks(info.unit, series, wording),
        label=_span(series, wording) if single else wording.period(report.period),
        baseline_label=wording.baseline(report.baseline),
        alt=_line_alt(report, headline, series, wording),
    )


def _title(report: Report, headline: Headline) -> str:
    info = headline.info
    return (report.period.kind is PeriodKind.DAY and info.day_title) or info.title


def _baseline(headline: Headline, length: int) -> tuple[float | None, ...]:
    """The baseline by position, cut or filled with gaps to the period's length."""
    if headline.baseline_daily is None or headline.baseline_daily.is_empty:
        return ()
    values = headline.baseline_daily.values[:length]
    return values + (None,) * (length - len(values))


def _span(series: Series, wording: Wording) -> str:
    return f"{wording.day(series.days[0])} – {wording.day(series.days[-1])}"


def _marks(unit: Unit, series: Series, wording: Wording) -> tuple[Mark, ...]:
    """The highest, the lowest and the last value, each position once."""
    known = known_points(series)
    top, bottom = ends(known)
    positions = sorted({top[1], bottom[1], known[-1][1]})
    return tuple(Mark(position=n, text=wording.value(unit, series.values[n])) for n in positions)


def _line_alt(report: Report, headline: Headline, series: Series, wording: Wording) -> str:
    value = wording.value(headline.info.unit, headline.comparison.value)
    when = wording.period(report.period)
    if report.period.kind is PeriodKind.DAY:
        when, value = _span(series, wording), f"{value} on {wording.day(series.days[-1])}"
    said = (
        f"{_title(report, headline)} by day, {when}: "
        f"{value}, {_against(report, headline, wording)}. "
        f"{_highest_and_lowest(headline.info.unit, series, wording)}"
    )
    if series.missing:
        said += f"; no value for {wording.days(series.missing)}"
    return said.removesuffix(".") + "."


def _highest_and_lowest(unit: Unit, series: Series, wording: Wording) -> str:
    known = [(v, day) for v, day in zip(series.values, series.days, strict=True) if v is not None]
    top, bottom = ends(known)
    highest, lowest = wording.value(unit, top[0]), wording.value(unit, bottom[0])
    if highest == lowest:
        return f"Always {highest}"
    return (
        f"Highest {highest} on {wording.day(top[1])}, lowest {lowest} on {wording.day(bottom[1])}"
    )


def _against(report: Report, headline: Headline, wording: Wording) -> str:
    """The delta in words, with the numbers that it was taken from where there is one."""
    unit, comparison = headline.info.unit, headline.comparison
    delta = comparison.delta
    said = wording.delta(unit, delta)
    if delta.kind not in {DeltaKind.CHANGED, DeltaKind.NO_CHANGE, DeltaKind.NEW}:
        return said
    numbers = wording.value(unit, comparison.baseline)
    if comparison.compared is not None and delta.common_days is not None:
        now, then = (wording.value(unit, side) for side in comparison.compared)
        days = "day" if delta.common_days == 1 else "days"
        numbers = f"{now} and {then} on {delta.common_days} common {days}"
    return f"{said} against {wording.baseline(report.baseline)} ({numbers})"


def _bars(report: Report, breakdown: Breakdown) -> BarChart | NoChart:
    dimension = breakdown.dimension
    wording = Wording(report.locale)
    rows = [row for row in breakdown.rows if row.count]
    if not rows:
        why = breakdown.unavailable or "nothing was counted, so there is no chart."
        return NoChart(
            name=chart_name(dimension),
            title=dimension.heading,
            sentence=f"{dimension.heading}: {why}",
        )
    listed = [row for row in rows if not row.other][:MOST_BARS]
    rest = [row for row in rows if row not in listed]
    shown = [*listed, *_rest(rest, breakdown)]
    bars = tuple(_bar(row, wording) for row in shown)
    compared = any(bar.baseline is not None for bar in bars)
    return BarChart(
        name=chart_name(dimension),
        title=dimension.heading,
        bars=bars,
        label=wording.period(report.period) if dimension.dated else "All time",
        baseline_label=wording.baseline(report.baseline) if compared else None,
        alt=f"{dimension.heading}, largest first: "
        + "; ".join(f"{_spoken(row)} {bar.text}" for row, bar in zip(shown, bars, strict=True))
        + ".",
    )


def _rest(rest: Iterable[BreakdownRow], breakdown: Breakdown) -> Iterable[BreakdownRow]:
    """One row for all that is not listed, only where a true total says that it is all."""
    rows = list(rest)
    if not rows or breakdown.total is None:
        return
    count = sum(row.count or 0 for row in rows)
    share = 100 * count / breakdown.total if breakdown.total else None
    yield BreakdownRow(value="other", count=count, share=share, other=True)


def _spoken(row: BreakdownRow) -> str:
    return "Other" if row.other else spoken_text(row.value)


def _bar(row: BreakdownRow, wording: Wording) -> Bar:
    text = wording.count(row.count or 0)
    if row.share is not None:
        text += f" · {wording.percent(row.share)}"
    return Bar(
        name=chart_text(row.value) if not row.other else "Other",
        value=float(row.count or 0),
        text=text,
        baseline=None if row.other else row.baseline,
        muted=row.other,
    )
