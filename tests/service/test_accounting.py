"""What the ledger accounts for: new jobs, edited ones, gone ones, and what became due since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from digest.config.occasions import schedule_key
from digest.core.agenda import Due, JobClock
from digest.service.accounting import Accounts, due_now, opened
from tests.support.configs import SMALL, config_of

if TYPE_CHECKING:
    from digest.config.models import Config

HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def config(**jobs: dict[str, Any]) -> Config:
    """Digests whose zone is UTC, so that the tables read easily."""
    text = yaml.safe_load(SMALL) | {"timezone": "UTC"}
    usual = {"app": "shop", "period": "day", "schedule": "every day 07:30", "to": {"files": ["x"]}}
    text["digests"] = {name: usual | job for name, job in jobs.items()}
    return config_of(yaml.safe_dump(text))


def clocks(of: Config, since: str) -> dict[str, JobClock]:
    return {
        name: JobClock(job=name, since=utc(since), schedule=schedule_key(digest))
        for name, digest in of.digests.items()
    }


def open_at(
    now: str,
    of: Config,
    known: dict[str, JobClock],
    *,
    last: str | None = None,
    planned: tuple[str, ...] = (),
) -> Accounts:
    return opened(
        of,
        known,
        utc(now),
        last_period=lambda _job: last,
        was_planned=lambda _job, period: period in planned,
    )


def now_due(
    of: Config, since: str, now: str, *, until: str = "", planned: tuple[str, ...] = ()
) -> tuple[JobClock, list[Due]]:
    return due_now(
        of.digests["daily"],
        clocks(of, since)["daily"],
        utc(now),
        until=utc(until or now),
        lateness=12 * HOUR,
        was_planned=lambda _job, period: period in planned,
    )


def states(dues: list[Due]) -> list[tuple[str, str]]:
    return [(due.period, due.state) for due in dues]


def test_a_new_job_begins_now_and_nothing_of_the_past_is_due() -> None:
    jobs = config(daily={})

    accounts = open_at("2026-03-10T12:00", jobs, {}, last="2026-03-01")

    assert accounts.clocks == clocks(jobs, "2026-03-10T12:00")
    assert accounts.changed == list(accounts.clocks.values())
    assert accounts.dues == []


def test_a_job_that_did_not_change_goes_on_where_it_stood() -> None:
    jobs = config(daily={})
    known = clocks(jobs, "2026-03-01T23:59:59.999999")

    accounts = open_at("2026-03-10T12:00", jobs, known, last="2026-02-28")

    assert accounts == Accounts(clocks=known)


@pytest.mark.parametrize("new", [config(), config(daily={"enabled": False})], ids=["gone", "off"])
def test_a_job_that_is_gone_or_switched_off_is_forgotten(new: Config) -> None:
    known = clocks(config(daily={}), "2026-03-01")

    assert open_at("2026-03-10T12:00", new, known) == Accounts(clocks={}, gone=["daily"])


@pytest.mark.parametrize(
    ("schedule", "left_out"),
    [
        pytest.param("every day 14:00", [], id="the same period once more"),
        pytest.param("every day 06:00", [], id="the next period tomorrow"),
        pytest.param({"at": "every day 07:30", "timezone": "Asia/Tokyo"}, [], id="another zone"),
        pytest.param("mon 07:30", ["2026-03-10", "2026-03-11", "2026-03-12", "2026-03-13",
                                   "2026-03-14"], id="only on Mondays"),
    ],
)  # fmt: skip
def test_an_edited_schedule_begins_now_and_what_neither_covers_is_left_out(
    schedule: object, left_out: list[str]
) -> None:
    known = clocks(config(daily={}), "2026-03-10T23:59:59.999999")
    edited = config(daily={"schedule": schedule})

    accounts = open_at("2026-03-10T12:00", edited, known, last="2026-03-09")

    assert accounts.clocks["daily"].since == utc("2026-03-10T12:00")
    assert sorted(states(accounts.dues)) == [(day, "skipped") for day in left_out]
    assert {due.reason for due in accounts.dues} <= {
        "the schedule was changed, and no due time covers it any more"
    }


def test_what_was_sent_by_hand_is_not_left_out_by_an_edit() -> None:
    known = clocks(config(daily={"schedule": "every day 23:30"}), "2026-03-09T23:59:59.999999")

    accounts = open_at(
        "2026-03-10T12:00", config(daily={}), known, last="2026-03-08", planned=("2026-03-09",)
    )

    assert accounts.dues == []


def test_another_kind_of_period_leaves_nothing_out() -> None:
    known = clocks(config(daily={}), "2026-03-09T23:59:59.999999")
    weekly = config(daily={"period": "week", "schedule": "mon 08:00"})

    assert open_at("2026-03-10T12:00", weekly, known, last="2026-03-08").dues == []


def test_a_gap_of_years_is_told_of_by_its_last_two_months() -> None:
    known = clocks(config(daily={"schedule": "every day 23:30"}), "2020-01-01T23:59:59.999999")

    accounts = open_at("2026-03-10T12:00", config(daily={}), known, last="2019-12-31")

    assert len(accounts.dues) == 60


def test_a_clock_at_an_end_of_day_is_put_right_when_the_zone_data_changed() -> None:
    helsinki = {"at": "mon 00:00", "timezone": "Europe/Helsinki"}
    jobs = config(weekly={"period": "week", "schedule": helsinki})
    by_older_data = clocks(jobs, "2026-03-08T22:59:59.999999")

    accounts = open_at("2026-03-05T12:00", jobs, by_older_data, last="2026-W08")

    assert accounts.clocks == clocks(jobs, "2026-03-08T21:59:59.999999")
    assert accounts.changed == list(accounts.clocks.values())
    assert accounts.dues == []


def test_what_is_due_moves_the_clock_to_the_end_of_the_day_that_covers_it() -> None:
    clock, dues = now_due(config(daily={}), "2026-03-09T12:00", "2026-03-10T07:30")

    assert states(dues) == [("2026-03-09", "waiting")]
    assert (dues[0].due_at, dues[0].deadline) == (utc("2026-03-10T07:30"), utc("2026-03-10T19:30"))
    assert clock.since == utc("2026-03-10T23:59:59.999999")


def test_a_second_time_for_the_same_period_makes_nothing_due() -> None:
    jobs = config(daily={"schedule": "every hour"})
    clock, dues = now_due(jobs, "2026-03-09T23:59", "2026-03-10T05:20")

    assert states(dues) == [("2026-03-09", "waiting")]
    assert now_due(jobs, clock.since.isoformat()[:-6], "2026-03-10T23:00")[1] == []


@pytest.mark.parametrize("now", ["2026-03-10T06:00", "2026-03-09T12:00", "2026-01-01T00:00"])
def test_before_the_next_time_nothing_is_due_also_by_a_clock_that_was_set_back(now: str) -> None:
    jobs = config(daily={})

    assert now_due(jobs, "2026-03-10T00:00", now) == (clocks(jobs, "2026-03-10T00:00")["daily"], [])


def test_what_is_to_be_fetched_ahead_of_its_time_is_noted_with_that_time() -> None:
    clock, dues = now_due(
        config(daily={}), "2026-03-10T00:00", "2026-03-10T07:29", until="2026-03-10T07:30"
    )

    assert states(dues) == [("2026-03-09", "waiting")]
    assert dues[0].due_at == utc("2026-03-10T07:30")
    assert clock.since == utc("2026-03-10T23:59:59.999999")


def test_what_was_missed_but_sent_by_hand_counts_as_planned() -> None:
    _, dues = now_due(
        config(daily={}), "2026-03-07T00:00", "2026-03-10T08:00", planned=("2026-03-07",)
    )

    assert states(dues) == [
        ("2026-03-06", "skipped"),
        ("2026-03-07", "planned"),
        ("2026-03-08", "skipped"),
        ("2026-03-09", "waiting"),
    ]
