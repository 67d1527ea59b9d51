"""Answers that are kept, and what an earlier one of them is good for.

The API counts users' lists over all time only, so that a change can come from nowhere but an
answer of our own that was kept one period ago.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol, assert_never

from digest.core.breakdowns import Listing
from digest.core.snapshots import Snapshot
from digest.report.planning import ListCall, SeriesCall

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from digest.core.metrics import Dimension
    from digest.report.fetching import Fetched
    from digest.report.planning import FetchPlan

_LEAST_SLACK = timedelta(hours=6)
_SLACK = 7  # of a period's length: a weekly snapshot may be off by a day


class Finds(Protocol):
    """What looks up kept answers; the ledger is one."""

    def snapshot(
        self, app_id: str, report: str, what: str, *, at: datetime, within: timedelta
    ) -> Snapshot | None:
        """The all-time answer taken nearest to `at`, or None."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An all-time list of our own from about one period ago. `taken_at` is the server's clock."""

    listing: Listing
    taken_at: datetime


def kept(plan: FetchPlan, fetched: Fetched, app_id: str) -> tuple[Snapshot, ...]:
    """Every answer, to be stored with the run that it was fetched for."""
    return tuple(_kept(plan, fetched, app_id))


def earlier_lists(
    plan: FetchPlan, fetched: Fetched, app_id: str, finds: Finds
) -> Mapping[Dimension, Earlier]:
    """For each all-time list of the digest the one from a period ago, where there is one."""
    distance = plan.period.end - plan.baseline.end
    within = max(_LEAST_SLACK, (plan.period.end - plan.period.start) / _SLACK)
    found: dict[Dimension, Earlier] = {}
    for call, asked in zip(plan.calls, fetched.asked, strict=False):
        if not isinstance(call, ListCall) or call.dimension.dated or asked.generated_at is None:
            continue
        snapshot = finds.snapshot(
            app_id, call.report, call.what, at=asked.generated_at - distance, within=within
        )
        if snapshot is not None:
            found[call.dimension] = Earlier(
                listing=_listing(snapshot.answer), taken_at=snapshot.taken_at
            )
    return found


def _kept(plan: FetchPlan, fetched: Fetched, app_id: str) -> Iterator[Snapshot]:
    for call, asked in zip(plan.calls, fetched.asked, strict=False):
        if asked.generated_at is None:
            continue
        match call:
            case SeriesCall():
                days = fetched.values.get(call.metric, {})
                answer: dict[str, Any] = {
                    day.isoformat(): value
                    for day, value in days.items()
                    if call.start <= day < call.end
                }
            case ListCall():
                listing = fetched.lists[call.dimension, call.side]
                answer = {"rows": listing.rows, "complete": listing.complete}
            case _:
                assert_never(call)
        yield Snapshot(
            app_id=app_id,
            report=call.report,
            what=call.what,
            start=call.start,
            end=call.end,
            taken_at=asked.generated_at,
            answer=answer,
        )


def _listing(answer: Mapping[str, Any]) -> Listing:
    return Listing(
        rows=tuple((str(value), int(count)) for value, count in answer["rows"]),
        complete=bool(answer["complete"]),
    )
