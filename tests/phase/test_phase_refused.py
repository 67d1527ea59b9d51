"""Refused for now or for good: how often it asks, what it says, when it stops."""

from __future__ import annotations

import json
from datetime import date

import pytest

from digest.errors import ExitCode, PhaseError, PhaseUnavailableError
from digest.phase.budget import Budget
from tests.support.hostile_http import (
    HostileServer,
    Seen,
    Wire,
    answer,
)
from tests.support.phase_answers import (
    DAY,
    TOTALS,
    ask,
    good,
    refuse,
)
from tests.support.phase_clients import SCALED, Waits, scaled_client


@pytest.mark.parametrize(
    ("status", "code", "says", "stops"),
    [
        (400, "VALIDATION_ERROR", r"refused this query \(400 VALIDATION_ERROR\)", False),
        (401, "UNAUTHORIZED", "wrong, revoked, expired or for another app", True),
        (403, None, "wrong, revoked, expired or for another app", True),
        (404, None, r"no such report at http.*\(404\); check base_url", False),
        (405, None, r"unexpected kind \(405\)", False),
        (422, None, r"refused this query \(422\)", False),
    ],
    ids=lambda value: str(value) if isinstance(value, int) else "",
)
def test_a_refusal_is_final_and_is_asked_for_once(
    status: int, code: str | None, says: str, *, stops: bool
) -> None:
    with (
        HostileServer(refuse(status, code), good) as server,
        scaled_client(server.url) as client,
    ):
        with pytest.raises(PhaseError, match=says) as caught:
            client.timeseries("users", "newUsers", DAY, date(2026, 11, 23))

        assert str(caught.value).startswith(
            "users/timeseries (newUsers, 2026-11-20 to 2026-11-22): "
        )
        assert (caught.value.report, caught.value.status) == ("users/timeseries", status)
        assert caught.value.exit_code is ExitCode.FAILED
        assert len(server.requests) == 1
        if stops:
            with pytest.raises(PhaseError) as again:
                client.overview("users")
            assert str(again.value) == str(caught.value) == str(client.stopped)
            assert len(server.requests) == 1
        else:
            assert client.stopped is None
            assert client.overview("users").total_users == 5


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 429])
def test_a_passing_refusal_is_asked_again_after_growing_waits(status: int) -> None:
    waits = Waits()
    bad = refuse(status)
    with (
        HostileServer(bad, bad, bad, good) as server,
        scaled_client(server.url, waits=waits) as client,
    ):
        ask(client)
        assert len(server.requests) == client.requests_made == 4

    for wait, plain in zip(waits.slept, SCALED.backoff, strict=True):
        assert plain / 2 <= wait <= plain * 1.5


def test_after_four_tries_the_run_is_put_off_but_other_reports_are_asked() -> None:
    bad = refuse(503, "MAINTENANCE")
    with (
        HostileServer(bad, bad, bad, bad, good) as server,
        scaled_client(server.url) as client,
    ):
        with pytest.raises(PhaseUnavailableError, match=r"503 MAINTENANCE\) \(4 tries\)") as caught:
            client.overview("events")
        assert caught.value.exit_code is ExitCode.PUT_OFF
        assert caught.value.retry_after is None
        ask(client)


def test_a_short_retry_after_is_waited_for() -> None:
    waits = Waits()
    with (
        HostileServer(refuse(429, "TOO_MANY_REQUESTS", "3"), good) as server,
        scaled_client(server.url, waits=waits) as client,
    ):
        ask(client)
    (wait,) = waits.slept
    assert 3 <= wait < 3.1


@pytest.mark.parametrize(
    ("status", "asked", "kept", "stops"),
    [(429, "61", 61, True), (429, "1000000000", 86_400, True), (503, "3600", 3600, False)],
)
def test_a_long_retry_after_puts_the_run_off_at_once(
    status: int, asked: str, kept: float, *, stops: bool
) -> None:
    waits = Waits()
    with (
        HostileServer(refuse(status, None, asked)) as server,
        scaled_client(server.url, waits=waits) as client,
    ):
        with pytest.raises(PhaseUnavailableError, match=f"left alone for {kept:.0f} sec") as caught:
            ask(client)
        assert (caught.value.retry_after, caught.value.status) == (kept, status)
        assert len(server.requests) == 1
        with pytest.raises(PhaseUnavailableError) as again:
            ask(client)
        assert again.value.retry_after == kept
        assert len(server.requests) == (1 if stops else 2)
    assert waits.slept == []


def test_no_wait_is_begun_that_would_reach_the_end_of_the_call() -> None:
    waits = Waits()
    with (
        HostileServer(refuse(429, None, "4")) as server,
        scaled_client(server.url, waits=waits, call=6) as client,
        pytest.raises(PhaseUnavailableError, match=r"too many requests \(429\) \(2 tries\)"),
    ):
        ask(client)
    assert len(waits.slept) == 1


def test_remaining_zero_is_no_reason_to_stop() -> None:
    def act(wire: Wire, seen: Seen) -> None:
        body = json.dumps(TOTALS).encode()
        answer(200, body, headers={"X-RateLimit-Remaining": "0"})(wire, seen)

    waits = Waits()
    with HostileServer(act) as server, scaled_client(server.url, waits=waits) as client:
        for _ in range(3):
            client.overview("events")
    assert waits.slept == []


def test_two_clients_share_the_budget_of_their_host_and_every_try_counts() -> None:
    waits = Waits()
    budget = Budget(waits.clock, per_minute=3)
    with (
        HostileServer(refuse(500), good) as server,
        scaled_client(server.url, waits=waits, budget=budget) as first,
        scaled_client(server.url, waits=waits, budget=budget, call=100, key="k2") as second,
    ):
        ask(first)  # two tries with the back-off between them
        ask(second)
        assert len(waits.slept) == 1
        ask(second)
        assert len(waits.slept) == 2
        assert 55 < waits.slept[-1] <= 60


def test_a_budget_used_up_for_longer_than_the_call_is_an_error_of_its_own() -> None:
    waits = Waits()
    budget = Budget(waits.clock, per_minute=1)
    with (
        HostileServer(good) as server,
        scaled_client(server.url, waits=waits, budget=budget) as client,
    ):
        ask(client)
        with pytest.raises(PhaseUnavailableError, match="budget of 1 requests a minute is used up"):
            ask(client)
        assert len(server.requests) == 1
        assert waits.slept == []
        assert client.stopped is None
