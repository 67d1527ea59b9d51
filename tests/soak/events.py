"""What will happen in a soak, and when: the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from tests.soak.jobs import first_jobs, occasions

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

QUIET = timedelta(days=2)
"""At the end nothing happens any more, so that all that is late can come."""

_PAUSE = timedelta(days=9)  # after a step of days nothing is planned for about as long
_YEAR = timedelta(days=365)
_JUST_BEFORE = timedelta(seconds=10)  # fetching has not begun yet
_AT_DUE = 0.75  # of the kills: while something is built or sent


class What(StrEnum):
    """Kinds of events."""

    KILL = "kill"
    KILL_AT_WORK = "kill at work"
    TERM = "stop"
    DOWN = "down"
    UP = "up"
    STEP = "step"
    CORRECT = "correct the clock"
    RELOAD = "reload"
    PHASE = "Phase fails"
    PHASE_WELL = "Phase is well"
    MAIL = "mail fails"
    MAIL_WELL = "mail is well"
    LOSE_MAIL = "answers to mails get lost"
    LOSE_POSTS = "answers of Slack get lost"
    BY_HAND = "by hand"


_A_YEAR = {
    What.DOWN: 22,
    What.STEP: 20,
    What.RELOAD: 26,
    What.PHASE: 26,
    What.MAIL: 16,
    What.LOSE_MAIL: 16,
    What.LOSE_POSTS: 12,
    What.BY_HAND: 24,
}
"""How many of each in a year, at any time; kills are counted apart."""

_TERMS_A_YEAR = 30


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """Something to do at an instant, true time."""

    at: datetime
    number: int
    what: What = field(compare=False)


def events(rng: random.Random, start: datetime, days: int, kills: int) -> list[Event]:
    """All that is planned, in order; what follows from it (an end, a restart) is not."""
    end = start + timedelta(days=days)
    last = end - QUIET
    span = (last - start).total_seconds()
    at_work = sorted(
        one.due - _JUST_BEFORE
        for job in first_jobs(start.year).values()
        for one in occasions(job, start, last)
    )
    found: list[tuple[datetime, What]] = []
    for _ in range(kills):
        if rng.random() < _AT_DUE:
            found.append((rng.choice(at_work), What.KILL_AT_WORK))
        else:
            found.append((start + timedelta(seconds=rng.uniform(0, span)), What.KILL))
    found += [(rng.choice(at_work), What.TERM) for _ in range(_count(_TERMS_A_YEAR, days))]
    for what, count in _A_YEAR.items():
        found += [(at, what) for at in _spread(rng, start, span, _count(count, days))]
    ordered = sorted(found, key=lambda one: one[0])
    return [Event(at, number, what) for number, (at, what) in enumerate(ordered)]


def _spread(rng: random.Random, start: datetime, span: float, count: int) -> Iterator[datetime]:
    for _ in range(count):
        yield start + timedelta(seconds=rng.uniform(0, span))


def _count(a_year: int, days: int) -> int:
    return max(round(a_year * days / _YEAR.days), 1)


def downtime(rng: random.Random) -> timedelta:
    """Minutes as a rule, days now and then, weeks rarely."""
    kind = rng.random()
    if kind < 0.6:
        return timedelta(minutes=rng.uniform(1, 40))
    if kind < 0.85:
        return timedelta(hours=rng.uniform(1, 20))
    if kind < 0.97:
        return timedelta(days=rng.uniform(1, 5))
    return timedelta(days=rng.uniform(7, 21))


def step(rng: random.Random, left: timedelta) -> timedelta:
    """Minutes or hours as a rule, days now and then; back as often as forth.

    Days only when more than their consequences is `left` of the soak.
    """
    sign = rng.choice((-1, 1))
    kind = rng.random()
    if kind < 0.45:
        return sign * timedelta(minutes=rng.uniform(1, 10))
    if kind < 0.85 or left < _PAUSE:
        return sign * timedelta(hours=rng.uniform(0.5, 5))
    return sign * timedelta(days=rng.uniform(2, 6))
