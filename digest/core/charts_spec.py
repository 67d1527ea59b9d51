"""What a chart shows, as data; drawing it is somebody else's business.

Every text in a spec is worded and clean: a drawing adds nothing and rounds nothing. It may set
words smaller, or leave out the middle of names and labels that don't fit.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A worded value to stand at one point of a line; `position` counts from 0."""

    position: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """One line of the grid: its place on the axis and its words."""

    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A level that values are held against and its words; `strong` for the one that alerts."""

    at: float
    text: str
    strong: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The range in which values usually lie, and its words."""

    low: float
    high: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """A metric day by day, and its baseline where there is one.

    `values` and `baseline` have one entry for each of `days` (short labels); None is a gap,
    never a zero. `baseline` is empty when there is nothing to compare with. The axis runs from
    the first of `axis` to the last, and holds the limits and what is usual.

    `breaches` are the positions that are marked as an alert's; one without a value is marked at
    the foot of the chart. `breach_label` names them where there is no baseline to name.
    `open_end` says that the last day is not over.
    """

    name: str
    title: str
    days: tuple[str, ...]
    values: tuple[float | None, ...]
    baseline: tuple[float | None, ...]
    axis: tuple[Tick, ...]
    marks: tuple[Mark, ...]
    label: str
    baseline_label: str
    alt: str
    limits: tuple[Limit, ...] = ()
    usual: Band | None = None
    breaches: tuple[int, ...] = ()
    breach_label: str = ""
    open_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: its name, its count and the words at its end; `muted` for "other"."""

    name: str
    value: float
    text: str
    baseline: float | None = None
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """A breakdown's largest values as horizontal bars, largest first.

    `baseline_label` names what the bars' `baseline` marks are, None when no bar has one.
    """

    name: str
    title: str
    bars: tuple[Bar, ...]
    label: str
    baseline_label: str | None
    alt: str


ChartSpec = LineChart | BarChart


@dataclass(frozen=True, slots=True, kw_only=True)
class NoChart:
    """A chart with nothing to show: the sentence that stands in its place."""

    name: str
    title: str
    sentence: str
