"""Report → what its charts show: values, worded marks and axes, and the words for the blind."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import TYPE_CHECKING

from digest.core.charts_spec import Bar, BarChart, ChartSpec, LineChart, Mark, NoChart, Tick
from digest.core.metrics import Dimension, Metric, Rollup, Unit
from digest.core.periods import PeriodKind
from digest.core.report_model import BreakdownRow
from digest.core.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from digest.core.report_model import Breakdown, Headline, Report
    from digest.core.series import Series

MOST_BARS = 10
NAME_WIDTH = 21  # in half-width characters; what fits beside the bars

_FEWEST_POINTS = 2
_COUNT_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_SECOND_STEPS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0)
_EMOJI = re.compile(
    "[\N{ZERO WIDTH JOINER}\ufe0e\ufe0f\u20e3\u2600-\u27bf"
    "\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]"
)


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
    if len(known) < _FEWEST_POINTS or not any(known):
        return NoChart(
            name=chart_name(info.metric),
            title=info.title,
            sentence=f"{info.title}: {_too_few(len(known))}, so there is no chart.",
        )
    baseline = () if single else _baseline(headline, len(series.days))
    axis = _axis(info.unit, info.rollup, [*known, *(v for v in baseline if v is not None)], wording)
    return LineChart(
        name=chart_name(info.metric),
        title=info.title,
        days=tuple(_day_label(day, report.period.kind, wording) for day in series.days),
        values=series.values,
        baseline=baseline,
        axis=axis,
        marks=_marks(info.unit, series, wording),
        label=_span(series, wording) if single else wording.period(report.period),
        baseline_label=wording.baseline(report.baseline),
        alt=_line_alt(report, headline, series, wording),
    )


def _too_few(points: int) -> str:
    if points == 0:
        return "no day has a value"
    return "every day is zero" if points >= _FEWEST_POINTS else "only one day has a value"


def _baseline(headline: Headline, length: int) -> tuple[float | None, ...]:
    """The baseline by position, cut or filled with gaps to the period's length."""
    if headline.baseline_daily is None or headline.baseline_daily.is_empty:
        return ()
    values = headline.baseline_daily.values[:length]
    return values + (None,) * (length - len(values))


def _day_label(day: date, kind: PeriodKind, wording: Wording) -> str:
    return str(day.day) if kind is PeriodKind.MONTH else f"{wording.weekday(day)} {day.day}"


def _span(series: Series, wording: Wording) -> str:
    return f"{wording.day(series.days[0])} – {wording.day(series.days[-1])}"


def _axis(
    unit: Unit, rollup: Rollup, values: Sequence[float], wording: Wording
) -> tuple[Tick, ...]:
    """Three to five round grid lines that hold every value; from zero, but for levels."""
    low = min(values) if rollup is Rollup.LAST else 0.0
    high = max(values)
    step = _step((high - low) / 3 or max(high, 1.0) / 3, unit)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    if unit is Unit.PERCENT:
        last = min(last, math.ceil(100 / step))
    return tuple(
        Tick(at=n * step, text=_tick_text(unit, n * step, step, wording))
        for n in range(first, last + 1)
    )


def _step(wanted: float, unit: Unit) -> float:
    """The smallest round step that is at least `wanted`; whole for counts."""
    if unit is Unit.DURATION and wanted <= _SECOND_STEPS[-1]:
        return next(step for step in _SECOND_STEPS if step >= wanted)
    magnitude = 10.0 ** math.floor(math.log10(wanted))
    step = next(magnitude * s for s in _COUNT_STEPS if magnitude * s >= wanted * (1 - 1e-9))
    return max(math.ceil(step), 1.0) if unit is Unit.COUNT else step


def _tick_text(unit: Unit, value: float, step: float, wording: Wording) -> str:
    match unit:
        case Unit.COUNT:
            return wording.compact(value)
        case Unit.PERCENT:
            return wording.percent(value, 0 if step >= 1 and step == round(step) else 1)
        case Unit.DURATION:
            return _round_time(value) or wording.duration(value)
        case Unit.RATIO:
            return wording.value(Unit.RATIO, value)


def _round_time(seconds: float) -> str | None:
    """`0`, `4 m` or `2 h` where that says it all."""
    for length, unit in ((3600, "h"), (60, "m")):
        if seconds and seconds % length == 0:
            return f"{seconds / length:g}\N{NO-BREAK SPACE}{unit}"
    return None if seconds else "0"


def _marks(unit: Unit, series: Series, wording: Wording) -> tuple[Mark, ...]:
    """The highest, the lowest and the last value, each position once."""
    known = [(value, n) for n, value in enumerate(series.values) if value is not None]
    top = max(known, key=lambda pair: (pair[0], -pair[1]))
    bottom = min(known)
    positions = sorted({top[1], bottom[1], known[-1][1]})
    return tuple(Mark(position=n, text=wording.value(unit, series.values[n])) for n in positions)


def _line_alt(report: Report, headline: Headline, series: Series, wording: Wording) -> str:
    info = headline.info
    known = [
        (value, day)
        for value, day in zip(series.values, series.days, strict=True)
        if value is not None
    ]
    top, bottom = max(known), min(known)
    comparison = headline.comparison
    total = wording.value(info.unit, comparison.value)
    delta = wording.delta(info.unit, comparison.delta)
    said = (
        f"{info.title} by day, {wording.period(report.period)}: {total}, {delta} against "
        f"{wording.baseline(report.baseline)}. "
        f"Highest {wording.value(info.unit, top[0])} on {wording.day(top[1])}, "
        f"lowest {wording.value(info.unit, bottom[0])} on {wording.day(bottom[1])}."
    )
    if series.missing:
        said += f" No value for {wording.days(series.missing)}."
    return said


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
        + "; ".join(f"{bar.name} {bar.text}" for bar in bars)
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


def chart_text(name: str, width: int = NAME_WIDTH) -> str:
    """A name as a chart can show it: no emoji, no controls, one line, cut in the middle.

    `width` is in half-width characters; CJK counts double. Nothing left is `(no name)`.
    """
    flat = _EMOJI.sub("", name[: width * 40] if len(name) <= width * 40 else _ends(name, width))
    shown = "".join(c for c in " ".join(flat.split()) if unicodedata.category(c)[0] != "C")
    shown = shown.strip()
    if not shown:
        return "(no name)"
    if _width(shown) <= width:
        return shown
    head, tail = "", ""
    while _width(head) + _width(tail) < width - 2:
        head += shown[len(head)]
        if _width(head) + _width(tail) < width - 2:
            tail = shown[-len(tail) - 1] + tail
    return f"{head.rstrip()}…{tail.lstrip()}"


def _ends(name: str, width: int) -> str:
    return name[: width * 20] + name[-width * 20 :]


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
