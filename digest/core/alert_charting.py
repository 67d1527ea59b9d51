"""An alert's numbers → its chart: the metric, the limit, what is usual, and what went beyond."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from digest.core.chart_axis import axis_of
from digest.core.chart_series import FEWEST_POINTS, ends, known_points, too_few
from digest.core.chart_text import chart_text, spoken_text
from digest.core.charting import chart_name
from digest.core.charts_spec import Band, Limit, LineChart, Mark, NoChart
from digest.core.metrics import Unit
from digest.core.periods import PeriodKind, period_of
from digest.core.wording import Wording

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from digest.core.metrics import Rollup
    from digest.core.series import Series

_MOST_WORDED = 3  # breaches; of more only the latest
_MOST_WEEKDAYS = 31  # points that a weekday and a number tell apart
_MOST_NAMED = 3
_TITLE_WIDTH = 80
_NO_DATA = "no data"
_LARGE = 10_000.0  # counts that the range shortens: the axis does too
_SPACE = "\N{NO-BREAK SPACE}"


def alert_chart(
    *,
    name: str,
    title: str,
    unit: Unit,
    rollup: Rollup,
    series: Series,
    kind: PeriodKind,
    limit: float | None,
    limit_text: str,
    clear: float | None,
    clear_text: str,
    usual: tuple[float, float] | None,
    breaches: Collection[date],
    open_end: bool,
    locale: str,
) -> LineChart | NoChart:
    """The chart of an alert, or the sentence in its place where fewer than two days have a value.

    `kind` is what one value of the series stands for: a day, or a week or month that is known by
    any of its days. Values, `limit`, `clear` and `usual` (low, high) are in the metric's own
    unit; the texts are their words (`limit 60 %`, `clears below 50 %`). `breaches` are days of
    the series, others are left out; one without a value is shown as `no data`. With `open_end`
    the last value is that of a period that is not over. A limit below zero, which no value can
    cross, is in the alt text but not drawn.
    """
    wording = Wording(locale)
    spoken = spoken_text(title, _TITLE_WIDTH)
    points = _Points(unit, series, kind, wording, frozenset(breaches), open_end)
    known = known_points(series)
    if len(known) < FEWEST_POINTS:
        return NoChart(
            name=chart_name(name),
            title=spoken,
            sentence=f"{spoken}: {too_few(len(known), kind)}, so there is no chart.",
        )
    limits = _limits((limit, limit_text, True), (clear, clear_text, False))
    band = _band(unit, usual, wording)
    held = [*(value for value, _ in known), *(one.at for one in limits)]
    if band is not None:
        held += [band.low, band.high]
    breach_label = points.breach_label(limit, ranged=band is not None)
    said = [limit_text, clear_text, "" if band is None else band.text]
    return LineChart(
        name=chart_name(name),
        title=chart_text(title, _TITLE_WIDTH),
        days=points.ticks,
        values=series.values,
        baseline=(),
        axis=axis_of(unit, rollup, held, wording),
        marks=points.marks,
        label=points.span,
        baseline_label="",
        alt=f"{spoken} by {kind}, {points.span}: {points.told(said, breach_label)}",
        limits=limits,
        usual=band,
        breaches=points.breached,
        breach_label=breach_label,
        open_end=open_end,
    )


def _limits(*given: tuple[float | None, str, bool]) -> tuple[Limit, ...]:
    return tuple(
        Limit(at=at, text=text, strong=strong)
        for at, text, strong in given
        if at is not None and at >= 0
    )


def _band(unit: Unit, usual: tuple[float, float] | None, wording: Wording) -> Band | None:
    if usual is None:
        return None
    low, high = (max(0.0, value) for value in usual)
    return Band(low=low, high=high, text=f"usual {_range(unit, low, high, wording)}")


def _range(unit: Unit, low: float, high: float, wording: Wording) -> str:
    """`14.2–22.1 %`, `1,204–1,530` or `1.1M–1.3M`."""
    shorten = unit is Unit.COUNT and low >= _LARGE
    ways = [(wording.compact(low), wording.compact(high))] if shorten else []
    ways.append((wording.value(unit, low), wording.value(unit, high)))
    first, last = next((way for way in ways if way[0] != way[1]), ways[-1])
    match unit:
        case _ if first == last:
            return last
        case Unit.PERCENT:
            return f"{first.removesuffix('%').rstrip()}–{last}"
        case Unit.DURATION:
            return f"{first}{_SPACE}–{_SPACE}{last}"
        case Unit.COUNT | Unit.RATIO:
            return f"{first}–{last}"
        case _:
            assert_never(unit)


@dataclass(frozen=True, slots=True)
class _Points:
    """The values with the words for them."""

    unit: Unit
    series: Series
    kind: PeriodKind
    wording: Wording
    breaches: frozenset[date]
    open_end: bool

    @property
    def breached(self) -> tuple[int, ...]:
        """The positions of the breaches."""
        return tuple(n for n, day in enumerate(self.series.days) if day in self.breaches)

    @property
    def ticks(self) -> tuple[str, ...]:
        """Short labels; with the month where a weekday says too little."""
        days = self.series.days
        match self.kind:
            case PeriodKind.DAY if len(days) <= _MOST_WEEKDAYS:
                return tuple(self.wording.tick(day, self.kind) for day in days)
            case PeriodKind.DAY | PeriodKind.WEEK:
                return tuple(self.wording.short_day(day) for day in days)
            case PeriodKind.MONTH:
                return tuple(self.wording.month(day) for day in days)
            case _:
                assert_never(self.kind)

    @property
    def span(self) -> str:
        """From the first point to the end of the last."""
        first, last = (period_of(self.kind, self.series.days[n]) for n in (0, -1))
        if self.kind is PeriodKind.MONTH:
            return f"{self.wording.month(first.start)} – {self.wording.month(last.start)}"
        return f"{self.wording.day(first.start)} – {self.wording.day(last.last_day)}"

    @property
    def marks(self) -> tuple[Mark, ...]:
        """The breaches (of many the latest), the highest, the lowest and the last value."""
        known = known_points(self.series)
        last = known[-1][1]
        # What is not over is low because it is not over.
        over = known[:-1] if self._so_far(last) else known
        (_, top), (_, bottom) = ends(over)
        positions = {*self._worded_breaches, top, bottom, last}
        return tuple(Mark(position=n, text=self._value(n)) for n in sorted(positions))

    def breach_label(self, limit: float | None, *, ranged: bool) -> str:
        """What the breaches have in common; nothing where there are none."""
        values = [v for n in self.breached if (v := self.series.values[n]) is not None]
        if not values:
            return _NO_DATA if self.breached else ""
        if limit is None:
            return "outside the usual range" if ranged else "set off the alert"
        if all(v >= limit for v in values) or all(v <= limit for v in values):
            return "beyond the limit"
        # A limit that follows the numbers was another one on other days.
        return f"beyond that {self.kind}'s limit"

    def told(self, said: Sequence[str], breach_label: str) -> str:
        """For the blind: the last value, what it is held against, the breaches and the gaps."""
        last = known_points(self.series)[-1][1]
        held = ", ".join(filter(None, said))
        sentences = [f"{self._value(last)} {self._listed([last])}" + (f"; {held}" if held else "")]
        if self.breached:
            sentences.append(f"{_capital(breach_label)} {self._listed(self.breached)}")
        gaps = [n for n, value in enumerate(self.series.values) if value is None]
        if unsaid := [n for n in gaps if breach_label != _NO_DATA or n not in self.breached]:
            sentences.append(f"No value {self._listed(unsaid)}")
        # A locale's short month may end in a full stop of its own.
        return " ".join(sentence.removesuffix(".") + "." for sentence in sentences)

    @property
    def _worded_breaches(self) -> tuple[int, ...]:
        """All where there are few, else the latest; of those without a value only the latest."""
        if len(self.breached) > _MOST_WORDED:
            return self.breached[-1:]
        last = self.breached[-1:]
        return tuple(n for n in self.breached if self.series.values[n] is not None or n in last)

    def _value(self, position: int) -> str:
        value = self.series.values[position]
        if value is None:
            return _NO_DATA
        return self.wording.value(self.unit, value) + self._so_far(position)

    def _so_far(self, position: int) -> str:
        last = self.open_end and position == len(self.series.days) - 1
        return " so far" if last else ""

    def _listed(self, positions: Sequence[int]) -> str:
        """`on Sat, Nov 21; Sun, Nov 22`: the latest ones, and how many more there are."""
        shown = "; ".join(self._named(self.series.days[n]) for n in positions[-_MOST_NAMED:])
        more = len(positions) - _MOST_NAMED
        listed = f"{shown} and {more} more before" if more > 0 else shown
        match self.kind:
            case PeriodKind.DAY:
                return f"on {listed}"
            case PeriodKind.WEEK:
                return f"in the {'week' if len(positions) == 1 else 'weeks'} {listed}"
            case PeriodKind.MONTH:
                return f"in {listed}"
            case _:
                assert_never(self.kind)

    def _named(self, day: date) -> str:
        if self.kind is PeriodKind.DAY:
            return self.wording.day(day)
        return self.wording.period(period_of(self.kind, day))


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
