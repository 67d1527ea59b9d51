"""What a laid out chart is made of, in CSS pixels from the sheet's top left corner."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from digest.charts import theme

Point = tuple[float, float]

_HALF_CAPITAL = 0.365  # of the size: half the height of DejaVu's capitals and digits


class Anchor(StrEnum):
    """Which end of the words `x` is."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Text with its baseline at `y`."""

    x: float
    y: float
    text: str
    size: float = theme.TEXT_SIZE
    bold: bool = False
    colour: str = theme.MUTED
    anchor: Anchor = Anchor.START


@dataclass(frozen=True, slots=True, kw_only=True)
class Stroke:
    """A line through points; `dash` is stroke and gap. `sharp` puts it on whole pixels."""

    points: tuple[Point, ...]
    colour: str
    width: float
    dash: tuple[float, float] | None = None
    sharp: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A filled rectangle with its top left corner at (x, y)."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A filled circle; `ring` is the width of a rim of paper around it."""

    x: float
    y: float
    radius: float
    colour: str
    ring: float = 0.0


Shape = Words | Stroke | Block | Dot


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A chart laid out: shapes in the order in which they cover each other."""

    height: int
    shapes: tuple[Shape, ...]


class Measure(Protocol):
    """Says how wide words are."""

    def __call__(self, text: str, size: float, *, bold: bool = False) -> float:
        """The width in CSS pixels at a size."""
        ...


def centred(middle: float, size: float) -> float:
    """The baseline of words whose capitals are centred on `middle`."""
    return middle + _HALF_CAPITAL * size
