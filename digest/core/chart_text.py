"""Names from outside in a chart: one visible line, in the picture without colour glyphs."""

from __future__ import annotations

import re
import unicodedata

NAME_WIDTH = 40  # in half-width characters; more never fits beside a bar
BLANK = "(blank)"  # as in the tables
ONLY_EMOJI = "(emoji)"

_ELLIPSIS = "…"
_MARKS_SHOWN = 2
_LOOKED_AT = 20  # times the width, from either end: a huge name costs no time
_EMOJI = re.compile(
    "[\N{ZERO WIDTH JOINER}\ufe0e\ufe0f\u20e3\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2600-\u27bf"
    "\u2b1b\u2b1c\u2b50\u2b55\U0001f000-\U0001f0ff\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff]"
)
# Letters, symbols and marks by their category, and yet nothing to see.
_INVISIBLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0]")


def chart_text(name: str, width: int = NAME_WIDTH) -> str:
    """The name without emoji, controls and direction marks, its middle cut out if too long.

    `width` is in half-width characters; CJK counts double. A name with nothing to see is
    `(blank)`, one of nothing but emoji `(emoji)`.
    """
    near = _near(name, width * _LOOKED_AT)
    shown = _one_line(_EMOJI.sub("", near))
    if not shown:
        seen_once = any(unicodedata.category(c)[0] == "S" for c in _EMOJI.findall(near))
        return ONLY_EMOJI if seen_once else BLANK
    return shown if _width(shown) <= width else _cut(shown, width)


def spoken_text(name: str, width: int = NAME_WIDTH) -> str:
    """The same for the words beside a picture, where emoji are part of the name."""
    shown = _one_line(_near(name, width * _LOOKED_AT)) or BLANK
    return shown if _width(shown) <= width else _cut(shown, width)


def _one_line(text: str) -> str:
    """What can be seen of the text, its spaces single."""
    flat = " ".join(_INVISIBLE.sub("", text).split())
    seen = "".join(c for c in flat if unicodedata.category(c)[0] != "C")
    return " ".join(_without_towers(seen).split())


def _near(name: str, length: int) -> str:
    return name if len(name) <= 2 * length else name[:length] + name[-length:]


def _without_towers(text: str) -> str:
    """At most two marks on a letter."""
    kept: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char)[0] == "M" else 0
        if marks <= _MARKS_SHOWN:
            kept.append(char)
    return "".join(kept)


def _cut(text: str, width: int) -> str:
    """Both ends with an ellipsis between them, at most `width` wide."""
    head, tail = "", ""
    room = width - 1
    for front, back in zip(text, reversed(text), strict=True):
        if _width(head + front + tail) > room:
            break
        head += front
        if _width(head + back + tail) > room:
            break
        tail = back + tail
    while tail and unicodedata.category(tail[0])[0] == "M":
        tail = tail[1:]
    return f"{head.rstrip()}{_ELLIPSIS}{tail.lstrip()}"


def _width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
