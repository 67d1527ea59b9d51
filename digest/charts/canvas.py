"""Shapes → pixels, on matplotlib's Agg renderer itself: the only place that draws.

No figure, no artists, no pyplot and no style settings: that costs less than redrawing a kept
figure, nothing is shared between threads, and the same shapes give the same pixels everywhere.
The renderer is asked for 72 dots an inch, so that its points are device pixels.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, assert_never

import numpy as np
from matplotlib.backend_bases import GraphicsContextBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.transforms import Affine2D, IdentityTransform

from digest.charts import theme
from digest.charts.glyphs import drawable, families, is_plain
from digest.charts.shapes import Anchor, Block, Dot, Stroke, Words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from digest.charts.shapes import Sheet

_DPI = 72
_CIRCLE = Path.unit_circle()
_AS_IS = IdentityTransform()


def paint(sheet: Sheet) -> NDArray[np.uint8]:
    """The sheet as opaque RGBA pixels, two for each CSS pixel and direction."""
    canvas = _Canvas(theme.WIDTH, sheet.height)
    canvas.block(Block(x=0, y=0, width=theme.WIDTH, height=sheet.height, colour=theme.PAPER))
    for shape in sheet.shapes:
        match shape:
            case Words():
                canvas.words(shape)
            case Stroke():
                canvas.stroke(shape)
            case Block():
                canvas.block(shape)
            case Dot():
                canvas.dot(shape)
            case _:
                assert_never(shape)
    return canvas.pixels()


@lru_cache(maxsize=4096)
def measure(text: str, size: float, *, bold: bool = False) -> float:
    """The width of words in CSS pixels. Remembered: charts of one digest share most words."""
    shown = drawable(text)
    ruler: Any = _renderer(1, 1)
    width, _, _ = ruler.get_text_width_height_descent(
        shown, _font(shown, size, bold=bold), ismath=False
    )
    return float(width) / theme.SCALE


class _Canvas:
    """One picture in the making. Agg counts y upwards, shapes count it downwards."""

    def __init__(self, width: int, height: int) -> None:
        self._height = height * theme.SCALE
        self._agg = _renderer(width * theme.SCALE, self._height)

    def pixels(self) -> NDArray[np.uint8]:
        return np.asarray(self._agg.buffer_rgba())

    def words(self, words: Words) -> None:
        text = drawable(words.text)
        x = words.x
        if words.anchor is not Anchor.START:
            wide = measure(words.text, words.size, bold=words.bold)
            x -= wide if words.anchor is Anchor.END else wide / 2
        self._agg.draw_text(
            _pen(words.colour),
            round(x * theme.SCALE),
            round(words.y * theme.SCALE),
            text,
            _font(text, words.size, bold=words.bold),
            0,
        )

    def stroke(self, stroke: Stroke) -> None:
        pen = _pen(stroke.colour, stroke.width * theme.SCALE)
        pen.set_snap(stroke.sharp)
        if stroke.dash is None:
            pen.set_capstyle("butt" if stroke.sharp else "round")
            pen.set_joinstyle("round")
        else:
            pen.set_dashes(0, [length * theme.SCALE for length in stroke.dash])
        points = [(x * theme.SCALE, self._up(y)) for x, y in stroke.points]
        self._agg.draw_path(pen, Path(points), _AS_IS)

    def block(self, block: Block) -> None:
        left, right = block.x * theme.SCALE, (block.x + block.width) * theme.SCALE
        top, bottom = self._up(block.y), self._up(block.y + block.height)
        corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
        pen = _pen(block.colour)
        pen.set_snap(True)
        self._agg.draw_path(pen, Path(corners, closed=True), _AS_IS, pen.get_rgb())

    def dot(self, dot: Dot) -> None:
        if dot.ring:
            self._disc(dot, dot.radius + dot.ring, theme.PAPER)
        self._disc(dot, dot.radius, dot.colour)

    def _disc(self, dot: Dot, radius: float, colour: str) -> None:
        place = (
            Affine2D().scale(radius * theme.SCALE).translate(dot.x * theme.SCALE, self._up(dot.y))
        )
        pen = _pen(colour)
        pen.set_snap(False)
        self._agg.draw_path(pen, _CIRCLE, place, pen.get_rgb())

    def _up(self, y: float) -> float:
        return self._height - y * theme.SCALE


def _pen(colour: str, width: float = 0.0) -> Any:
    pen: Any = GraphicsContextBase()
    pen.set_foreground(colour)
    pen.set_linewidth(width)
    return pen


def _renderer(width: int, height: int) -> Any:
    return RendererAgg(width, height, _DPI)  # type: ignore[no-untyped-call]  # matplotlib's own


def _font(text: str, size: float, *, bold: bool) -> FontProperties:
    return _properties(size, bold=bold, plain=is_plain(text))


@lru_cache(maxsize=256)
def _properties(size: float, *, bold: bool, plain: bool) -> FontProperties:
    """Fewer families where the first one will do: each is looked up for every text."""
    return FontProperties(
        family=list(families()[:1] if plain else families()),
        size=size * theme.SCALE,
        weight="bold" if bold else "normal",
    )
