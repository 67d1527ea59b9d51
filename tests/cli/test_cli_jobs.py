"""`digest jobs`: when each digest fires, and what it will cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cli import config_of, write_config
from tests.support.commands import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli import Terminal
    from tests.support.commands import Done


def fires(terminal: Terminal, folder: Path, digest: dict[str, Any], *options: str) -> Any:
    """What `jobs --json` says of one digest."""
    config = config_of("http://127.0.0.1:9")
    config["digests"] = {"it": {"app": "shop", "to": {"files": "."}} | digest}
    write_config(folder, config)
    said = terminal("jobs", "--json", *options)
    assert (said.code, said.err) == (0, "")
    (job,) = said.json
    return job


def test_jobs_have_their_next_times_and_the_period_of_each(
    terminal: Terminal, tmp_path: Path
) -> None:
    weekly = {"period": "week", "schedule": "mon 08:00"}
    job = fires(terminal, tmp_path, weekly, "--next", "2", "--now", NOW)
    assert {key: job[key] for key in ("name", "kind", "schedule", "timezone")} == {
        "name": "it",
        "kind": "digest",
        "schedule": "mon 08:00",
        "timezone": "Europe/Berlin",
    }
    assert [{key: fire[key] for key in ("local", "utc", "period")} for fire in job["next"]] == [
        {
            "local": "2026-11-23T08:00:00+01:00",
            "utc": "2026-11-23T07:00:00Z",
            "period": "2026-W47",
        },
        {
            "local": "2026-11-30T08:00:00+01:00",
            "utc": "2026-11-30T07:00:00Z",
            "period": "2026-W48",
        },
    ]


@pytest.mark.parametrize(
    ("schedule", "now", "local"),
    [
        ("every day 02:30", "2026-03-28T12:00:00Z", "2026-03-29T03:00:00+02:00"),
        ("every day 02:30", "2026-10-24T12:00:00Z", "2026-10-25T02:30:00+02:00"),
        ("every day 08:00", "2026-10-25T00:00:00Z", "2026-10-25T08:00:00+01:00"),
        ("0 8 * * 7", "2026-11-20T00:00:00Z", "2026-11-22T08:00:00+01:00"),
    ],
    ids=["an hour that is skipped", "an hour that comes twice", "after it", "cron's Sunday"],
)
def test_times_of_day_hold_through_daylight_saving(
    terminal: Terminal, tmp_path: Path, schedule: str, now: str, local: str
) -> None:
    daily = {"period": "day", "schedule": schedule}
    (fire,) = fires(terminal, tmp_path, daily, "--now", now)["next"]
    assert fire["local"] == local


def test_each_local_day_fires_once_in_the_weeks_of_the_change(
    terminal: Terminal, tmp_path: Path
) -> None:
    daily = {"period": "day", "schedule": "every day 02:30"}
    options = ("--next", "5", "--now", "2026-10-23T12:00:00Z")
    times = fires(terminal, tmp_path, daily, *options)["next"]
    assert [fire["period"] for fire in times] == [f"2026-10-{day}" for day in range(23, 28)]


def test_a_digest_that_is_switched_off_has_no_next_time(terminal: Terminal, tmp_path: Path) -> None:
    off = {"period": "week", "schedule": "mon 08:00", "enabled": False}
    job = fires(terminal, tmp_path, off, "--now", NOW)
    assert (job["enabled"], job["next"]) == (False, [])
    assert "switched off" in terminal("jobs").out


def test_a_fire_before_the_period_is_over_says_until_when_it_waits(
    terminal: Terminal, tmp_path: Path
) -> None:
    early = {"period": "day", "schedule": "every day 00:10"}
    (fire,) = fires(terminal, tmp_path, early, "--now", NOW)["next"]
    assert fire["utc"] == "2026-11-23T23:10:00Z"
    assert (fire["period"], fire["ready_at"]) == ("2026-11-23", "2026-11-24T02:00:00Z")
    assert "waits until 2026-11-24T02:00:00Z" in terminal("jobs", "--now", NOW).out
    assert "digests.it: at 00:10" in terminal("check").err


def test_the_plain_list_has_a_line_for_each_time(terminal: Terminal, tmp_path: Path) -> None:
    write_config(tmp_path, config_of("http://127.0.0.1:9"))
    said = terminal("jobs", "--next", "3", "--now", NOW)
    assert said.code == 0
    assert said.out.count("  covers 2026-W") == 3 * 4, "three times of four weekly digests"
    assert said.out.count("  covers 2026-11-2") == 3
    assert "2026-11-23T08:00:00+01:00  2026-11-23T07:00:00Z  covers 2026-W47" in said.out


def test_local_days_that_are_skipped_have_no_fire(terminal: Terminal, tmp_path: Path) -> None:
    holidays = ["2026-11-23", "2026-11-25"]
    daily = {"period": "day", "schedule": "mon-fri 09:00", "skip_dates": holidays}
    times = fires(terminal, tmp_path, daily, "--next", "3", "--now", NOW)["next"]
    assert [fire["local"][:10] for fire in times] == ["2026-11-24", "2026-11-26", "2026-11-27"]


def test_each_digest_says_how_much_it_asks_and_when_it_is_fetched(
    terminal: Terminal, tmp_path: Path
) -> None:
    weekly = {"period": "week", "schedule": "mon 08:00"}
    job = fires(terminal, tmp_path, weekly, "--now", NOW)
    assert (job["requests"], job["fetch_at"]) == (14, "2026-11-23T06:59:42Z")
    off = fires(terminal, tmp_path, weekly | {"enabled": False}, "--now", NOW)
    assert (off["requests"], off["fetch_at"]) == (None, None)


def test_a_digest_that_waits_is_fetched_when_its_numbers_are_there(
    terminal: Terminal, tmp_path: Path
) -> None:
    early = {"period": "day", "schedule": "every day 00:10"}
    job = fires(terminal, tmp_path, early, "--now", NOW)
    assert job["fetch_at"] == job["next"][0]["ready_at"] == "2026-11-24T02:00:00Z"


def many(folder: Path, count: int, **digest: Any) -> None:
    """A config of so many apps, each with one digest."""
    config = config_of("http://127.0.0.1:9")
    shop = config["apps"]["shop"]
    weekly = {"period": "week", "schedule": "mon 09:00", "to": {"files": "."}} | digest
    write_config(
        folder,
        config
        | {"apps": {f"app{n}": {**shop, "app_id": str(n)} for n in range(count)}}
        | {"digests": {f"d{n}": {"app": f"app{n}", **weekly} for n in range(count)}},
    )


def last_line(said: Done) -> str:
    return said.out.splitlines()[-1]


def test_below_the_list_stands_the_plan_for_what_comes_next(
    terminal: Terminal, tmp_path: Path
) -> None:
    many(tmp_path, 100)
    assert last_line(terminal("jobs", "--now", NOW)) == (
        "next: Mon 23 Nov 09:00 (Europe/Berlin): 100 digests of 100 apps, 1,400 requests "
        "(14 an app), 7 min at 200 a minute; fetching starts 08:52"
    )


def test_the_plan_counts_what_digests_of_an_app_share_once(
    terminal: Terminal, tmp_path: Path
) -> None:
    write_config(tmp_path, config_of("http://127.0.0.1:9"))
    assert last_line(terminal("jobs", "--now", NOW)) == (
        "next: Mon 23 Nov 08:00 (Europe/Berlin): 4 digests of 1 app, 14 requests, "
        "5 s at 200 a minute; fetching starts 07:59:42"
    )


def test_check_says_nothing_of_the_limit_where_it_makes_no_difference(
    terminal: Terminal, tmp_path: Path
) -> None:
    many(tmp_path, 10)
    said = terminal("check")
    assert (said.code, said.out, said.err) == (0, "OK\n", "")


def test_check_says_how_long_fetching_takes_where_that_is_minutes(
    terminal: Terminal, tmp_path: Path
) -> None:
    many(tmp_path, 100)
    said = terminal("check")
    assert (said.code, said.out) == (0, "OK\n")
    assert said.err.startswith("busiest: Mon ")
    assert "100 digests of 100 apps, 1,400 requests (14 an app), 7 min at 200" in said.err


def test_check_warns_of_digests_that_can_not_be_in_time(terminal: Terminal, tmp_path: Path) -> None:
    many(tmp_path, 100, schedule={"at": "mon 02:00", "timezone": "UTC"})
    said = terminal("check")
    assert (said.code, said.out) == (0, "OK\n")
    (warning,) = said.err.splitlines()
    assert warning.startswith("warning: Mon ")
    assert "of 100 digests will be late (d99 by 8 min, d98 by 7 min, d97 by 7 min, …)" in warning
    assert "raise limits.requests_per_minute (at most 300)" in warning
