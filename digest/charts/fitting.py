"""Words into the room there is: smaller first, then with an ellipsis in the middle."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

from digest.charts import theme

if TYPE_CHECKING:
    from collections.abc import Iterable

    from digest.charts.shapes import Measure

_ELLIPSIS = "…"


def size_for(
    words: Iterable[tuple[str, bool]], room: float, measure: Measure, size: float = theme.TEXT_SIZE
) -> float:
    """The size, between the smallest and `size`, at which all the words (bold?) fit in a row."""
    wide = sum(measure(text, size, bold=bold) for text, bold in words)
    return size if wide <= room else max(theme.SMALLEST, size * room / wide)


def fitted(text: str, room: float, measure: Measure, size: float, *, bold: bool = False) -> str:
    """The text, with its middle left out as far as `room` asks; never less than an ellipsis."""
    if measure(text, size, bold=bold) <= room:
        return text
    fewest, most = 0, len(text) - 1
    while fewest < most:
        kept = (fewest + most + 1) // 2
        if measure(_cut(text, kept), size, bold=bold) <= room:
            fewest = kept
        else:
            most = kept - 1
    return _cut(text, fewest)


def _cut(text: str, kept: int) -> str:
    """The ends of the text, `kept` characters together; no mark loses its letter."""
    head = text[: (kept + 1) // 2]
    tail = text[len(text) - kept // 2 :]
    while tail and unicodedata.combining(tail[0]):
        tail = tail[1:]
    return f"{head.rstrip()}{_ELLIPSIS}{tail.lstrip()}"
