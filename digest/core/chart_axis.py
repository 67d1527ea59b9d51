"""The axis of a chart by day: round grid lines that hold every value, and their words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, assert_never

from digest.core.charts_spec import Tick
from digest.core.metrics import Rollup, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.core.wording import Wording

_GAPS = 3
_HOUR = 3600.0
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
_MINUTES = tuple(60.0 * n for n in (1, 2, 5, 10, 15, 30, 60))
# What the words of a tick can tell apart.
_SMALLEST = {Unit.COUNT: 1.0, Unit.PERCENT: 0.1, Unit.DURATION: 0.1, Unit.RATIO: 0.01}


def axis_of(
    unit: Unit, rollup: Rollup, values: Sequence[float], wording: Wording
) -> tuple[Tick, ...]:
    """Two to five round grid lines that hold all of `values` (at least one, none negative).

    It starts at zero, except for a level such as all users, whose changes would not be seen.
    """
    low = min(values) if rollup is Rollup.LAST else 0.0
    high = max(values)
    step = _step(((high - low) or max(high, 1.0)) / _GAPS, unit)
    first = math.floor(low / step)
    last = max(math.ceil(high / step), first + 1)
    marks = [_round(n * step) for n in range(first, last + 1)]
    return tuple(Tick(at=at, text=_words(unit, at, step, marks[-1], wording)) for at in marks)


def _round(value: float) -> float:
    """Without the noise of multiplying floats: 0.3, not 0.30000000000000004."""
    return float(f"{value:.15g}")


def _step(wanted: float, unit: Unit) -> float:
    """The smallest round step that is at least `wanted`, whole for counts."""
    wanted = max(wanted, _SMALLEST[unit])
    if unit is Unit.DURATION:
        found = next((step for step in (*_SECONDS, *_MINUTES) if step >= wanted), None)
        return found or _HOUR * math.ceil(_decimal_step(wanted / _HOUR))
    step = _decimal_step(wanted)
    return float(math.ceil(step)) if unit is Unit.COUNT else step


def _decimal_step(wanted: float) -> float:
    """1, 2, 2.5 or 5 times a power of ten."""
    magnitude = 10.0 ** math.floor(math.log10(wanted))
    steps = (magnitude * step for step in _STEPS)
    return next((s for s in steps if s >= wanted * (1 - 1e-9)), magnitude * _STEPS[-1])


def _words(unit: Unit, value: float, step: float, highest: float, wording: Wording) -> str:
    match unit:
        case Unit.COUNT:
            return _count(value, step, highest, wording)
        case Unit.PERCENT:
            return wording.percent(value, 0 if step == round(step) else 1)
        case Unit.DURATION:
            return _round_time(value) or wording.duration(value)
        case Unit.RATIO if step == round(step):
            return _count(value, step, highest, wording)
        case Unit.RATIO:
            return wording.value(unit, value)
        case _:
            assert_never(unit)


def _count(value: float, step: float, highest: float, wording: Wording) -> str:
    """`25K` only where two digits say it all; a short form would round the others."""
    exact = 10.0 ** (math.floor(math.log10(highest)) - 1)
    return wording.compact(value) if step % exact == 0 else wording.count(value)


def _round_time(seconds: float) -> str | None:
    """`0`, `4 m` or `2 h` where that says it all."""
    if not seconds:
        return "0"
    length, unit = (60.0, "m") if seconds < _HOUR else (_HOUR, "h")
    whole = seconds % length == 0
    return f"{seconds / length:.0f}\N{NO-BREAK SPACE}{unit}" if whole else None
