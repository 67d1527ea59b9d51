"""The digests of the soak, and when each is due: computed anew, with zoneinfo and dates only."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SETTLE = timedelta(hours=2)
ANA, BEN, OPS = "ana@example.com", "ben@example.com", "ops@example.com"
CHANNEL = "C0123456789"
SHELF = "board"
_LONGEST_GAP = 180  # minutes


class Kind(StrEnum):
    """How long a period is."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


_LATENESS = {Kind.DAY: 12, Kind.WEEK: 72, Kind.MONTH: 72}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A digest: daily, on Mondays, or on the first of the month, at a local time of its zone."""

    name: str
    at: time
    zone: str
    kind: Kind = Kind.DAY
    catch_up: str = "last"
    skip: frozenset[date] = frozenset()
    to: tuple[tuple[str, str], ...] = (("mail", ANA),)

    @property
    def lateness(self) -> timedelta:
        """How late it may be."""
        return timedelta(hours=_LATENESS[self.kind])

    @property
    def cron(self) -> str:
        """The schedule's line."""
        days = {Kind.DAY: "* * *", Kind.WEEK: "* * 1", Kind.MONTH: "1 * *"}[self.kind]
        return f"{self.at.minute} {self.at.hour} {days}"

    def options(self) -> dict[str, Any]:
        """As the config has it."""
        to: dict[str, list[str]] = {}
        for channel, recipient in self.to:
            to.setdefault(channel, []).append(recipient)
        return {
            "app": self.name,
            "period": str(self.kind),
            "schedule": {"at": self.cron, "timezone": self.zone},
            "catch_up": self.catch_up,
            "metrics": ["sessions"],
            "breakdowns": [],
            "charts": [],
            "to": to,
            **({"skip_dates": sorted(map(str, self.skip))} if self.skip else {}),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """One period of one job: the UTC instant at which it is due, its days, when it can be asked."""

    job: str
    period: str
    due: datetime
    first: date
    last: date

    @property
    def ready(self) -> datetime:
        """From when it can be reported: its last UTC day is over and settled."""
        return datetime.combine(self.last + DAY, time(), UTC) + SETTLE

    @property
    def effective(self) -> datetime:
        """From when it is late."""
        return max(self.due, self.ready)


def occasions(job: Job, after: datetime, until: datetime) -> Iterator[Occasion]:
    """Those later than `after`, not later than `until`, in order."""
    day = after.date() - 2 * DAY
    while day <= until.date() + 2 * DAY:
        if _fires(job, day) and after < (due := instant(day, job.at, job.zone)) <= until:
            first, last = covered(job.kind, day)
            label = label_of(job.kind, first)
            yield Occasion(job=job.name, period=label, due=due, first=first, last=last)
        day += DAY


def covered(kind: Kind, day: date) -> tuple[date, date]:
    """The first and the last day of the latest period that is over on that local day."""
    match kind:
        case Kind.DAY:
            return day - DAY, day - DAY
        case Kind.WEEK:
            monday = day - DAY * day.weekday()
            return monday - 7 * DAY, monday - DAY
        case Kind.MONTH:
            last = day.replace(day=1) - DAY
            return last.replace(day=1), last


def label_of(kind: Kind, first: date) -> str:
    """How a period is called."""
    match kind:
        case Kind.DAY:
            return first.isoformat()
        case Kind.WEEK:
            return first.strftime("%G-W%V")
        case Kind.MONTH:
            return first.strftime("%Y-%m")


def instant(day: date, at: time, zone: str) -> datetime:
    """When a clock on the wall there first shows that time, or has skipped it."""
    wall = datetime.combine(day, at, ZoneInfo(zone))  # a time that comes twice: the first one
    found = wall.astimezone(UTC)
    if found.astimezone(wall.tzinfo).replace(tzinfo=None) == wall.replace(tzinfo=None):
        return found
    after = found.astimezone(wall.tzinfo).utcoffset()
    for minutes in range(_LONGEST_GAP):
        before = found - MINUTE * (minutes + 1)
        if before.astimezone(wall.tzinfo).utcoffset() != after:
            return found - MINUTE * minutes
    raise ValueError(f"{wall} is in no gap")


def _fires(job: Job, day: date) -> bool:
    if day in job.skip:
        return False
    match job.kind:
        case Kind.DAY:
            return True
        case Kind.WEEK:
            return day.weekday() == 0
        case Kind.MONTH:
            return day.day == 1


def first_jobs(year: int) -> dict[str, Job]:
    """What the config begins with."""
    skip = frozenset({date(year, 1, 6), date(year, 5, 1), date(year, 9, 6), date(year, 12, 25)})
    jobs = (
        Job(name="berlin", at=time(7, 30), zone="Europe/Berlin", to=(("mail", ANA), ("mail", BEN))),
        Job(name="new-york", at=time(2, 30), zone="America/New_York", catch_up="all"),
        Job(name="tokyo", at=time(8), zone="Asia/Tokyo", to=(("slack", CHANNEL),)),
        Job(
            name="kathmandu",
            at=time(9, 15),
            zone="Asia/Kathmandu",
            catch_up="none",
            to=(("files", SHELF),),
        ),
        Job(name="santiago", at=time(0), zone="America/Santiago", skip=skip, to=(("mail", BEN),)),
        Job(
            name="weekly",
            at=time(8),
            zone="Europe/Berlin",
            kind=Kind.WEEK,
            catch_up="all",
            to=(("mail", ANA), ("slack", CHANNEL), ("files", SHELF)),
        ),
        Job(name="monthly", at=time(9), zone="Europe/London", kind=Kind.MONTH),
    )
    return {job.name: job for job in jobs}


EXTRA = Job(name="extra", at=time(12), zone="Australia/Lord_Howe", to=(("mail", BEN),))
"""A job that comes and goes."""

_TIMES = {
    "berlin": (time(7, 30), time(9, 10), time(6)),
    "new-york": (time(2, 30), time(1, 30), time(5)),
    "kathmandu": (time(9, 15), time(11)),
    "weekly": (time(8), time(0)),
}


def edited(job: Job) -> Job:
    """The same at the next of its times of day."""
    times = _TIMES[job.name]
    return replace(job, at=times[(times.index(job.at) + 1) % len(times)])


EDITABLE = tuple(_TIMES)


def config_of(jobs: Mapping[str, Job], *, phase: str, smtp: int, slack: str) -> dict[str, Any]:
    """The whole config; each digest has an app of its own, so that requests tell who asks."""
    names = (*first_jobs(2026), EXTRA.name)
    return {
        "timezone": "Europe/Berlin",
        "state": "sqlite:///./digest.db",
        "limits": {"connect": 2, "read": 2, "try": 3, "call": 5, "tries": 1},
        "apps": {
            name: {"app_id": name, "api_key": f"KEY_{name}", "base_url": phase} for name in names
        },
        "channels": {
            "mail": {
                "type": "smtp",
                "host": "127.0.0.1",
                "port": smtp,
                "security": "none",
                "from": "digest@example.com",
            },
            "slack": {"type": "slack", "token": "${SLACK_BOT_TOKEN}", "base_url": slack},
            "files": {"type": "folder", "path": "./out"},
        },
        "ops": {"mail": [OPS]},
        "digests": {name: job.options() for name, job in jobs.items()},
    }
