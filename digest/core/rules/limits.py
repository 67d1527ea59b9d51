"""A limit and where it is clear again: what a value is to both, and how it is said."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.core.alert_model import Seen
from digest.core.metrics import Unit
from digest.core.rules.writing import Bound, RuleError

if TYPE_CHECKING:
    from digest.core.wording import Wording

ROOM = 0.1
"""How far back towards fine it must come to be clear, where nothing else is said: 10 %."""

_HUNDRED = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A limit that is breached above it (`up`) or below it, never at it.

    Beyond `clear`, the other way, a value is clear; with `reached` also at it.
    """

    up: bool
    limit: float
    clear: float
    reached: bool = False

    def seen(self, value: float) -> Seen:
        """BREACH, BETWEEN or CLEAR."""
        if self._beyond(value, self.limit):
            return Seen.BREACH
        if self._beyond(self.clear, value):
            return Seen.CLEAR
        at = self.reached or self.clear == self.limit
        return Seen.CLEAR if at and not self._beyond(value, self.clear) else Seen.BETWEEN

    def excess(self, value: float) -> float:
        """How far beyond the limit, 0 when not."""
        if not self._beyond(value, self.limit):
            return 0.0
        return abs(value - self.limit)

    def _beyond(self, value: float, line: float) -> bool:
        if math.isclose(value, line, rel_tol=1e-9, abs_tol=1e-12):
            return False  # 70 · 1.3 is not less than 91, whatever floats say
        return value > line if self.up else value < line


def line_of(unit: Unit, when: Bound, clear: Bound | None) -> Line:
    """The line of `above` or `below`; the usual `clear` is 10 % of the limit back towards fine."""
    if clear is not None:
        return Line(up=when.above, limit=when.value, clear=clear.value)
    room = ROOM * when.value
    if when.above:
        return Line(up=True, limit=when.value, clear=when.value - room)
    if unit is Unit.PERCENT:
        room = min(room, (_HUNDRED - when.value) / 2)  # a percentage must be able to come there
    return Line(up=False, limit=when.value, clear=when.value + room)


def leave_room(unit: Unit, when: Bound, clear: Bound | None) -> None:
    """Refuse a `clear` that is no way back from `when`. Raises RuleError."""
    if clear is None:
        return
    if clear.above == when.above:
        raise RuleError("must be the other direction than when", "clear")
    if (clear.value >= when.value) if when.above else (clear.value <= when.value):
        raise RuleError(
            "must leave some room to the threshold of when, or the alert would flutter", "clear"
        )
    if clear.value <= 0 or (unit is Unit.PERCENT and clear.value >= _HUNDRED):
        raise RuleError("is never met, so the alert would never be over", "clear")


def short(unit: Unit, value: float, words: Wording) -> str:
    """A limit as it was written: `60 %` rather than `60.0 %`, never rounded off."""
    if unit is Unit.PERCENT:
        return words.percent(value, digits(value))
    return words.value(unit, value)


def apart(unit: Unit, value: float, limit: float, words: Wording) -> str:
    """A value that reads differently from the limit, as long as two decimals can tell."""
    said = words.value(unit, value)
    if unit is Unit.PERCENT and value != limit and said == words.value(unit, limit):
        return words.percent(value, 2)
    return said


def said(line: Line, unit: Unit, words: Wording) -> str:
    """When it fires: `above 60 %`."""
    return f"{'above' if line.up else 'below'} {short(unit, line.limit, words)}"


def stands(line: Line, value: float, unit: Unit, words: Wording) -> str:
    """What a value is to the line: `above 60 %`, `not above 60 %, but not yet below 50 %`."""
    match line.seen(value):
        case Seen.BREACH:
            return said(line, unit, words)
        case Seen.BETWEEN:
            back = f"{'below' if line.up else 'above'} {short(unit, line.clear, words)}"
            return f"not {said(line, unit, words)}, but not {back} either"
        case _:
            return f"not {said(line, unit, words)}"


def digits(value: float) -> int:
    """How many decimals it takes to write the number as it is, at most two."""
    return next((n for n in range(3) if math.isclose(round(value, n), value)), 2)
