"""Which jobs the page shows: those in trouble, then those that are next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from digest.web.alert_standing import in_order

if TYPE_CHECKING:
    from digest.web.alert_standing import Alert
    from digest.web.standing import Job, Run, Standing

MOST_JOBS = 50
MOST_TROUBLED = 100
MOST_IN_ALL = 1000
MOST_RUNS = 30
MOST_DELIVERIES = 20
MOST_NEEDS = 20
STRIP = 14
_FAR = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What was asked for: words to look for, and whether for as many as one page can hold."""

    query: str = ""
    everything: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Jobs, alerts and runs to show.

    `found` is how many jobs match, `total` how many there are; `more_alerts` how many alerts that
    match are not shown.
    """

    jobs: tuple[Job, ...]
    alerts: tuple[Alert, ...]
    runs: tuple[Run, ...]
    found: int
    total: int
    more_alerts: int

    @property
    def more(self) -> int:
        """Jobs that match and are not shown."""
        return self.found - len(self.jobs)


def choose(standing: Standing, wish: Wish) -> Chosen:
    """Those in trouble first, then by their next time; runs as they come, newest first."""
    found = sorted((job for job in standing.jobs if matches(job, wish.query)), key=_order)
    shown = found[:MOST_IN_ALL]
    if not wish.everything:
        troubled = [job for job in found if job.troubled][:MOST_TROUBLED]
        fine = [job for job in found if not job.troubled]
        shown = troubled + fine[:MOST_JOBS]
    alerts = in_order(tuple(one for one in standing.alerts if matches(one, wish.query)))
    most = MOST_IN_ALL if wish.everything else MOST_JOBS
    runs = [run for run in standing.runs if _has(wish.query, run.job, run.app)]
    return Chosen(
        jobs=tuple(shown),
        alerts=alerts[:most],
        more_alerts=len(alerts[most:]),
        runs=tuple(runs[:MOST_RUNS]),
        found=len(found),
        total=len(standing.jobs),
    )


def matches(one: Job | Alert, query: str) -> bool:
    """Whether every word of the query is in its name or app."""
    return _has(query, one.name, one.app)


def _has(query: str, *names: str) -> bool:
    text = " ".join(names).casefold()
    return all(word in text for word in query.casefold().split())


def _order(job: Job) -> tuple[bool, bool, datetime, str]:
    at = job.next.at.astimezone(UTC) if job.next is not None else _FAR
    return not job.troubled, not job.enabled, at, job.name
