"""Cases 34 to 41 of the fault matrix: daylight saving, odd dates, clocks that jump, long absence.

The daemon is the real one, in a time of its own (`tests/support/daemons.py`); a restart is a new
one on the same folder. Instants in the tables were worked out by hand.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.commands import run
from tests.support.works import OPS

if TYPE_CHECKING:
    from tests.support.works import Works

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = {"daily": {"period": "day", "schedule": "every day 07:30"}}
WEEKLY = {"weekly": {"period": "week", "schedule": "mon 08:00"}}


def berlin(*at: int) -> datetime:
    return datetime(*at, tzinfo=BERLIN)  # type: ignore[arg-type, misc]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def at_changes(cases: dict[str, tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """A job for each zone, on the days round one change of its clocks."""
    return {
        name: {
            "period": "day",
            "schedule": {"at": cron, "timezone": zone},
            "to": {"files": ["board"]},
        }
        for name, (cron, zone) in cases.items()
    }


GAPS = {
    "berlin": ("30 2 27-29 3 *", "Europe/Berlin"),
    "new-york": ("30 2 13-15 3 *", "America/New_York"),
    "lord-howe": ("15 2 3-5 10 *", "Australia/Lord_Howe"),
    "cairo": ("30 0 22-24 4 *", "Africa/Cairo"),
    "santiago": ("30 0 5-6 9 *", "America/Santiago"),
}
AFTER_GAPS = {
    "berlin": ("2027-03-28T03:00:00+02:00", "2027-03-27"),
    "new-york": ("2027-03-14T03:00:00-04:00", "2027-03-13"),
    "lord-howe": ("2026-10-04T02:30:00+11:00", "2026-10-03"),
    "cairo": ("2026-04-24T01:00:00+03:00", "2026-04-23"),
    "santiago": ("2026-09-06T01:00:00-03:00", "2026-09-05"),
}
FOLDS = {
    "berlin": ("30 2 24-26 10 *", "Europe/Berlin"),
    "new-york": ("30 1 1-2 11 *", "America/New_York"),
    "lord-howe": ("45 1 4-6 4 *", "Australia/Lord_Howe"),
    "cairo": ("30 23 29-30 10 *", "Africa/Cairo"),
    "santiago": ("30 23 4-5 4 *", "America/Santiago"),
}
FIRST_PASSES = {
    "berlin": ("2026-10-25T02:30:00+02:00", "2026-10-24"),
    "new-york": ("2026-11-01T01:30:00-04:00", "2026-10-31"),
    "lord-howe": ("2026-04-05T01:45:00+11:00", "2026-04-04"),
    "cairo": ("2026-10-29T23:30:00+03:00", "2026-10-28"),
    "santiago": ("2026-04-04T23:30:00-03:00", "2026-04-03"),
}


def check_changes(
    works: Works,
    jobs: dict[str, tuple[str, str]],
    expected: dict[str, tuple[str, str]],
    until: datetime,
) -> None:
    """Run through every change; each of the days round one has its one digest."""
    works.configure(at_changes(jobs))

    with works.daemon(utc("2026-04-02"), tick=30 * DAY) as daemon:
        daemon.until(until)

    for job, (local, period) in expected.items():
        dues = works.dues(job)
        assert [due.local for due in dues if due.period == period] == [local], job
        assert [due.local[:10] for due in dues] == days_of(jobs[job][0], date.fromisoformat(period))
        folder = works.folder / "out" / "board" / job
        assert sorted(path.name for path in folder.iterdir()) == [due.period for due in dues]
        runs = works.rows("SELECT period FROM runs WHERE job = ? ORDER BY period", job)
        assert [row[0] for row in runs] == [due.period for due in dues], "planned once each"


def days_of(cron: str, near: date) -> list[str]:
    """The local dates of such a line."""
    _, _, days, month, _ = cron.split()
    first, last = days.split("-")
    return [f"{near.year}-{int(month):02}-{day:02}" for day in range(int(first), int(last) + 1)]


def test_case_34_a_due_time_in_a_gap_comes_once_at_the_first_instant_after_it(
    works: Works,
) -> None:
    check_changes(works, GAPS, AFTER_GAPS, until=utc("2027-04-01"))


def test_case_35_a_due_time_that_comes_twice_counts_the_first_time_only(works: Works) -> None:
    check_changes(works, FOLDS, FIRST_PASSES, until=utc("2026-11-04"))


def test_case_36_iso_week_53_has_its_label_and_is_compared_with_week_52(works: Works) -> None:
    works.configure(WEEKLY)

    with works.daemon(berlin(2026, 12, 27, 12)) as daemon:
        daemon.until(berlin(2027, 1, 12))

    assert works.periods("weekly") == ["2026-W52", "2026-W53", "2027-W01"]
    assert [one.at for one in works.arrivals()] == [
        utc("2026-12-28T07:00"), utc("2027-01-04T07:00"), utc("2027-01-11T07:00"),
    ]  # fmt: skip
    _, middle, last = works.arrivals()
    assert "Dec 28, 2026 – Jan 3, 2027 (UTC), compared with the week before, Dec 21" in middle.text
    assert "compared with the week before, Dec 28, 2026 – Jan 3, 2027" in last.text


def test_case_36_the_29th_of_february_and_months_of_every_length_are_left_out_by_nobody(
    works: Works,
) -> None:
    works.configure(
        {
            "daily": DAILY["daily"] | {"schedule": "30 7 28-31,1 2,3 *"},
            "last": {"period": "month", "schedule": "last day 07:30"},
            "first": {"period": "month", "schedule": "1st 07:30"},
        }
    )

    with works.daemon(berlin(2028, 1, 15), tick=30 * DAY) as daemon:
        daemon.until(berlin(2028, 4, 30, 12))

    assert works.periods("daily") == [
        "2028-01-31", "2028-02-27", "2028-02-28", "2028-02-29",
        "2028-03-27", "2028-03-28", "2028-03-29", "2028-03-30",
    ]  # fmt: skip
    assert works.periods("last") == ["2027-12", "2028-01", "2028-02", "2028-03"]
    assert works.periods("first") == ["2028-01", "2028-02", "2028-03"]
    assert [due.local[:10] for due in works.dues("last")] == [
        "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30",
    ]  # fmt: skip


@pytest.mark.parametrize("back", [timedelta(minutes=10), HOUR, 20 * HOUR], ids=str)
def test_case_37_a_clock_that_is_set_back_repeats_nothing(works: Works, back: timedelta) -> None:
    works.configure(DAILY)

    with works.daemon(berlin(2026, 3, 2, 6)) as daemon:
        daemon.until(berlin(2026, 3, 2, 7, 40))
        daemon.step(-back)
        daemon.until(berlin(2026, 3, 2, 7, 45))
        assert works.periods("daily") == ["2026-03-01"]
        daemon.until(berlin(2026, 3, 3, 7, 31))
    with works.daemon(berlin(2026, 3, 3, 7)) as daemon:  # once more, and a restart on top
        daemon.until(berlin(2026, 3, 4, 7, 31))

    assert works.periods("daily") == ["2026-03-01", "2026-03-02", "2026-03-03"]


def test_case_37_a_clock_that_is_far_behind_stops_planning_and_is_told_of_within_a_tick(
    works: Works,
) -> None:
    works.configure(DAILY, ops=OPS)

    with works.daemon(berlin(2026, 3, 2, 6), tick=timedelta(seconds=30)) as daemon:
        daemon.until(berlin(2026, 3, 2, 7, 40))
        daemon.step(-30 * DAY)
        daemon.until(berlin(2026, 1, 31, 7, 41))
        (told,) = works.notices()
        daemon.step(30 * DAY)
        daemon.until(berlin(2026, 3, 2, 7, 43))

    assert "The clock says 2026-01-31 06:40 UTC, which is before 2026-03-02" in told
    assert works.periods("daily") == ["2026-03-01"]
    assert len(works.notices()) == 1


def test_case_37_telling_of_a_wrong_clock_does_not_make_it_believable(
    works: Works, capsys: pytest.CaptureFixture[str]
) -> None:
    config = works.configure(DAILY, ops=OPS)
    by_hand = utc("2026-03-02T06:00")
    works.now = lambda: by_hand
    assert run(capsys, "run", "daily", "--now", by_hand.isoformat(), "-c", str(config)).code == 0

    for day in (1, 2):
        with works.daemon(berlin(2026, 1, day, 6)) as daemon:
            daemon.until(berlin(2026, 1, day, 12))

    assert works.periods("daily") == ["2026-03-01"]
    assert len(works.notices()) == 1
    assert works.dues("daily") == []


def test_case_38_a_step_of_nine_days_sends_the_newest_period_and_tells_of_the_rest_once(
    works: Works,
) -> None:
    works.configure(DAILY | WEEKLY, ops=OPS)

    with works.daemon(berlin(2026, 3, 2, 12)) as daemon:
        daemon.step(9 * DAY)
        daemon.until(berlin(2026, 3, 12, 12))

    assert works.periods("daily") == ["2026-03-10", "2026-03-11"]
    assert works.periods("weekly") == ["2026-W10"]
    skipped = [due.period for due in works.dues("daily") if due.state == "skipped"]
    assert skipped == [f"2026-03-{day:02}" for day in range(2, 10)]
    (told,) = works.notices()
    assert "daily was not sent for 2026-03-02, … (6 more), 2026-03-09" in told


def test_case_39_a_clock_of_1970_plans_nothing_until_it_is_right(works: Works) -> None:
    works.configure(DAILY, ops=OPS)
    with works.daemon(berlin(2026, 3, 2, 6)) as daemon:
        daemon.until(berlin(2026, 3, 2, 7, 40))

    boot = utc("1970-01-01T00:00:07")
    with works.daemon(boot) as daemon:
        daemon.until(boot + 2 * DAY)
        assert works.periods("daily") == ["2026-03-01"]
        daemon.step(berlin(2026, 3, 3, 8) - daemon.times.now)
        daemon.until(berlin(2026, 3, 4, 12))

    assert works.periods("daily") == ["2026-03-01", "2026-03-02", "2026-03-03"]
    (told,) = works.notices()
    assert "The clock says 1970-01-01 00:00 UTC" in told


def test_case_39_a_first_start_in_1970_sends_no_history_once_the_clock_is_right(
    works: Works,
) -> None:
    works.configure(DAILY, ops=OPS)

    with works.daemon(utc("1970-01-01")) as daemon:
        daemon.until(utc("1970-01-02"))
        daemon.step(berlin(2026, 3, 2, 7, 35) - daemon.times.now)
        daemon.until(berlin(2026, 3, 3, 12))

    assert works.periods("daily") == ["2026-03-02"]
    assert len(works.notices()) == 1


@pytest.mark.parametrize("monotonic", [False, True], ids=["standing", "running"])
def test_case_40_after_a_suspension_what_is_due_starts_within_a_tick(
    works: Works, *, monotonic: bool
) -> None:
    works.configure(DAILY)
    tick = timedelta(seconds=30)

    with works.daemon(berlin(2026, 3, 2, 21, 55), tick=tick) as daemon:
        daemon.until(berlin(2026, 3, 2, 22))
        daemon.step(10 * HOUR)
        daemon.times.seconds += monotonic * 36_000
        resumed = daemon.times.now
        daemon.until(resumed + tick)

    (late,) = works.arrivals()
    assert late.period == "2026-03-02"
    assert late.at - resumed <= tick


def test_case_41_after_six_weeks_there_is_one_weekly_and_one_notice_of_the_others(
    works: Works,
) -> None:
    night = {"night": {"period": "day", "schedule": "every day 00:10"}}
    works.configure(DAILY | WEEKLY | night, ops=OPS)
    with works.daemon(berlin(2026, 1, 6, 12)) as daemon:
        daemon.until(berlin(2026, 1, 6, 13))

    with works.daemon(berlin(2026, 2, 17, 15, 30)) as daemon:
        daemon.until(berlin(2026, 2, 17, 23))

    assert works.periods("weekly") == ["2026-W07"]
    assert works.periods("daily") == ["2026-02-16"]
    assert works.periods("night") == [], "settled at 03:00, which was 12.5 hours ago"
    skipped = [due.period for due in works.dues("weekly") if due.state == "skipped"]
    assert skipped == ["2026-W02", "2026-W03", "2026-W04", "2026-W05", "2026-W06"]
    (told,) = works.notices()
    assert "weekly was not sent for 2026-W02, 2026-W03, 2026-W04, 2026-W05, 2026-W06" in told
    assert "night was not sent for 2026-01-06, … (40 more), 2026-02-16" in told
