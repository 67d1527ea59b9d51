"""What the page, the metrics and the health checks say of a daemon that runs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from werkzeug.wrappers import Response

from digest.errors import UsageError
from tests.support.looking import Looking

if TYPE_CHECKING:
    from tests.support.works import Works

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = {"period": "day", "schedule": "every day 07:30"}


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=BERLIN)


def test_the_page_says_what_was_sent_and_what_comes_next(works: Works) -> None:
    works.configure({"daily": DAILY})
    looking = Looking()

    with works.daemon(at(10, 12), watch=looking) as daemon:
        daemon.until(at(12, 12))
        page, standing = looking.get("/")[1], looking.standing()
        health = looking.get("/healthz"), looking.get("/readyz")

    (job,) = standing["jobs"]
    assert [(past["period"], past["state"]) for past in job["past"]] == [
        ("2026-03-10", "sent"),
        ("2026-03-11", "sent"),
    ]
    assert job["next"]["period"] == "2026-03-12"
    assert (standing["ok"], standing["needs"], standing["waiting"]) == (True, [], [])
    assert [run["deliveries"][0]["recipient"] for run in standing["runs"]] == [
        "ana@example.com"
    ] * 2
    assert "All is well" in page
    assert health == ((200, "alive\n"), (200, "ready\n"))


def test_the_page_says_what_waits_and_what_needs_a_person(works: Works) -> None:
    works.configure({"daily": {**DAILY, "to": {"mail": ["no@example.com"]}}, "late": DAILY})
    looking = Looking()
    works.phase.answer_with = lambda _request: (
        Response("no", 403) if works.now() > at(12, 0) else None
    )

    with works.daemon(at(10, 12), watch=looking) as daemon:
        daemon.until(at(12, 12))
        standing = looking.standing()

    assert {waiting["job"] for waiting in standing["waiting"]} == {"daily", "late"}
    assert all("was refused" in waiting["why"] for waiting in standing["waiting"])
    assert len(standing["troubles"]) == 2
    assert standing["verdict"] == "Nothing needs you; 2 troubles to keep an eye on"


def test_the_metrics_count_what_happened(works: Works) -> None:
    works.configure({"daily": DAILY})
    looking = Looking()

    with works.daemon(at(10, 12), watch=looking) as daemon:
        daemon.until(at(12, 12))
        metrics = looking.get("/metrics")[1].splitlines()

    assert 'digest_runs_total{job="daily",state="sent"} 2.0' in metrics
    assert 'digest_deliveries_total{channel="mail",reason="",state="sent"} 2.0' in metrics
    assert 'digest_deliveries{state="sent"} 2.0' in metrics
    assert 'digest_due_periods{state="planned"} 2.0' in metrics
    assert 'digest_api_requests_total{app="shop",outcome="ok"} 2.0' in metrics
    assert "digest_needs_person 0.0" in metrics
    (due,) = (line for line in metrics if line.startswith("digest_next_due_timestamp_seconds "))
    assert float(due.split()[1]) == at(13, 7, 30).timestamp()


def test_a_page_that_others_can_reach_needs_a_token(works: Works) -> None:
    works.configure({"daily": DAILY})

    with (
        pytest.raises(UsageError, match="token"),
        works.daemon(at(10, 12), watch=Looking("0.0.0.0:0")),
    ):
        pass


def test_a_loop_that_stands_still_is_not_alive(works: Works) -> None:
    works.configure({"daily": DAILY})
    looking = Looking()

    with works.daemon(at(10, 12), watch=looking, tick=timedelta(seconds=30)) as daemon:
        daemon.times.seconds += 91
        health, ready = looking.get("/healthz"), looking.get("/readyz")

    assert health == (503, "not alive\n")
    assert ready[0] == 503
