"""Saying what is wrong with a value without giving away what it stands for.

A value may come from `${NAME}`, so it may be a secret in the wrong place. A `Fault` therefore
keeps its words apart from the pieces of the value that it quotes; when the value was filled in,
those pieces are replaced by the reference as it stands in the file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Path: TypeAlias = tuple[str | int, ...]

_LONGEST_SHOWN = 120
_LONGEST_COMPARED = 64  # longer words are no misspelling, and comparing them is slow
_MOST_COMPARED = 2000
_PLACE = re.compile(r"\{(\w+)\}")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` (did you mean "slack"?)` for the nearest known word, or an empty string."""
    import difflib  # noqa: PLC0415 — only when something is misspelt

    if len(word) > _LONGEST_COMPARED:
        return ""
    lowered: dict[str, str] = {}
    for name in known:
        lowered.setdefault(name.lower(), name)
        if len(lowered) == _MOST_COMPARED:
            break
    near = difflib.get_close_matches(word.lower(), lowered, n=1)
    return f" (did you mean {quoted(lowered[near[0]])}?)" if near else ""


def quoted(text: str) -> str:
    """The text in quotes, on one line, harmless on a terminal and of bounded length."""
    shown = text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…"
    if not shown.isprintable():
        shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown)
    return f'"{shown}"'


def path_text(path: Path) -> str:
    """`digests.weekly.to.mail[1]`, counted from zero."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            shown = step if _PLAIN_KEY.fullmatch(step) else quoted(step)
            text += f".{shown}" if text else shown
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing wrong with a value.

    `template` holds `{places}` for `parts`, which are pieces of the value; the part called `hint`
    is a suggestion made from it. `at` leads from the value to the piece that is wrong, and
    `on_key` says that the key there is wrong, not what it holds.
    """

    template: str
    parts: Mapping[str, str] = field(default_factory=dict)
    at: Path = ()
    on_key: bool = False

    def say(self, cover: str | None = None) -> str:
        """The sentence; with `cover`, that is shown instead of any piece of the value."""

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            if name not in self.parts:
                return match[0]
            if name == "hint":
                return "" if cover else self.parts[name]
            return cover or quoted(self.parts[name])

        return _PLACE.sub(fill, self.template)


class BadValueError(ValueError):
    """A value that can't be used; carries every fault found in it."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__("; ".join(fault.say() for fault in faults))


def bad(template: str, **parts: str) -> BadValueError:
    """A value with one fault: `bad('unknown zone {value}', value=text)`."""
    return BadValueError(Fault(template=template, parts=parts))
