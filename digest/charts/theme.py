"""Colours, sizes and the palette. Lengths are CSS pixels; pictures have two device pixels each."""

from __future__ import annotations

from typing import Final

SCALE: Final = 2
WIDTH: Final = 600
MARGIN: Final = 20.0
LINE_HEIGHT: Final = 260
BAR_TOP: Final = 66
BAR_ROW: Final = 34
BAR_BOTTOM: Final = 14

PAPER: Final = "#ffffff"
INK: Final = "#1b2333"
MUTED: Final = "#5a6578"
ACCENT: Final = "#1f5fbf"
BASELINE: Final = "#7d899b"
REST: Final = "#b4bdca"
GRID: Final = "#e2e6ed"
ALARM: Final = "#b3261e"
USUAL: Final = "#edf3fb"

RAMPS: Final = ((INK, 5), (MUTED, 5), (ACCENT, 6), (BASELINE, 4), (REST, 1), (GRID, 1))
"""How many steps from paper to each ink the palette has: more look no better and weigh more."""

ALERT_RAMPS: Final = ((ALARM, 6), (USUAL, 1))
"""More of the palette, for the sheets that show what set an alert off."""

TITLE_SIZE: Final = 18.0
TEXT_SIZE: Final = 15.0
SMALLEST: Final = 11.0  # words that are too long shrink to this, then they are cut

LINE: Final = 2.9
BASELINE_LINE: Final = 1.8
DASH: Final = (5.8, 4.0)
LIMIT_LINE: Final = 1.8
WEAK_LINE: Final = 1.4
DOTS: Final = (1.4, 3.4)

FAMILIES: Final = ("DejaVu Sans", "Noto Sans CJK JP", "Noto Sans CJK SC")
"""The first comes with matplotlib; the others are used where Debian's fonts-noto-cjk is there."""
