"""The client against what real servers of both versions answered."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.metrics import Dimension
from digest.errors import PhaseError, PhaseUnavailableError
from digest.phase.answers import UntrustedChange
from digest.phase.models import NotOfferedError
from tests.support.hostile_http import Act, HostileServer, Seen, Wire, answer
from tests.support.phase_clients import scaled_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.phase.client import PhaseClient

DATA = Path(__file__).parents[1] / "data" / "phase_client"

Exchange = dict[str, Any]


def recorded(file: str) -> list[Exchange]:
    return [json.loads(line) for line in (DATA / file).read_text("utf-8").splitlines()]


def key_of(path: str, query: dict[str, str]) -> tuple[str, tuple[tuple[str, str], ...]]:
    # the default limit is 10, and the client always says which it wants
    full = {"limit": "10"} | query if path.endswith("/breakdown") else query
    return path, tuple(sorted(full.items()))


def replay(exchanges: list[Exchange]) -> Act:
    """Answers what was recorded for the same path and query, and 418 to anything else."""
    known = {
        key_of(
            exchange["request"]["path"],
            Seen("GET", f"/?{exchange['request']['raw_query']}", {}, 0).query,
        ): exchange["response"]
        for exchange in exchanges
        if not exchange["name"].startswith(("auth", "ratelimit"))
    }

    def act(wire: Wire, seen: Seen) -> None:
        found = known.get(key_of(seen.path, seen.query))
        if found is None:
            answer(418)(wire, seen)
            return
        body = found["body"]
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        kind = found["headers"].get("content-type")
        answer(found["status"], text.encode(), kind=kind)(wire, seen)

    return act


@pytest.fixture(params=["april", "current"])
def flavour(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def client(flavour: str) -> Iterator[PhaseClient]:
    with (
        HostileServer(replay(recorded(f"{flavour}.jsonl"))) as server,
        scaled_client(server.url) as made,
    ):
        yield made


SPIKE = (date(2026, 11, 19), date(2026, 11, 23))
SPIKE_DAYS = [date(2026, 11, day) for day in (19, 20, 21, 22)]


@pytest.mark.parametrize(
    ("report", "metric", "expected"),
    [
        (
            "sessions",
            "sessionCount",
            {"april": [98, 100, 60, 49], "current": [90, 96, 57, 44]},
        ),
        (
            "sessions",
            "bounceRate",
            {"april": [11.22, 7, 26.67, 14.29], "current": [11.11, 9.38, 78.95, 13.64]},
        ),
        (
            "sessions",
            "avgSessionDuration",
            {
                "april": [188.27418157142858, 179.62664493, 50.28385865, 217.71529367346938],
                "current": [
                    204.80145374444444,
                    186.94694920833334,
                    52.787398631578945,
                    242.18215211363636,
                ],
            },
        ),
        ("users", "activeUsers", {"april": [97, 93, 58, 46], "current": [90, 90, 55, 42]}),
        ("users", "totalUsers", {v: [596, 603, 607, 611] for v in ("april", "current")}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_time_series_hold_the_recorded_days(
    client: PhaseClient, flavour: str, report: str, metric: str, expected: dict[str, list[float]]
) -> None:
    series = client.timeseries(report, metric, *SPIKE)

    assert series.values == dict(zip(SPIKE_DAYS, expected[flavour], strict=True))
    assert list(series.values) == SPIKE_DAYS
    assert (series.report, series.metric) == (report, metric)
    assert series.generated_at.date() == date(2026, 11, 23)
    assert series.generated_at.tzinfo is UTC


def test_a_day_without_sessions_is_there_with_zero(client: PhaseClient) -> None:
    week = (date(2026, 11, 6), date(2026, 11, 11))

    sessions = client.timeseries("sessions", "sessionCount", *week).values
    durations = client.timeseries("sessions", "avgSessionDuration", *week).values
    events = client.timeseries("events", "eventCount", *week).values

    empty = [day for day, value in sessions.items() if value == 0]
    assert empty == [date(2026, 11, 8)]
    assert durations[empty[0]] == 0
    assert events[empty[0]] == 8


def test_a_whole_year_is_one_request_of_365_days(client: PhaseClient) -> None:
    series = client.timeseries("sessions", "sessionCount", date(2025, 11, 23), date(2026, 11, 23))

    assert len(series.values) == 365
    assert client.requests_made == 1


def test_one_day_of_events_by_name_differs_by_the_debug_events_of_april(
    client: PhaseClient, flavour: str
) -> None:
    day = (date(2026, 11, 20), date(2026, 11, 21))

    found = client.breakdown(Dimension.EVENTS_EVENT_NAME, *day)

    (same,) = [
        exchange
        for exchange in recorded(f"{flavour}.jsonl")
        if exchange["name"] == "events_breakdown_eventName__one_day"
    ]
    rows = {row["value"]: row["count"] for row in same["response"]["body"]["rows"]}
    assert dict(found.rows) == rows
    assert found.rows == tuple(sorted(rows.items(), key=lambda row: (-row[1], row[0])))
    assert (found.raw_rows, found.limit, found.complete) == (len(rows), 10, len(rows) < 10)


def test_equal_platforms_are_added_up(client: PhaseClient, flavour: str) -> None:
    found = client.breakdown(Dimension.SESSIONS_PLATFORM, None, None)

    expected = {
        "april": (("ios", 3667), ("android", 2489), ("unknown", 282 + 141)),
        "current": (("ios", 3468), ("android", 2349), ("unknown", 267 + 135)),
    }
    assert found.rows == expected[flavour]
    assert found.raw_rows == 4
    assert found.complete


def test_all_countries_of_users_fit_a_list_of_fifty(client: PhaseClient) -> None:
    found = client.breakdown(Dimension.USERS_COUNTRY, None, None, limit=50)

    assert found.rows[0] == ("US", 109)
    assert found.limit == 50
    assert len({value for value, _ in found.rows}) == len(found.rows)


def test_cities_come_with_the_country_that_tells_them_apart() -> None:
    with (
        HostileServer(replay(recorded("april.jsonl"))) as server,
        scaled_client(server.url) as client,
    ):
        users = client.breakdown(Dimension.USERS_CITY, None, None)
        day = (date(2026, 11, 20), date(2026, 11, 21))
        sessions = client.breakdown(Dimension.SESSIONS_CITY, *day)

    assert users.rows[:3] == (("unknown", 44), ("Austin, US", 35), ("Berlin, DE", 35))
    assert ("München, DE", 28) in users.rows
    assert sessions.raw_rows == len(sessions.rows) == 10


def test_a_server_without_cities_is_a_gap_with_a_name_and_asking_goes_on() -> None:
    with (
        HostileServer(replay(recorded("current.jsonl"))) as server,
        scaled_client(server.url) as client,
    ):
        with pytest.raises(NotOfferedError, match="does not offer cities") as caught:
            client.breakdown(Dimension.USERS_CITY, None, None)
        assert client.overview("users").city_stats is None

    assert (caught.value.report, caught.value.status) == ("users/breakdown", 422)


def test_overviews_of_both_versions_are_read(client: PhaseClient, flavour: str) -> None:
    users = client.overview("users")

    assert users.total_users == 613
    assert users.country_stats["US"] == 109
    assert (users.city_stats is not None) == (flavour == "april")
    assert isinstance(users.active_users_24h_change, UntrustedChange)
    assert "%" not in f"{users.active_users_24h_change}"
    assert str(users.active_users_24h_change) == "<untrusted change>"


def good_answers() -> list[Any]:
    return [
        pytest.param(exchange, id=f"{file}-{exchange['name']}")
        for file in ("april", "current")
        for exchange in recorded(f"{file}.jsonl")
        if exchange["response"]["status"] == 200
    ]


def numbers_of(client: PhaseClient, report: str, kind: str, body: Any) -> tuple[Any, Any]:
    """What the client makes of a recorded answer, and the same from the recording."""
    if kind == "overview":
        return client.overview(report).meta.generated_at, body["meta"]["generatedAt"]  # type: ignore[call-overload] # a name from a path
    if kind == "breakdown":
        rows = client.breakdown(Dimension(f"{report}.{body['dimension']}"), None, None).rows
        return sum(n for _, n in rows), sum(row["count"] for row in body["rows"])
    days = [date.fromisoformat(row["date"]) for row in body["data"]]
    (metric,) = {name for row in body["data"] for name in row} - {"date"}
    values = client.timeseries(report, metric, days[0], days[-1] + timedelta(days=1)).values
    return values, {day: row[metric] for day, row in zip(days, body["data"], strict=True)}


@pytest.mark.parametrize("exchange", good_answers())
def test_every_recorded_good_answer_is_taken_as_it_is(exchange: Exchange) -> None:
    body = exchange["response"]["body"]
    report, kind = exchange["request"]["path"].split("/")[-2:]
    act = answer(200, json.dumps(body).encode())
    with HostileServer(act) as server, scaled_client(server.url) as client:
        got, expected = numbers_of(client, report, kind, body)

    if isinstance(got, datetime):
        expected = datetime.fromisoformat(expected)
    assert got == expected


def test_the_event_store_being_down_leaves_sessions_and_users_askable() -> None:
    troubles = [e for e in recorded("troubles.jsonl") if e["name"].startswith("questdb")]
    with HostileServer(replay(troubles)) as server, scaled_client(server.url) as client:
        with pytest.raises(PhaseUnavailableError, match=r"500 INTERNAL_SERVER_ERROR") as caught:
            client.overview("events")

        assert client.overview("sessions").total_sessions == 6219
    assert caught.value.report == "events/overview"
    assert caught.value.status == 500


def test_the_sql_and_the_hash_in_a_database_error_go_nowhere(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    troubles = [e for e in recorded("troubles.jsonl") if e["name"].startswith("postgres_down")]
    with (
        HostileServer(replay(troubles)) as server,
        scaled_client(server.url) as client,
        pytest.raises(PhaseUnavailableError) as caught,
    ):
        client.overview("users")

    for text in (str(caught.value), repr(caught.value), caplog.text):
        assert "select" not in text
        assert "ce0d7f58" not in text


def test_days_shifted_by_a_server_in_another_zone_are_an_error_not_wrong_numbers() -> None:
    troubles = [e for e in recorded("troubles.jsonl") if e["name"].startswith("tz_new_york")]
    # recorded without a metric, which then is sessionCount
    for exchange in troubles:
        if "sessions" in exchange["name"]:
            exchange["request"]["raw_query"] += "&metric=sessionCount"
    day = (date(2026, 11, 20), date(2026, 11, 21))
    with HostileServer(replay(troubles)) as server, scaled_client(server.url) as client:
        events = client.timeseries("events", "eventCount", *day)
        with pytest.raises(PhaseError, match="2026-11-19, which was not asked for"):
            client.timeseries("sessions", "sessionCount", *day)

    assert events.values == {date(2026, 11, 20): 502}
    assert client.server_now == datetime(2026, 11, 23, 4, 48, 23, 697000, tzinfo=UTC)
