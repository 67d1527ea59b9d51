"""What the coming digests ask of the API, when their fetching starts, and which can't be in time.

A wave is what one server is asked for the digests that are due at one instant.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from digest.config.schedule import fires_until, upcoming
from digest.core.pacing import Demand, Pace, starts
from digest.report.demand import Shape, Tally, asked, requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from digest.config.models import Config, Digest
    from digest.config.schedule import Fire
    from digest.core.pacing import Start
    from digest.core.periods import Period
    from digest.report.demand import Questions

_DAY = timedelta(days=1)
_LOOK = timedelta(days=35)  # further than any first of a month
_FIRES_A_LOOK = 8  # a daily schedule's week and a day
_HALF_A_DAY = timedelta(hours=12)
_HARDLY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A period of a digest that becomes due, and from when its numbers can be asked for."""

    name: str
    job: Digest
    period: Period
    due_at: datetime
    ready_at: datetime

    @property
    def effective(self) -> datetime:
        """When it can be sent at the earliest."""
        return max(self.due_at, self.ready_at)

    @property
    def asks(self) -> Questions:
        """Its questions."""
        return asked(_shape(self.job), self.period, self.effective)


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A digest that can't be in time: how long after it is due and its numbers are there."""

    name: str
    by: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """Digests that are due at one instant, on one server.

    `requests` are those of all of them, answers that are shared counted once; `least` and `most`
    are an app's. `late` are those that come more than a minute late, the latest first.
    """

    due_at: datetime
    server: str
    digests: int
    apps: int
    requests: int
    least: int
    most: int
    start_at: datetime
    done_at: datetime
    late: tuple[Late, ...] = ()


def pace_of(config: Config) -> Pace:
    """How quickly the config allows to fetch."""
    return Pace(per_minute=config.limits.requests_per_minute)


def server_of(base_url: str) -> str:
    """What the API's limit counts by: scheme, host and port."""
    url = urlsplit(base_url)
    port = "" if url.port is None else f":{url.port}"
    return f"{url.scheme}://{url.hostname}{port}"


def demands(config: Config, coming: Iterable[Coming]) -> list[Demand]:
    """What each asks that none before it has asked, in the order in which they can be sent.

    A period of a digest that comes twice is one.
    """
    servers = {name: server_of(app.base_url) for name, app in config.apps.items()}
    tally = Tally()
    seen: set[tuple[str, Period]] = set()
    found = []
    for one in sorted(coming, key=lambda one: (one.effective, one.due_at)):
        key = one.name, one.period
        if key in seen:
            continue
        seen.add(key)
        app = one.job.app
        found.append(
            Demand(
                name=one.name,
                app=app,
                server=servers[app],
                due_at=one.due_at,
                ready_at=one.ready_at,
                requests=tally.add(app, one.asks),
            )
        )
    return found


def waves(found: Sequence[Demand], planned: Sequence[Start]) -> list[Wave]:
    """The demands and their starts by due time and server, in order."""
    grouped: dict[tuple[datetime, str], list[tuple[Demand, Start]]] = {}
    for demand, start in zip(found, planned, strict=True):
        grouped.setdefault((demand.due_at, demand.server), []).append((demand, start))
    return [_wave(*key, grouped[key]) for key in sorted(grouped)]


def _wave(due_at: datetime, server: str, members: Sequence[tuple[Demand, Start]]) -> Wave:
    by_app: Counter[str] = Counter()
    for demand, _ in members:
        by_app[demand.app] += demand.requests
    late = [
        Late(name=demand.name, by=by)
        for demand, start in members
        if (by := start.done_at - max(demand.due_at, demand.ready_at)) > _HARDLY
    ]
    return Wave(
        due_at=due_at,
        server=server,
        digests=len(members),
        apps=len(by_app),
        requests=by_app.total(),
        least=min(by_app.values()),
        most=max(by_app.values()),
        start_at=min(start.start_at for _, start in members),
        done_at=max(start.done_at for _, start in members),
        late=tuple(sorted(late, key=lambda one: one.by, reverse=True)),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """The next fires of each digest of a config, in its order, and the plan for the first ones.

    `requests` are each digest's own, None without a fire; `starts` by the digest's name.
    """

    fires: tuple[tuple[Fire, ...], ...]
    requests: tuple[int | None, ...]
    starts: dict[str, Start]
    next: tuple[Wave, ...]


def outlook(config: Config, now: datetime, count: int) -> Outlook:
    """What comes next: `count` fires of each digest, and when the next ones are fetched."""
    fires = upcoming(config.digests.values(), now, count)
    first = [
        _coming(name, job, own[0]) if own else None
        for (name, job), own in zip(config.digests.items(), fires, strict=True)
    ]
    found = demands(config, filter(None, first))
    planned = starts(found, pace_of(config), now)
    all_waves = waves(found, planned)
    return Outlook(
        fires=tuple(fires),
        requests=tuple(None if one is None else requests(one.asks) for one in first),
        starts={start.name: start for start in planned},
        next=tuple(wave for wave in all_waves if wave.due_at == all_waves[0].due_at),
    )


def busy_waves(config: Config, now: datetime) -> list[Wave]:
    """The waves of the busiest days that are near: one of the coming week, one after it.

    A day is busy by what is asked at its busiest instant.
    """
    digests = config.digests
    found: list[Wave] = []
    for day in _busiest_days(digests, now):
        after = max(day - _HALF_A_DAY, now)
        fires = fires_until(digests.values(), after, day + _DAY + _HALF_A_DAY)
        coming = [
            _coming(name, job, fire)
            for (name, job), own in zip(digests.items(), fires, strict=True)
            for fire in own
        ]
        needed = demands(config, coming)
        known = {wave.due_at for wave in found}
        found += (
            wave
            for wave in waves(needed, starts(needed, pace_of(config), now))
            if wave.due_at not in known
        )
    return found


def _busiest_days(digests: Mapping[str, Digest], now: datetime) -> Iterator[datetime]:
    fires = upcoming(digests.values(), now, _FIRES_A_LOOK)
    alike: dict[tuple[int, Shape], list[Coming]] = {}
    many: Counter[tuple[int, Shape]] = Counter()
    for (name, job), own in zip(digests.items(), fires, strict=True):
        key = id(own), _shape(job)  # digests with one schedule share their fires
        many[key] += 1
        if key not in alike:
            alike[key] = [_coming(name, job, fire) for fire in own if fire.utc <= now + _LOOK]
    load: Counter[datetime] = Counter()
    for key, coming in alike.items():
        for one in coming:
            load[one.due_at] += many[key] * requests(one.asks)
    week = now + timedelta(days=7)
    for near in (True, False):
        some = [(n, at) for at, n in load.items() if (at <= week) is near]
        if some:
            _, busiest = max(some, key=lambda one: (one[0], -one[1].timestamp()))
            yield datetime.combine(busiest.astimezone(UTC).date(), time(), UTC)


def _shape(job: Digest) -> Shape:
    return Shape(job.period, job.metrics, job.breakdowns, job.baseline)


def _coming(name: str, job: Digest, fire: Fire) -> Coming:
    return Coming(name=name, job=job, period=fire.period, due_at=fire.utc, ready_at=fire.ready_at)
