"""The execution log of one delivery against the state machine's rules.

Each entry is a legal move that begins where the last one ended. `at_risk` is entered twice at most
without a definite answer in between, and whoever leaves it without one is counted.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from digest.core.content import DeliveryState as State
from digest.core.outbox import MAX_RESENDS, MOVES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.lab.ledger import Entry, Row


def log_violations(row: Row, log: Sequence[Entry]) -> Iterator[str]:
    """What is wrong with the log of this delivery."""
    yield from _moves(row, log)
    yield from _risks(row, log)
    yield from _numbers(row, log)


def _moves(row: Row, log: Sequence[Entry]) -> Iterator[str]:
    for entry in log:
        if entry.before is not None and entry.after not in MOVES[entry.before]:
            yield f"it went from {entry.before} to {entry.after}"
    for earlier, later in pairwise(log):
        if later.before is not earlier.after:
            yield f"it was {earlier.after}, and then it left {later.before}"
    if log and log[0].before not in {None, State.PLANNED}:
        yield f"its log begins with {log[0].before}"
    if log and log[-1].after is not row.state:
        yield f"its log ends with {log[-1].after}"
    if not log and row.state not in {State.PLANNED, State.FAILED}:
        yield "it has no log"


def _risks(row: Row, log: Sequence[Entry]) -> Iterator[str]:
    entered, unsure = 0, 0
    for entry in log:
        if entry.after is State.AT_RISK:
            entered += 1
            if entered > 1 + MAX_RESENDS:
                yield f"at risk {entered} times without a definite answer"
        if entry.before is State.AT_RISK and entry.after in {State.RETRY_WAIT, State.FAILED}:
            entered = 0
        unsure += (entry.before, entry.after) == (State.AT_RISK, State.UNCERTAIN)
    if unsure != row.uncertain:
        yield f"it left at_risk {unsure} times without an answer, and {row.uncertain} are counted"


def _numbers(row: Row, log: Sequence[Entry]) -> Iterator[str]:
    for earlier, later in pairwise(log):
        if later.fence < earlier.fence or later.attempt < earlier.attempt:
            yield f"numbers went back on the way from {later.before} to {later.after}"
        if later.after is State.LEASED and later.fence != earlier.fence + 1:
            yield "it was leased under an old fence"
    begun = sum(entry.after is State.SENDING for entry in log)
    if begun != row.attempts:
        yield f"{begun} tries were begun, and {row.attempts} are counted"
    if log and log[-1].fence != row.fence:
        yield f"its fence is {row.fence}, its log's {log[-1].fence}"
