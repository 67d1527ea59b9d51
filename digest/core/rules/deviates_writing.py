"""How a rule about unusual values is written: `{deviates: 3, weeks: 8, direction: up}`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from digest.core.periods import PeriodKind
from digest.core.rules.writing import NUMBER, About, RuleError, closed, number, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.core.metrics import MetricInfo

MARKS = ("deviates",)
KEYS = ("deviates", "weeks", "direction")
FEWEST_WEEKS, MOST_WEEKS = 4, 26


class Direction(StrEnum):
    """Which way a value must be off."""

    UP = "up"
    DOWN = "down"
    BOTH = "both"


SCHEMA = closed(
    {"deviates": NUMBER},
    weeks={"type": "integer", "minimum": FEWEST_WEEKS, "maximum": MOST_WEEKS},
    direction={"enum": [one.value for one in Direction]},
)
CLEAR_SCHEMA = closed({"deviates": NUMBER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """The settings as they are written."""

    times: float
    weeks: int = 8
    direction: Direction = Direction.BOTH


def read(held: Mapping[str, object]) -> Deviation:
    """The settings in a `when`. Raises RuleError."""
    return Deviation(
        times=read_clear(held).times,
        weeks=whole(held, "weeks", default=8, least=FEWEST_WEEKS, most=MOST_WEEKS),
        direction=_direction(held),
    )


def read_clear(held: Mapping[str, object]) -> Deviation:
    """The settings in a `clear`. Raises RuleError."""
    times = number(held, "deviates")
    if times <= 0:
        raise RuleError("must be more than 0", "deviates")
    return Deviation(times=times)


def checked(about: About, when: Deviation, clear: Deviation | None) -> MetricInfo:
    """The metric that is watched. Raises RuleError."""
    info = about.watched()
    about.refuse_partial("deviates", "because what it is held against are whole days")
    if about.kind is PeriodKind.MONTH:
        raise RuleError("deviates is for window: day or week, not for a month", "window")
    if clear is not None and clear.times >= when.times:
        raise RuleError("must be less than in when, or the alert would flutter", "clear")
    return info


def _direction(held: Mapping[str, object]) -> Direction:
    if held.get("direction") is None:
        return Direction.BOTH
    value, known = text(held, "direction"), [one.value for one in Direction]
    if value not in known:
        raise RuleError("must be up, down or both", "direction")
    return Direction(value)
