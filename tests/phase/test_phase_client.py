"""What the client asks, and what it gives."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from digest.core.metrics import Dimension
from digest.errors import PhaseError
from digest.phase.client import METRICS
from tests.support.hostile_http import (
    HostileServer,
    json_answer,
)
from tests.support.phase_answers import (
    DAY,
    META,
    NEXT,
    good,
)
from tests.support.phase_clients import APP, KEY, scaled_client


def test_all_nine_reports_are_asked_for_as_documented() -> None:
    with HostileServer(good) as server, scaled_client(server.url) as client:
        for report, metrics in METRICS.items():
            for metric in metrics:
                client.timeseries(report, metric, DAY, NEXT)
        for dimension in Dimension:
            first, stop = (DAY, NEXT) if dimension.dated else (None, None)
            client.breakdown(dimension, first, stop, limit=50)
        assert client.overview("events").total_events == 5
        assert client.overview("sessions").average_session_duration is None
        assert client.overview("users").new_users_24h == 1

    seen = {(s.path.split("/reports/")[1], json.dumps(s.query)) for s in server.requests}
    start, end = "2026-11-20T00:00:00.000Z", "2026-11-20T23:59:59.999Z"
    whole_day = {"startDate": start, "endDate": end}
    expected: set[tuple[str, str]] = {
        ("events/timeseries", json.dumps(whole_day)),
        *((f"{name}/overview", "{}") for name in METRICS),
    }
    for report in ("sessions", "users"):
        for metric in METRICS[report]:
            query = whole_day | {"metric": metric}
            expected.add((f"{report}/timeseries", json.dumps(query)))
    for dimension in Dimension:
        limit = {"events": "10"}.get(dimension.report, "50")
        query = {"dimension": dimension.field, "limit": limit}
        query |= whole_day if dimension.dated else {}
        expected.add((f"{dimension.report}/breakdown", json.dumps(query)))
    assert seen == expected
    assert all(s.path.startswith(f"/public-api/v1/apps/{APP}/reports/") for s in server.requests)
    assert all(s.headers["authorization"] == f"Bearer {KEY}" for s in server.requests)
    assert all(s.method == "GET" for s in server.requests)
    assert client.requests_made == len(server.requests) == 7 + 8 + 3
    assert len(server.wires) == 1


def test_a_range_of_more_than_a_year_is_asked_in_parts_and_joined() -> None:
    start, end = date(2024, 1, 1), date(2026, 11, 21)
    with HostileServer(good) as server, scaled_client(server.url) as client:
        found = client.timeseries("users", "newUsers", start, end)

    assert [s.query["startDate"][:10] for s in server.requests] == [
        "2024-01-01",
        "2024-12-31",
        "2025-12-31",
    ]
    assert [s.query["endDate"][:10] for s in server.requests] == [
        "2024-12-30",
        "2025-12-30",
        "2026-11-20",
    ]
    assert list(found.values) == [start + timedelta(days=n) for n in range((end - start).days)]
    assert all(value == day.day for day, value in found.values.items())
    # the parts said 01, 12 and 12 seconds: the oldest counts for the whole, the newest is now
    assert found.generated_at == datetime(2026, 11, 23, 4, 46, 1, tzinfo=UTC)
    assert client.server_now == datetime(2026, 11, 23, 4, 46, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "asked"),
    [
        (None, None, {}),
        (DAY, None, {"startDate": "2026-11-20T00:00:00.000Z"}),
        (None, NEXT, {"endDate": "2026-11-20T23:59:59.999Z"}),
    ],
    ids=["all time", "from", "up to"],
)
def test_a_breakdown_can_be_open_on_each_side(
    start: date | None, end: date | None, asked: dict[str, str]
) -> None:
    with HostileServer(good) as server, scaled_client(server.url) as client:
        client.breakdown(Dimension.SESSIONS_COUNTRY, start, end, limit=3)
    assert server.requests[0].query == {"dimension": "country", "limit": "3"} | asked


def test_days_that_the_server_leaves_out_stay_out() -> None:
    rows = [{"date": "2026-11-22", "newUsers": 4}, {"date": "2026-11-20", "newUsers": 3}]
    body = {"data": rows, "meta": META}
    with HostileServer(json_answer(body)) as server, scaled_client(server.url) as client:
        found = client.timeseries("users", "newUsers", DAY, date(2026, 11, 24))
    assert list(found.values.items()) == [(DAY, 3), (date(2026, 11, 22), 4)]


@pytest.mark.parametrize("ask_wrongly", [
    lambda c: c.timeseries("sessions", "newUsers", DAY, NEXT),
    lambda c: c.timeseries("funnels", "eventCount", DAY, NEXT),
    lambda c: c.timeseries("users", "newUsers", DAY, DAY),
    lambda c: c.breakdown(Dimension.USERS_COUNTRY, DAY, NEXT),
    lambda c: c.breakdown(Dimension.EVENTS_EVENT_NAME, DAY, DAY),
    lambda c: c.breakdown(Dimension.EVENTS_EVENT_NAME, DAY, DAY + timedelta(days=366)),
    lambda c: c.breakdown(Dimension.EVENTS_EVENT_NAME, DAY, NEXT, limit=0),
    lambda c: c.breakdown(Dimension.EVENTS_EVENT_NAME, DAY, NEXT, limit=51),
])  # fmt: skip
def test_a_question_that_can_not_be_answered_is_not_sent(ask_wrongly: object) -> None:
    assert callable(ask_wrongly)
    with HostileServer(good) as server, scaled_client(server.url) as client:
        with pytest.raises(ValueError, match=r"\w{3}"):
            ask_wrongly(client)
        assert server.requests == []


def test_another_dimension_than_asked_for_is_refused() -> None:
    body = {"rows": [], "dimension": "platform", "meta": META}
    with (
        HostileServer(json_answer(body)) as server,
        scaled_client(server.url) as client,
        pytest.raises(PhaseError, match="about another dimension"),
    ):
        client.breakdown(Dimension.SESSIONS_COUNTRY, DAY, NEXT)
