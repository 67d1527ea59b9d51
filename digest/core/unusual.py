"""How unusual a value is, by the app's own past days.

What is usual is where the middle 80 % of the past days lie (from the 10th to the 90th percentile,
interpolated between days). Unlike a mean and its deviation it needs no symmetry, is not moved by
a few wild days, and never names a value that can't be, such as a rate below zero.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from digest.core.deltas import SMALL_SAMPLE

if TYPE_CHECKING:
    from datetime import date

    from digest.core.metrics import Unit
    from digest.core.series import Series
    from digest.core.wording import Wording

LEAST_DAYS = 14
LEAST_WEEKDAYS = 8
_LOW, _HIGH = 0.1, 0.9
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")


class _Past(NamedTuple):
    """The values of the days that count, and of how many days they are."""

    values: tuple[float, ...]
    span: int
    enough: bool


def unusual(
    series: Series,
    value: float,
    day: date | None,
    *,
    unit: Unit,
    words: Wording,
    weekday: bool = False,
    weights: Series | None = None,
    least: float = SMALL_SAMPLE,
) -> str:
    """One sentence on how the value stands to the days before `day` (all days where it is None).

    With `weekday` only to days of the same weekday. `weights` are how much was counted on each
    day: days with less than `least` are left out, since a rate of few sessions is noise. With
    fewer than 14 days (8 of one weekday) it says that there is too little history, with none
    nothing.
    """
    past = _past(series, day, weekday=weekday, weights=weights, least=least)
    if not past.values:
        return ""
    kind = _WEEKDAYS[day.weekday()] if weekday and day is not None else "days"
    if not past.enough:
        days = kind if len(past.values) > 1 else kind.removesuffix("s")
        return f"Too little history to say how unusual it is: {len(past.values)} {days}."
    days = f"last {past.span} {kind}"
    if len(past.values) < past.span:
        days = f"{len(past.values)} {kind} with enough data in the {days}"
    low, high = _middle(past.values)
    usual = f"usual is {_between(low, high, unit, words)} (8 of 10 {kind})"
    if low <= value <= high:
        return _usual(past, value, days)
    return f"{_standing(past, value, days)}; {usual}."


def usual_range(
    series: Series,
    day: date | None = None,
    *,
    weekday: bool = False,
    weights: Series | None = None,
    least: float = SMALL_SAMPLE,
) -> tuple[float, float] | None:
    """Where the middle 80 % of the days before `day` lie, None with too little history.

    In the series' own unit; the arguments are those of `unusual`.
    """
    past = _past(series, day, weekday=weekday, weights=weights, least=least)
    return _middle(past.values) if past.enough else None


def _past(
    series: Series, day: date | None, *, weekday: bool, weights: Series | None, least: float
) -> _Past:
    """The days before the day, from the first that has a value on."""
    same_weekday = weekday and day is not None
    weight = None if weights is None else dict(zip(weights.days, weights.values, strict=True))
    before = [
        (one, value)
        for one, value in zip(series.days, series.values, strict=True)
        if day is None or (one < day and (not weekday or one.weekday() == day.weekday()))
    ]
    first = next((n for n, (_, value) in enumerate(before) if value is not None), len(before))
    span = before[first:]
    values = tuple(
        value
        for one, value in span
        if value is not None and (weight is None or (weight.get(one) or 0) >= least)
    )
    enough = len(values) >= (LEAST_WEEKDAYS if same_weekday else LEAST_DAYS)
    return _Past(values, len(span), enough)


def _middle(values: tuple[float, ...]) -> tuple[float, float]:
    ordered = sorted(values)
    return _percentile(ordered, _LOW), _percentile(ordered, _HIGH)


def _percentile(ordered: list[float], part: float) -> float:
    """Between the two nearest values, by how near they are (numpy's and Excel's default)."""
    place = part * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    low, high = ordered[below], ordered[above]
    return min(low + (place - below) * (high - low), high)


def _between(low: float, high: float, unit: Unit, words: Wording) -> str:
    first, last = words.value(unit, low), words.value(unit, high)
    return first if first == last else f"{first} to {last}"


def _beyond(values: tuple[float, ...], value: float) -> tuple[int, str]:
    """How many days were further out than the value, on the side that has fewer of them."""
    higher, lower = sum(one > value for one in values), sum(one < value for one in values)
    return (higher, "higher") if higher <= lower else (lower, "lower")


def _usual(past: _Past, value: float, days: str) -> str:
    count, way = _beyond(past.values, value)
    return f"Nothing unusual: {count or 'none'} of the {days} {_was(count)} {way}."


def _was(count: int) -> str:
    return "was" if count <= 1 else "were"


def _standing(past: _Past, value: float, days: str) -> str:
    """Where a value stands that is outside the usual."""
    count, way = _beyond(past.values, value)
    if count:
        return f"Only {count} of the {days} {_was(count)} {way}"
    extreme = "highest" if way == "higher" else "lowest"
    if value in past.values:
        return f"As {'high' if way == 'higher' else 'low'} as the {extreme} of the {days}"
    return f"{way.capitalize()} than on each of the {days}"
