"""When a digest fires: schedules, their coming instants, and the period that each fire covers.

A fixed time of day fires once on every local day that has it: a time that daylight saving skips
fires at the first instant after the gap, a time that comes twice fires the first time. A
schedule that runs in every hour follows the clock instead: nothing in the gap, both passes of a
repeated hour. Cron's day numbers are cron's own: 0 and 7 are Sunday.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim

from digest.config.phrases import to_cron
from digest.config.problems import bad, did_you_mean
from digest.core.periods import period_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from digest.config.models import Digest
    from digest.core.periods import Period, PeriodKind

_SECOND: Final = timedelta(seconds=1)
_LONGEST_FOLD: Final = timedelta(hours=3)
_ALL_HOURS: Final = 24


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron line in a zone. `phrase` is what the user wrote, for showing."""

    expr: str
    timezone: str
    phrase: str

    @property
    def zone(self) -> ZoneInfo:
        """The zone that the times of day are meant in."""
        return ZoneInfo(self.timezone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fire:
    """One coming run: its instant, the period it covers, and from when that can be reported."""

    local: datetime
    utc: datetime
    period: Period
    ready_at: datetime


@lru_cache(maxsize=4096)
def zone_name(name: str) -> str:
    """The name itself if it is an IANA time zone. Raises BadValueError with a suggestion."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = _zone_hint(name)
    else:
        return name
    raise bad("unknown time zone {value}{hint}", value=name, hint=hint)


def _zone_hint(name: str) -> str:
    zones = sorted(available_timezones())
    inside = [zone for zone in zones if zone.startswith(f"{name}/")]
    if inside:
        return f"; it needs a place, such as {inside[0]}"
    return did_you_mean(name, zones) or "; one is Europe/Berlin"


@lru_cache(maxsize=4096)
def parse_schedule(text: str, zone: str) -> Schedule:
    """The schedule that a phrase or a cron line stands for, in the zone of that name.

    Raises BadValueError (a ValueError) with what to write instead.
    """
    return Schedule(to_cron(text), zone_name(zone), " ".join(text.split()))


def next_fires(schedule: Schedule, after: datetime, n: int) -> list[datetime]:
    """The next `n` instants later than `after` (aware), in the schedule's zone.

    Fewer only where the calendar ends or the schedule never comes true again.
    """
    zone = schedule.zone
    return [fire.astimezone(zone) for fire in islice(_later(schedule, after), n)]


def previous_fire(schedule: Schedule, at: datetime) -> datetime | None:
    """The latest instant not after `at` (aware), in the schedule's zone; None if there is none."""
    zone = schedule.zone
    best: datetime | None = None
    try:
        start = at.astimezone(zone).replace(tzinfo=None) + _LONGEST_FOLD
        limit = at.astimezone(UTC)  # times of two zones don't compare well in a repeated hour
        enough: datetime | None = None
        for wall in CronSim(schedule.expr, start + _SECOND, reverse=True):
            if enough is not None and wall < enough:
                break
            fitting = [i for i in _instants(wall, zone, _clockwise(schedule.expr)) if i <= limit]
            if fitting:
                best = max(fitting) if best is None else max(best, *fitting)
                enough = wall - _LONGEST_FOLD if enough is None else enough
    except (OverflowError, ValueError):  # the calendar begins in year 1
        pass
    return None if best is None else best.astimezone(zone)


def explain(schedule: Schedule) -> str:
    """A sentence such as `At 08:00 on Monday, Europe/Berlin`."""
    sentence = CronSim(schedule.expr, datetime(2026, 1, 1, tzinfo=UTC)).explain()
    return f"{sentence}, {schedule.timezone}"


def period_for(kind: PeriodKind, fire_local: datetime) -> Period:
    """The period that a fire covers: the last one complete by the local date of the fire."""
    return period_of(kind, fire_local.date()).previous()


def ready_at(period: Period, settle: timedelta) -> datetime:
    """From when the period can be reported: its end in UTC plus the settle time."""
    return period.ends_at + settle


def upcoming(jobs: Iterable[Digest], now: datetime, n: int) -> list[tuple[Fire, ...]]:
    """The next `n` fires of each digest, each with the period that it will cover.

    A digest that is switched off has none. Digests with the same schedule are looked at once.
    """
    return _each(jobs, now, lambda fires: islice(fires, n))


def fires_until(jobs: Iterable[Digest], now: datetime, end: datetime) -> list[tuple[Fire, ...]]:
    """The fires of each digest later than `now` and not later than `end` (both aware)."""
    return _each(jobs, now, lambda fires: takewhile(lambda fire: fire.utc <= end, fires))


def _each(
    jobs: Iterable[Digest], now: datetime, some: Callable[[Iterator[Fire]], Iterator[Fire]]
) -> list[tuple[Fire, ...]]:
    known: dict[tuple[Hashable, ...], tuple[Fire, ...]] = {}
    found = []
    for job in jobs:
        key = (job.schedule, job.period, job.settle, job.skip_dates, job.enabled)
        fires = known.get(key)
        if fires is None:
            fires = known[key] = tuple(some(_fires(job, now))) if job.enabled else ()
        found.append(fires)
    return found


def _fires(job: Digest, now: datetime) -> Iterator[Fire]:
    """Every fire later than `now`, in order; a local day of `skip_dates` has none."""
    zone = job.schedule.zone
    for utc in _later(job.schedule, now):
        local = utc.astimezone(zone)
        if local.date() in job.skip_dates:
            continue
        period = period_for(job.period, local)
        yield Fire(local=local, utc=utc, period=period, ready_at=ready_at(period, job.settle))


def _later(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    """Every instant later than `after`, in order, UTC."""
    zone, clockwise = schedule.zone, _clockwise(schedule.expr)
    waiting: list[datetime] = []
    last = after.astimezone(UTC)
    try:
        start = after.astimezone(zone).replace(tzinfo=None) - _LONGEST_FOLD
        for wall in CronSim(schedule.expr, start):
            for instant in _instants(wall, zone, clockwise):
                heappush(waiting, instant)
            # Later wall times come no earlier than the first pass of this one.
            passed = _utc(wall, zone, 0)
            while waiting and waiting[0] <= passed:
                instant = heappop(waiting)
                if instant > last:
                    last = instant
                    yield instant
    except (OverflowError, ValueError):  # the calendar ends with year 9999
        return
    for instant in sorted(waiting):
        if instant > last:
            last = instant
            yield instant


@lru_cache(maxsize=4096)
def _clockwise(expr: str) -> bool:
    """Whether the schedule runs in every hour, and so follows the clock through changes."""
    return len(CronSim(expr, datetime(2026, 1, 1, tzinfo=UTC)).hours) == _ALL_HOURS


def _instants(wall: datetime, zone: ZoneInfo, clockwise: bool) -> tuple[datetime, ...]:  # noqa: FBT001 — private, and one call each way
    """The UTC instants at which a schedule fires for a time on the wall clock."""
    first, second = _utc(wall, zone, 0), _utc(wall, zone, 1)
    if first == second:
        return (first,)
    if first < second:
        return (first, second) if clockwise else (first,)
    return () if clockwise else (_after_gap(second, first, zone),)


def _utc(wall: datetime, zone: ZoneInfo, fold: int) -> datetime:
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def _after_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The first instant of the new offset, between one on either side of the change."""
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // 2
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
