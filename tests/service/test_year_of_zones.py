"""Daily at 02:30 and weekly on Monday at 00:00, in seven zones, for a year.

Once through the pure parts that decide what is due, with restarts at random instants, once through
the real daemon on the days round every change of the clocks. What should come is reckoned with
nothing but `zoneinfo`, in `tests/support/zones.py`.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import pytest
import yaml

from digest.core.agenda import Due, DueState, JobClock
from digest.core.periods import parse_period
from digest.service.accounting import due_now, opened
from digest.service.calendar import Calendar
from tests.support.configs import SMALL, config_of
from tests.support.zones import Expected, changes, differences, expected, jobs

if TYPE_CHECKING:
    from pathlib import Path

    from digest.config.models import Config

NEW_YEAR, NEXT = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@cache
def year() -> list[Expected]:
    return expected(NEW_YEAR, NEXT)


def config() -> Config:
    text = yaml.safe_load(SMALL)
    found = jobs({"files": ["board"]})
    text["digests"] = {name: {"app": "shop", **job} for name, job in found.items()}
    return config_of(yaml.safe_dump(text))


def walked(config: Config, chance: random.Random) -> list[Due]:
    """All that became due in the year, as the daemon's schedule finds it.

    It looks now and then, and in a third of the times it is down for up to eleven hours before.
    """
    known: dict[str, JobClock] = {}
    dues: dict[tuple[str, str], Due] = {}
    now, calendar = NEW_YEAR, Calendar(config, {})
    while now < NEXT + 12 * HOUR:
        if not known or chance.random() < 1 / 3:
            accounts = opened(
                config, known, now, last_period=lambda _job: None, was_planned=lambda *_run: False
            )
            assert not accounts.dues
            known = accounts.clocks
            calendar = Calendar(config, known)
        for job in calendar.take(now):
            found = calendar.next_of(job)
            assert found is not None
            until = max(now, found.due_at)
            digest = config.digests[job]
            lateness = 12 * HOUR if digest.period == "day" else 72 * HOUR
            known[job], more = due_now(
                digest, known[job], now, until=until, lateness=lateness,
                was_planned=lambda *_run: False,
            )  # fmt: skip
            calendar.put(known[job])
            for due in more:
                assert (due.job, due.period) not in dues, "a period is due once"
                dues[due.job, due.period] = due
        soonest = calendar.soonest
        pause = timedelta(minutes=chance.randrange(1, 660))
        now = now + pause if chance.random() < 0.5 or soonest is None else max(soonest, now)
    return sorted(dues.values(), key=lambda due: (due.due_at, due.job))


def test_in_a_year_each_local_date_and_each_week_comes_once_however_often_it_restarts() -> None:
    seed = random.randrange(2**32)  # pytest-randomly prints what this comes from
    found = [due for due in walked(config(), random.Random(seed)) if due.due_at <= NEXT]

    assert {due.state for due in found} == {DueState.WAITING}
    assert [
        Expected(
            due_at=due.due_at,
            job=due.job,
            period=due.period,
            first=parse_period(due.period).start,
            last=parse_period(due.period).last_day,
        )
        for due in found
    ] == year()


def test_the_reckoning_has_every_date_and_every_week() -> None:
    assert len(year()) == 7 * 365 + 7 * 52
    assert len({(one.job, one.period) for one in year()}) == len(year())
    assert len(changes(2026)) == 10


def windows() -> list[tuple[datetime, datetime]]:
    """From the day before a change to two days after it: for most, Saturday to Monday."""
    found: list[tuple[datetime, datetime]] = []
    for change in changes(2026):
        day = datetime(change.year, change.month, change.day, tzinfo=UTC)
        start, end = day - 15 * HOUR, day + DAY + 16 * HOUR
        if found and start <= found[-1][1]:
            start = found.pop()[0]
        found.append((start, end))
    return found


@pytest.mark.parametrize("window", windows(), ids=lambda window: f"{window[0]:%d %b}")
def test_the_daemon_sends_round_each_change_what_is_due_and_nothing_else(
    tmp_path: Path, window: tuple[datetime, datetime]
) -> None:
    start, end = window
    assert len([one for one in expected(start, end) if one.sent_at <= end]) >= 14

    assert differences(tmp_path, start, end) == []
