"""Keeping the e-mail under the size at which Gmail cuts messages off (about 102 kB).

When the page is too large, whole parts go, least needed first, and the e-mail says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.render.templates import Kind

if TYPE_CHECKING:
    from collections.abc import Callable

    View = dict[str, Any]

MAX_HTML_BYTES = 90_000


def fitted(view: View, render: Callable[[View], str], kind: Kind = Kind.DIGEST) -> tuple[str, View]:
    """The page, and the view that it shows, with as little left out as the size asks for.

    A user's own template can be larger than all that may go; its smallest page is then given.
    """
    html = render(view)
    for left_out, smaller in _STEPS[kind]:
        if len(html.encode()) <= MAX_HTML_BYTES:
            break
        view = smaller(view)
        view["omitted"] = [*view["omitted"], left_out]
        html = render(view)
    return html, view


def _without_movers(view: View) -> View:
    return {**view, "breakdowns": [{**b, "movers": []} for b in view["breakdowns"]]}


def _with_rows(view: View, count: int) -> View:
    """The first rows of each breakdown; without "other", which is the rest of the whole list."""
    return {**view, "breakdowns": [_cut(part, count) for part in view["breakdowns"]]}


def _cut(part: View, count: int) -> View:
    listed = [row for row in part["rows"] if not row["other"]]
    return part if len(listed) <= count else {**part, "rows": listed[:count]}


def _without_definitions(view: View) -> View:
    return {**view, "definitions": []}


def _without_notes(view: View) -> View:
    return {**view, "notes": view["notes"][:3]}


def _without_charts(view: View) -> View:
    return {**view, "charts": view["charts"][:4]}


def _without_breakdowns(view: View) -> View:
    return {**view, "breakdowns": view["breakdowns"][:2]}


def _with_causes(view: View, count: int) -> View:
    return {**view, "alerts": [{**a, "causes": a["causes"][:count]} for a in view["alerts"]]}


def _with_alerts(view: View, count: int) -> View:
    """The first alerts in full, and a line for each of the others."""
    lines = [alert["line"] for alert in view["alerts"][count:]]
    return {**view, "alerts": view["alerts"][:count], "more": [*lines, *view["more"]]}


def _with_lines(view: View, count: int) -> View:
    return {**view, "more": view["more"][:count]}


_Steps = tuple[tuple[str, "Callable[[View], View]"], ...]
_DIGEST_STEPS: _Steps = (
    ("the biggest movers", _without_movers),
    ("all but the first 5 values of each breakdown", lambda view: _with_rows(view, 5)),
    ("definitions", _without_definitions),
    ("all but 3 notes", _without_notes),
    ("all but the first 4 charts", _without_charts),
    ("all but the first 2 breakdowns", _without_breakdowns),
)
_ALERT_STEPS: _Steps = (
    ("what moved, but for the first of each alert", lambda view: _with_causes(view, 1)),
    ("details of all but the first 5 alerts", lambda view: _with_alerts(view, 5)),
    ("all but 3 notes", _without_notes),
    ("details of all but the first 2 alerts", lambda view: _with_alerts(view, 2)),
    ("all but 20 of the other alerts", lambda view: _with_lines(view, 20)),
)
_STEPS = {Kind.DIGEST: _DIGEST_STEPS, Kind.ALERT: _ALERT_STEPS}
