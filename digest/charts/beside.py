"""The words of limits and of what is usual, beside the plot at their heights.

They stand there and not in the plot because a spike is mostly at the right end of the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.charts import theme
from digest.charts.fitting import fitted, size_for
from digest.charts.plot import BOTTOM
from digest.charts.shapes import Stroke, Words, centred

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from digest.charts.plot import Plot
    from digest.charts.shapes import Measure, Shape
    from digest.core.charts_spec import LineChart

_BEFORE = 10.0  # between the plot and the words
_MOST_WORDS = 150.0
_ROUNDING = 3.0  # smaller words are not smaller by exactly what was asked for
_LINE = 1.2  # of the size, from one line of words to the next


@dataclass(frozen=True, slots=True, kw_only=True)
class _Level:
    """Words at a height of the axis, in one line or two."""

    at: float
    lines: tuple[str, ...]
    strong: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """The words as they fit, highest first, and the room that they take from the plot."""

    levels: tuple[_Level, ...]
    size: float
    room: float


def beside(spec: LineChart, measure: Measure) -> Beside:
    """The words of the limits and of what is usual; no room where there are none."""
    found = [(limit.at, limit.text, limit.strong) for limit in spec.limits]
    if spec.usual is not None:
        middle = (spec.usual.low + spec.usual.high) / 2
        found.append((middle, spec.usual.text, False))
    levels = [
        _Level(at=at, lines=_in_lines(text, measure, bold=strong), strong=strong)
        for at, text, strong in sorted(found, key=lambda one: (-one[0], not one[2]))
    ]
    sizes = [
        size_for([(line, level.strong)], _MOST_WORDS - _ROUNDING, measure)
        for level in levels
        for line in level.lines
    ]
    size = min(sizes, default=theme.TEXT_SIZE)
    shown = tuple(_fitted(level, size, measure) for level in levels)
    widths = [measure(line, size, bold=lv.strong) for lv in shown for line in lv.lines]
    return Beside(levels=shown, size=size, room=max(widths) + _BEFORE if widths else 0.0)


def words_beside(shown: Beside, plot: Plot) -> Iterator[Shape]:
    """The words, each at its height, or led there where others stand too near."""
    wanted = [plot.y(level.at) for level in shown.levels]
    step = _LINE * shown.size
    heights = [step * len(level.lines) for level in shown.levels]
    for level, at, y in zip(shown.levels, wanted, _apart(wanted, heights, step), strict=True):
        colour = theme.ALARM if level.strong else theme.MUTED
        if abs(y - at) > 1:
            ends = ((plot.right, at), (plot.right + _BEFORE - 3, y))
            yield Stroke(points=ends, colour=colour, width=1)
        for n, line in enumerate(level.lines):
            yield Words(
                x=plot.right + _BEFORE,
                y=centred(y + step * (n - (len(level.lines) - 1) / 2), shown.size),
                text=line,
                size=shown.size,
                bold=level.strong,
                colour=colour,
            )


def _in_lines(text: str, measure: Measure, *, bold: bool) -> tuple[str, ...]:
    """One line where it fits, else two that are as even as can be; numbers stay whole."""

    def width(line: str) -> float:
        return measure(line, theme.TEXT_SIZE, bold=bold)

    if width(text) <= _MOST_WORDS:
        return (text,)
    words = text.split(" ")
    ways = [(" ".join(words[:n]), " ".join(words[n:])) for n in range(1, len(words))]
    return min(ways, key=lambda way: max(map(width, way)), default=(text,))


def _fitted(level: _Level, size: float, measure: Measure) -> _Level:
    lines = (fitted(line, _MOST_WORDS, measure, size, bold=level.strong) for line in level.lines)
    return _Level(at=level.at, lines=tuple(lines), strong=level.strong)


def _apart(wanted: Sequence[float], heights: Sequence[float], step: float) -> list[float]:
    """The middles (downwards) moved apart as the heights ask, back up where the plot ends."""
    ys = list(wanted)
    for n in range(1, len(ys)):
        ys[n] = max(ys[n], ys[n - 1] + (heights[n - 1] + heights[n]) / 2)
    foot = BOTTOM + step / 2
    for n in reversed(range(len(ys))):
        ys[n] = min(ys[n], foot - heights[n] / 2)
        foot = ys[n] - heights[n] / 2
    return ys
