"""The reports against plain Python over the same rows, for any range, metric and dimension."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.sandbox.dates import micros
from digest.sandbox.flavour import Flavour
from digest.sandbox.rows import Device, Event, Key, Rows, Session
from digest.sandbox.server import PhaseSandbox
from tests.support.recorded import SHOP, recorded_rows

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

NOW = datetime(2026, 11, 23, 4, 46, 4, tzinfo=UTC)
FIRST = datetime(2026, 8, 20, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OF_SHOP = {device.device_id: device for device in recorded_rows().devices if device.app_id == SHOP}
QUICK = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@st.composite
def ranges(draw: st.DrawFn) -> tuple[datetime, datetime]:
    start = FIRST + timedelta(milliseconds=draw(st.integers(0, 100 * 86_400_000)))
    return start, start + timedelta(milliseconds=draw(st.integers(0, 30 * 86_400_000)))


def text(instant: datetime) -> str:
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def utc(instant: int) -> datetime:
    return EPOCH + timedelta(microseconds=instant)


def days(start: datetime, end: datetime) -> list[date]:
    found = []
    while start <= end:
        found.append(start.date())
        start += timedelta(days=1)
    return found


def of_shop(least: float) -> list[Session]:
    return [
        session
        for session in recorded_rows().sessions
        if session.device_id in OF_SHOP and duration(session) >= least
    ]


def duration(session: Session) -> float:
    return (session.last_activity_at - session.started_at) / 1e6


def series(caller: Caller, report: str, metric: str, span: tuple[datetime, datetime]) -> Any:
    body = caller.body(report, metric=metric, startDate=text(span[0]), endDate=text(span[1]))
    assert body["period"] == {"startDate": text(span[0]), "endDate": text(span[1])}
    name = "eventCount" if report.startswith("events") else metric
    return {date.fromisoformat(row["date"]): row[name] for row in body["data"]}


@QUICK
@given(span=ranges())
def test_sessions_are_counted_by_the_day_they_started(
    current: Caller, april: Caller, span: tuple[datetime, datetime]
) -> None:
    wanted = [day for day in days(*span) if day <= NOW.date()]
    for caller, least, bounce in ((current, 5, 20), (april, 0, 10)):
        by_day: dict[date, list[float]] = {day: [] for day in wanted}
        for session in of_shop(least):
            by_day.setdefault(utc(session.started_at).date(), []).append(duration(session))
        counts = series(caller, "sessions/timeseries", "sessionCount", span)
        assert counts == {day: len(by_day[day]) for day in wanted}
        rates = series(caller, "sessions/timeseries", "bounceRate", span)
        for day in wanted:
            short = sum(seconds < bounce for seconds in by_day[day])
            expected = short / len(by_day[day]) * 100 if by_day[day] else 0
            assert rates[day] == pytest.approx(expected, abs=0.0051)
        means = series(caller, "sessions/timeseries", "avgSessionDuration", span)
        for day in wanted:
            expected = sum(by_day[day]) / len(by_day[day]) if by_day[day] else 0
            assert means[day] == pytest.approx(expected, abs=1e-6)


@QUICK
@given(span=ranges())
def test_users_are_active_on_the_day_of_their_last_activity(
    current: Caller, span: tuple[datetime, datetime]
) -> None:
    wanted = [day for day in days(*span) if day <= NOW.date()]
    active: dict[date, set[str]] = {}
    for session in of_shop(5):
        active.setdefault(utc(session.last_activity_at).date(), set()).add(session.device_id)
    found = series(current, "users/timeseries", "activeUsers", span)
    assert found == {day: len(active.get(day, ())) for day in wanted}
    seen = Counter(utc(device.first_seen).date() for device in OF_SHOP.values())
    assert series(current, "users/timeseries", "newUsers", span) == {
        day: seen[day] for day in wanted
    }
    assert series(current, "users/timeseries", "totalUsers", span) == {
        day: sum(count for other, count in seen.items() if other <= day) for day in wanted
    }


@QUICK
@given(span=ranges())
def test_events_are_counted_between_exact_instants_and_zero_filled(
    current: Caller, april: Caller, span: tuple[datetime, datetime]
) -> None:
    start, end = micros(span[0]), micros(span[1])
    for caller, debug in ((current, False), (april, True)):
        found = Counter(
            utc(event.at).date()
            for event in recorded_rows().events
            if event.app_id == SHOP and start <= event.at < end and (debug or not event.is_debug)
        )
        counts = series(caller, "events/timeseries", "ignored", span)
        assert counts == {day: found[day] for day in days(*span)}


@QUICK
@given(span=ranges(), limit=st.integers(-2, 60), dimension=st.sampled_from(["country", "platform"]))
def test_sessions_break_down_between_exact_instants(
    april: Caller, span: tuple[datetime, datetime], limit: int, dimension: str
) -> None:
    start, end = micros(span[0]), micros(span[1])
    raw = Counter(
        getattr(OF_SHOP[session.device_id], dimension)
        for session in of_shop(0)
        if start <= session.started_at <= end
    )
    body = april.body(
        "sessions/breakdown",
        dimension=dimension,
        limit=str(limit),
        startDate=text(span[0]),
        endDate=text(span[1]),
    )
    rows = body["rows"]
    assert (body["dimension"], body["metric"]) == (dimension, "sessionCount")
    assert [row["count"] for row in rows] == sorted(raw.values(), reverse=True)[
        : max(1, min(limit, 50))
    ]
    named = Counter[str]()
    for value, count in raw.items():
        named["unknown" if value is None else value] += count
    for row in rows:
        assert row["count"] <= named[row["value"]]


@QUICK
@given(span=ranges(), limit=st.integers(-2, 60), screens=st.booleans())
def test_events_break_down_to_ten_rows_at_most(
    current: Caller, span: tuple[datetime, datetime], limit: int, *, screens: bool
) -> None:
    start, end = micros(span[0]), micros(span[1])
    found = Counter(
        event.name
        for event in recorded_rows().events
        if event.app_id == SHOP
        and start <= event.at <= end
        and event.is_screen == screens
        and not event.is_debug
    )
    rows = current.body(
        "events/breakdown",
        dimension="screenName" if screens else "eventName",
        limit=str(limit),
        startDate=text(span[0]),
        endDate=text(span[1]),
    )["rows"]
    assert [row["count"] for row in rows] == sorted(found.values(), reverse=True)[
        : max(1, min(limit, 10))
    ]
    assert all(found[row["value"]] == row["count"] for row in rows)


def test_an_end_in_the_future_fills_events_but_not_sessions_and_users(either: Caller) -> None:
    dates = {"startDate": "2026-11-22T00:00:00.000Z", "endDate": "2026-11-25T23:59:59.999Z"}
    counts = {
        subject: len(either.body(f"{subject}/timeseries", **dates)["data"])
        for subject in ("events", "sessions", "users")
    }
    assert counts == {"events": 4, "sessions": 2, "users": 2}


@pytest.mark.parametrize("subject", ["events", "sessions", "users"])
@pytest.mark.parametrize(
    ("dates", "rows"),
    [
        ({}, 8),
        ({"endDate": "2026-11-01T00:00:00.000Z"}, 0),
        ({"startDate": "2027-01-01T00:00:00.000Z"}, 0),
        ({"startDate": "2024-11-23T00:00:00.000Z"}, 731),
        ({"startDate": "2025-11-23", "endDate": "2026-11-23"}, 366),
        ({"startDate": "2026-11-20", "endDate": "2026-11-20"}, 1),
    ],
    ids=["no-dates", "end-only-past", "start-only-future", "start-only", "365-days", "an-instant"],
)
def test_ranges_have_so_many_days(
    either: Caller, subject: str, dates: dict[str, str], rows: int
) -> None:
    assert len(either.body(f"{subject}/timeseries", **dates)["data"]) == rows


def test_a_duplicate_parameter_counts_once_the_last_one(either: Caller) -> None:
    url = f"{either.box.base_url}/apps/{SHOP}/reports/users/breakdown"
    url += "?limit=1&dimension=country&limit=3"
    response = either.session.get(url, headers={"Authorization": "Bearer TOKEN_MAIN"}, timeout=10)
    assert len(response.json()["rows"]) == 3


def at(seconds: float) -> int:
    return micros(NOW) - int(seconds * 1e6)


def tiny_rows() -> Rows:
    """One user with a fresh and a stale session of three seconds, and one of a minute."""
    sessions = (
        Session("fresh", "d", at(100), at(97)),
        Session("stale", "d", at(1000), at(997)),
        Session("whole", "d", at(3000), at(2940)),
    )
    return Rows(
        devices=(
            Device("d", "7", "iOS", "DE", "Bonn", at(5000)),
            Device("e", "7", "IOS", None, "Bonn", at(5000)),
        ),
        sessions=sessions,
        events=(Event("7", "d", "x", is_screen=False, is_debug=False, at=at(50)),),
        keys=(Key(name="k", app_id="7"),),
    )


@pytest.mark.parametrize(
    ("api", "counted", "broken_down", "mean"),
    [(Flavour.CURRENT, 1, 2, 60), (Flavour.APRIL, 3, 3, 22)],
)
def test_a_short_session_is_deleted_ten_minutes_after_its_end_and_never_counted(
    api: Flavour, counted: int, broken_down: int, mean: int
) -> None:
    with (
        PhaseSandbox(tiny_rows(), api=api, clock=lambda: NOW) as box,
        requests.Session() as session,
    ):

        def body(report: str, **query: str) -> dict[str, Any]:
            answer: dict[str, Any] = session.get(
                f"{box.base_url}/apps/7/reports/{report}",
                params=query,
                headers={"Authorization": "Bearer k"},
                timeout=10,
            ).json()
            return answer

        overview = body("sessions/overview")
        assert (overview["totalSessions"], overview["averageSessionDuration"]) == (counted, mean)
        assert body("sessions/timeseries")["data"][-1]["sessionCount"] == counted
        assert body("sessions/breakdown", dimension="platform")["rows"] == [
            {"value": "ios", "count": broken_down}
        ]
        users = body("users/overview")
        assert users["countryStats"] == {"DE": 1}
        assert ("cityStats" in users) == (api is Flavour.APRIL)


def test_an_app_without_sessions_has_no_mean_duration(either: Caller) -> None:
    body = either.get("sessions/overview", app="907361528440135", key="Bearer TOKEN_EMPTY").json()
    assert (body["averageSessionDuration"], body["bounceRate"]) == (None, 0)
