"""Answers of a Phase server for tests, good ones and the makings of bad ones."""

from __future__ import annotations

import traceback
from datetime import date, timedelta
from typing import TYPE_CHECKING

from tests.support.hostile_http import Act, Seen, Wire, answer, json_answer
from tests.support.phase_clients import KEY

if TYPE_CHECKING:
    from digest.errors import PhaseError
    from digest.phase.client import PhaseClient
    from digest.phase.models import TimeSeries

DAY = date(2026, 11, 20)
NEXT = date(2026, 11, 21)
SECRET = "canary-in-the-body"
META = {"generatedAt": "2026-11-23T04:46:00.000Z", "consistency": "eventual"}
TOTALS = {
    "totalEvents": 5,
    "events24h": 1,
    "totalEventsChange24h": None,
    "totalSessions": 5,
    "activeSessions24h": 1,
    "averageSessionDuration": None,
    "bounceRate": 0,
    "totalUsers": 5,
    "activeUsers24h": 1,
    "newUsers24h": 1,
    "meta": META,
}


def good(wire: Wire, seen: Seen) -> None:
    """A right answer to every question: each day of a series is worth its day of the month."""
    if seen.path.endswith("/overview"):
        json_answer(TOTALS)(wire, seen)
        return
    if seen.path.endswith("/breakdown"):
        rows = [{"value": "a", "count": 1}]
        json_answer({"rows": rows, "dimension": seen.query["dimension"], "meta": META})(wire, seen)
        return
    first, last = (date.fromisoformat(seen.query[name][:10]) for name in ("startDate", "endDate"))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    metric = seen.query.get("metric", "eventCount")
    # in no order, as nothing promises one
    data = [{"date": str(day), metric: day.day} for day in reversed(days)]
    instant = f"2026-11-23T04:46:{first.month:02d}.000Z"
    json_answer({"data": data, "meta": {"generatedAt": instant}})(wire, seen)


def refuse(status: int, code: str | None = None, retry_after: str | None = None) -> Act:
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return json_answer({"code": code, "detail": "x"}, status, headers)


def series(value: str = "96", day: str = "2026-11-20", **changes: str) -> bytes:
    parts = {
        "data": f'[{{"date": "{day}", "sessionCount": {value}}}]',
        "meta": '{"generatedAt": "2026-11-23T04:46:00.000Z", "consistency": "eventual"}',
    } | changes
    inside = ", ".join(f'"{name}": {text}' for name, text in parts.items())
    return f'{{"note": "{SECRET}", {inside}}}'.encode()


GOOD = answer(200, series())


def ask(client: PhaseClient) -> TimeSeries:
    """The question of all tests to which the question does not matter."""
    return client.timeseries("sessions", "sessionCount", DAY, NEXT)


def clear(error: PhaseError) -> str:
    """The error's sentence, after checking that neither it nor its traceback tells too much."""
    for text in (str(error), repr(error), "".join(traceback.format_exception(error))):
        assert KEY not in text
        assert SECRET not in text
        assert "startDate" not in text
    assert "\n" not in str(error)
    assert len(str(error)) < 300
    assert str(error).startswith(error.report)
    return str(error)
