"""The journals against the ledger: what the promise (P1, P2) forbids, as sentences.

    assert violations(books, journal.entries(), hold=False) == []

Every try that ended without a definite answer may have made one copy, and has to be counted as
uncertain; every move to `sent` that followed an answer made exactly one. So a delivery's copies
lie between the second number and the sum of both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from digest.core.content import DeliveryState as State
from digest.core.outbox import MAX_RESENDS, OPEN
from tests.lab import slack_sink, smtp_sink
from tests.lab.execution_log import log_violations

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tests.lab.ledger import Books, Entry, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """What the servers took of one delivery: checksums of each part, the headline's first."""

    parts: Mapping[int, Sequence[str]] = field(default_factory=dict)
    recipients: frozenset[str] = frozenset()

    @property
    def count(self) -> int:
        """How often the delivery itself was taken."""
        return len(self.parts.get(0, ()))


def violations(
    books: Books,
    journal: Iterable[Mapping[str, Any]],
    *,
    hold: bool = False,
    finished: bool = True,
) -> list[str]:
    """Everything that must not be; empty is good.

    `finished` says that digest is done with all of it, `hold` that nothing is sent again.
    """
    taken = copies_of(journal)
    found = list(_unknown(books, taken))
    logs: dict[int, list[Entry]] = defaultdict(list)
    for entry in books.log:
        logs[entry.delivery].append(entry)
    for row in books.rows:
        log = logs[row.row]
        copies = taken.get(name_of(row), Copies())
        problems = [
            *_counted(row, log, copies, hold=hold),
            *_at_the_end(row, copies, finished=finished),
            *_alike(row, copies),
            *log_violations(row, log),
        ]
        found += [f"{row.job} to {row.recipient} ({row.state}): {what}" for what in problems]
    return found + list(_marked(books, finished=finished))


def copies_of(journal: Iterable[Mapping[str, Any]]) -> dict[str, Copies]:
    """What was taken, by Message-ID or by Slack's metadata key."""
    parts: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    recipients: dict[str, set[str]] = defaultdict(set)
    for entry in journal:
        if entry.get("event") != smtp_sink.ACCEPTED:
            continue
        if entry["kind"] == smtp_sink.KIND:
            parts[entry["message_id"]][0].append(entry["sha256"])
            recipients[entry["message_id"]].add(entry["recipient"])
        elif entry["kind"] == slack_sink.KIND:
            parts[entry["key"]][int(entry["part"] or 0)].append(entry["sha256"])
            recipients[entry["key"]].add(entry["channel"])
    return {
        name: Copies(parts=parts[name], recipients=frozenset(recipients[name])) for name in parts
    }


def name_of(row: Row) -> str:
    """By what the servers know it: a mail has its Message-ID before it is sent."""
    mailed = row.reference is not None and row.reference.startswith("<")
    return str(row.reference) if mailed else row.key


def _unknown(books: Books, taken: Mapping[str, Copies]) -> Iterator[str]:
    known = {name_of(row): row for row in books.rows}
    for name, copies in taken.items():
        if name not in known:
            yield f"a message was taken that the ledger does not know: {name or 'without a name'}"
        elif len(copies.recipients) > 1:
            yield f"{known[name].key} went to {', '.join(sorted(copies.recipients))}"
        elif name.startswith("<") and copies.recipients != {known[name].recipient}:
            yield f"the mail for {known[name].recipient} went to {', '.join(copies.recipients)}"


def _counted(row: Row, log: Sequence[Entry], copies: Copies, *, hold: bool) -> Iterator[str]:
    most_uncertain = 1 if hold else 1 + MAX_RESENDS
    answered = sum((e.before, e.after) == (State.AT_RISK, State.SENT) for e in log)
    open_risk = row.state is State.AT_RISK
    for part, sums in copies.parts.items():
        what = f"{len(sums)} copies of part {part + 1}"
        if len(sums) > row.uncertain + answered + open_risk:
            yield f"{what}, with {row.uncertain} uncertain and {answered} answered"
        if hold and len(sums) > 1:
            yield f"{what}, though it was to be held"
        if len(sums) > 1 + MAX_RESENDS:
            yield f"{what}"
    if copies.count < answered:
        yield "recorded as sent after an answer, and nobody has it"
    if row.uncertain > most_uncertain:
        yield f"uncertain {row.uncertain} times, at most {most_uncertain} is allowed"


def _at_the_end(row: Row, copies: Copies, *, finished: bool) -> Iterator[str]:
    if finished and row.state in OPEN:
        yield "it was left open"
    if row.state is State.SENT and copies.count == 0:
        yield "sent, and nobody has it"
    if row.state is State.SENT and row.uncertain == 0 and copies.count != 1:
        yield f"sent without any doubt, and there are {copies.count} copies"
    if row.state not in {State.SENT, State.AT_RISK} and row.uncertain == 0 and copies.count:
        yield f"{copies.count} copies of what was never sent"


def _alike(row: Row, copies: Copies) -> Iterator[str]:
    for part, sums in copies.parts.items():
        if len(set(sums)) > 1:
            yield f"the copies of part {part + 1} of {row.key} are not the same"


def _marked(books: Books, *, finished: bool) -> Iterator[str]:
    sent = Counter(row.state for row in books.rows)[State.SENT]
    if books.sent != sent:
        yield f"the ledger counts {books.sent} sent, and has {sent}"
    if books.mark is not None and books.mark > books.sent:
        yield f"the mark says {books.mark} sent, the ledger {books.sent}"
    if finished and books.rows and books.mark != books.sent:
        yield f"the mark was left at {books.mark}, the ledger at {books.sent}"
