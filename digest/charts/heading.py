"""What stands over every chart: its title, and the names of what is compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.charts import theme
from digest.charts.fitting import fitted, size_for
from digest.charts.shapes import Words

if TYPE_CHECKING:
    from digest.charts.shapes import Measure

KEY_Y = 55.0
"""The baseline of the names under the title."""

_ROOM = theme.WIDTH - 2 * theme.MARGIN
_SHARE = 0.6  # the most that the first name takes of the room for both


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyWords:
    """The names of the period and its baseline (or nothing) as they fit side by side."""

    size: float
    label: str
    label_width: float
    baseline: str


def title(text: str, measure: Measure) -> Words:
    """The chart's title."""
    return Words(
        x=theme.MARGIN,
        y=31,
        text=fitted(text, _ROOM, measure, theme.TITLE_SIZE, bold=True),
        size=theme.TITLE_SIZE,
        bold=True,
        colour=theme.INK,
    )


def key_words(label: str, baseline: str, samples: float, measure: Measure) -> KeyWords:
    """Both names in one row, beside `samples` pixels of what they name."""
    room = _ROOM - samples
    size = size_for([(label, True), (baseline, False)], room, measure)
    shown = fitted(label, room * (_SHARE if baseline else 1), measure, size, bold=True)
    used = measure(shown, size, bold=True)
    return KeyWords(
        size=size,
        label=shown,
        label_width=used,
        baseline=fitted(baseline, room - used, measure, size) if baseline else "",
    )
