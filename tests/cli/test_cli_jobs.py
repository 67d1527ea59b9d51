"""`digest jobs`: when each digest fires, and what it will cover."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.cli import config_of, write_config
from tests.support.commands import NOW

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.cli import Terminal


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
