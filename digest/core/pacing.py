"""When to start fetching, so that everything is there by the time it is due. Pure.

A server takes so many requests a minute, whoever asks: that is one line in which the digests
stand. Where a thousand of them are due at nine, the first must be fetched long before. The plan
is made backwards from the latest due time, so that nothing is fetched earlier than it must be,
and never before its numbers are trusted; what can't be in time comes as early as it can.

This is scheduling on one machine that may switch between jobs, for which taking the earliest
deadline first makes the largest lateness as small as it can be (Jackson 1955, Horn 1974).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
_MINUTE = 60_000_000
_PERCENT = 100

Rank = TypeVar("Rank", bound=tuple[int, ...])


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one digest asks of one server.

    `requests` are those that no other demand before it asks already. From `ready_at` on the
    numbers can be asked for; at `due_at` the digest is to be sent (both aware).
    """

    name: str
    app: str
    server: str
    due_at: datetime
    ready_at: datetime
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How quickly things go.

    `per_minute` is the server's limit. `answer` is how long one answer takes at most as a rule, so
    that the requests of one digest take that each even where nobody else asks. `build` is the time
    from the last answer until a digest can be sent, `each` what building takes of the process,
    one digest after the other, while others are fetched. `margin_percent` is added to the times.
    """

    per_minute: int
    margin_percent: int = 10
    answer: timedelta = timedelta(seconds=1)
    build: timedelta = timedelta(seconds=2)
    each: timedelta = timedelta(seconds=0.2)

    def fetching(self, requests: int) -> timedelta:
        """How long so many requests take under the limit, without the margin."""
        return timedelta(minutes=requests / self.per_minute)


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """When the fetching of one demand should start, and when it is expected to be ready to send.

    `late` is how long after its due time that is, zero where it is in time.
    """

    name: str
    start_at: datetime
    done_at: datetime
    late: timedelta


def starts(demands: Sequence[Demand], pace: Pace, now: datetime | None = None) -> list[Start]:
    """A start for each demand, in the order given; nothing starts before `now`.

    With the margin, everything is in time if that is possible at all. Takes n log n.
    """
    earliest = None if now is None else _ticks(now)
    wishes = [_wish(demand, pace, earliest) for demand in demands]
    servers: dict[str, list[_Wish]] = {}
    for demand, wish in zip(demands, wishes, strict=True):
        servers.setdefault(demand.server, []).append(wish)
    for line in servers.values():
        _plan(line, [wish.asking for wish in line], pace)
    each = pace.each // _TICK
    if any(wish.asking < each for wish in wishes):
        # many digests of few requests: not the server is what they wait for, but this process
        _plan(wishes, [each] * len(wishes), pace)
    return [_start(wish, pace) for wish in wishes]


@dataclass(slots=True, kw_only=True)
class _Wish:
    """A demand in ticks, and what the lines that it stands in allow.

    `asking` is its time in the server's line, `alone` that of its answers; by `deadline` its last
    answer must be there. `begin` and `done` are those of the slowest line so far.
    """

    name: str
    ready: int
    due: int
    deadline: int
    asking: int
    alone: int
    begin: int
    done: int


def _wish(demand: Demand, pace: Pace, earliest: int | None) -> _Wish:
    ready, due = _ticks(demand.ready_at), _ticks(demand.due_at)
    ready = ready if earliest is None else max(ready, earliest)
    deadline = due - pace.build // _TICK
    return _Wish(
        name=demand.name,
        ready=ready,
        due=due,
        deadline=deadline,
        asking=-(-demand.requests * _MINUTE // pace.per_minute),
        alone=demand.requests * (pace.answer // _TICK),
        begin=max(deadline, ready),
        done=ready,
    )


def _plan(line: Sequence[_Wish], work: Sequence[int], pace: Pace) -> None:
    """Put these into one line, each with its work, and move their begin and done accordingly.

    First forwards, to learn what can't be in time and when it can be instead; then backwards from
    there, for the latest starts; then forwards again, for when each is done.
    """
    padded = [_more(ticks, pace) for ticks in work]
    soonest = _run(
        [wish.ready for wish in line], padded, [(wish.deadline, n) for n, wish in enumerate(line)]
    )
    last = [max(wish.deadline, done) for wish, done in zip(line, soonest, strict=True)]
    latest = _run(
        [-tick for tick in last],
        padded,
        [(-wish.ready, -last[n], -n) for n, wish in enumerate(line)],
    )
    begin = [
        wish.ready if end > wish.deadline else -tick
        for wish, end, tick in zip(line, last, latest, strict=True)
    ]
    done = _run(begin, work, [(end, n) for n, end in enumerate(last)])
    for n, wish in enumerate(line):
        wish.begin = min(wish.begin, begin[n])
        wish.done = max(wish.done, done[n])


def _start(wish: _Wish, pace: Pace) -> Start:
    alone = wish.deadline - _more(wish.alone, pace)
    begin = max(min(wish.begin, alone), wish.ready)
    to_send = max(wish.done, begin + wish.alone) + wish.due - wish.deadline
    return Start(
        name=wish.name,
        start_at=_instant(begin),
        done_at=_instant(to_send),
        late=max(to_send - wish.due, 0) * _TICK,
    )


def _run(release: Sequence[int], work: Sequence[int], rank: Sequence[Rank]) -> list[int]:
    """When each job is done if the lowest rank of those released is always worked on.

    Running time backwards (everything negated) gives the latest start of each instead.
    """
    left, done = list(work), [0] * len(work)
    coming = [(tick, n) for n, tick in enumerate(release)]
    heapify(coming)
    open_: list[tuple[Rank, int]] = []
    now = 0
    while coming or open_:
        if not open_:
            now = coming[0][0]
        while coming and coming[0][0] <= now:
            _, n = heappop(coming)
            heappush(open_, (rank[n], n))
        _, n = open_[0]
        ran = left[n] if not coming else min(left[n], coming[0][0] - now)
        now += ran
        left[n] -= ran
        if left[n] == 0:
            heappop(open_)
            done[n] = now
    return done


def _more(ticks: int, pace: Pace) -> int:
    return -(-ticks * (_PERCENT + pace.margin_percent) // _PERCENT)


def _ticks(instant: datetime) -> int:
    return (instant - _EPOCH) // _TICK


def _instant(ticks: int) -> datetime:
    return _EPOCH + ticks * _TICK
