"""When a digest's period is due, what a missed one comes to, and when to try again. Pure.

    waiting → planned      its deliveries are in the ledger
    waiting → skipped      on purpose; the reason says why
    waiting → missed       it could not be built before its deadline

A period of a job is due once, at the first instant of its schedule that covers it. What a ledger
holds of that decides, never a memory of what ran.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, assert_never

if TYPE_CHECKING:
    from collections.abc import Sequence

TOLERANCE = timedelta(minutes=15)
"""A start so late still counts as in time: a restart must not cost a digest."""

MOST_MADE_UP = 4
"""How many missed periods `catch_up: all` makes up for."""

RETRY_LATER = tuple(timedelta(minutes=n) for n in (1, 2, 5, 10, 15, 30))
"""Waits after the first, second, … time that the API or the ledger was not to be had."""

RETRY_REFUSED = tuple(timedelta(minutes=n) for n in (15, 30, 60))
"""Waits after something that a person has to put right: a refused key is not asked with often."""

FURTHEST_BACK = timedelta(days=1)
"""A clock that is further behind the ledger than this is not believed."""

EARLIEST = datetime(2025, 1, 1, tzinfo=UTC)
"""No machine that runs this program has such a date, unless its clock was never set."""


class CatchUp(StrEnum):
    """Which of the periods that were missed while the service was down are made up for."""

    LAST = "last"
    ALL = "all"
    NONE = "none"


class DueState(StrEnum):
    """What has become of a due period."""

    WAITING = "waiting"
    PLANNED = "planned"
    SKIPPED = "skipped"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """The first instant of a schedule that covers a period.

    `due_at` is that instant in UTC, `local` the same in the schedule's zone, as ISO 8601. From
    `ready_at` on the period can be reported: its end in UTC, and settled.
    """

    period: str
    due_at: datetime
    local: str
    ready_at: datetime

    @property
    def effective(self) -> datetime:
        """From when it can be late: it is due and can be reported."""
        return max(self.due_at, self.ready_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobClock:
    """Until when a job's schedule is accounted for, and which schedule that was.

    `schedule` is the cron line with its zone and kind of period, to notice a change.
    """

    job: str
    since: datetime
    schedule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One period of one job that has become due, as the ledger has it.

    Nothing is tried before `next_try`, nor after `deadline`. `tries` counts those that failed.
    """

    row: int
    job: str
    period: str
    due_at: datetime
    local: str
    ready_at: datetime
    deadline: datetime
    state: DueState
    tries: int = 0
    next_try: datetime | None = None
    reason: str = ""
    reported: bool = False
    updated_at: datetime | None = None

    @property
    def effective(self) -> datetime:
        """From when it is late."""
        return max(self.due_at, self.ready_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An occasion with what it comes to."""

    occasion: Occasion
    state: DueState
    reason: str = ""


def made_of(
    occasions: Sequence[Occasion], now: datetime, *, catch_up: CatchUp, lateness: timedelta
) -> list[Found]:
    """What becomes of a job's occasions, oldest first, that were not accounted for until now.

    Those to come are waited for. Of those that were missed the policy's are made up for, none
    that is later than `lateness`.
    """
    past = [one for one in occasions if one.due_at <= now]
    missed = [one for one in past if now - one.effective > TOLERANCE]
    kept = _made_up_for(missed, past, now - lateness, catch_up)
    found = []
    for one in occasions:
        if one not in missed or one in kept:
            found.append(Found(occasion=one, state=DueState.WAITING))
        elif one.effective < now - lateness:
            found.append(_skipped(one, f"missed by more than {_words(lateness)}"))
        elif catch_up is CatchUp.NONE:
            found.append(_skipped(one, "missed, and catch_up is none"))
        else:
            found.append(_skipped(one, f"missed, and newer ones came (catch_up: {catch_up})"))
    return found


def _made_up_for(
    missed: Sequence[Occasion], past: Sequence[Occasion], oldest: datetime, catch_up: CatchUp
) -> Sequence[Occasion]:
    in_reach = [one for one in missed if one.effective >= oldest]
    match catch_up:
        case CatchUp.NONE:
            return ()
        case CatchUp.LAST:
            return [one for one in in_reach if one is past[-1]]
        case CatchUp.ALL:
            return in_reach[-MOST_MADE_UP:]
        case _:
            assert_never(catch_up)


def _skipped(occasion: Occasion, reason: str) -> Found:
    return Found(occasion=occasion, state=DueState.SKIPPED, reason=reason)


def _words(time: timedelta) -> str:
    hours = time / timedelta(hours=1)
    return f"{hours:.3g} h"


def is_sane(now: datetime, latest: datetime | None) -> bool:
    """Whether a clock can be planned by: it is not from before this program, nor far behind.

    `latest` is the newest instant that the ledger knows.
    """
    return now >= EARLIEST and (latest is None or now >= latest - FURTHEST_BACK)


def next_try(due: Due, now: datetime, *, refused: bool, wait: timedelta | None = None) -> datetime:
    """When to try again after a failure; at the latest at the deadline, where it ends as missed.

    `refused` says that a person is needed, `wait` what the server asked for.
    """
    waits = RETRY_REFUSED if refused else RETRY_LATER
    usual = waits[min(due.tries, len(waits) - 1)]
    return min(now + max(usual, wait or timedelta()), max(due.deadline, now))


GONE = "the config does not run this digest any more"
"""Why what waits of a job is skipped."""


def missed_because(due: Due) -> str:
    """Why a period that was waited for is missed."""
    why = f": {due.reason}" if due.reason else ""
    return f"it could not be built before {due.deadline:%Y-%m-%d %H:%M} UTC{why}"


def is_over(due: Due, now: datetime) -> bool:
    """Whether it is too late for it."""
    return now >= due.deadline
