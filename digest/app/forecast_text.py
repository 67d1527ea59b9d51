"""The forecast in words."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from digest.app.forecast import busy_waves, pace_of, server_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from digest.app.forecast import Late, Wave
    from digest.config.models import Config

MOST_PER_MINUTE: Final = 300  # what Phase itself allows
_NAMED: Final = 3
_MINUTE = timedelta(minutes=1)
_LONG = timedelta(minutes=90)


def crowding(config: Config, now: datetime) -> tuple[list[str], list[str]]:
    """What is worth knowing about the API's limit, and what can't be in time because of it.

    Nothing where everything is fetched within a minute.
    """
    found = busy_waves(config, now)
    late = [late_sentence(wave, config) for wave in _once(wave for wave in found if wave.late)]
    long = [wave for wave in found if not wave.late and _fetching(wave, config) > _MINUTE]
    if late or not long:
        return [], late
    return [in_words(max(long, key=lambda wave: wave.requests), config)], []


def _once(found: Iterable[Wave]) -> Iterable[Wave]:
    """Without those that are as another one a week or a month before."""
    kept: dict[tuple[str, int, tuple[Late, ...]], Wave] = {}
    for wave in found:
        kept.setdefault((wave.server, wave.requests, wave.late), wave)
    return kept.values()


def in_words(wave: Wave, config: Config) -> str:
    """`Mon 30 Nov 09:00: 1,000 digests of 1,000 apps, 9,000 requests (9 an app), 45 min at …`."""
    an_app = f"{wave.most}" if wave.least == wave.most else f"{wave.least} to {wave.most}"
    each = f" ({an_app} an app)" if wave.apps > 1 else ""
    late = f"; the latest comes {_length(wave.late[0].by)} late" if wave.late else ""
    return (
        f"{_when(wave, config)}: {_count(wave.digests, 'digest')} of {_count(wave.apps, 'app')}, "
        f"{_count(wave.requests, 'request')}{each}, {_length(_fetching(wave, config))} at "
        f"{config.limits.requests_per_minute} a minute; fetching starts "
        f"{_clock(wave.start_at, wave, config)}{late}"
    )


def late_sentence(wave: Wave, config: Config) -> str:
    """Which digests of a wave can't be in time, how late they are, and what would help."""
    limit = config.limits.requests_per_minute
    worst = ", ".join(f"{one.name} by {_length(one.by)}" for one in wave.late[:_NAMED])
    more = ", …" if len(wave.late) > _NAMED else ""
    ways = ["spread the schedules", "show fewer breakdowns"]
    if limit < MOST_PER_MINUTE:
        ways.insert(1, f"raise limits.requests_per_minute (at most {MOST_PER_MINUTE})")
    return (
        f"{_when(wave, config)}: {len(wave.late):,} of {_count(wave.digests, 'digest')} will be "
        f"late ({worst}{more}): {_count(wave.requests, 'request')} take "
        f"{_length(_fetching(wave, config))} at {limit} a minute and can begin at "
        f"{_clock(wave.start_at, wave, config)}; with what else is due they are there at "
        f"{_clock(wave.done_at, wave, config)}; {', '.join(ways[:-1])} or {ways[-1]}"
    )


def _fetching(wave: Wave, config: Config) -> timedelta:
    return pace_of(config).fetching(wave.requests)


def _when(wave: Wave, config: Config) -> str:
    local = wave.due_at.astimezone(ZoneInfo(config.timezone))
    servers = {server_of(app.base_url) for app in config.apps.values()}
    place = f", {wave.server.partition('://')[2]}" if len(servers) > 1 else ""
    return f"{local:%a} {local.day} {local:%b %H:%M} ({config.timezone}{place})"


def _clock(at: datetime, wave: Wave, config: Config) -> str:
    """With seconds only where minutes say too little, with the day where it is another one."""
    zone = ZoneInfo(config.timezone)
    local, due = at.astimezone(zone), wave.due_at.astimezone(zone)
    short = abs(due - local) < _MINUTE and local.second
    clock = f"{local:%H:%M:%S}" if short else f"{local:%H:%M}"
    return clock if local.date() == due.date() else f"{local:%a} {local.day} {local:%b} {clock}"


def _length(time: timedelta) -> str:
    """`5 s`, `45 min`, `2 h 5 min`; never less than it is."""
    seconds = math.ceil(time.total_seconds())
    if seconds <= _MINUTE.total_seconds():
        return f"{seconds} s"
    minutes = math.ceil(seconds / 60)
    if time < _LONG:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
