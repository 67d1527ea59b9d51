"""The journals and the ledger against what had to be, and what may be: sentences about the rest."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from digest.core.content import DeliveryState as State
from tests.lab import slack_sink
from tests.lab.oracle import copies_of, name_of
from tests.lab.oracle import violations as lab_violations
from tests.soak.expected import IN_TIME, MOMENT, SLACK, Expected
from tests.soak.jobs import DAY, Kind, covered, first_jobs, label_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.lab.ledger import Books, Row
    from tests.soak.history import History
    from tests.soak.ledger import DueRow
    from tests.support.endless_phase import Asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """One message that a server accepted for a digest."""

    job: str
    period: str
    recipient: str
    at: datetime
    wall: datetime


@dataclass(slots=True, kw_only=True)
class Findings:
    """What the oracle says: sentences about what must not be, and how many there were of what."""

    violations: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    copies: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is left of a soak. `journal` has the folder's deliveries, too."""

    history: History
    books: Books
    dues: Sequence[DueRow]
    journal: Sequence[Mapping[str, Any]]
    asked: Sequence[Asked]


def examine(left: Evidence) -> Findings:
    """Everything at once."""
    expected, books, dues = Expected(history=left.history), left.books, left.dues
    taken = list(_taken(books, left.journal))
    found = Findings(violations=list(left.history.amiss))
    found.violations += lab_violations(books, left.journal)
    found.violations += _unannounced(expected, dues)
    found.violations += _gaps(dues)
    found.violations += _untold(dues)
    found.violations += _wrong_days(left.asked)
    found.violations += _missing(expected, books, taken, found.counts)
    for one in taken:
        found.violations += _misplaced(expected, one)
    copies = copies_of(left.journal)
    for row in books.rows:
        if row.job != "ops":
            found.copies[copies[name_of(row)].count if name_of(row) in copies else 0] += 1
            found.counts["uncertain"] += row.uncertain
    found.counts["left out"] = sum(due.state == "skipped" for due in dues)
    found.counts["missed"] = sum(due.state == "missed" for due in dues)
    return found


def _taken(books: Books, journal: Sequence[Mapping[str, Any]]) -> Iterator[Taken]:
    rows = {name_of(row): row for row in books.rows if row.job != "ops"}
    for entry in journal:
        name = entry["key"] if entry["kind"] == slack_sink.KIND else entry["message_id"]
        row = rows.get(name)
        if entry["event"] == "accepted" and row is not None and "at" in entry:
            at, wall = (datetime.fromisoformat(entry[name]) for name in ("at", "wall"))
            yield Taken(job=row.job, period=row.period, recipient=row.recipient, at=at, wall=wall)


def _missing(
    expected: Expected, books: Books, taken: Sequence[Taken], counts: Counter[str]
) -> Iterator[str]:
    arrived: dict[tuple[str, str], list[Taken]] = {}
    for some in taken:
        arrived.setdefault((some.job, some.period), []).append(some)
    rows: dict[tuple[str, str], dict[str, Row]] = {}
    for row in books.rows:
        rows.setdefault((row.job, row.period), {})[row.recipient] = row
    by_hand = {key for key in expected.of if _is_by_hand(expected, *key)}
    for key, (one, era) in expected.of.items():
        held = rows.get(key, {})
        done = [row for row in held.values() if _is_done(row)]
        counts["due"] += 1
        counts["sent"] += len(done) == len(era.job.to)
        late = [some.wall - one.effective for some in arrived.get(key, [])]
        counts["sent late"] += bool(late) and min(late) > MOMENT
        must = expected.must_be_sent(one, era) and key not in by_hand
        counts["without an excuse"] += must
        for _, recipient in era.job.to if must else ():
            found = held.get(recipient)
            if found is None or not _is_done(found):
                state = f"{found.state} ({found.last_error})" if found else "not in the ledger"
                yield f"{key[0]} {key[1]} for {recipient}, due {one.due}: missing, it is {state}"


def _is_done(row: Row) -> bool:
    """The reader has it, or a person has to look, because nobody knows."""
    return row.state is State.SENT or (row.state is State.HELD and row.uncertain > 0)


