"""Fixed-width layout of the text part: columns that line up for every script."""

from __future__ import annotations

import textwrap
import unicodedata

_WIDEST = 200
_LINE = 78


def columns(text: str) -> int:
    """How many columns a text takes: two for a wide character, none for a mark."""
    return sum(_columns_of(char) for char in str(text))


def ljust(text: str, width: int) -> str:
    """Padded on the right to `width` columns."""
    return str(text) + " " * (min(width, _WIDEST) - columns(text))


def rjust(text: str, width: int) -> str:
    """Padded on the left to `width` columns."""
    return " " * (min(width, _WIDEST) - columns(text)) + str(text)


def wrap(text: str, width: int = _LINE, indent: str = "") -> str:
    """Lines of at most `width` characters, unless a word is longer; `indent` from the second on."""
    return textwrap.fill(
        str(text),
        width=min(max(width, 1), _WIDEST),
        subsequent_indent=str(indent)[:_LINE],
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
        replace_whitespace=False,
    )


def _columns_of(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1
