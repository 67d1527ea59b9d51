"""How a rule about changes is written: `{rises_by: 30%, against: same_weekday}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.core.metrics import Unit
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind
from digest.core.rules.writing import (
    CHANGE,
    About,
    Amount,
    RuleError,
    amount,
    closed,
    one_of,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.core.metrics import MetricInfo

PREVIOUS = BaselineRule()
MARKS = ("rises_by", "falls_by")
KEYS = (*MARKS, "against")
MOST_BEFORE = {PeriodKind.DAY: 52, PeriodKind.WEEK: 52, PeriodKind.MONTH: 11}
"""Periods of a trailing mean: all of them lie within the year that Phase gives at once."""

_WHOLE = 100.0
_AGAINST = {
    "anyOf": [
        {"enum": ["previous", "same_weekday"]},
        closed({"trailing": {"type": "integer", "minimum": 1, "maximum": 52}}),
    ]
}
SCHEMAS = tuple(closed({mark: CHANGE}, against=_AGAINST) for mark in MARKS)
CLEAR_SCHEMAS = tuple(closed({mark: CHANGE}) for mark in MARKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change as it is written: which way, how much, against what."""

    rises: bool
    by: Amount
    against: BaselineRule = PREVIOUS

    @property
    def mark(self) -> str:
        """The key that it stands under."""
        return "rises_by" if self.rises else "falls_by"


def read(held: Mapping[str, object]) -> Change:
    """The settings in a `when`. Raises RuleError."""
    clear = read_clear(held)
    return Change(rises=clear.rises, by=clear.by, against=_against(held.get("against")))


def read_clear(held: Mapping[str, object]) -> Change:
    """The settings in a `clear`. Raises RuleError."""
    (mark,) = one_of(held, *MARKS)
    return Change(rises=mark == "rises_by", by=amount(held, mark))


def checked(about: About, when: Change, clear: Change | None) -> tuple[MetricInfo, Amount | None]:
    """The metric that changes, and the change at which it is clear. Raises RuleError."""
    info = about.watched()
    about.refuse_partial(when.mark, "because what it is compared with are whole days")
    _fits(info, when, "when")
    if about.kind is not PeriodKind.DAY and when.against.kind is BaselineKind.SAME_WEEKDAY:
        raise RuleError("same_weekday is for window: day; use previous", "when", "against")
    if when.against.count > MOST_BEFORE[about.kind]:
        raise RuleError(
            f"trailing must be at most {MOST_BEFORE[about.kind]} for a {about.kind}",
            "when",
            "against",
        )
    if clear is None:
        return info, None
    if clear.rises != when.rises:
        raise RuleError(f"must be {when.mark}, as in when", "clear")
    if clear.by.points != when.by.points:
        unit = "points (pp)" if when.by.points else "percent (%)"
        raise RuleError(f"must be in {unit}, as in when", "clear", clear.mark)
    if clear.by.size >= when.by.size:
        raise RuleError("must be less than in when, or the alert would flutter", "clear")
    return info, clear.by


def _fits(info: MetricInfo, change: Change, *at: str) -> None:
    by, percents = change.by, info.unit is Unit.PERCENT
    if percents and not by.points:
        raise RuleError(
            f"{info.metric} is a percentage, so its changes are in points, such as 5pp: a rise "
            "of 10% could be meant in two ways",
            *at,
            change.mark,
        )
    if by.points and not percents:
        raise RuleError(
            f"points are for percentages, and {info.metric} is none; use a percent such as 30%",
            *at,
            change.mark,
        )
    if by.size <= 0:
        raise RuleError("must be more than 0", *at, change.mark)
    if by.size >= _WHOLE and (by.points or not change.rises):
        raise RuleError(
            f"must be less than 100{'pp' if by.points else '%'}, which nothing goes beyond",
            *at,
            change.mark,
        )


def _against(value: object) -> BaselineRule:
    if value is None:
        return PREVIOUS
    if isinstance(value, dict) and list(value) == ["trailing"]:
        try:
            count = whole(value, "trailing", default=0, least=1, most=max(MOST_BEFORE.values()))
        except RuleError as error:
            raise RuleError(f"trailing {error.sentence}", "against") from None
        if count:
            return BaselineRule(BaselineKind.TRAILING, count)
    if isinstance(value, str) and value in {"previous", "same_weekday"}:
        return BaselineRule(BaselineKind(value))
    raise RuleError("must be previous, same_weekday or {trailing: N}", "against")
