"""Due periods for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from digest.core.agenda import Due, DueState, JobClock

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def due(job: str = "daily", **fields: Any) -> Due:
    """A period that is due now and waits, as it is before the ledger has it (row 0)."""
    usual: dict[str, Any] = {
        "row": 0,
        "job": job,
        "period": "2026-11-22",
        "due_at": NOW,
        "local": NOW.isoformat(timespec="seconds"),
        "ready_at": NOW - 6 * HOUR,
        "deadline": NOW + 12 * HOUR,
        "state": DueState.WAITING,
    }
    return Due(**(usual | fields))


def job_clock(job: str = "daily", since: datetime = NOW, schedule: str = "daily") -> JobClock:
    return JobClock(job=job, since=since, schedule=schedule)
