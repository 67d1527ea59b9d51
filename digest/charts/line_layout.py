"""A metric by day as shapes: grid, day labels, the two lines and a few worded values."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.charts import theme
from digest.charts.fitting import fitted, size_for
from digest.charts.heading import KEY_Y, key_words, title
from digest.charts.labels import Box, Label, places
from digest.charts.shapes import Anchor, Block, Dot, Sheet, Stroke, Words, centred

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.charts.shapes import Measure, Point, Shape
    from digest.core.charts_spec import LineChart

_TOP, _BOTTOM = 84.0, float(theme.LINE_HEIGHT - 38)
_RIGHT = theme.WIDTH - theme.MARGIN
_TICKS = (46.0, 130.0)  # the least and the most room for the words of the axis
_SAMPLE, _BETWEEN = 22.0, 22.0
_LABEL_HEIGHT = 15.0
_HALO = 2.0
_MOST_DAY = 80.0  # room for a day's label
_MOST_MARK = 240.0  # room for a worded value


@dataclass(frozen=True, slots=True)
class _Plot:
    """Where positions and values lie on the sheet."""

    left: float
    inset: float
    last: int
    low: float
    high: float

    def x(self, position: float) -> float:
        room = _RIGHT - self.left - 2 * self.inset
        return self.left + self.inset + room * position / self.last

    def y(self, value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * (value - self.low) / (self.high - self.low)

    def runs(self, values: Sequence[float | None]) -> list[list[Point]]:
        """The points of each stretch of known values."""
        known = itertools.groupby(enumerate(values), key=lambda pair: pair[1] is not None)
        return [
            [(self.x(n), self.y(value)) for n, value in run if value is not None]
            for there, run in known
            if there
        ]


def lay_out_line(spec: LineChart, measure: Measure) -> Sheet:
    """The sheet of a line chart.

    Raises ValueError for a spec that can't be shown: fewer than two days, series of another
    length, or values or an axis that are not finite.
    """
    _check(spec)
    size, left = _axis_room(spec, measure)
    days = [fitted(day, _MOST_DAY, measure, theme.TEXT_SIZE) for day in spec.days]
    widest = max(measure(day, theme.TEXT_SIZE) for day in days)
    plot = _Plot(
        left=left,
        inset=max(widest / 2, 8.0),
        last=len(spec.days) - 1,
        low=spec.axis[0].at,
        high=spec.axis[-1].at,
    )
    shapes = (
        title(spec.title, measure),
        *_keys(spec, measure),
        *_grid(spec, plot, size, measure),
        *_day_labels(days, plot, widest),
        *_path(plot, spec.baseline, theme.BASELINE, theme.BASELINE_LINE, theme.DASH),
        *_path(plot, spec.values, theme.ACCENT, theme.LINE, None),
        *_marks(spec, plot, measure),
    )
    return Sheet(height=theme.LINE_HEIGHT, shapes=shapes)


def _check(spec: LineChart) -> None:
    numbers = [
        *(tick.at for tick in spec.axis),
        *(v for v in (*spec.values, *spec.baseline) if v is not None),
    ]
    if not all(map(math.isfinite, numbers)):
        raise ValueError("a chart shows finite values only")
    if len(spec.days) <= 1 or len(spec.axis) <= 1 or spec.axis[0].at >= spec.axis[-1].at:
        raise ValueError("a line needs two days and an axis that rises")
    if not math.isfinite(spec.axis[-1].at - spec.axis[0].at):
        raise ValueError("the axis is too long")
    if len(spec.values) != len(spec.days) or len(spec.baseline) not in {0, len(spec.days)}:
        raise ValueError("a line has one value for each day")
    if not all(0 <= mark.position < len(spec.days) for mark in spec.marks):
        raise ValueError("a mark stands at one of the days")


def _keys(spec: LineChart, measure: Measure) -> Iterator[Shape]:
    """What the two lines are, in their own colours, with a sample of each stroke."""
    one = _SAMPLE + 8
    other = spec.baseline_label if spec.baseline else ""
    key = key_words(spec.label, other, 2 * one + _BETWEEN if other else one, measure)
    x = theme.MARGIN
    yield _sample(x, theme.ACCENT, theme.LINE, None)
    yield Words(x=x + one, y=KEY_Y, text=key.label, size=key.size, bold=True, colour=theme.ACCENT)
    if key.baseline:
        x += one + key.label_width + _BETWEEN
        yield _sample(x, theme.BASELINE, theme.BASELINE_LINE, theme.DASH)
        yield Words(x=x + one, y=KEY_Y, text=key.baseline, size=key.size)


def _sample(x: float, colour: str, width: float, dash: tuple[float, float] | None) -> Stroke:
    y = KEY_Y - 5
    ends = ((x + width / 2, y), (x + _SAMPLE, y))
    return Stroke(points=ends, colour=colour, width=width, dash=dash)


def _axis_room(spec: LineChart, measure: Measure) -> tuple[float, float]:
    """The size of the axis's words, and where the plot begins."""
    least, most = _TICKS
    widest = max((tick.text for tick in spec.axis), key=lambda t: measure(t, theme.TEXT_SIZE))
    size = size_for([(widest, False)], most, measure)
    return size, theme.MARGIN + max(least, min(measure(widest, size), most)) + 10


