"""A metric by day as shapes: grid, day labels, the two lines and a few worded values."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from digest.charts import theme
from digest.charts.beside import beside, words_beside
from digest.charts.fitting import fitted, size_for
from digest.charts.heading import KEY_Y, key_words, title
from digest.charts.limits_layout import (
    breach_rings,
    breach_sample,
    check_limits,
    limit_lines,
    unfinished,
    usual_band,
)
from digest.charts.marks_layout import marks
from digest.charts.plot import BOTTOM, EDGE, Plot
from digest.charts.shapes import Anchor, Dot, Sheet, Stroke, Words, centred

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.charts.shapes import Measure, Shape
    from digest.core.charts_spec import LineChart

_TICKS = (46.0, 130.0)  # the least and the most room for the words of the axis
_SAMPLE, _BETWEEN = 22.0, 22.0
_MOST_DAY = 80.0  # room for a day's label


def lay_out_line(spec: LineChart, measure: Measure) -> Sheet:
    """The sheet of a line chart.

    Raises ValueError for a spec that can't be shown: fewer than two days, series of another
    length, or values or an axis that are not finite.
    """
    _check(spec)
    size, left = _axis_room(spec, measure)
    days = [fitted(day, _MOST_DAY, measure, theme.TEXT_SIZE) for day in spec.days]
    widest = max(measure(day, theme.TEXT_SIZE) for day in days)
    words = beside(spec, measure)
    plot = Plot(
        left=left,
        right=EDGE - words.room,
        inset=max(widest / 2, 8.0),
        last=len(spec.days) - 1,
        low=spec.axis[0].at,
        high=spec.axis[-1].at,
    )
    band = usual_band(spec, plot)
    over = (*spec.values[:-1], None) if spec.open_end else spec.values
    shapes = (
        title(spec.title, measure),
        *_keys(spec, measure),
        *([] if band is None else [band]),
        *_grid(spec, plot, size, measure),
        *limit_lines(spec, plot),
        *words_beside(words, plot),
        *_day_labels(days, plot, widest),
        *_path(plot, spec.baseline, theme.BASELINE, theme.BASELINE_LINE, theme.DASH),
        *_path(plot, over, theme.ACCENT, theme.LINE, None),
        *unfinished(spec, plot),
        *breach_rings(spec, plot),
        *marks(spec, plot, measure),
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
    check_limits(spec)


def _keys(spec: LineChart, measure: Measure) -> Iterator[Shape]:
    """What the lines or the rings are, in their own colours, with a sample of each."""
    one = _SAMPLE + 8
    breached = spec.breach_label if spec.breaches else ""
    other = spec.baseline_label if spec.baseline else breached
    key = key_words(spec.label, other, 2 * one + _BETWEEN if other else one, measure)
    x = theme.MARGIN
    yield _sample(x, theme.ACCENT, theme.LINE, None)
    yield Words(x=x + one, y=KEY_Y, text=key.label, size=key.size, bold=True, colour=theme.ACCENT)
    if key.baseline:
        x += one + key.label_width + _BETWEEN
        if spec.baseline:
            yield _sample(x, theme.BASELINE, theme.BASELINE_LINE, theme.DASH)
        else:
            yield from breach_sample(spec, x + _SAMPLE, KEY_Y - 5)
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


def _grid(spec: LineChart, plot: Plot, size: float, measure: Measure) -> Iterator[Shape]:
    for tick in spec.axis:
        y = plot.y(tick.at)
        yield Stroke(
            points=((plot.left, y), (plot.right, y)), colour=theme.GRID, width=1, sharp=True
        )
        text = fitted(tick.text, _TICKS[1], measure, size)
        yield Words(x=plot.left - 10, y=centred(y, size), text=text, size=size, anchor=Anchor.END)


def _day_labels(days: Sequence[str], plot: Plot, widest: float) -> Iterator[Shape]:
    """As many day labels as fit, the last one always."""
    every = max(1, math.ceil((widest + 10) / (plot.x(1) - plot.x(0))))
    for n in range(plot.last, -1, -every):
        yield Words(x=plot.x(n), y=BOTTOM + 24, text=days[n], anchor=Anchor.MIDDLE)


def _path(
    plot: Plot,
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
