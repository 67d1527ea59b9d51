"""What a line is held against as shapes: limits, the usual range, and what went beyond them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from digest.charts import theme
from digest.charts.plot import BOTTOM
from digest.charts.shapes import Block, Dot, Stroke

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.charts.plot import Plot
    from digest.charts.shapes import Point, Shape
    from digest.core.charts_spec import LineChart

RING: Final = 7.5
"""The radius of the ring around a breach, to its outer edge."""

_RIM = 2.3  # how thick the ring is
_CORE = 3.2  # the dot in its middle
_HALO = 1.6  # of paper around dots
_SMALL = 3.8
_HOLLOW = 4.6  # a day that is not over
_CROWDED = 1.4  # of the ring: days nearer than that would hide each other's rings
_MOST_LIMITS = 3  # their words and those of what is usual fit beside the plot
_THIN_BAND = 3.0


def check_limits(spec: LineChart) -> None:
    """Raise ValueError for limits, a usual range or breaches that can't be shown."""
    band = () if spec.usual is None else (spec.usual.low, spec.usual.high)
    heights = [*(limit.at for limit in spec.limits), *band]
    low, high = spec.axis[0].at, spec.axis[-1].at
    slack = 1e-6 * (high - low)
    if not all(math.isfinite(at) and low - slack <= at <= high + slack for at in heights):
        raise ValueError("the axis holds the limits and what is usual")
    if len(spec.limits) > _MOST_LIMITS:
        raise ValueError(f"a chart has at most {_MOST_LIMITS} limits")
    if band and band[0] > band[1]:
        raise ValueError("what is usual reaches from low to high")
    if not all(0 <= position < len(spec.days) for position in spec.breaches):
        raise ValueError("a breach is one of the days")
    if spec.baseline and spec.breach_label:
        raise ValueError("there is room to name a baseline or breaches, not both")


def usual_band(spec: LineChart, plot: Plot) -> Block | None:
    """The ground of the usual range, never too thin to be seen."""
    if spec.usual is None:
        return None
    top, bottom = plot.y(spec.usual.high), plot.y(spec.usual.low)
    missing = max(0.0, _THIN_BAND - (bottom - top))
    return Block(
        x=plot.left,
        y=top - missing / 2,
        width=plot.right - plot.left,
        height=bottom - top + missing,
        colour=theme.USUAL,
    )


def limit_lines(spec: LineChart, plot: Plot) -> Iterator[Stroke]:
    """The lines of the limits, the strong ones over the others."""
    for limit in sorted(spec.limits, key=lambda one: one.strong):
        y = plot.y(limit.at)
        yield Stroke(
            points=((plot.left, y), (plot.right, y)),
            colour=theme.ALARM if limit.strong else theme.MUTED,
            width=theme.LIMIT_LINE if limit.strong else theme.WEAK_LINE,
            dash=None if limit.strong else theme.DOTS,
            sharp=True,
        )


def breach_point(spec: LineChart, plot: Plot, position: int) -> Point:
    """Where a breach is marked: at its value, or at the foot of the plot."""
    value = spec.values[position]
    return plot.x(position), BOTTOM if value is None else plot.y(value)


def breach_rings(spec: LineChart, plot: Plot) -> Iterator[Shape]:
    """A ring around each breach, hollow without a value; where days crowd, only if it is worded.

    One layer after the other: what meets runs together, and none cuts another.
    """
    crowded = plot.x(1) - plot.x(0) < _CROWDED * RING
    worded = {mark.position for mark in spec.marks}
    found = sorted(set(spec.breaches))
    small = [n for n in found if crowded and n not in worded]
    large = [n for n in found if n not in small]
    hollow = {n for n in found if spec.values[n] is None}
    for positions, radius, colour in (
        (small, _SMALL, theme.ALARM),
        ([n for n in small if n in hollow], _SMALL - _RIM, theme.PAPER),
        (large, RING + _HALO, theme.PAPER),
        (large, RING, theme.ALARM),
        (large, RING - _RIM, theme.PAPER),
        ([n for n in large if n not in hollow], _CORE, theme.ALARM),
    ):
        for n in positions:
            x, y = breach_point(spec, plot, n)
            yield Dot(x=x, y=y, radius=radius, colour=colour)


def breach_sample(spec: LineChart, right: float, y: float) -> Iterator[Shape]:
    """A breach as it is drawn, for its name over the chart; it ends at `right`."""
    x = right - RING
    yield Dot(x=x, y=y, radius=RING, colour=theme.ALARM)
    yield Dot(x=x, y=y, radius=RING - _RIM, colour=theme.PAPER)
    if any(spec.values[n] is not None for n in spec.breaches):
        yield Dot(x=x, y=y, radius=_CORE, colour=theme.ALARM)


def unfinished(spec: LineChart, plot: Plot) -> Iterator[Shape]:
    """The way to a last day that is not over, dashed, and its dot, hollow."""
    last = spec.values[-1]
    if not spec.open_end or last is None:
        return
    if spec.values[-2] is not None:
        ends = plot.runs(spec.values)[-1][-2:]
        yield Stroke(points=tuple(ends), colour=theme.ACCENT, width=theme.LINE, dash=theme.DASH)
    x, y = plot.x(plot.last), plot.y(last)
    yield Dot(x=x, y=y, radius=_HOLLOW, colour=theme.ACCENT, ring=_HALO)
    yield Dot(x=x, y=y, radius=_HOLLOW - 2.2, colour=theme.PAPER)
