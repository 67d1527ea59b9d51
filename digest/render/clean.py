"""Names and sentences from outside, made safe to show: one line, visible, of bounded length.

Event, screen, country and app names are whatever somebody's code or user typed. What can't be
seen is taken away, what would turn the reading direction is shown as `�`, and what is too long
ends in an ellipsis. Escaping for HTML or Slack is the templates' business and comes afterwards.
"""

from __future__ import annotations

import re
import unicodedata

NAME_LIMIT = 80
SENTENCE_LIMIT = 600
BLANK = "(blank)"

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_ELLIPSIS = "…"
_JOINERS = frozenset("\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")
_LEFT_TO_RIGHT_MARK = "\N{LEFT-TO-RIGHT MARK}"
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
# Letters and marks by their category, and yet nothing to see.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2065\u2800\u3164\ufe00-\ufe0d\uffa0\ufff0-\ufff8]"
    "|[\U000e0000-\U000e0fff]"
)
_NO_CHARACTER = re.compile("[\ufdd0-\ufdef\ufffe\uffff]")
_SPACES = re.compile(r"[\s\x85]+")
_MARKS_SHOWN = 4
# Longer input is cut before any other work, so that a huge name costs no time.
_LOOKED_AT = 8


def clean(text: str, limit: int = NAME_LIMIT) -> str:
    """`text` as one visible line of at most `limit` characters, `(blank)` when nothing is left.

    A right-to-left name gets one mark more at its end.
    """
    spaced = _SPACES.sub(" ", text[: limit * _LOOKED_AT])
    shown = "".join(_visible(spaced, position) for position in range(len(spaced)))
    shown = _without_towers(_SPACES.sub(" ", shown)).strip()
    cut = clip(shown, limit) if len(text) <= limit * _LOOKED_AT else _ended(shown, limit)
    return _anchored(cut) or BLANK


def clip(text: str, limit: int) -> str:
    """`text` if it fits, else its beginning and an ellipsis, `limit` characters together."""
    return text if len(text) <= limit else _ended(text, limit)


def _ended(text: str, limit: int) -> str:
    kept = text[: limit - 1].rstrip()
    while kept and (kept[-1] in _JOINERS or unicodedata.combining(kept[-1])):
        kept = kept[:-1]
    return kept + _ELLIPSIS


def _visible(text: str, position: int) -> str:
    char = text[position]
    if char.isascii() and char.isprintable():
        return char
    if _TURNS.match(char) or _NO_CHARACTER.match(char):
        return _REPLACEMENT
    if char in _JOINERS:
        return char if _joins(text, position) else ""
    if _INVISIBLE.match(char):
        return ""
    match unicodedata.category(char):
        case "Cf":
            return ""
        case "Cc" | "Cs":
            return _REPLACEMENT
        case _:
            return char


def _joins(text: str, position: int) -> bool:
    """Whether a joiner stands inside an emoji or a word of a script that needs it."""
    before, after = text[:position][-1:], text[position + 1 :][:1]
    return all(side > "\u02ff" and unicodedata.category(side) != "Cf" for side in (before, after))


def _without_towers(text: str) -> str:
    """At most four marks on one letter: more hide the lines above and below."""
    kept: list[str] = []
    marks = 0
    for char in text:
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if marks <= _MARKS_SHOWN:
            kept.append(char)
    return "".join(kept)


def _anchored(text: str) -> str:
    """A right-to-left name, ended so that numbers after it stay after it."""
    turns = any(unicodedata.bidirectional(char) in {"R", "AL"} for char in text)
    return text + _LEFT_TO_RIGHT_MARK if turns else text
