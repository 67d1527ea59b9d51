"""What the schedule makes due, from what the ledger accounts for. No I/O."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from digest.config.occasions import (
    by_todays_zones,
    end_of,
    next_occasion,
    occasions,
    schedule_key,
)
from digest.core.agenda import Due, DueState, JobClock, made_of
from digest.core.periods import parse_period

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime, timedelta

    from digest.config.models import Config, Digest
    from digest.core.agenda import Occasion

_MOST_GAPS = 60


@dataclass(slots=True, kw_only=True)
class Accounts:
    """Where the jobs stand: their clocks, which of them are new, what became due by the way.

    `gone` are jobs that the config does not run any more.
    """

    clocks: dict[str, JobClock]
    changed: list[JobClock] = field(default_factory=list)
    dues: list[Due] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def opened(
    config: Config,
    known: Mapping[str, JobClock],
    now: datetime,
    *,
    last_period: Callable[[str], str | None],
    was_planned: Callable[[str, str], bool],
) -> Accounts:
    """Where a config's jobs stand when it is taken up.

    A job that the ledger doesn't know begins now: no past period is sent. One whose schedule was
    changed begins now, too; the periods that neither schedule covers are left out, which is said.
    A clock that stood at the end of a local day stands there still when the zone data changed.
    `last_period` gives the label of what was due last, `was_planned` whether a period was.
    """
    jobs = {name: digest for name, digest in config.digests.items() if digest.enabled}
    accounts = Accounts(clocks={name: clock for name, clock in known.items() if name in jobs})
    accounts.gone = [name for name in known if name not in jobs]
    for name, digest in jobs.items():
        key, clock = schedule_key(digest), known.get(name)
        if clock is not None and clock.schedule == key:
            new = replace(clock, since=by_todays_zones(digest, clock.since))
        else:
            new = JobClock(job=name, since=now, schedule=key)
        if new == clock:
            continue
        accounts.clocks[name] = new
        accounts.changed.append(new)
        if clock is not None and clock.schedule != key:
            accounts.dues += _left_out(digest, last_period(name), now, was_planned)
    return accounts


def due_now(
    digest: Digest,
    clock: JobClock,
    now: datetime,
    *,
    until: datetime,
    lateness: timedelta,
    was_planned: Callable[[str, str], bool],
) -> tuple[JobClock, list[Due]]:
    """What has become due since a job's clock, up to `until`, and the clock after that.

    A schedule may fire again for the same period; the clock is beyond that, too. A period that was
    missed but sent by hand (`was_planned`) is not left out.
    """
    found = list(occasions(digest, clock.since, until))
    if not found:
        return clock, []
    made = made_of(found, now, catch_up=digest.catch_up, lateness=lateness)
    dues = [_due(digest.name, one.occasion, lateness, one.state, one.reason) for one in made]
    dues = [
        replace(due, state=DueState.PLANNED, reason="planned before")
        if due.state is DueState.SKIPPED and was_planned(due.job, due.period)
        else due
        for due in dues
    ]
    since = max(clock.since, end_of(digest, found[-1]))
    return JobClock(job=clock.job, since=since, schedule=clock.schedule), dues


def _left_out(
    digest: Digest,
    last: str | None,
    now: datetime,
    was_planned: Callable[[str, str], bool],
) -> Iterable[Due]:
    """The periods between the last one of the old schedule and the first one of the new."""
    coming = next_occasion(digest, now)
    if last is None or coming is None:
        return
    before, period = parse_period(last), parse_period(coming.period).previous()
    if before.kind is not period.kind:
        return
    for _ in range(_MOST_GAPS):
        if period.start <= before.start:
            return
        if not was_planned(digest.name, period.label):
            yield Due(
                row=0,
                job=digest.name,
                period=period.label,
                due_at=now,
                local=now.isoformat(timespec="seconds"),
                ready_at=period.ends_at,
                deadline=now,
                state=DueState.SKIPPED,
                reason="the schedule was changed, and no due time covers it any more",
            )
        period = period.previous()


def _due(job: str, occasion: Occasion, lateness: timedelta, state: DueState, reason: str) -> Due:
    return Due(
        row=0,
        job=job,
        period=occasion.period,
        due_at=occasion.due_at,
        local=occasion.local,
        ready_at=occasion.ready_at,
        deadline=occasion.effective + lateness,
        state=state,
        reason=reason,
    )
