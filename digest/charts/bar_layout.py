"""A breakdown as shapes: horizontal bars, their names, their words and the baseline's marks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from digest.charts import theme
from digest.charts.fitting import fitted, size_for
from digest.charts.heading import KEY_Y, key_words, title
from digest.charts.shapes import Block, Sheet, Words, centred

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.charts.shapes import Measure, Shape
    from digest.core.charts_spec import Bar, BarChart

_LEFT = 206.0  # where bars begin
_MOST_WORDS = 230.0  # room for the words at a bar's end
_BEFORE_WORDS = 9.0
_MOST_BARS = 15  # more would make a picture higher than 1200 device pixels
_KEY, _BETWEEN, _MARK_KEY = 19.0, 24.0, 10.0


def lay_out_bars(spec: BarChart, measure: Measure) -> Sheet:
    """The sheet of a bar chart; ValueError for values that can't be shown."""
    lengths = [n for bar in spec.bars for n in (bar.value, bar.baseline or 0.0)]
    if not 1 <= len(spec.bars) <= _MOST_BARS:
        raise ValueError(f"a chart has 1 to {_MOST_BARS} bars")
    if not all(math.isfinite(n) and n >= 0 for n in lengths):
        raise ValueError("bars have finite lengths from zero")
    longest = max(lengths)
    widest = max((bar.text for bar in spec.bars), key=lambda t: measure(t, theme.TEXT_SIZE))
    size = size_for([(widest, False)], _MOST_WORDS, measure)
    words = min(measure(widest, size), _MOST_WORDS)
    room = theme.WIDTH - theme.MARGIN - _LEFT - _BEFORE_WORDS - words
    shapes: list[Shape] = [title(spec.title, measure), *_keys(spec, measure)]
    scale = room / max(longest, 1e-9)
    for n, bar in enumerate(spec.bars):
        middle = theme.BAR_TOP + theme.BAR_ROW * (n + 0.5)
        shapes += _bar(bar, middle, scale, size, measure)
    height = theme.BAR_TOP + theme.BAR_ROW * len(spec.bars) + theme.BAR_BOTTOM
    return Sheet(height=height, shapes=tuple(shapes))


def _keys(spec: BarChart, measure: Measure) -> Iterator[Shape]:
    """What bars and marks are."""
    other = spec.baseline_label or ""
    samples = _KEY + _BETWEEN + _MARK_KEY if other else _KEY
    key = key_words(spec.label, other, samples, measure)
    x = theme.MARGIN
    yield Block(x=x, y=KEY_Y - 11, width=12, height=12, colour=theme.ACCENT)
    yield Words(x=x + _KEY, y=KEY_Y, text=key.label, size=key.size, bold=True, colour=theme.ACCENT)
    if key.baseline:
        x += _KEY + key.label_width + _BETWEEN
        yield from _baseline_mark(x, KEY_Y - 14, 18)
        yield Words(x=x + _MARK_KEY, y=KEY_Y, text=key.baseline, size=key.size)


def _bar(bar: Bar, middle: float, scale: float, size: float, measure: Measure) -> Iterator[Shape]:
    length = max(bar.value * scale, 2.0)
    name = fitted(bar.name, _LEFT - theme.MARGIN - 12, measure, theme.TEXT_SIZE)
    yield Words(
        x=theme.MARGIN,
        y=centred(middle, theme.TEXT_SIZE),
        text=name,
        colour=theme.MUTED if bar.muted else theme.INK,
    )
    yield Block(
        x=_LEFT,
        y=middle - 10,
        width=length,
        height=20,
        colour=theme.REST if bar.muted else theme.ACCENT,
    )
    end = _LEFT + length
    if bar.baseline is not None:
        mark = _LEFT + bar.baseline * scale
        yield from _baseline_mark(mark, middle - 13, 26)
        end = max(end, mark)
    yield Words(
        x=end + _BEFORE_WORDS,
        y=centred(middle, size),
        text=fitted(bar.text, _MOST_WORDS, measure, size),
        size=size,
        colour=theme.INK,
    )


def _baseline_mark(x: float, y: float, height: float) -> Iterator[Shape]:
    """An upright stroke, paper on both sides so that it shows on a bar."""
    yield Block(x=x - 3, y=y, width=6, height=height, colour=theme.PAPER)
    yield Block(x=x - 1.5, y=y, width=3, height=height, colour=theme.MUTED)
