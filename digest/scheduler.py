"""The alarm clock: APScheduler rings when the next thing is due by the wall clock.

It knows one job only, keeps nothing, and decides nothing: what is due is in the ledger. It is
the one module that imports apscheduler. Its own cron trigger is not used, because that loses or
doubles days where daylight saving begins or ends.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

if TYPE_CHECKING:
    from collections.abc import Callable

_JOB = "next due"


class NextDue(BaseTrigger):  # type: ignore[misc]  # apscheduler has no types
    """Fires at the instant that `next_due` gives (aware), which cronsim computed; never twice."""

    def __init__(self, next_due: Callable[[], datetime | None]) -> None:
        self._next_due = next_due

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """The next instant; at once when it has passed already, None when nothing is due."""
        found = self._next_due()
        if found is None or (previous_fire_time is not None and found <= previous_fire_time):
            return None
        return max(found, now)


class AlarmClock:
    """Rings when `next_due` says; `set` has it look again after that has changed."""

    def __init__(self, ring: Callable[[], None], next_due: Callable[[], datetime | None]) -> None:
        self._ring = ring
        self._trigger = NextDue(next_due)
        self._scheduler: Any = BackgroundScheduler(
            timezone=UTC,
            jobstores={"default": MemoryJobStore()},
            executors={"default": ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def start(self) -> None:
        """Begin to watch the clock, in a thread."""
        self._scheduler.start()
        self.set()

    def set(self) -> None:
        """Look again at what is due next."""
        self._scheduler.add_job(self._ring, self._trigger, id=_JOB, replace_existing=True)

    def close(self) -> None:
        """Ring no more."""
        self._scheduler.shutdown(wait=False)