def _misplaced(expected: Expected, one: Taken) -> Iterator[str]:
    """Sent though it was not due, too early, too late, or against the policy."""
    what = f"{one.job} {one.period} to {one.recipient}, taken {one.at:%Y-%m-%d %H:%M:%S}"
    known = expected.of.get((one.job, one.period))
    if known is not None and one.at < known[0].ready:
        yield f"{what}: its days were not over, or not settled"
    if _is_by_hand(expected, one.job, one.period):
        return
    if known is None:
        yield f"{what}: it was never due"
        return
    occasion, era = known
    if one.wall < occasion.due:
        yield f"{what}: it was due only at {occasion.due}"
    if one.wall > occasion.effective + era.job.lateness + SLACK:
        yield f"{what}: that is after its deadline"
    if one.wall > occasion.effective + IN_TIME and not expected.may_be_late(occasion, era):
        yield f"{what}: catch_up is {era.job.catch_up}, and nobody was there when it was due"


def _is_by_hand(expected: Expected, job: str, period: str) -> bool:
    eras = [era.job for era in expected.history.eras if era.job.name == job]
    for name, wall in expected.history.by_hand:
        if name == job:
            # the zone of a schedule is the one whose date counts; today's or, near midnight, UTC's
            for some in eras:
                for day in (wall.date() - DAY, wall.date(), wall.date() + DAY):
                    if label_of(some.kind, covered(some.kind, day)[0]) == period:
                        return True
    return False


def _unannounced(expected: Expected, dues: Sequence[DueRow]) -> Iterator[str]:
    """Periods that were due and are not in the ledger; due instants that differ from ours."""
    rows = {(due.job, due.period): due for due in dues}
    if len(rows) != len(dues):
        yield "a period is in the ledger twice"
    for key, (one, era) in expected.of.items():
        if one.due >= min(era.end, expected.history.end) - MOMENT:
            continue
        row = rows.get(key)
        if row is None:
            yield f"{key[0]} {key[1]}, due {one.due}, is not in the ledger's agenda"
        elif row.due_at != one.due and "schedule was changed" not in row.reason:
            yield f"{key[0]} {key[1]} was due {one.due}, the ledger says {row.due_at}"


def _gaps(dues: Sequence[DueRow]) -> Iterator[str]:
    """Days of a daily digest that nobody accounts for, whatever happened to its schedule."""
    for job in first_jobs(2026).values():
        days = sorted(due.period for due in dues if due.job == job.name)
        if job.kind is not Kind.DAY or job.skip or not days:
            continue
        day = date.fromisoformat(days[0])
        while day <= date.fromisoformat(days[-1]):
            if day.isoformat() not in days:
                yield f"{job.name} {day} is in a gap that nobody was told of"
            day += DAY


def _untold(dues: Sequence[DueRow]) -> Iterator[str]:
    for due in dues:
        if due.state == "waiting":
            yield f"{due.job} {due.period} still waits at the end: {due.reason}"
        if due.state in {"skipped", "missed"} and not (due.reason and due.reported):
            yield f"{due.job} {due.period} is {due.state}, and nobody was told why"


def _wrong_days(asked: Iterable[Asked]) -> Iterator[str]:
    """Whole periods only, and none that is not over."""
    kinds = {"weekly": Kind.WEEK, "monthly": Kind.MONTH}
    for one in asked:
        if one.start is None or one.end is None:
            continue
        kind, today = kinds.get(one.app, Kind.DAY), datetime.fromtimestamp(one.at, UTC).date()
        if one.status == 200 and not _is_whole(kind, one.start, one.end):
            yield f"{one.app} asked for {one.start} to {one.end}, which is no {kind}"
        if one.end > today + 8 * DAY:
            yield f"{one.app} asked for {one.end} on {today}"


def _is_whole(kind: Kind, start: date, end: date) -> bool:
    match kind:
        case Kind.DAY:
            return (end - start).days == 13  # the same weekday a week before, and a week of days
        case Kind.WEEK:
            return start.weekday() == 0 and (end - start).days == 13
        case Kind.MONTH:
            return start.day == 1 and (end + DAY).day == 1
