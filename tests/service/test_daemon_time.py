"""What a daemon sends of the past: nothing at a first start, what a job's `catch_up` says later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.commands import Done, run
from tests.support.works import OPS

if TYPE_CHECKING:
    from tests.support.works import Works

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = {"period": "day", "schedule": "every day 07:30"}
TOKYO = {"period": "day", "schedule": {"at": "every day 02:30", "timezone": "Asia/Tokyo"}}


def berlin(*at: int) -> datetime:
    return datetime(*at, tzinfo=BERLIN)  # type: ignore[arg-type, misc]


def days(first: int, last: int) -> list[str]:
    return [f"2026-03-{day:02}" for day in range(first, last + 1)]


def by_hand(works: Works, capsys: pytest.CaptureFixture[str], now: datetime) -> Done:
    works.now = lambda: now
    config = str(works.folder / "config.yaml")
    return run(capsys, "run", "daily", "--now", now.isoformat(), "-c", config)


def test_a_first_start_sends_no_past_period_and_tells_nobody_of_any(works: Works) -> None:
    works.configure(
        {"daily": DAILY, "weekly": {"period": "week", "schedule": "mon 08:00"}}, ops=OPS
    )

    with works.daemon(berlin(2026, 3, 2, 8, 1)) as daemon:
        daemon.until(berlin(2026, 3, 3, 7))
        assert works.inbox.messages == []
        daemon.until(berlin(2026, 3, 3, 8))

    assert works.periods("daily") == ["2026-03-02"]


def test_a_job_that_a_reload_adds_begins_with_its_next_due_time(works: Works) -> None:
    works.configure({"daily": DAILY}, ops=OPS)

    with works.daemon(berlin(2026, 3, 2, 6)) as daemon:
        daemon.until(berlin(2026, 3, 4, 12))
        works.configure({"daily": DAILY, "late": DAILY | {"catch_up": "all"}}, ops=OPS)
        daemon.reload()
        daemon.until(berlin(2026, 3, 5, 12))

    assert works.periods("late") == ["2026-03-04"]
    assert works.periods("daily") == days(1, 4)
    assert works.notices() == []


def test_a_job_that_was_switched_off_for_a_while_makes_up_for_nothing(works: Works) -> None:
    works.configure({"daily": DAILY}, ops=OPS)

    with works.daemon(berlin(2026, 3, 2, 6)) as daemon:
        daemon.until(berlin(2026, 3, 2, 12))
        works.configure({"daily": DAILY | {"enabled": False}}, ops=OPS)
        daemon.reload()
        daemon.until(berlin(2026, 3, 5, 12))
        works.configure({"daily": DAILY}, ops=OPS)
        daemon.reload()
        daemon.until(berlin(2026, 3, 6, 12))

    assert works.periods("daily") == ["2026-03-01", "2026-03-05"]
    assert works.notices() == []


def test_on_a_day_of_skip_dates_nothing_is_sent_and_nobody_is_told(works: Works) -> None:
    works.configure({"daily": DAILY | {"skip_dates": ["2026-03-03", "2026-03-04"]}}, ops=OPS)

    with works.daemon(berlin(2026, 3, 2, 6)) as daemon:
        daemon.until(berlin(2026, 3, 5, 12))

    assert works.periods("daily") == ["2026-03-01", "2026-03-04"]
    assert works.notices() == []


@pytest.mark.parametrize(
    ("policy", "sent", "said"),
    [
        pytest.param({}, [8], "missed by more than 12 h", id="last"),
        pytest.param({"catch_up": "none"}, [], "Missed, and catch_up is none", id="none"),
        pytest.param(
            {"catch_up": "all", "max_lateness": "50h"}, [6, 7, 8],
            "Missed by more than 50 h", id="all in 50 hours",
        ),
    ],
)  # fmt: skip
def test_what_was_missed_in_a_week_off_is_made_up_for_as_the_job_says(
    works: Works, policy: dict[str, Any], sent: list[int], said: str
) -> None:
    works.configure({"daily": DAILY | policy}, ops=OPS)
    with works.daemon(berlin(2026, 3, 2, 6)) as daemon:
        daemon.until(berlin(2026, 3, 2, 8))

    with works.daemon(berlin(2026, 3, 9, 9)) as daemon:
        daemon.until(berlin(2026, 3, 10, 8))

    made_up = [f"2026-03-{day:02}" for day in sent]
    assert works.periods("daily") == ["2026-03-01", *made_up, "2026-03-09"]
    (told,) = works.notices()
    assert said.lower() in told.lower()
    left_out = [due.period for due in works.dues("daily") if due.state == "skipped"]
    assert left_out == [day for day in days(2, 8) if day not in made_up]


def test_a_restart_within_a_quarter_of_an_hour_is_in_time(works: Works) -> None:
    works.configure({"daily": DAILY | {"catch_up": "none"}}, ops=OPS)
    with works.daemon(berlin(2026, 3, 2, 7)) as daemon:
        daemon.until(berlin(2026, 3, 2, 7, 10))

    with works.daemon(berlin(2026, 3, 2, 7, 44)) as daemon:
        daemon.until(berlin(2026, 3, 2, 8))

    assert works.periods("daily") == ["2026-03-01"]
    assert works.notices() == []


def test_a_period_that_is_not_settled_waits_and_jobs_says_until_when(
    works: Works, capsys: pytest.CaptureFixture[str]
) -> None:
    config = works.configure({"daily": TOKYO})
    start = datetime(2026, 3, 1, 18, tzinfo=UTC)  # Monday, 03:00 in Tokyo

    listed = run(capsys, "jobs", "--now", start.isoformat(), "-c", str(config))
    with works.daemon(start) as daemon:
        daemon.until(start + timedelta(days=2))

    assert "2026-03-03T02:30:00+09:00" in listed.out
    assert "covers 2026-03-02, waits until 2026-03-03T02:00:00Z" in listed.out
    (sent,) = works.arrivals()
    assert sent.period == "2026-03-02"
    assert sent.at == datetime(2026, 3, 3, 2, tzinfo=UTC)


def test_a_period_that_waits_survives_a_restart(works: Works) -> None:
    works.configure({"daily": TOKYO})
    noted = datetime(2026, 3, 2, 18, tzinfo=UTC)  # half an hour after it was due
    with works.daemon(noted - timedelta(hours=6)) as daemon:
        daemon.until(noted)

    with works.daemon(noted + timedelta(hours=1)) as daemon:
        daemon.until(noted + timedelta(hours=9))

    assert [one.at for one in works.arrivals()] == [datetime(2026, 3, 3, 2, tzinfo=UTC)]


def test_a_period_that_was_sent_by_hand_is_not_sent_again(
    works: Works, capsys: pytest.CaptureFixture[str]
) -> None:
    works.configure({"daily": DAILY})
    with works.daemon(berlin(2026, 3, 2, 6)) as daemon:
        daemon.until(berlin(2026, 3, 2, 8))

    early = by_hand(works, capsys, datetime(2026, 3, 3, 5, tzinfo=UTC))
    with works.daemon(berlin(2026, 3, 3, 6, 30)) as daemon:
        daemon.until(berlin(2026, 3, 4, 8))

    assert early.code == 0, early.said
    assert works.periods("daily") == days(1, 3)


def test_what_was_sent_by_hand_while_the_daemon_was_down_is_not_said_to_be_left_out(
    works: Works, capsys: pytest.CaptureFixture[str]
) -> None:
    works.configure({"daily": DAILY}, ops=OPS)
    with works.daemon(berlin(2026, 3, 2, 6)) as daemon:
        daemon.until(berlin(2026, 3, 2, 8))
    for day in (3, 4):
        assert by_hand(works, capsys, datetime(2026, 3, day, 7, tzinfo=UTC)).code == 0

    with works.daemon(berlin(2026, 3, 5, 8)) as daemon:
        daemon.until(berlin(2026, 3, 5, 12))

    assert works.periods("daily") == days(1, 4)
    assert works.notices() == []
