"""Times and counts in words, the verdict, and which jobs come first."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from digest.web import words
from digest.web.choosing import Wish, choose
from digest.web.verdict import Tone, verdict
from tests.support.standings import NOW, bad_day, empty_start, good_day, watched_day

if TYPE_CHECKING:
    from digest.web.standing import Standing

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("instant", "said"),
    [
        ("2026-11-24T07:00Z", "today 08:00"),
        ("2026-11-24T23:00Z", "tomorrow 00:00"),
        ("2026-11-22T23:00Z", "yesterday 00:00"),
        ("2026-11-30T07:00Z", "Mon 30 Nov 08:00"),
        ("2026-10-25T01:30Z", "Sun 25 Oct 02:30"),
        ("2025-11-24T07:00Z", "24 Nov 2025 08:00"),
        ("2028-02-29T07:00Z", "29 Feb 2028 08:00"),
    ],
)
def test_an_instant_is_said_as_people_say_it(instant: str, said: str) -> None:
    assert words.when(datetime.fromisoformat(instant), NOW, BERLIN) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "0 seconds"),
        (1, "1 second"),
        (119, "119 seconds"),
        (120, "2 minutes"),
        (3569, "59 minutes"),
        (3599, "1 hour"),
        (5400, "2 hours"),
        (84599, "23 hours"),
        (84600, "1 day"),
        (86400 * 12.2, "12 days"),
        (86400 * 4000, "4,000 days"),
    ],
)
def test_a_span_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    assert words.span(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("late", "said"), [(None, ""), (0, "on time"), (59, "on time"), (720, "12 minutes late")]
)
def test_lateness(late: int | None, said: str) -> None:
    assert words.lateness(None if late is None else timedelta(seconds=late)) == said


def test_distances_point_both_ways() -> None:
    assert words.distance(NOW + timedelta(hours=3), NOW) == "in 3 hours"
    assert words.distance(NOW - timedelta(hours=3), NOW) == "3 hours ago"
    assert words.distance(NOW, NOW) == "now"


def test_another_zone_s_time_is_never_called_today() -> None:
    at = datetime(2026, 11, 24, 23, 0, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert words.own_time(at, NOW, BERLIN) == "Tue 24 Nov 23:00"
    assert words.own_time(at.astimezone(BERLIN), NOW, BERLIN) == "today 15:00"


def test_utc_names_its_day_where_it_is_another() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    assert words.in_utc(datetime(2026, 11, 25, 7, 30, tzinfo=tokyo)) == "Tue 22:30 UTC"
    assert words.in_utc(datetime(2026, 11, 25, 9, 30, tzinfo=tokyo)) == "00:30 UTC"


@pytest.mark.parametrize(
    ("standing", "tone", "sentence"),
    [
        (good_day(), Tone.GOOD, "All is well: next is tokyo-daily, today 23:30"),
        (bad_day(), Tone.BAD, "5 things need you"),
        (
            replace(good_day(), needs=bad_day().needs[:1]),
            Tone.BAD,
            "1 thing needs you",
        ),
        (
            watched_day(),
            Tone.WATCH,
            "Nothing needs you; 2 troubles to keep an eye on",
        ),
        (replace(good_day(), jobs=()), Tone.WATCH, "No digest is configured yet"),
        (
            replace(good_day(), running=bad_day().running),
            Tone.GOOD,
            "All is well: daily-slack is on its way",
        ),
        (
            replace(good_day(), running=bad_day().running * 3),
            Tone.GOOD,
            "All is well: 3 digests are on their way",
        ),
        (
            replace(empty_start(), jobs=(replace(empty_start().jobs[0], enabled=False),)),
            Tone.GOOD,
            "All is well: nothing is scheduled",
        ),
    ],
)
def test_the_verdict_is_one_sentence(standing: Standing, tone: Tone, sentence: str) -> None:
    judged = verdict(standing)
    assert (judged.tone, judged.sentence) == (tone, sentence)


def test_jobs_in_trouble_come_first_then_by_time_and_those_switched_off_last() -> None:
    chosen = choose(bad_day(), Wish())
    assert [job.name for job in chosen.jobs] == [
        "tokyo-daily",
        "monday-email",
        "daily-slack",
        "board-monthly",
        "campaign-2026",
    ]
    assert chosen.more == 0
