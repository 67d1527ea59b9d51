"""Some days of the soak, and that its oracle would notice what it is there to notice."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryState
from tests.lab.runner import ForkServer
from tests.soak import tally
from tests.soak.clock import SharedClock
from tests.soak.expected import Expected
from tests.soak.growth import Growth
from tests.soak.history import FOREVER, Era, History, Spell, Up
from tests.soak.jobs import Job, Kind, occasions
from tests.soak.oracle import Evidence, examine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DAYS, KILLS = 7, 6
MARCH = datetime(2026, 3, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = Job(name="daily", at=time(8), zone="UTC")


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tally.Year]:
    with ForkServer("tests.soak.forkserver") as starter:
        folder = tmp_path_factory.mktemp("soak")
        yield tally.year(folder, starter, days=DAYS, kills=KILLS, seed=4)


def test_a_disturbed_week_sends_every_period_once_and_none_is_missing(year: tally.Year) -> None:
    assert year.findings.violations == []
    counts, events = year.findings.counts, year.events
    assert counts["without an excuse"] >= DAYS
    assert counts["sent"] >= counts["without an excuse"]
    assert min(events[what] for what in ("kills", "stops", "steps", "reloads", "outages")) >= 1


def without_a_day(left: Evidence) -> Evidence:
    kept = [due for due in left.dues if (due.job, due.period) != ("berlin", "2026-01-03")]
    return replace(left, dues=kept)


def untold(left: Evidence) -> Evidence:
    first, *rest = left.dues
    return replace(left, dues=[replace(first, state="skipped", reported=False), *rest])


def twice(left: Evidence) -> Evidence:
    extra = [entry for entry in left.journal if entry["kind"] == "mail"]
    return replace(left, journal=[*left.journal, *extra])


def given_up(left: Evidence) -> Evidence:
    rows = tuple(replace(row, state=DeliveryState.DEAD) for row in left.books.rows)
    return replace(left, books=replace(left.books, rows=rows))


def too_early(left: Evidence) -> Evidence:
    return replace(left, journal=[shifted(entry, -DAY) for entry in left.journal])


def too_late(left: Evidence) -> Evidence:
    return replace(left, journal=[shifted(entry, 5 * DAY) for entry in left.journal])


def shifted(entry: Any, by: timedelta) -> dict[str, Any]:
    times = {name: entry[name] for name in ("at", "wall") if name in entry}
    moved = {name: datetime.fromisoformat(at) + by for name, at in times.items()}
    return {**entry, **{name: at.isoformat() for name, at in moved.items()}}


def other_days(left: Evidence) -> Evidence:
    asked = [replace(one, start=date(2026, 1, 1)) for one in left.asked if one.start]
    return replace(left, asked=asked)


@pytest.mark.parametrize(
    ("tampered", "said"),
    [
        (without_a_day, "berlin 2026-01-03, due 2026-01-04 06:30:00+00:00, is not in the ledger"),
        (without_a_day, "berlin 2026-01-03 is in a gap"),
        (untold, "is skipped, and nobody was told why"),
        (twice, "2 copies"),
        (given_up, "missing, it is dead"),
        (too_early, "not over, or not settled"),
        (too_early, "it was due only at"),
        (too_late, "that is after its deadline"),
        (other_days, "which is no day"),
    ],
)
def test_the_oracle_says_what_is_wrong(
    year: tally.Year, tampered: Callable[[Evidence], Evidence], said: str
) -> None:
    assert any(said in what for what in examine(tampered(year.evidence)).violations)


@pytest.mark.parametrize(
    ("job", "after", "due", "period"),
    [
        (Job(name="gap", at=time(0), zone="America/Santiago"), (9, 5, 12), (9, 6, 4), "2026-09-05"),
        (Job(name="gap", at=time(2, 30), zone="Europe/Berlin"), (3, 29), (3, 29, 1), "2026-03-28"),
        (
            Job(name="fold", at=time(2, 30), zone="Europe/Berlin"),
            (10, 24, 22),
            (10, 25, 0, 30),
            "2026-10-24",
        ),
        (Job(name="far", at=time(8), zone="Asia/Tokyo"), (1, 1), (1, 1, 23), "2026-01-01"),
        (Job(name="w", at=time(8), zone="UTC", kind=Kind.WEEK), (1, 1), (1, 5, 8), "2026-W01"),
        (Job(name="m", at=time(8), zone="UTC", kind=Kind.MONTH), (1, 2), (2, 1, 8), "2026-01"),
    ],
)
def test_the_calendar_of_the_soak_is_its_own(
    job: Job, after: tuple[int, ...], due: tuple[int, ...], period: str
) -> None:
    begin = instant(*after)
    one = next(occasions(job, begin, begin + 40 * DAY))
    assert (one.due, one.period) == (instant(*due), period)


def instant(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def up(start: datetime, end: datetime) -> Up:
    return Up(start=start, end=end, offset=timedelta())


def history(*ups: Up, catch_up: str = "last", **more: Any) -> Expected:
    era = Era(job=replace(DAILY, catch_up=catch_up), start=MARCH)
    return Expected(history=History(eras=[era], ups=list(ups), end=MARCH + 10 * DAY, **more))


MISSED = (up(MARCH, MARCH + DAY), up(MARCH + 3 * DAY + 10 * HOUR, MARCH + 9 * DAY))
OUTAGE = [Spell(what="phase", start=MARCH, end=FOREVER)]


@pytest.mark.parametrize(
    ("expected", "must"),
    [
        (history(up(MARCH, MARCH + 4 * DAY)), ["02-28", "03-01", "03-02", "03-03"]),
        (history(*MISSED), ["02-28", "03-03", "03-04"]),
        (history(*MISSED, catch_up="none"), ["02-28", "03-04"]),
        (history(up(MARCH, MARCH + 4 * DAY), faults=OUTAGE), []),
        (history(), []),
    ],
)
def test_what_must_be_sent_follows_from_when_the_daemon_was_up(
    expected: Expected, must: list[str]
) -> None:
    early = MARCH + 4 * DAY + 9 * HOUR
    found = [
        period.removeprefix("2026-")
        for (_, period), (one, era) in expected.of.items()
        if one.due < early and expected.must_be_sent(one, era)
    ]
    assert found == must


@pytest.mark.parametrize(
    ("catch_up", "late"),
    [("none", ["03-04"]), ("last", ["03-03", "03-04"]), ("all", ["03-03", "03-04"])],
)
def test_what_was_missed_may_come_late_only_as_the_policy_says(
    catch_up: str, late: list[str]
) -> None:
    gone = history(*MISSED, catch_up=catch_up)
    found = [
        period.removeprefix("2026-")
        for (_, period), (one, era) in gone.of.items()
        if MARCH + DAY < one.due < MARCH + 4 * DAY + 9 * HOUR and gone.may_be_late(one, era)
    ]
    assert found == late


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, []),
        ({"memory": (100_000, 115_000)}, ["memory grew by 15000 kB in 1,000 digests"]),
        ({"files": (20, 40)}, ["open files grew from 20 to 40"]),
        ({"threads": (3, 9)}, ["threads grew from 3 to 9"]),
    ],
)
def test_growth_is_told(changes: dict[str, Any], said: list[str]) -> None:
    steady = Growth(
        digests=1000, memory=(100_000, 101_000), files=(20, 21), threads=(3, 3), ledger=9000
    )
    assert replace(steady, **changes).violations() == said


def test_one_process_moves_the_clock_of_another(tmp_path: Path) -> None:
    with SharedClock.make(tmp_path / "clock", MARCH) as ours, SharedClock(tmp_path / "clock") as it:
        ours.advance(90)
        ours.offset = -HOUR
        assert (it.true(), it.wall()) == (MARCH + timedelta(seconds=90), it.true() - HOUR)
        assert it.monotonic() == ours.monotonic()
