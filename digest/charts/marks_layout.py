"""The worded values of a line as shapes: their dots, and the words on paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.charts import theme
from digest.charts.fitting import fitted
from digest.charts.heading import KEY_Y
from digest.charts.labels import GAP, Box, Label, places
from digest.charts.limits_layout import RING, breach_point, limit_lines, usual_band
from digest.charts.plot import BOTTOM
from digest.charts.shapes import Block, Dot, Words, centred

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.charts.labels import Segment
    from digest.charts.plot import Plot
    from digest.charts.shapes import Measure, Point, Shape
    from digest.core.charts_spec import LineChart

_LABEL_HEIGHT = 15.0
_HALO = 2.0
_MOST_MARK = 240.0  # room for a worded value
_BEYOND_RING, _CLEAR_OF_RING = 4.0, 2.5


@dataclass(frozen=True, slots=True, order=True)
class _Worded:
    """A value to be worded, by height and then by place."""

    value: float
    position: int
    text: str
    breach: bool


def marks(spec: LineChart, plot: Plot, measure: Measure) -> Iterator[Shape]:
    """The worded values: dots over the line, then words on paper; no room, no words.

    The latest breach finds room before all others.
    """
    found = _worded(spec, plot, measure)
    if not found:
        return
    lowest = min(found)
    found.sort(key=lambda one: (-one.position if one.breach else 1, one is lowest, -one.value))
    points = [_point(one, spec, plot) for one in found]
    for one, (x, y) in zip(found, points, strict=True):
        if not one.breach and not (spec.open_end and one.position == plot.last):
            yield Dot(x=x, y=y, radius=3.5, colour=theme.ACCENT, ring=1.6)
    labels = [
        Label(
            at=point,
            width=measure(one.text, theme.TEXT_SIZE, bold=True),
            height=_LABEL_HEIGHT,
            below=one is lowest and len(found) > 1,
            gap=RING + _BEYOND_RING if one.breach else GAP,
        )
        for one, point in zip(found, points, strict=True)
    ]
    room = Box(plot.left, KEY_Y + 6, plot.right, BOTTOM - 2)
    band = usual_band(spec, plot)
    boxes = places(
        labels, room, _lines(spec, plot), plot.segments(spec.baseline), _rings(spec, plot)
    )
    for one, box in zip(found, boxes, strict=True):
        if box is not None:
            yield from _on_paper(one.text, box, band)


def _worded(spec: LineChart, plot: Plot, measure: Measure) -> list[_Worded]:
    """The marks that can be shown; a breach stands at the foot where it has no value."""
    found = []
    for mark in spec.marks:
        value, breach = spec.values[mark.position], mark.position in spec.breaches
        if value is None and not breach:
            continue
        text = fitted(mark.text, _MOST_MARK, measure, theme.TEXT_SIZE, bold=True)
        found.append(_Worded(plot.low if value is None else value, mark.position, text, breach))
    return found


def _point(one: _Worded, spec: LineChart, plot: Plot) -> Point:
    if one.breach:
        return breach_point(spec, plot, one.position)
    return plot.x(one.position), plot.y(one.value)


def _lines(spec: LineChart, plot: Plot) -> list[Segment]:
    """What words should not cover: the line, and the limits."""
    limits = [(stroke.points[0], stroke.points[-1]) for stroke in limit_lines(spec, plot)]
    return [*plot.segments(spec.values), *limits]


def _rings(spec: LineChart, plot: Plot) -> list[Box]:
    points = [breach_point(spec, plot, position) for position in spec.breaches]
    far = RING + _CLEAR_OF_RING
    return [Box(x - far, y - far, x + far, y + far) for x, y in points]


def _on_paper(text: str, box: Box, band: Block | None) -> Iterator[Shape]:
    """Words that hide what is under them, but not the ground of what is usual."""
    left, right = box.left - _HALO, box.right + _HALO
    yield Block(
        x=left, y=box.top, width=right - left, height=box.bottom - box.top, colour=theme.PAPER
    )
    if band is not None:
        top, bottom = max(box.top, band.y), min(box.bottom, band.y + band.height)
        if top < bottom:
            yield Block(x=left, y=top, width=right - left, height=bottom - top, colour=band.colour)
    y = centred((box.top + box.bottom) / 2, theme.TEXT_SIZE)
    yield Words(x=box.left, y=y, text=text, bold=True, colour=theme.INK)
