"""Where the worded values of a line stand: clear of each other and, as far as may be, of lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from digest.charts.shapes import Point

    Segment = tuple[Point, Point]

GAP = 7.0  # between a dot's centre and its label
_DOT = 5.0
_HITS_LABEL, _HITS_DOT, _HITS_LINE, _HITS_BASELINE, _LESS_LIKED = 100.0, 8.0, 4.0, 1.5, 0.5


class Box(NamedTuple):
    """A rectangle of the sheet."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether they overlap."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """A value that wants a place at its point; the size of its words, and where it looks best.

    `gap` is how far the words stay from the middle of the dot.
    """

    at: Point
    width: float
    height: float
    below: bool = False
    gap: float = GAP


def places(
    labels: Sequence[Label],
    room: Box,
    line: Sequence[Segment],
    baseline: Sequence[Segment],
    others: Sequence[Box] = (),
) -> list[Box | None]:
    """A box for each label inside `room`, the first ones first; None where there is no place.

    `others` are boxes of dots that have no label.
    """
    dots = [*(_around(label.at) for label in labels), *others]
    found: list[Box | None] = []
    for label in labels:
        taken = [box for box in found if box is not None]
        costs = [
            (
                _LESS_LIKED * n
                + _HITS_LABEL * sum(box.meets(other) for other in taken)
                + _HITS_DOT * sum(box.meets(dot) for dot in dots)
                + _HITS_LINE * _crossed(box, line)
                + _HITS_BASELINE * _crossed(box, baseline),
                box,
            )
            for n, box in enumerate(_candidates(label, room))
        ]
        cost, box = min(costs)
        found.append(box if cost < _HITS_LABEL else None)
    return found


def _around(at: Point) -> Box:
    return Box(at[0] - _DOT, at[1] - _DOT, at[0] + _DOT, at[1] + _DOT)


def _candidates(label: Label, room: Box) -> Iterator[Box]:
    """Above and below, centred or to one side, then beside; the most liked first."""
    x, y = label.at
    wide, high = label.width, label.height
    tops = (y - label.gap - high, y + label.gap)
    lefts = (x - wide / 2, x - 0.2 * wide, x - 0.8 * wide)
    for top in reversed(tops) if label.below else tops:
        for left in lefts:
            yield _inside(left, top, label, room)
    for left in (x + label.gap + 2, x - wide - label.gap - 2):
        yield _inside(left, y - high / 2, label, room)


def _inside(left: float, top: float, label: Label, room: Box) -> Box:
    left = max(room.left, min(left, room.right - label.width))
    top = max(room.top, min(top, room.bottom - label.height))
    return Box(left, top, left + label.width, top + label.height)


def _crossed(box: Box, segments: Iterable[Segment]) -> int:
    return sum(_crosses(box, start, end) for start, end in segments)


def _crosses(box: Box, start: Point, end: Point) -> bool:
    """Whether a segment that runs from left to right touches the box."""
    if end[0] <= box.left or start[0] >= box.right:
        return False
    slope = (end[1] - start[1]) / (end[0] - start[0])
    first = start[1] + slope * (max(box.left, start[0]) - start[0])
    last = start[1] + slope * (min(box.right, end[0]) - start[0])
    return min(first, last) < box.bottom and max(first, last) > box.top