def _grid(spec: LineChart, plot: _Plot, size: float, measure: Measure) -> Iterator[Shape]:
    for tick in spec.axis:
        y = plot.y(tick.at)
        yield Stroke(points=((plot.left, y), (_RIGHT, y)), colour=theme.GRID, width=1, sharp=True)
        text = fitted(tick.text, _TICKS[1], measure, size)
        yield Words(x=plot.left - 10, y=centred(y, size), text=text, size=size, anchor=Anchor.END)


def _day_labels(days: Sequence[str], plot: _Plot, widest: float) -> Iterator[Shape]:
    """As many day labels as fit, the last one always."""
    every = max(1, math.ceil((widest + 10) / (plot.x(1) - plot.x(0))))
    for n in range(plot.last, -1, -every):
        yield Words(x=plot.x(n), y=_BOTTOM + 24, text=days[n], anchor=Anchor.MIDDLE)


def _path(
    plot: _Plot,
    values: Sequence[float | None],
    colour: str,
    width: float,
    dash: tuple[float, float] | None,
) -> Iterator[Shape]:
    """A line with gaps where there is no value; a value alone between gaps is a dot."""
    for run in plot.runs(values):
        if len(run) > 1:
            yield Stroke(points=tuple(run), colour=colour, width=width, dash=dash)
        else:
            yield Dot(x=run[0][0], y=run[0][1], radius=width + 0.6, colour=colour)


def _marks(spec: LineChart, plot: _Plot, measure: Measure) -> Iterator[Shape]:
    """The worded values: dots over the line, then words on paper; no room, no words."""
    found = [
        (value, mark.position, fitted(mark.text, _MOST_MARK, measure, theme.TEXT_SIZE, bold=True))
        for mark in spec.marks
        if (value := spec.values[mark.position]) is not None
    ]
    if not found:
        return
    lowest = min(found)
    found.sort(key=lambda mark: (mark is lowest, -mark[0]))
    points = [(plot.x(position), plot.y(value)) for value, position, _ in found]
    for x, y in points:
        yield Dot(x=x, y=y, radius=3.5, colour=theme.ACCENT, ring=1.6)
    labels = [
        Label(
            at=point,
            width=measure(mark[2], theme.TEXT_SIZE, bold=True),
            height=_LABEL_HEIGHT,
            below=mark is lowest and len(found) > 1,
        )
        for mark, point in zip(found, points, strict=True)
    ]
    lines = (_segments(plot, spec.values), _segments(plot, spec.baseline))
    room = Box(plot.left, KEY_Y + 6, _RIGHT, _BOTTOM - 2)
    for mark, box in zip(found, places(labels, room, *lines), strict=True):
        if box is not None:
            yield from _on_paper(mark[2], box)


def _segments(plot: _Plot, values: Sequence[float | None]) -> list[tuple[Point, Point]]:
    return [pair for run in plot.runs(values) for pair in itertools.pairwise(run)]


def _on_paper(text: str, box: Box) -> Iterator[Shape]:
    yield Block(
        x=box.left - _HALO,
        y=box.top,
        width=box.right - box.left + 2 * _HALO,
        height=box.bottom - box.top,
        colour=theme.PAPER,
    )
    y = centred((box.top + box.bottom) / 2, theme.TEXT_SIZE)
    yield Words(x=box.left, y=y, text=text, bold=True, colour=theme.INK)
