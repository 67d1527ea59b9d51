"""The next occasion of every job, and when fetching for it has to start.

Jobs share few schedules, so occasions are computed once for each schedule and kept in a heap:
looking costs nothing while nothing is due, however many jobs there are.
"""

from __future__ import annotations

from datetime import timedelta
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Any

from digest.app.forecast import Coming, demands, pace_of
from digest.config.occasions import next_occasion
from digest.core.pacing import starts
from digest.core.periods import parse_period

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from digest.config.models import Config, Digest
    from digest.core.agenda import Due, JobClock, Occasion
    from digest.core.pacing import Start

AHEAD = timedelta(hours=26)
"""How far ahead fetching is planned."""


class Calendar:
    """The coming occasions of one config's jobs, the soonest first."""

    def __init__(self, config: Config, clocks: Mapping[str, JobClock]) -> None:
        self._config = config
        self._memo: dict[tuple[Any, ...], Occasion | None] = {}
        self._next: dict[str, Occasion] = {}
        self._heap: list[tuple[datetime, str]] = []
        for name, clock in clocks.items():
            found = self._after(config.digests[name], clock.since)
            if found is not None:
                self._next[name] = found
                self._heap.append((found.due_at, name))
        heapify(self._heap)
        self._memo.clear()

    @property
    def soonest(self) -> datetime | None:
        """When the next job is due."""
        return self._heap[0][0] if self._heap else None

    def next_of(self, job: str) -> Occasion | None:
        """The next occasion of a job."""
        return self._next.get(job)

    def until(self, instant: datetime) -> list[tuple[str, Occasion]]:
        """The jobs that are due not later than that; they stay in the calendar."""
        return [(name, self._next[name]) for due, name in self._heap if due <= instant]

    def take(self, instant: datetime) -> list[str]:
        """The jobs that are due not later than that; `put` brings them back."""
        found = []
        while self._heap and self._heap[0][0] <= instant:
            found.append(heappop(self._heap)[1])
        self._memo.clear()
        return found

    def remove(self, jobs: Iterable[str]) -> None:
        """Take these out, wherever they stand."""
        gone = set(jobs)
        self._heap = [entry for entry in self._heap if entry[1] not in gone]
        heapify(self._heap)

    def put(self, clock: JobClock) -> None:
        """Bring a job back with its first occasion after its clock."""
        found = self._after(self._config.digests[clock.job], clock.since)
        self._next.pop(clock.job, None)
        if found is not None:
            self._next[clock.job] = found
            heappush(self._heap, (found.due_at, clock.job))

    def _after(self, digest: Digest, since: datetime) -> Occasion | None:
        key = (digest.schedule, digest.period, digest.settle, digest.skip_dates, since)
        if key not in self._memo:
            self._memo[key] = next_occasion(digest, since)
        return self._memo[key]


def fetch_plan(
    config: Config,
    waiting: Iterable[Due],
    coming: Iterable[tuple[str, Occasion]],
    now: datetime,
) -> dict[tuple[str, str], Start]:
    """When to start with each period that is to be built, by job and period.

    `waiting` are those that the ledger has, `coming` those that are not due yet.
    """
    entries = [(due.job, due.period, due.due_at, due.ready_at) for due in waiting]
    entries += [(job, one.period, one.due_at, one.ready_at) for job, one in coming]
    found = sorted(
        (
            Coming(
                name=job,
                job=config.digests[job],
                period=parse_period(period),
                due_at=due_at,
                ready_at=ready,
            )
            for job, period, due_at, ready in entries
        ),
        key=lambda one: (one.effective, one.due_at),
    )
    # after its schedule was changed a period can wait and be to come: what is sooner counts
    first = {(one.name, one.period): one for one in reversed(found)}
    found = [one for one in found if first[one.name, one.period] is one]
    begun = starts(demands(config, found), pace_of(config), now)
    return {(one.name, one.period.label): start for one, start in zip(found, begun, strict=True)}
