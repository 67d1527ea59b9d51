"""What a chart shows, as data; drawing it is somebody else's business."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from digest.core.metrics import Unit


@dataclass(frozen=True, slots=True, kw_only=True)
class LineChart:
    """This period against its baseline, day by day.

    `values` and `baseline` have one entry for each of `ticks` (short day labels, already worded);
    None is a gap, never a zero. `value_labels` are the worded values for the ends and extremes,
    by position.
    """

    name: str
    title: str
    subtitle: str
    unit: Unit
    ticks: tuple[str, ...]
    values: tuple[float | None, ...]
    baseline: tuple[float | None, ...]
    label: str
    baseline_label: str
    locale: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: its name, its count and the worded text at its end; `muted` for "other"."""

    name: str
    value: float
    text: str
    baseline: float | None = None
    muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """A breakdown's largest values as horizontal bars, largest first."""

    name: str
    title: str
    subtitle: str
    bars: tuple[Bar, ...]
    label: str
    baseline_label: str | None
    locale: str
    alt: str


ChartSpec = LineChart | BarChart


@dataclass(frozen=True, slots=True, kw_only=True)
class NoChart:
    """A chart with nothing to show: the sentence that stands in its place."""

    name: str
    title: str
    sentence: str
