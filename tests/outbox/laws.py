"""What makes "bounded copies" provable, held against a ledger on the disk and what really happened.

  (i)  a key has one row
 (ii)  whoever lost a delivery moves nothing any more
(iii)  the server gets something only while it is durably noted as at risk
 (iv)  leaving that without a definite answer is counted
  (v)  but for definite refusals it is entered at most 1 + MAX_RESENDS times, and once more for
       each time that a person says so

It follows that a reader has at most 1 + `uncertain` copies, with `hold` at most one. (ii) and (iii)
are held against each single step by `test_delivery_machine`, the others here at any time.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from digest.core.content import DeliveryState as State
from digest.core.outbox import MAX_RESENDS, MOVES, OnUncertain

if TYPE_CHECKING:
    from pathlib import Path


class Entry(NamedTuple):
    """One entry of the execution log."""

    fence: int
    before: State
    after: State


class Row(NamedTuple):
    """One delivery as it stands on the disk."""

    row: int
    key: str
    state: State
    fence: int
    attempts: int
    uncertain: int
    log: list[Entry]

    def times(self, before: State, *after: State) -> int:
        return sum(one.before is before and one.after in after for one in self.log)

    @property
    def refused(self) -> int:
        """How often the server said a definite no while it was at risk."""
        return self.times(State.AT_RISK, State.RETRY_WAIT, State.FAILED)


@dataclass(slots=True)
class Truth:
    """What really happened, whatever the ledger knows of it; by key, or by row."""

    policy: OnUncertain = OnUncertain.RESEND
    keys: set[str] = field(default_factory=set)
    copies: Counter[str] = field(default_factory=Counter)
    refusals: Counter[int] = field(default_factory=Counter)
    orders: Counter[int] = field(default_factory=Counter)
    confirmed: set[int] = field(default_factory=set)

    @property
    def resends(self) -> int:
        return MAX_RESENDS if self.policy is OnUncertain.RESEND else 0


def on_disk(path: Path) -> list[Row]:
    """The ledger as it is, read beside it."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as disk:
        logs: dict[int, list[Entry]] = {}
        for row, fence, before, after in disk.execute(
            "SELECT delivery_id, fence, before, after FROM attempts ORDER BY id"
        ):
            logs.setdefault(row, []).append(Entry(fence, State(before), State(after)))
        return [
            Row(row, key, State(state), fence, attempts, uncertain, logs.get(row, []))
            for row, key, state, fence, attempts, uncertain in disk.execute(
                "SELECT id, key, state, fence, attempts, uncertain FROM deliveries ORDER BY id"
            )
        ]


def laws_hold(rows: list[Row], truth: Truth) -> None:
    assert sorted(row.key for row in rows) == sorted(truth.keys)
    for row in rows:
        the_log_agrees_with_the_state(row)
        a_risk_without_an_answer_is_counted(row, truth)
        the_risk_is_bounded(row, truth)
        copies_are_bounded(row, truth)
        nothing_is_sent_that_nobody_has(row, truth)


def the_log_agrees_with_the_state(row: Row) -> None:
    for one in row.log:
        assert one.after in MOVES[one.before]
    for earlier, later in pairwise(row.log):
        assert later.before is earlier.after
        assert later.fence == earlier.fence + (later.after is State.LEASED)
    if row.log:
        assert row.log[0].before is State.PLANNED
        assert (row.log[-1].after, row.log[-1].fence) == (row.state, row.fence)
    else:
        assert (row.state, row.fence) == (State.PLANNED, 0)
    assert row.attempts == row.times(State.LEASED, State.SENDING)


def a_risk_without_an_answer_is_counted(row: Row, truth: Truth) -> None:
    assert row.uncertain == row.times(State.AT_RISK, State.UNCERTAIN)
    assert row.refused <= truth.refusals[row.row]


def the_risk_is_bounded(row: Row, truth: Truth) -> None:
    entered = row.times(State.SENDING, State.AT_RISK)
    assert entered - row.refused <= 1 + truth.resends + truth.orders[row.row]


def copies_are_bounded(row: Row, truth: Truth) -> None:
    assert truth.copies[row.key] <= 1 + row.uncertain
    assert truth.copies[row.key] <= 1 + truth.resends + truth.orders[row.row]


def nothing_is_sent_that_nobody_has(row: Row, truth: Truth) -> None:
    if row.state is State.SENT:
        assert truth.copies[row.key] or row.row in truth.confirmed
