"""What a rule needs to know, what came of it, and what the rule makes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from digest.core.alert_model import Seen
    from digest.core.breakdowns import Listing
    from digest.core.metrics import Dimension, Metric, Unit
    from digest.core.periods import Period
    from digest.core.series import Series
    from digest.core.wording import Wording

HISTORY = 84
"""Days before a bucket that are fetched with it: one question has them all, and a chart, how
unusual a value is, and most baselines come from them."""


class SeriesWant(NamedTuple):
    """A plain metric's UTC days from `start` up to, not including, `end`."""

    metric: Metric
    start: date
    end: date


class ListWant(NamedTuple):
    """A dimension's largest values over the UTC days from `start` up to `end`.

    Both None is all-time.
    """

    dimension: Dimension
    start: date | None
    end: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wants:
    """Everything that has to be fetched to judge one bucket."""

    series: frozenset[SeriesWant] = frozenset()
    lists: frozenset[ListWant] = frozenset()

    def __or__(self, other: Wants) -> Wants:
        """Both."""
        return Wants(series=self.series | other.series, lists=self.lists | other.lists)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was fetched.

    `values` are the days of plain metrics as far as there are any: a day that is not there is
    missing. `lists` are the breakdowns that were wanted.
    """

    values: Mapping[Metric, Mapping[date, float]] = field(default_factory=dict)
    lists: Mapping[ListWant, Listing] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a rule looks at: a bucket's whole UTC days; `partial` is the day so far.

    `min_sessions` is how many sessions it takes to judge, `min_count` how many of the counted
    thing itself.
    """

    period: Period
    partial: bool = False
    min_sessions: int = 0
    min_count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a rule makes of a bucket.

    `value`, `limit` and `clear` are in `unit` and stand on the chart's axis: for a rule about
    changes they are the value and what it may come to at most. `baseline` is what the value was
    compared with. `excess` orders breaches: how far beyond the limit, 0 when not. `subject` names
    the breakdown's value that it is about. `measured` and `bound` say both sides in words
    (`64.1 %`, `above 60 %`; `+45.2 % to 1,234`, `a rise of 30 % over the same weekday (850)`).
    `reason` is one sentence with both, or why it can't be judged. `sessions` is the volume.
    """

    seen: Seen
    unit: Unit
    reason: str
    value: float | None = None
    limit: float | None = None
    clear: float | None = None
    baseline: float | None = None
    excess: float = 0.0
    subject: str = ""
    measured: str = ""
    bound: str = ""
    sessions: float | None = None


class Rule(Protocol):
    """A kind of rule with its settings: one file in `digest/core/rules/`, frozen and pure."""

    @property
    def lasting(self) -> bool:
        """Whether it describes a state that ends, or news that is told once."""
        ...

    @property
    def metric(self) -> Metric | None:
        """The metric that it watches, None for one about a breakdown."""
        ...

    @property
    def dimension(self) -> Dimension | None:
        """The breakdown that it watches, None for one about a metric."""
        ...

    @property
    def unit(self) -> Unit:
        """The unit of its values."""
        ...

    def title(self) -> str:
        """What it watches, as a heading: `Bounce rate`, `Sessions by platform: iOS`."""
        ...

    def bound(self, words: Wording) -> str:
        """When it fires: `above 60 %`, `a rise of 30 % over the same weekday`."""
        ...

    def wants(self, scope: Scope) -> Wants:
        """What has to be fetched to judge this bucket."""
        ...

    def observe(self, scope: Scope, known: Known, words: Wording) -> Observation:
        """What is to be made of it. Never raises for whatever is known or missing."""
        ...

    def daily(self, known: Known, days: tuple[date, ...]) -> Series | None:
        """Its value on each of these UTC days, for a chart; None where there is no such series."""
        ...
