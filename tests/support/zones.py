"""What is due in zones whose clocks change oddly, reckoned with nothing but `zoneinfo`.

Of every local date the first instant that is not before the time of day: after a gap that is its
end, and of a time that comes twice the first pass. `jobs` is the same for digest's config, and
`differences` runs a daemon through some time and compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from tests.support.works import works_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.works import Works

ZONES = {
    "berlin": "Europe/Berlin",
    "new-york": "America/New_York",
    "lord-howe": "Australia/Lord_Howe",
    "santiago": "America/Santiago",
    "cairo": "Africa/Cairo",
    "tokyo": "Asia/Tokyo",
    "kathmandu": "Asia/Kathmandu",
}
SETTLE = timedelta(hours=2)
_LEG = timedelta(days=2)  # a simulation must get through one in its patience
_PROMPT = timedelta(minutes=5)
_DAY, _QUARTER, _REACH = timedelta(days=1), timedelta(minutes=15), timedelta(hours=15)
_HALF_PAST_TWO = time(2, 30)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Expected:
    """A due instant (UTC), and the UTC days of its period: from `first` to `last`."""

    due_at: datetime
    job: str
    period: str
    first: date
    last: date

    @property
    def sent_at(self) -> datetime:
        """When it can be sent: due, over in UTC, and settled."""
        end = datetime.combine(self.last + _DAY, time(), UTC)
        return max(self.due_at, end + SETTLE)


def jobs(to: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Daily at 02:30 and weekly on Monday at 00:00, in each zone."""
    found: dict[str, dict[str, Any]] = {}
    for name, zone in ZONES.items():
        daily = {"at": "every day 02:30", "timezone": zone}
        weekly = {"at": "mon 00:00", "timezone": zone}
        found[f"{name}-daily"] = {"period": "day", "schedule": daily, "to": to}
        found[f"{name}-weekly"] = {"period": "week", "schedule": weekly, "to": to}
    return found


def expected(after: datetime, until: datetime) -> list[Expected]:
    """All that is due later than `after` and not later than `until`, in order."""
    found = []
    for name, zone in ZONES.items():
        for day in _dates(after, until):
            found.append(_daily(name, zone, day))
            if day.weekday() == 0:
                found.append(_weekly(name, zone, day))
    return sorted(one for one in found if after < one.due_at <= until)


def changes(year: int) -> list[datetime]:
    """The quarter of an hour (UTC) before which some zone's clocks change in that year."""
    found = set()
    for zone in map(ZoneInfo, ZONES.values()):
        at = datetime(year, 1, 1, tzinfo=UTC)
        while at.year == year:
            if _offset(at, zone) != _offset(at + _DAY, zone):
                found.add(next(q for q in _quarters(at) if _offset(q, zone) != _offset(at, zone)))
            at += _DAY
    return sorted(found)


def differences(folder: Path, start: datetime, end: datetime) -> list[str]:
    """What a daemon that runs from `start` to `end` (UTC) sends otherwise than it should.

    A digest costs about a tenth of a second, so a year takes some minutes.
    """
    due = [one for one in expected(start, end) if one.sent_at <= end]
    with works_in(folder) as works:
        works.configure(jobs({"files": ["board"]}))
        with works.daemon(start, tick=_DAY) as daemon:
            while daemon.times.now < end:
                daemon.until(min(daemon.times.now + _LEG, end))
        return [*_wrong_runs(works, due), *_wrong_days(works, due)]


def _wrong_runs(works: Works, due: list[Expected]) -> Iterator[str]:
    rows = works.rows(
        "SELECT job, period, state, armed_at FROM deliveries JOIN runs ON runs.id = run_id"
    )
    wanted = {(one.job, one.period): one.sent_at for one in due}
    yield from (f"{key} is missing" for key in wanted.keys() - {row[:2] for row in rows})
    if len({row[:2] for row in rows}) != len(rows):
        yield "a period was planned twice"
    for job, period, state, armed_at in rows:
        at = wanted.get((job, period))
        sent = datetime.fromtimestamp((armed_at or 0) / 1e6, UTC)
        if at is None or state != "sent" or not at <= sent <= at + _PROMPT:
            yield f"{job} {period} is {state}, at {sent} instead of {at}"
        if not (works.folder / "out" / "board" / job / period / "report.json").exists():
            yield f"{job} {period} is not in its folder"


def _wrong_days(works: Works, due: list[Expected]) -> Iterator[str]:
    """Phase was asked for days up to the last one of each period, and for no others."""
    asked, wanted = {one.end for one in works.phase.asked}, {one.last for one in due}
    if asked != wanted:
        yield f"asked about days up to {sorted(map(str, asked ^ wanted))}"


def _dates(after: datetime, until: datetime) -> Iterator[date]:
    day = (after - _DAY).date()
    while day <= (until + _DAY).date():
        yield day
        day += _DAY


def _daily(name: str, zone: str, day: date) -> Expected:
    before = day - _DAY
    due_at = _first_instant(ZoneInfo(zone), day, _HALF_PAST_TWO)
    return Expected(
        job=f"{name}-daily", due_at=due_at, period=before.isoformat(), first=before, last=before
    )


def _weekly(name: str, zone: str, monday: date) -> Expected:
    first = monday - 7 * _DAY
    return Expected(
        job=f"{name}-weekly",
        due_at=_first_instant(ZoneInfo(zone), monday, time()),
        period=f"{first:%G-W%V}",
        first=first,
        last=monday - _DAY,
    )


def _first_instant(zone: ZoneInfo, day: date, at: time) -> datetime:
    start = datetime.combine(day, time(), UTC) - _REACH
    for quarter in _quarters(start):
        local = quarter.astimezone(zone)
        if local.date() == day and local.time() >= at:
            return quarter
    raise AssertionError(f"{day} has no {at} in {zone}")


def _quarters(start: datetime) -> Iterator[datetime]:
    for number in range(200):
        yield start + number * _QUARTER


def _offset(at: datetime, zone: ZoneInfo) -> timedelta | None:
    return at.astimezone(zone).utcoffset()
