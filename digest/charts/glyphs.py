"""Which fonts there are, and text that they can draw."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache

from matplotlib.font_manager import FontProperties, fontManager, get_font

from digest.charts.theme import FAMILIES

_BOX = "\N{WHITE SQUARE}"


@cache
def families() -> tuple[str, ...]:
    """The theme's font families that this machine has."""
    known = {font.name for font in fontManager.ttflist}
    return tuple(family for family in FAMILIES if family in known)


def drawable(text: str) -> str:
    """The text with a box for every character that no font here can draw, and for controls.

    Spaces of other widths are plain spaces.
    """
    if text.isascii() and text.isprintable():
        return text
    spaced = (" " if unicodedata.category(c) == "Zs" else c for c in text)
    return "".join(c if _font_for(c) is not None else _BOX for c in spaced)


def words_drawable(text: str) -> str:
    """The text without the words that no font here can draw, unless nothing would be left."""
    return " ".join(w for w in text.split() if _BOX not in drawable(w)) or text


def is_plain(text: str) -> bool:
    """Whether the first family can draw all of it."""
    return text.isascii() or all(_font_for(c) == 0 for c in text)


@lru_cache(maxsize=4096)
def _font_for(char: str) -> int | None:
    """The position of the first family that has the character."""
    if not char.isprintable():
        return None
    return next((n for n, family in enumerate(families()) if _font_has(family, char)), None)


def _font_has(family: str, char: str) -> bool:
    path = fontManager.findfont(FontProperties(family=[family]))
    return bool(get_font(path).get_char_index(ord(char)))
