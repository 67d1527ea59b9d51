"""The server around the reports: routes, keys, refusals, rate limit headers, connections."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import requests

from digest.errors import UsageError
from digest.sandbox.command import announcement
from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support.recorded import EMPTY, ODD, SHOP, recorded_rows

if TYPE_CHECKING:
    from tests.sandbox.conftest import Caller

NOW = datetime(2026, 11, 23, 4, 46, 4, tzinfo=UTC)
UNKNOWN = "Invalid, expired, revoked, or unauthorized API key"
FORMAT = "Invalid authorization format. Use: Bearer <api_key>"
MISSING = "Authorization header is required. Use: Authorization: Bearer <api_key>"


def open_box(rate_limit: int = 300, now: datetime = NOW, port: int = 0) -> PhaseSandbox:
    return PhaseSandbox(
        recorded_rows(), api=Flavour.CURRENT, clock=lambda: now, rate_limit=rate_limit, port=port
    )


@pytest.mark.parametrize(
    ("key", "detail"),
    [
        (None, MISSING),
        ("", MISSING),
        ("TOKEN_MAIN", FORMAT),
        ("Bearer", FORMAT),
        ("Bearer  TOKEN_MAIN", FORMAT),
        ("Basic dXNlcjpwYXNz", FORMAT),
        ("Bearer nobody", UNKNOWN),
        ("Bearer TOKEN_EMPTY", UNKNOWN),
        ("Bearer TOKEN_EXPIRED", UNKNOWN),
        ("Bearer TOKEN_REVOKED", UNKNOWN),
    ],
)
def test_a_refused_key_is_401_with_the_reason(either: Caller, key: str | None, detail: str) -> None:
    response = either.get("users/overview", key=key)
    assert response.status_code == 401
    assert response.json() == {"code": "UNAUTHORIZED", "detail": detail}


@pytest.mark.parametrize("key", ["bearer TOKEN_MAIN", "BEARER TOKEN_SECOND x", "Bearer TOKEN_MAIN"])
def test_an_active_key_opens_its_app_in_any_spelling_of_bearer(either: Caller, key: str) -> None:
    assert either.get("users/overview", key=key).status_code == 200


def test_a_key_that_expired_later_still_opened_its_app_before() -> None:
    with open_box(now=datetime(2026, 11, 20, 4, 29, tzinfo=UTC)) as box:
        url = f"{box.base_url}/apps/{SHOP}/reports/events/overview"
        headers = {"Authorization": "Bearer TOKEN_EXPIRED"}
        assert requests.get(url, headers=headers, timeout=10).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_another_method_is_404_without_body_and_type(either: Caller, method: str) -> None:
    response = either.get("users/overview", method=method)
    assert (response.status_code, response.content) == (404, b"")
    assert "content-type" not in response.headers


@pytest.mark.parametrize(
    "report", ["events/nope", "nope/overview", "events", "events/overview/x", "events//overview"]
)
def test_an_unknown_path_is_404_before_anything_else(either: Caller, report: str) -> None:
    response = either.get(report, key=None)
    assert (response.status_code, response.content) == (404, b"")


@pytest.mark.parametrize(
    ("report", "query"),
    [
        ("events/breakdown", {}),
        ("events/breakdown", {"dimension": ""}),
        ("events/breakdown", {"dimension": "country"}),
        ("sessions/breakdown", {"dimension": "eventName", "startDate": "nope"}),
        ("users/breakdown", {"dimension": "Platform"}),
        ("sessions/timeseries", {"metric": ""}),
        ("sessions/timeseries", {"metric": "activeUsers"}),
        ("users/timeseries", {"metric": "bounceRate", "x": "y"}),
    ],
)
def test_a_choice_that_is_not_offered_is_422_before_the_key(
    either: Caller, report: str, query: dict[str, str]
) -> None:
    response = either.get(report, key=None, **query)
    assert response.status_code == 422
    assert response.json() == {"type": "validation", "on": "query", "found": query}
    assert "x-ratelimit-limit" not in response.headers


@pytest.mark.parametrize("subject", ["sessions", "users"])
def test_city_is_offered_by_april_alone(current: Caller, april: Caller, subject: str) -> None:
    asked = f"{subject}/breakdown"
    assert current.get(asked, dimension="city").status_code == 422
    rows = april.body(asked, dimension="city", limit="50")["rows"]
    assert {"value": "München", "country": "DE"}.items() <= next(
        row.items() for row in rows if row["value"] == "München"
    )


@pytest.mark.parametrize(
    "report", ["events/timeseries", "sessions/timeseries", "sessions/breakdown"]
)
@pytest.mark.parametrize(
    ("start", "end", "detail"),
    [
        ("nope", "nope", "Invalid startDate format"),
        ("2026-11-20", "nope", "Invalid endDate format"),
        ("", "nope", "Invalid endDate format"),
        (
            "2026-11-20T00:00:00.001Z",
            "2026-11-20",
            "startDate must be before or equal to endDate",
        ),
        (
            "2025-11-20T00:00:00.000Z",
            "2026-11-20T00:00:00.001Z",
            "Date range cannot exceed 365 days",
        ),
    ],
)
def test_bad_dates_are_400(either: Caller, report: str, start: str, end: str, detail: str) -> None:
    response = either.get(report, dimension="country", startDate=start, endDate=end)
    assert response.status_code == 400
    assert response.json() == {"code": "VALIDATION_ERROR", "detail": detail}


@pytest.mark.parametrize("report", ["users/breakdown", "users/overview", "sessions/overview"])
def test_reports_without_dates_ignore_them(either: Caller, report: str) -> None:
    plain = either.body(report, dimension="country")
    assert either.body(report, dimension="country", startDate="nope") == plain


@pytest.mark.parametrize("start", ["2019-12-31", "2026-02-30"])
def test_the_event_store_refuses_days_out_of_its_reach(either: Caller, start: str) -> None:
    response = either.get("events/breakdown", dimension="screenName", startDate=start)
    assert response.status_code == 500
    assert response.json() == {
        "code": "INTERNAL_SERVER_ERROR",
        "detail": "Failed to fetch event breakdown",
    }


def test_the_limit_counts_keys_and_addresses_and_401_but_not_404_and_422() -> None:
    with open_box(rate_limit=4) as box, requests.Session() as session:

        def status(report: str, key: str) -> tuple[int, str | None]:
            response = session.get(
                f"{box.base_url}/apps/{SHOP}/reports/{report}",
                headers={"Authorization": f"Bearer {key}"},
                timeout=10,
            )
            return response.status_code, response.headers.get("x-ratelimit-remaining")

        assert status("users/overview", "TOKEN_MAIN") == (200, "3")
        assert status("users/nope", "TOKEN_MAIN") == (404, None)
        assert status("users/breakdown", "TOKEN_MAIN") == (422, None)
        assert status("users/overview", "nobody") == (401, "2")
        assert status("users/overview", "TOKEN_SECOND") == (200, "1")
        assert status("users/overview", "TOKEN_SECOND") == (200, "0")
        assert status("users/overview", "TOKEN_SECOND") == (429, "0")
        assert status("users/nope", "TOKEN_SECOND") == (404, None)


def test_a_429_says_when_to_come_back() -> None:
    with open_box(rate_limit=1) as box:
        url = f"{box.base_url}/apps/{SHOP}/reports/users/overview"
        headers = {"Authorization": "Bearer TOKEN_MAIN"}
        first, second = (requests.get(url, headers=headers, timeout=10) for _ in range(2))
    assert (first.status_code, first.headers["x-ratelimit-remaining"]) == (200, "0")
    assert second.status_code == 429
    assert second.json() == {"code": "TOO_MANY_REQUESTS", "detail": "Too many requests"}
    wait = int(second.headers["retry-after"])
    assert 50 <= wait <= 60
    assert int(second.headers["x-ratelimit-reset"]) == int(NOW.timestamp()) + wait
    assert second.headers["x-ratelimit-limit"] == "1"


def test_without_a_limit_the_headers_mislead_as_the_real_ones_do(current: Caller) -> None:
    headers = current.get("users/overview").headers
    assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("300", "0")
    assert "x-ratelimit-reset" not in headers


def test_one_connection_carries_many_requests_without_waiting(current: Caller) -> None:
    parts = urlsplit(current.box.base_url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=10)
    begun = time.monotonic()
    with closing(connection):
        connection.connect()
        first = connection.sock
        for _ in range(100):
            connection.request("GET", f"{parts.path}/apps/{SHOP}/reports/users/overview")
            assert len(connection.getresponse().read()) > 10
            assert connection.sock is first
    assert time.monotonic() - begun < 3


def test_a_request_body_does_not_disturb_the_next_request(current: Caller) -> None:
    url = f"{current.box.base_url}/apps/{SHOP}/reports/users/overview"
    with requests.Session() as session:
        for data in (b"x" * 100_000, iter([b"a" * 10, b"b" * 10])):
            assert session.post(url, data=data, timeout=10).status_code == 404
        headers = {"Authorization": "Bearer TOKEN_MAIN"}
        assert session.get(url, headers=headers, timeout=10).status_code == 200


def test_requests_are_remembered_without_keys() -> None:
    with open_box() as box:
        url = f"{box.base_url}/apps/{SHOP}/reports/sessions/timeseries?metric=bogus"
        requests.get(url, headers={"Authorization": "Bearer TOKEN_MAIN"}, timeout=10)
        (seen,) = box.requests
    assert (seen.method, seen.query, seen.status) == ("GET", "metric=bogus", 422)
    assert "TOKEN" not in repr(seen)


def test_the_clock_is_the_servers_now_and_date() -> None:
    now = NOW + timedelta(milliseconds=123, microseconds=999)
    with open_box(now=now) as box:
        url = f"{box.base_url}/apps/{EMPTY}/reports/events/timeseries"
        response = requests.get(url, headers={"Authorization": "Bearer TOKEN_EMPTY"}, timeout=10)
    assert response.json()["meta"] == {
        "generatedAt": "2026-11-23T04:46:04.123Z",
        "consistency": "eventual",
        "identityModel": "user",
    }
    assert response.json()["period"]["startDate"] == "2026-11-16T04:46:04.123Z"
    assert response.headers["date"] == "Mon, 23 Nov 2026 04:46:04 GMT"


def test_names_come_back_verbatim(either: Caller) -> None:
    response = either.get(
        "events/breakdown", app=ODD, key="Bearer TOKEN_ODD", dimension="screenName"
    )
    assert "/<script>alert(1)</script>" in {row["value"] for row in response.json()["rows"]}


def test_the_first_line_names_url_app_and_first_active_key() -> None:
    with open_box() as box:
        line = announcement(box, recorded_rows().keys)
        assert announcement(box) == {
            "base_url": box.base_url,
            "app_id": SHOP,
            "api_key": "TOKEN_MAIN",
        }
        assert line["base_url"].endswith("/public-api/v1")
    assert line["keys"]["TOKEN_ODD"] == {"app_id": ODD, "state": "active"}
    assert len(line["keys"]) == 7


def test_a_taken_port_is_said_so() -> None:
    with open_box() as box:
        port = int(box.base_url.split(":")[2].split("/")[0])
        with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1 can't be used"):
            open_box(port=port)


def test_a_browser_may_ask_for_options(current: Caller) -> None:
    response = current.get("users/overview", key=None, method="OPTIONS")
    assert (response.status_code, response.content) == (204, b"")


def test_waiting_ends_when_the_sandbox_is_closed() -> None:
    box = open_box()
    threading.Timer(0.05, box.close).start()
    box.wait()
    with pytest.raises(requests.ConnectionError):
        requests.get(box.base_url, timeout=5)


def test_closing_ends_open_connections_and_frees_the_port() -> None:
    box = open_box()
    port = int(box.base_url.split(":")[2].split("/")[0])
    with socket.create_connection(("127.0.0.1", port), timeout=5) as idle:
        idle.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert idle.recv(4096).startswith(b"HTTP/1.1 404")
        box.close()
        assert idle.recv(4096) == b""
    box.close()
    with open_box(port=port) as again:
        assert f":{port}/" in again.base_url
