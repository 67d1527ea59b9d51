"""One breakdown as templates see it: its rows, what moved, and its chart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.core.metrics import Dimension, Unit
from digest.core.report_model import Movement
from digest.core.wording import MISSING
from digest.render.clean import SENTENCE_LIMIT, clean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.core.report_model import Breakdown, BreakdownRow
    from digest.core.wording import Wording

    View = dict[str, Any]

MAX_ROWS = 20
MAX_MOVERS = 5
_MOVED_IN_WORDS = {
    Movement.NEW: "new",
    Movement.GONE: "gone",
    Movement.ENTERED: "entered the top",
    Movement.LEFT: "left the top",
}
_VALUE_COLUMN = {
    "eventName": "Event",
    "screenName": "Screen",
    "platform": "Platform",
    "country": "Country",
    "city": "City",
}
_COUNT_COLUMN = {Dimension.EVENTS_SCREEN_NAME: "Views"}


def breakdown_view(breakdown: Breakdown, words: Wording, chart: View | None) -> View:
    """`chart` is the chart of this breakdown, if one was drawn."""
    listed = [row for row in breakdown.rows if not row.other]
    shown = listed[:MAX_ROWS] + [row for row in breakdown.rows if row.other]
    largest = max((row.count or 0 for row in listed), default=0)
    note = " ".join(text for text in (breakdown.note or "", _hidden(listed)) if text)
    return {
        "name": breakdown.dimension.value,
        "title": breakdown.dimension.heading,
        "counted": breakdown.dimension.report,
        "total": words.count(breakdown.total) if breakdown.total is not None else "",
        "note": clean(note, SENTENCE_LIMIT) if note else "",
        "unavailable": clean(breakdown.unavailable, SENTENCE_LIMIT)
        if breakdown.unavailable is not None
        else "",
        "columns": {
            "value": _VALUE_COLUMN[breakdown.dimension.field],
            "count": _COUNT_COLUMN.get(breakdown.dimension) or breakdown.dimension.report.title(),
        },
        "chart": chart,
        "rows": [_row_view(n, row, largest, words) for n, row in enumerate(shown, start=1)],
        "has_share": any(row.share is not None for row in shown),
        "has_change": any(_comparable(row) for row in shown),
        "left": [_name(row) for row in breakdown.left[:MAX_MOVERS]],
        "movers": [_mover_view(row, words) for row in breakdown.movers[:MAX_MOVERS]],
    }


def _row_view(rank: int, row: BreakdownRow, largest: int, words: Wording) -> View:
    return {
        "rank": "" if row.other else str(rank),
        "value": _name(row),
        "count": words.value(Unit.COUNT, row.count),
        "baseline": words.value(Unit.COUNT, row.baseline),
        "share": words.percent(row.share) if row.share is not None else "",
        "bar": _bar(row, largest),
        "other": row.other,
        **_change_view(row, words),
    }


def _mover_view(row: BreakdownRow, words: Wording) -> View:
    return {
        "value": _name(row),
        "count": words.value(Unit.COUNT, row.count),
        "baseline": words.value(Unit.COUNT, row.baseline),
        **_change_view(row, words),
    }


def _change_view(row: BreakdownRow, words: Wording) -> View:
    """The change in counts: percents of small counts shout, so none is shown."""
    change = _difference(row)
    moved = _MOVED_IN_WORDS.get(row.movement, "")
    if change is None:
        return _said("", moved or MISSING, moved)
    if change == 0:
        return _said("=", "no change", moved)
    return _said("▲" if change > 0 else "▼", words.change(Unit.COUNT, change), moved)


def _said(arrow: str, change: str, moved: str) -> View:
    shown = f"{arrow}\N{NO-BREAK SPACE}{change}" if arrow else change
    return {"arrow": arrow, "change": change, "shown": shown, "moved": moved}


def _difference(row: BreakdownRow) -> float | None:
    if row.count is None or row.baseline is None:
        return None
    return row.count - row.baseline


def _comparable(row: BreakdownRow) -> bool:
    return _difference(row) is not None or row.movement in _MOVED_IN_WORDS


def _name(row: BreakdownRow) -> str:
    return "Other" if row.other else clean(row.value)


def _bar(row: BreakdownRow, largest: int) -> int:
    """The bar's length in percent of the largest listed value, 0 to 100."""
    if not row.count or not largest:
        return 0
    return min(100, max(1, round(100 * row.count / largest)))


def _hidden(listed: Sequence[BreakdownRow]) -> str:
    return f"{len(listed) - MAX_ROWS} more are not shown." if len(listed) > MAX_ROWS else ""
