"""What the coming digests ask, when that starts, and what can't be in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING

import pytest

from digest.app.forecast import (
    Coming,
    busy_waves,
    demands,
    outlook,
    pace_of,
    server_of,
    waves,
)
from digest.app.forecast_text import crowding, in_words
from digest.config.schedule import fires_until
from digest.core.pacing import starts
from tests.support.configs import config_of

if TYPE_CHECKING:
    from digest.config.models import Config

FRIDAY = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FILES = "channels: {files: {type: folder, path: out}}"


def config(*groups: tuple[int, str], per_minute: int = 200, servers: int = 1) -> Config:
    """A config with `n` apps for each `(n, digest)`, on so many servers in turn."""
    number = count()
    apps, digests = [], []
    for many, digest in groups:
        for _ in range(many):
            n = next(number)
            apps.append(
                f"  a{n}: {{app_id: '{n}', api_key: k, base_url: 'https://h{n % servers}/v1'}}"
            )
            digests.append(f"  d{n}: {{app: a{n}, to: {{files: .}}, {digest}}}")
    head = [f"limits: {{requests_per_minute: {per_minute}}}", FILES]
    return config_of("\n".join([*head, "apps:", *apps, "digests:", *digests]))


WEEKLY = "period: week, schedule: mon 09:00"


def test_a_thousand_apps_on_monday_read_as_one_line() -> None:
    many = config((1000, f"{WEEKLY}, breakdowns: [], metrics: [sessions]"))
    (wave,) = outlook(many, FRIDAY, 1).next
    assert in_words(wave, many) == (
        "Mon 30 Nov 09:00 (UTC): 1,000 digests of 1,000 apps, 1,000 requests (1 an app), "
        "5 min at 200 a minute; fetching starts 08:54"
    )


def test_each_server_has_its_own_line() -> None:
    many = config((40, WEEKLY), servers=2)
    found = outlook(many, FRIDAY, 1).next
    assert [(wave.server, wave.requests) for wave in found] == [
        ("https://h0", 280),
        ("https://h1", 280),
    ]
    assert in_words(found[0], many).startswith("Mon 30 Nov 09:00 (UTC, h0): 20 digests")


def test_only_the_earliest_due_time_is_next() -> None:
    many = config((2, WEEKLY), (3, "period: day, schedule: every day 10:00"))
    (wave,) = outlook(many, FRIDAY, 1).next
    assert (wave.due_at, wave.digests) == (datetime(2026, 11, 28, 10, tzinfo=UTC), 3)


def test_a_wave_before_another_makes_room_for_it() -> None:
    many = config((100, WEEKLY), (100, "period: week, schedule: mon 08:58"))
    first, second = sorted(busy_waves(many, FRIDAY), key=lambda wave: wave.due_at)[:2]
    assert (first.late, second.late) == ((), ())
    assert second.start_at == second.due_at - 7 * MINUTE * 1.1 - timedelta(seconds=2)
    assert first.start_at < second.start_at - 6 * MINUTE


def test_a_period_that_is_fired_for_twice_is_fetched_once() -> None:
    (job,) = config((1, "period: week, schedule: every day 09:00")).digests.values()
    daily = config((1, "period: week, schedule: every day 09:00"))
    (fires,) = fires_until([job], MONDAY, MONDAY + timedelta(days=8))
    coming = [
        Coming(name=job.name, job=job, period=fire.period, due_at=fire.utc, ready_at=fire.ready_at)
        for fire in fires
    ]
    assert len(coming) == 8
    assert [one.due_at.day for one in demands(daily, coming)] == [30, 7]


def test_of_digests_that_share_the_first_one_asks() -> None:
    text = """
apps: {shop: {app_id: "1", api_key: k}}
channels: {files: {type: folder, path: out}}
digests:
  later: {app: shop, period: week, schedule: mon 10:00, to: {files: .}}
  first: {app: shop, period: week, schedule: mon 09:00, to: {files: .}}
  other: {app: shop, period: week, baseline: year, schedule: mon 11:00, to: {files: .}}
