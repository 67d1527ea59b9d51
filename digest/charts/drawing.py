"""ChartSpec → Picture: lay out, paint, encode. The same spec gives the same bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, assert_never

from digest.charts import theme
from digest.charts.bar_layout import lay_out_bars
from digest.charts.canvas import measure, paint
from digest.charts.glyphs import words_drawable
from digest.charts.line_layout import lay_out_line
from digest.charts.png import Ramps, encode
from digest.core.charts_spec import BarChart, ChartSpec, LineChart
from digest.core.content import Picture

if TYPE_CHECKING:
    from digest.charts.shapes import Sheet


def picture(spec: ChartSpec) -> Picture:
    """The drawn chart, at twice its CSS size; ValueError for a spec that can't be shown."""
    sheet = lay_out(spec)
    return Picture(
        name=spec.name,
        png=encode(paint(sheet), _ramps(sheet)),
        alt=spec.alt,
        width=theme.WIDTH,
        height=sheet.height,
        title=spec.title,
    )


def lay_out(spec: ChartSpec) -> Sheet:
    """The chart's shapes, placed with the widths of real words."""
    match spec:
        case LineChart():
            # Boxes for a weekday say nothing: the day's number alone does.
            days = tuple(words_drawable(day) for day in spec.days)
            return lay_out_line(replace(spec, days=days), measure)
        case BarChart():
            return lay_out_bars(spec, measure)
        case _:
            assert_never(spec)


def _ramps(sheet: Sheet) -> Ramps:
    """The palette's inks: those of alerts only where one is shown, for they change the bytes."""
    used = {shape.colour for shape in sheet.shapes}
    more = tuple(ramp for ramp in theme.ALERT_RAMPS if ramp[0] in used)
    return (*theme.RAMPS, *more)
