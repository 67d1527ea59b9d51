"""The sample rows have what the demo and its readers look for."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from digest.sandbox.dates import micros
from digest.sandbox.flavour import SECOND, Flavour
from digest.sandbox.sample import APP_ID, landmarks, sample_rows
from digest.sandbox.server import PhaseSandbox

if TYPE_CHECKING:
    from datetime import date

    from digest.sandbox.rows import Rows, Session

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def rows() -> Rows:
    return sample_rows(NOW)


def day(instant: int) -> date:
    return (EPOCH + timedelta(microseconds=instant)).date()


def counted(rows: Rows) -> list[Session]:
    return [s for s in rows.sessions if s.last_activity_at - s.started_at >= 5 * SECOND]


def per_day(rows: Rows) -> Counter[date]:
    return Counter(day(session.started_at) for session in counted(rows))


def bounce_rate(rows: Rows, on: date) -> float:
    lengths = [s.last_activity_at - s.started_at for s in counted(rows) if day(s.started_at) == on]
    return 100 * sum(length < 20 * SECOND for length in lengths) / len(lengths)


def test_the_same_time_gives_the_same_rows(rows: Rows) -> None:
    assert sample_rows(NOW) == rows
    assert sample_rows(NOW + timedelta(days=1)) != rows


def test_it_is_some_ninety_days_of_sensible_size(rows: Rows) -> None:
    assert len(per_day(rows)) in range(88, 92)
    assert len(rows.devices) in range(300, 800)
    assert len(rows.sessions) in range(2_000, 8_000)


def test_nothing_is_later_than_now(rows: Rows) -> None:
    now = micros(NOW)
    assert max(session.last_activity_at for session in rows.sessions) < now
    assert max(event.at for event in rows.events) < now
    assert max(device.first_seen for device in rows.devices) < now


def test_nobody_does_anything_before_being_seen(rows: Rows) -> None:
    seen = {device.device_id: device.first_seen for device in rows.devices}
    assert all(session.started_at >= seen[session.device_id] for session in rows.sessions)
    assert all(event.at >= seen[event.device_id] for event in rows.events)


def test_there_is_a_weekly_rhythm_and_growth(rows: Rows) -> None:
    found = per_day(rows)
    marks = landmarks(NOW)
    usual = [d for d in found if d not in {marks.today, marks.silent}]
    weekdays = [found[d] for d in usual if d.weekday() < 5]
    weekends = [found[d] for d in usual if d.weekday() >= 5]
    assert sum(weekends) / len(weekends) < 0.8 * sum(weekdays) / len(weekdays)
    weeks = [
        sum(found[marks.movers_from - timedelta(days=7 * back - n)] for n in range(7))
        for back in (11, 0)
    ]
    assert weeks[1] > 1.3 * weeks[0]


@pytest.mark.parametrize("weekday", range(7))
def test_the_spike_is_in_the_last_complete_week_and_the_silence_before(weekday: int) -> None:
    now = NOW + timedelta(days=weekday)
    marks = landmarks(now)
    found = sample_rows(now)
    last_monday = now.date() - timedelta(days=7 + weekday)
    assert last_monday <= marks.spike < last_monday + timedelta(days=7)
    assert marks.silent < last_monday - timedelta(days=7)
    assert bounce_rate(found, marks.spike) > 60
    assert bounce_rate(found, marks.spike - timedelta(days=1)) < 30
    assert per_day(found)[marks.silent] == 0
    assert min(n for d, n in per_day(found).items() if d != marks.today) > 10


def test_just_after_a_week_the_spike_is_in_the_week_that_has_settled() -> None:
    monday = NOW.replace(hour=1)
    spikes = landmarks(monday).spike, landmarks(monday + timedelta(hours=1)).spike
    assert spikes[0] + timedelta(days=7) == spikes[1]


def test_countries_events_and_screens_are_many_and_some_move(rows: Rows) -> None:
    places = {device.device_id: device.country for device in rows.devices}
    assert None in places.values()
    assert len({device.city for device in rows.devices}) > 8
    assert {device.platform for device in rows.devices} == {"ios", "android", None}
    moved = micros(datetime.combine(landmarks(NOW).movers_from, datetime.min.time(), UTC))
    week = timedelta(days=7) // timedelta(microseconds=1)
    before, after = (
        Counter(places[s.device_id] for s in rows.sessions if start <= s.started_at < start + week)
        for start in (moved - week, moved)
    )
    assert after["BR"] > 1.5 * before["BR"]
    assert after["FR"] < 0.7 * before["FR"]
    names = Counter(event.name for event in rows.events if not event.is_screen)
    screens = Counter(event.name for event in rows.events if event.is_screen)
    assert (len(names), len(screens)) == (12, 8)


def test_it_is_made_and_served_in_no_time() -> None:
    begun = time.process_time()
    with PhaseSandbox(sample_rows(NOW), api=Flavour.CURRENT, clock=lambda: NOW) as box:
        assert box.app_id == APP_ID
    assert time.process_time() - begun < 1.5
