"""Numbers, percents, durations, dates and deltas as people of a locale read them.

Values are rounded here and nowhere else. A missing value is an en dash, never "nan" or "None".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from typing import TYPE_CHECKING, assert_never

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton, format_time
from babel.numbers import format_compact_decimal, format_decimal

from digest.core.deltas import Delta, DeltaKind, Sense
from digest.core.metrics import Unit
from digest.core.periods import BaselineKind, PeriodKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, tzinfo

    from digest.core.periods import Baseline, Period

MISSING = "–"
MINUS = "−"
_SPACE = "\N{NO-BREAK SPACE}"
_MINUTE = 60
_HOUR = 3600
_ROUNDING = Context(prec=400, rounding=ROUND_HALF_UP)  # no float needs more digits than this


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of one locale (a CLDR name such as `en`, `de` or `pt_BR`)."""

    locale: str

    def count(self, value: float) -> str:
        """`1,234`; a mean that is not whole keeps one decimal below 100."""
        if value != round(value) and abs(value) < 100:  # noqa: PLR2004 — as the docstring says
            return self._decimal(value, 1)
        return self._decimal(value, 0)

    def compact(self, value: float) -> str:
        """`12K` for the ends of axes; in full where the locale has no short form."""
        if abs(value) >= 10_000:  # noqa: PLR2004 — shorter numbers are read faster in full
            with localcontext(_ROUNDING):
                text = str(format_compact_decimal(value, locale=self.locale, fraction_digits=1))
            if not text.removeprefix("-").isdecimal():
                return text.replace("-", MINUS)
            return self.count(value)
        return str(format_decimal(value, locale=self.locale)).replace("-", MINUS)

    def percent(self, value: float, digits: int = 1) -> str:
        """`31.4 %`, from percent 0 to 100."""
        return f"{self._decimal(value, digits)}{_SPACE}%"

    def points(self, value: float) -> str:
        """`3.1 points`, for a change of percents in a sentence."""
        return f"{self._decimal(value, 1)}{_SPACE}points"

    def duration(self, seconds: float) -> str:
        """`45 s`, `3 m 12 s`, `1 h 05 m`; tenths of a second below ten."""
        if seconds < 0:
            return MINUS + self.duration(-seconds)
        tenths = _half_up(seconds, 1)
        if tenths < 10:  # noqa: PLR2004 — as the docstring says
            return f"{self._decimal(seconds, 1)}{_SPACE}s"
        whole = int(_half_up(seconds, 0))
        if whole < _MINUTE:
            return f"{whole}{_SPACE}s"
        if whole < _HOUR:
            minutes, rest = divmod(whole, _MINUTE)
            return f"{minutes}{_SPACE}m{_SPACE}{rest:02d}{_SPACE}s"
        hours, minutes = divmod(int(_half_up(seconds / _MINUTE, 0)), _MINUTE)
        return f"{self._decimal(hours, 0)}{_SPACE}h{_SPACE}{minutes:02d}{_SPACE}m"

    def value(self, unit: Unit, value: float | None) -> str:
        """A metric's value in its unit, or an en dash."""
        if value is None or not math.isfinite(value):
            return MISSING
        match unit:
            case Unit.COUNT:
                return self.count(value)
            case Unit.PERCENT:
                return self.percent(value)
            case Unit.DURATION:
                return self.duration(value)
            case Unit.RATIO:
                return self._decimal(value, 2)
            case _:
                assert_never(unit)

    def delta(self, unit: Unit, delta: Delta) -> str:
        """`+12.3 %`, `−3.1 pp`, `new`, `no change`, `no data`, `no baseline`, `period not over`."""
        if delta.kind is not DeltaKind.CHANGED or delta.change is None:
            return delta.kind.value
        if delta.percent is None or unit is Unit.PERCENT:
            return self.change(unit, delta.change)
        return self._signed(delta.percent, "%")

    def change(self, unit: Unit, change: float) -> str:
        """A signed change in the metric's own unit: `+120`, `−3.1 pp`, `+1 m 02 s`."""
        if unit is Unit.PERCENT:
            return self._signed(change, "pp")
        return _sign(change) + self.value(unit, abs(change))

    def arrow(self, delta: Delta) -> str:
        """`▲`, `▼`, `=` or nothing: direction without colour."""
        if delta.kind is DeltaKind.NO_CHANGE:
            return "="
        if delta.change is None or delta.kind not in {DeltaKind.CHANGED, DeltaKind.NEW}:
            return ""
        return "▲" if delta.change > 0 else "▼"

    def sense(self, delta: Delta) -> str:
        """`better`, `worse` or nothing: good or bad without colour."""
        return delta.sense.value if delta.sense in {Sense.BETTER, Sense.WORSE} else ""

    def day(self, day: date) -> str:
        """`Mon, 16 Nov` in the locale's own order."""
        return str(format_skeleton("MMMEd", day, locale=self.locale))

    def weekday(self, day: date) -> str:
        """`Mon`."""
        return str(format_date(day, "EEE", locale=self.locale))

    def long_day(self, day: date) -> str:
        """`16 November 2026` in the locale's own order."""
        return str(format_date(day, "long", locale=self.locale))

    def days(self, days: Sequence[date]) -> str:
        """`Mon, Nov 16; Tue, Nov 17`; long lists end in how many more."""
        shown = [self.day(day) for day in days[:3]]
        if len(days) > len(shown):
            shown.append(f"{len(days) - len(shown)} more")
        return "; ".join(shown)

    def tick(self, day: date, kind: PeriodKind) -> str:
        """A day's short label in a period of that kind: `Mon 16`, or `16` in a month."""
        return str(day.day) if kind is PeriodKind.MONTH else f"{self.weekday(day)} {day.day}"

    def short_day(self, day: date) -> str:
        """`16 Nov` in the locale's own order."""
        return str(format_skeleton("MMMd", day, locale=self.locale))

    def month(self, day: date) -> str:
        """`Nov 2026`, the day's month in short."""
        return str(format_skeleton("yMMM", day, locale=self.locale))

    def period(self, period: Period) -> str:
        """`16–22 Nov 2026`, `Sun, 22 Nov 2026` or `November 2026` (UTC days)."""
        match period.kind:
            case PeriodKind.DAY:
                return str(format_skeleton("yMMMEd", period.start, locale=self.locale))
            case PeriodKind.WEEK:
                return self._interval(period)
            case PeriodKind.MONTH:
                return str(format_skeleton("yMMMM", period.start, locale=self.locale))
            case _:
                assert_never(period.kind)

    def baseline(self, baseline: Baseline) -> str:
        """`the week before`, `the same weekday a week before`, `the mean of the 4 weeks before`."""
        kind = baseline.periods[0].kind
        match baseline.rule.kind:
            case BaselineKind.SAME_WEEKDAY if kind is PeriodKind.DAY:
                return "the same weekday a week before"
            case BaselineKind.TRAILING if len(baseline.periods) > 1:
                return f"the mean of the {len(baseline.periods)} {kind}s before"
            case BaselineKind.PREVIOUS | BaselineKind.SAME_WEEKDAY | BaselineKind.TRAILING:
                return f"the {kind} before"
            case BaselineKind.YEAR:
                return f"the same {kind} a year before"
            case _:
                assert_never(baseline.rule.kind)

    def instant(self, instant: datetime, zone: tzinfo) -> str:
        """`23 Nov 2026, 08:00` in the given zone and the locale's own order."""
        local = instant.astimezone(zone)
        day = format_date(local, "medium", locale=self.locale)
        return f"{day}, {format_time(local.timetz(), 'short', locale=self.locale)}"

    def _interval(self, period: Period) -> str:
        return str(
            format_interval(period.start, period.last_day, skeleton="yMMMd", locale=self.locale)
        )

    def _decimal(self, value: float, digits: int) -> str:
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        grouped = Locale.parse(self.locale).decimal_formats.get(None)
        if grouped is not None and "#,##,##0" in grouped.pattern:
            pattern = pattern.replace("#,##0", "#,##,##0")
        with localcontext(_ROUNDING):  # babel quantizes too
            text = format_decimal(_half_up(value, digits), format=pattern, locale=self.locale)
        return str(text).replace("-", MINUS)

    def _signed(self, value: float, unit: str) -> str:
        """A change that rounds to nothing says so instead of `+0.0`."""
        if abs(value) < 0.05:  # noqa: PLR2004 — what one decimal can't show
            return f"{_sign(value)}<{self._decimal(0.1, 1)}{_SPACE}{unit}"
        digits = 1 if abs(value) < 1000 else 0  # noqa: PLR2004 — decimals mean nothing up there
        return f"{_sign(value)}{self._decimal(abs(value), digits)}{_SPACE}{unit}"


def _sign(value: float) -> str:
    return "+" if value >= 0 else MINUS


def _half_up(value: float, digits: int) -> Decimal:
    """Round the number as it is printed, halves up: 0.285 is 0.29 (floats would say 0.28)."""
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), context=_ROUNDING)
    return rounded or Decimal(0)
