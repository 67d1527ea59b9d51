"""Sample rows: about 90 days of one shop's app, up to now, the same for the same time.

They have a weekly rhythm, growth, one day without sessions, a bounce-rate spike, and values that
move between the last two weeks, so that every part of a digest has something to say.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from digest.sandbox.dates import DAY, micros
from digest.sandbox.flavour import SECOND
from digest.sandbox.rows import Device, Event, Key, Rows, Session
from digest.sandbox.sample_world import (
    EVENT_MOVERS,
    EVENTS,
    HOURS,
    PLACE_MOVERS,
    PLACES,
    PLATFORMS,
    SCREENS,
    WEEKDAYS,
    T,
    Weights,
)

if TYPE_CHECKING:
    from datetime import date

TITLE = "Acme Shop"
APP_ID = "482913750261048"
API_KEY = "phase_public_sandbox_0123456789abcdef"
DAYS = 90

_SETTLE = timedelta(hours=2)
"""A week is reported that long after its end: on Monday at 01:00 a demo shows the one before."""

_SEED = 20_260_420
_EARLIER_USERS = 170
_SESSIONS_AT_START, _SESSIONS_AT_END = 34.0, 58.0
_NEW_USERS_A_DAY = 3.6
_BOUNCE, _BOUNCE_ON_SPIKE = 0.13, 0.74
_TOO_SHORT = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Landmarks:
    """The days to look for, all UTC.

    `spike` lies in the last complete and settled ISO week, `silent` is the day without sessions,
    some weeks earlier, `movers_from` is the Monday from which some values are more and some less
    popular.
    """

    first: date
    today: date
    spike: date
    silent: date
    movers_from: date


def landmarks(now: datetime) -> Landmarks:
    """Where the sample of that time has its remarkable days."""
    today = now.astimezone(UTC).date()
    settled = (now.astimezone(UTC) - _SETTLE).date()
    this_monday = settled - timedelta(days=settled.weekday())
    last_monday = this_monday - timedelta(days=7)
    return Landmarks(
        first=today - timedelta(days=DAYS),
        today=today,
        spike=last_monday + timedelta(days=3),
        silent=last_monday - timedelta(days=20),
        movers_from=last_monday,
    )


def sample_rows(now: datetime) -> Rows:
    """Sample rows that end at `now`; the same time gives the same rows."""
    return _Sample(now).rows()


class _Sample:
    """Builds the rows day by day with one random generator."""

    def __init__(self, now: datetime) -> None:
        self._now = micros(now)
        self._marks = landmarks(now)
        self._random = random.Random(_SEED)  # noqa: S311 — sample data, not secrets
        self._devices: list[Device] = []
        self._sessions: list[Session] = []
        self._events: list[Event] = []

    def rows(self) -> Rows:
        for _ in range(_EARLIER_USERS):
            before = self._random.uniform(1, 120)
            self._add_device(self._midnight(self._marks.first) - int(before * DAY))
        day = self._marks.first
        while day <= self._marks.today:
            if day != self._marks.silent:
                self._add_day(day)
            day += timedelta(days=1)
        return Rows(
            devices=tuple(self._devices),
            sessions=tuple(sorted(self._sessions, key=lambda session: session.started_at)),
            events=tuple(sorted(self._events, key=lambda event: event.at)),
            keys=(Key(name=API_KEY, app_id=APP_ID),),
        )

    def _midnight(self, day: date) -> int:
        return micros(datetime(day.year, day.month, day.day, tzinfo=UTC))

    def _add_day(self, day: date) -> None:
        progress = (day - self._marks.first).days / DAYS
        rhythm = WEEKDAYS[day.weekday()]
        wanted = _SESSIONS_AT_START + (_SESSIONS_AT_END - _SESSIONS_AT_START) * progress
        sessions = round(self._random.gauss(wanted * rhythm, 2.0))
        arrivals = round(self._random.gauss(_NEW_USERS_A_DAY * rhythm * (0.8 + progress / 2), 0.8))
        midnight = self._midnight(day)
        moved = day >= self._marks.movers_from
        for _ in range(max(arrivals, 0)):
            at = midnight + self._time_of_day()
            if at + 60 * SECOND < self._now:
                self._add_session(self._add_device(at), at, day, moved=moved)
        for device in self._returning(max(sessions - arrivals, 0), midnight, moved=moved):
            self._add_session(device, midnight + self._time_of_day(), day, moved=moved)

    def _returning(self, count: int, midnight: int, *, moved: bool) -> list[Device]:
        """Users seen before that day; places that move come more or less often."""
        known = [device for device in self._devices if device.first_seen < midnight]
        weights = [
            self._loyalty(device) * (PLACE_MOVERS.get(device.country, 1.0) if moved else 1.0)
            for device in known
        ]
        return self._random.choices(known, weights, k=count)

    @staticmethod
    def _loyalty(device: Device) -> float:
        """Some users come nearly every day, most come rarely; told from the id, so it stays."""
        return 1.0 / (1 + int(device.device_id[-5:]) * 7919 % 23)

    def _add_device(self, first_seen: int) -> Device:
        country, city = self._pick(PLACES)
        device = Device(
            device_id=f"dev_sample_{len(self._devices):05d}",
            app_id=APP_ID,
            platform=self._pick(PLATFORMS),
            country=country,
            city=city,
            first_seen=first_seen,
        )
        self._devices.append(device)
        return device

    def _add_session(self, device: Device, start: int, day: date, *, moved: bool) -> None:
        end = start + self._duration(spiking=day == self._marks.spike)
        if end >= self._now:
            return
        number = len(self._sessions)
        self._sessions.append(Session(f"ses_sample_{number:06d}", device.device_id, start, end))
        count = 1 + min(int((end - start) / (28 * SECOND)), 12)
        for at in sorted(self._random.randint(start, end) for _ in range(count)):
            is_screen = self._random.random() < 0.4  # noqa: PLR2004 — two of five are screens
            name = self._pick(SCREENS) if is_screen else self._event_name(moved=moved)
            self._events.append(
                Event(APP_ID, device.device_id, name, is_screen, is_debug=False, at=at)
            )

    def _event_name(self, *, moved: bool) -> str:
        """A name that moves keeps only some of its picks before or after the move."""
        while True:
            name = self._pick(EVENTS)
            before, after = EVENT_MOVERS.get(name, (1.0, 1.0))
            if self._random.random() < (after if moved else before):
                return name

    def _duration(self, *, spiking: bool) -> int:
        """Microseconds: some too short to count, some bounces, the others minutes."""
        luck = self._random.random()
        bounces = _BOUNCE_ON_SPIKE if spiking else _BOUNCE
        if luck < _TOO_SHORT:
            return int(self._random.uniform(0.4, 4.8) * SECOND)
        if luck < _TOO_SHORT + bounces:
            return int(self._random.uniform(5.2, 19.5) * SECOND)
        return int(min(self._random.lognormvariate(math.log(170), 0.75) + 20.5, 3600) * SECOND)

    def _time_of_day(self) -> int:
        hour = self._pick(HOURS)
        return int((hour + self._random.random()) * 3600 * SECOND)

    def _pick(self, weights: Weights[T]) -> T:
        return weights.values[bisect_right(weights.sums, self._random.random() * weights.sums[-1])]
