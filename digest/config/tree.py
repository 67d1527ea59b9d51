"""YAML text → plain dicts, lists, strings and None, by the rules of YAML 1.2.

Scalars stay as they are written (`NO`, `on`, `22:22`, `0123`, `2026-12-25` are text) until a
field wants a number or a switch; only `null`, `~` and nothing at all are None. The tree is built
from the parser's events, not by its composer: libyaml's composer recurses in C and dies on deep
nesting, and this way depth, aliases and duplicate keys are judged while reading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

import yaml
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from digest.config.problems import quoted
from digest.config.syntax import DEPTH, TAG_WORDS, explain_syntax

if TYPE_CHECKING:
    from digest.config.problems import Path

Mark: TypeAlias = tuple[int, int]  # line and column, both from 1

VALUES: Final = 1_000_000
ALIASED: Final = 200_000

_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_CORE = "tag:yaml.org,2002:"
_CORE_TYPES = ("str", "int", "float", "bool", "null", "map", "seq")
_TAGS = frozenset({"!", *(_CORE + name for name in _CORE_TYPES)})
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_REFUSED: Any = object()  # stands for a key that can't be used; its value is read and dropped


class Events(Protocol):
    """What is used of a PyYAML loader."""

    def get_event(self) -> Any:
        """The next event, or None at the end."""
        ...


class UnreadableError(Exception):
    """Reading stopped here: a syntax error, or a limit that was passed."""

    def __init__(self, message: str, mark: Mark | None) -> None:
        self.message = message
        self.mark = mark
        super().__init__(message)


@dataclass(slots=True)
class Spot:
    """Where a value stands, and where the keys and values inside it stand."""

    mark: Mark
    children: dict[str | int, tuple[Mark, Spot]] = field(default_factory=dict)

    def find(self, path: Path) -> tuple[Mark, Mark]:
        """The marks of the key and the value at a path, or of the nearest thing around it."""
        key, spot = self.mark, self
        for step in path:
            if step not in spot.children:
                return key, key
            key, spot = spot.children[step]
        return key, spot.mark


@dataclass(slots=True)
class _Frame:
    """A mapping or list that is being read: its dict or list, and the event that opened it."""

    value: Any
    spot: Spot | None
    opening: Any
    key: Any = None
    key_mark: Any = None
    marks: dict[str, Any] = field(default_factory=dict)
    size: int = 1
    depth: int = 1


@dataclass(frozen=True, slots=True)
class _Anchored:
    value: Any
    spot: Spot | None
    size: int
    depth: int


def loader_of(text: str, *, pure: bool = False) -> Events:
    """The parser of libyaml where PyYAML was built with it, else the pure Python one."""
    fast = None if pure else getattr(yaml, "CSafeLoader", None)
    return cast("Events", (fast or yaml.SafeLoader)(text))


class TreeReader:
    """Reads one document; `faults` are problems that reading could go on after."""

    def __init__(self, text: str, *, marked: bool = False, pure: bool = False) -> None:
        self.faults: list[tuple[Mark, str]] = []
        self.root: Any = None
        self.spot: Spot | None = None
        self._text = text
        self._marked = marked
        self._pure = pure
        self._stack: list[_Frame] = []
        self._anchors: dict[str, _Anchored] = {}
        self._values = 0
        self._aliased = 0
        self._documents = 0

    def read(self) -> Any:
        """The document's value. Raises UnreadableError at a syntax error or passed limit."""
        if found := _FORBIDDEN.search(self._text):
            before = self._text[: found.start()]
            mark = before.count("\n") + 1, found.start() - before.rfind("\n")
            shown = quoted(found[0])
            raise UnreadableError(f"the character {shown} is not allowed in YAML", mark)
        try:
            get = loader_of(self._text, pure=self._pure).get_event
            while (event := get()) is not None:
                self._take(event)
        except (yaml.YAMLError, ValueError) as error:  # ValueError: the pure parser's \U00110000
            raise UnreadableError(*explain_syntax(error, self._text)) from None
        return self.root

    def _take(self, event: Any) -> None:
        kind = type(event)
        if kind is ScalarEvent:
            self._check_scalar(event)
            plain_null = event.implicit[0] and event.value in _NULLS
            value = None if plain_null and not self._expects_key() else event.value
            self._place(event, value, self._new_spot(event), 1, 0)
            if event.anchor is not None:
                self._anchors[event.anchor] = _Anchored(value, self._new_spot(event), 1, 0)
        elif kind is MappingStartEvent or kind is SequenceStartEvent:
            self._check_tag(event)
            self._open(event, {} if kind is MappingStartEvent else [])
        elif kind is MappingEndEvent or kind is SequenceEndEvent:
            self._close()
        elif kind is AliasEvent:
            self._alias(event)
        elif kind is DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                message = "a second document begins here (---); a config is one document"
                raise UnreadableError(message, mark_of(event.start_mark))

    def _expects_key(self) -> bool:
        frame = self._stack[-1] if self._stack else None
        return frame is not None and frame.key is None and type(frame.value) is dict

    def _new_spot(self, event: Any) -> Spot | None:
        return Spot(mark_of(event.start_mark)) if self._marked else None

    def _open(self, event: Any, value: Any) -> None:
        if len(self._stack) >= DEPTH:
            message = f"nested deeper than {DEPTH} levels"
            raise UnreadableError(message, mark_of(event.start_mark))
        self._stack.append(_Frame(value, self._new_spot(event), event))

    def _close(self) -> None:
        done = self._stack.pop()
        if done.opening.anchor is not None:
            self._anchors[done.opening.anchor] = _Anchored(
                done.value, done.spot, done.size, done.depth
            )
        self._place(done.opening, done.value, done.spot, done.size, done.depth)

    def _alias(self, event: Any) -> None:
        mark = mark_of(event.start_mark)
        anchored = self._anchors.get(event.anchor)
        if anchored is None:
            message = (
                "this alias stands for nothing written above; a value that begins with * "
                "must be in quotes"
            )
            raise UnreadableError(message, mark)
        self._aliased += anchored.size
        if self._aliased > ALIASED:
            raise UnreadableError(f"the aliases stand for more than {ALIASED} values", mark)
        if len(self._stack) + anchored.depth > DEPTH:
            raise UnreadableError(f"nested deeper than {DEPTH} levels through aliases", mark)
        self._place(event, anchored.value, anchored.spot, anchored.size, anchored.depth)

    def _place(self, event: Any, value: Any, spot: Spot | None, size: int, depth: int) -> None:
        self._values += 1
        if self._values > VALUES:
            raise UnreadableError(f"more than {VALUES} values", mark_of(event.start_mark))
        if not self._stack:
            self.root, self.spot = value, spot
            return
        frame = self._stack[-1]
        frame.size += size
        frame.depth = max(frame.depth, depth + 1)
        if type(frame.value) is list:
            if frame.spot is not None and spot is not None:
                frame.spot.children[len(frame.value)] = spot.mark, spot
            frame.value.append(value)
        elif frame.key is None:
            self._take_key(frame, event, value)
        else:
            self._take_value(frame, value, spot)

    def _take_key(self, frame: _Frame, event: Any, key: Any) -> None:
        mark = event.start_mark
        frame.key, frame.key_mark = _REFUSED, mark
        if not isinstance(key, str):
            self._fault(mark, "a key must be text")
        elif key == "<<" and getattr(event, "implicit", (False,))[0]:
            self._fault(
                mark,
                '"<<" merges are not part of YAML 1.2; write the keys out, or use an alias '
                "for the whole value",
            )
        elif key in frame.marks:
            line = frame.marks[key].line + 1
            self._fault(mark, f"the key {quoted(key)} is there twice, first on line {line}")
        else:
            frame.key, frame.marks[key] = key, mark

    def _take_value(self, frame: _Frame, value: Any, spot: Spot | None) -> None:
        key, frame.key = frame.key, None
        if key is _REFUSED:
            return
        frame.value[key] = value
        if frame.spot is not None and spot is not None:
            frame.spot.children[key] = mark_of(frame.key_mark), spot

    def _check_tag(self, event: Any) -> None:
        if event.tag is not None and event.tag not in _TAGS:
            self._fault(event.start_mark, TAG_WORDS)

    def _check_scalar(self, event: Any) -> None:
        self._check_tag(event)
        if event.style == '"' and _SURROGATE.search(event.value):
            self._fault(
                event.start_mark, "half of a surrogate pair (\\ud800 to \\udfff) is no text"
            )

    def _fault(self, mark: Any, message: str) -> None:
        self.faults.append((mark_of(mark), message))


def mark_of(mark: Any) -> Mark:
    """PyYAML's mark, counted from 1."""
    return mark.line + 1, mark.column + 1
