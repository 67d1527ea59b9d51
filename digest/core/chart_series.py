"""What every line chart needs to know of its values: which stand out, and when they are too few."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.core.series import Series

FEWEST_POINTS: Final = 2

_T = TypeVar("_T")


def known_points(series: Series) -> list[tuple[float, int]]:
    """The values that are there, each with its position."""
    return [(value, n) for n, value in enumerate(series.values) if value is not None]


def ends(known: Sequence[tuple[float, _T]]) -> tuple[tuple[float, _T], tuple[float, _T]]:
    """The highest and the lowest, each the first of its kind."""
    return max(known, key=lambda pair: pair[0]), min(known, key=lambda pair: pair[0])


def too_few(points: int, noun: str = "day") -> str:
    """Why there is no line: nothing is known, only one point is, or all are zero."""
    if points == 0:
        return f"no {noun} has a value"
    return f"every {noun} is zero" if points >= FEWEST_POINTS else f"only one {noun} has a value"
