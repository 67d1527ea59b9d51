"""Numbers, percents, durations, dates and deltas as people of a locale read them.

Values are rounded here and nowhere else. A missing value is an en dash, never "nan" or "None".
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from babel import Locale
from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import format_compact_decimal, format_decimal

from digest.core.deltas import Delta, DeltaKind, Sense
from digest.core.metrics import Unit
from digest.core.periods import PeriodKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime, tzinfo

    from digest.core.periods import Period

MISSING = "–"
MINUS = "−"
_SPACE = "\N{NO-BREAK SPACE}"
_MINUTE = 60
_HOUR = 3600


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
        """`12K` for the ends of axes."""
        return str(
            format_compact_decimal(value, locale=self.locale, fraction_digits=1)
            if abs(value) >= 10_000  # noqa: PLR2004 — shorter numbers are read faster in full
            else format_decimal(value, locale=self.locale)
        )

    def percent(self, value: float, digits: int = 1) -> str:
        """`31.4 %`, from percent 0 to 100."""
        return f"{self._decimal(value, digits)}{_SPACE}%"

    def duration(self, seconds: float) -> str:
        """`45 s`, `3 m 12 s`, `1 h 05 m`; tenths of a second below ten."""
        if seconds < 10:  # noqa: PLR2004 — as the docstring says
            return f"{self._decimal(seconds, 1)}{_SPACE}s"
        whole = round(seconds)
        if whole < _MINUTE:
            return f"{whole}{_SPACE}s"
        if whole < _HOUR:
            minutes, rest = divmod(whole, _MINUTE)
            return f"{minutes}{_SPACE}m{_SPACE}{rest:02d}{_SPACE}s"
        hours, minutes = divmod(round(seconds / _MINUTE), _MINUTE)
        return f"{self._decimal(hours, 0)}{_SPACE}h{_SPACE}{minutes:02d}{_SPACE}m"

    def value(self, unit: Unit, value: float | None) -> str:
        """A metric's value in its unit, or an en dash."""
        if value is None:
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
        """`+12.3 %`, `−3.1 pp`, `new`, `no change`, `no data`, `no baseline`."""
        if delta.kind is not DeltaKind.CHANGED or delta.change is None:
            return delta.kind.value
        if unit is Unit.PERCENT:
            return self._signed(delta.change, "pp")
        if delta.percent is None:
            return delta.kind.value
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

    def ticks(self, period: Period) -> tuple[str, ...]:
        """A short label for each day: weekdays of a week, day numbers of a month."""
        match period.kind:
            case PeriodKind.DAY | PeriodKind.WEEK:
                return tuple(f"{self.weekday(day)} {day.day}" for day in period.days)
            case PeriodKind.MONTH:
                return tuple(str(day.day) for day in period.days)
            case _:
                assert_never(period.kind)

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

    def instant(self, instant: datetime, zone: tzinfo) -> str:
        """`23 Nov 2026, 08:00` in the given zone."""
        return str(format_datetime(instant, "medium", tzinfo=zone, locale=self.locale))

    def _interval(self, period: Period) -> str:
        from babel.dates import format_interval  # noqa: PLC0415 — only weeks need it

        return str(
            format_interval(period.start, period.last_day, skeleton="yMMMd", locale=self.locale)
        )

    def _decimal(self, value: float, digits: int) -> str:
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        grouped = Locale.parse(self.locale).decimal_formats.get(None)
        if grouped is not None and "#,##,##0" in grouped.pattern:
            pattern = pattern.replace("#,##0", "#,##,##0")
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


def _half_up(value: float, digits: int) -> float:
    """Round as people expect: 0.25 is 0.3 (bankers' rounding would say 0.2)."""
    scale: int = 10**digits
    rounded = math.floor(abs(value) * scale + 0.5) / scale
    return math.copysign(rounded, value) if rounded else 0.0