"""
    shared = config_of(text)
    found = outlook(shared, FRIDAY, 1)
    assert found.requests == (14, 14, 21), "each says what it would ask by itself"
    jobs = list(shared.digests.values())
    fires = fires_until(jobs, FRIDAY, MONDAY + timedelta(hours=20))
    coming = [
        Coming(name=job.name, job=job, period=fire.period, due_at=fire.utc, ready_at=fire.ready_at)
        for job, own in zip(jobs, fires, strict=True)
        for fire in own
    ]
    needed = demands(shared, coming)
    assert [(one.name, one.requests) for one in needed] == [
        ("first", 14),
        ("later", 0),
        ("other", 17),
    ]
    planned = starts(needed, pace_of(shared))
    assert [wave.requests for wave in waves(needed, planned)] == [14, 0, 17]


def test_what_is_late_is_named_with_how_late_and_what_helps() -> None:
    many = config((300, "period: week, schedule: mon 02:00"))
    known, warnings = crowding(many, FRIDAY)
    assert known == []
    assert len(warnings) == 1, "the same a week later is not worth a word"
    assert warnings[0].startswith(
        "Mon 30 Nov 02:00 (UTC): 287 of 300 digests will be late (d299 by 22 min, d298 by 21 min, "
        "d297 by 21 min, …): 4,200 requests take 21 min at 200 a minute and can begin at 02:00; "
        "with what else is due they are there at 02:21; spread the schedules, raise "
        "limits.requests_per_minute (at most 300) or show fewer breakdowns"
    )


def test_a_thousand_digests_of_one_app_are_fetched_at_once_but_must_be_built() -> None:
    shared = "\n".join(
        ['apps: {shop: {app_id: "1", api_key: k}}', FILES, "digests:"]
        + [f"  d{n}: {{app: shop, to: {{files: .}}, {WEEKLY}}}" for n in range(1000)]
    )
    (wave,) = outlook(config_of(shared), FRIDAY, 1).next
    assert wave.requests == 14
    assert wave.start_at == wave.due_at - timedelta(seconds=1000 * 0.2 * 1.1 + 2)


def test_where_the_limit_is_already_the_highest_it_is_not_advised_to_raise_it() -> None:
    many = config((300, "period: week, schedule: mon 02:00"), per_minute=300)
    _, warnings = crowding(many, FRIDAY)
    assert warnings[0].endswith("; spread the schedules or show fewer breakdowns")


def test_waiting_for_the_numbers_is_not_being_late() -> None:
    assert crowding(config((10, "period: week, schedule: mon 00:10")), FRIDAY) == ([], [])


def test_the_same_digests_spread_over_the_hour_are_in_time() -> None:
    spread = [(60, f"period: week, schedule: mon 0{2 + n // 4}:{n % 4 * 15:02}") for n in range(5)]
    known, warnings = crowding(config(*spread), FRIDAY)
    assert warnings[0].startswith("Mon 30 Nov 02:00"), "the first can't begin before it"
    assert all("of 60 digests" in sentence for sentence in warnings)
    later = [(60, digest) for _, digest in spread[1:]]
    known, warnings = crowding(config(*later), FRIDAY)
    assert warnings == []
    assert len(known) == 1


def test_a_busy_first_of_the_month_is_looked_at_too() -> None:
    many = config(
        (20, "period: day, schedule: every day 09:00"),
        (300, "period: month, schedule: 1st 02:00"),
    )
    assert "Fri 1 Jan 02:00" in crowding(many, datetime(2026, 12, 5, tzinfo=UTC))[1][0]


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("https://api.phase.sh/public-api/v1", "https://api.phase.sh"),
        ("https://API.phase.sh/v2", "https://api.phase.sh"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000"),
    ],
)
def test_the_limit_is_the_servers(url: str, server: str) -> None:
    assert server_of(url) == server
