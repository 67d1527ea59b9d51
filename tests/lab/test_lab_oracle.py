"""The oracle finds what it has to find, and nothing where all is well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from digest.core.content import DeliveryState as State
from tests.lab.ledger import Books, Entry, Row
from tests.lab.oracle import violations

MAIL = Row(
    row=1,
    key="k" * 32,
    job="mail",
    period="2026-W47",
    channel="mail",
    recipient="a@example.com",
    state=State.SENT,
    fence=1,
    attempts=1,
    uncertain=0,
    reference="<k@example.com>",
    last_error=None,
)
SENT = (State.LEASED, State.SENDING, State.AT_RISK, State.SENT)
LOST = (State.LEASED, State.SENDING, State.AT_RISK, State.UNCERTAIN)
AGAIN = (*LOST, State.PLANNED, *SENT)


def log(*states: State) -> tuple[Entry, ...]:
    """The log of a delivery that went through these, from `planned` on."""
    before, fence, attempt = State.PLANNED, 0, 0
    entries = []
    for after in states:
        fence += after is State.LEASED
        attempt += after is State.SENDING
        entries.append(
            Entry(
                delivery=1,
                attempt=attempt,
                fence=fence,
                before=before,
                after=after,
                code=None,
                reason=None,
            )
        )
        before = after
    return tuple(entries)


def books(*states: State, **changes: Any) -> Books:
    """A ledger with one delivery that went through these states."""
    entries = log(*states)
    row = replace(
        MAIL,
        state=states[-1],
        fence=entries[-1].fence,
        attempts=entries[-1].attempt,
        uncertain=sum(state is State.UNCERTAIN for state in states),
    )
    sent = int(row.state is State.SENT)
    return Books(rows=(replace(row, **changes),), log=entries, sent=sent, mark=sent)


def mail(content: str = "a", **changes: Any) -> dict[str, Any]:
    """A mail that was taken."""
    entry = {
        "kind": "mail",
        "event": "accepted",
        "message_id": "<k@example.com>",
        "recipient": "a@example.com",
        "sha256": content,
    }
    return entry | changes


@pytest.mark.parametrize(
    ("states", "copies", "hold"),
    [
        (SENT, 1, False),
        (AGAIN, 1, False),
        (AGAIN, 2, False),
        ((*LOST, State.SENT), 1, False),
        ((*LOST, State.HELD), 0, True),
        ((*LOST, State.HELD), 1, True),
        ((*LOST, State.PLANNED, *LOST, State.HELD), 2, False),
        ((*SENT[:3], State.FAILED), 0, False),
        ((*SENT[:3], State.RETRY_WAIT, *AGAIN), 2, False),
    ],
)
def test_what_is_allowed(states: tuple[State, ...], copies: int, *, hold: bool) -> None:
    assert violations(books(*states), [mail()] * copies, hold=hold) == []


@pytest.mark.parametrize(
    ("states", "copies", "said"),
    [
        (SENT, 0, "nobody has it"),
        (SENT, 2, "2 copies of part 1, with 0 uncertain and 1 answered"),
        (AGAIN, 0, "nobody has it"),
        (AGAIN, 3, "3 copies"),
        ((*LOST, State.SENT), 0, "sent, and nobody has it"),
        ((*LOST, State.SENT), 2, "2 copies"),
        ((*SENT[:3], State.FAILED), 1, "1 copies of what was never sent"),
        ((State.SKIPPED,), 1, "1 copies of what was never sent"),
        (LOST, 1, "left open"),
        ((*LOST, State.PLANNED, *LOST, State.PLANNED, *SENT), 1, "at risk 3 times"),
        ((*LOST, State.PLANNED, *LOST, State.PLANNED, *SENT), 3, "3 copies of part 1"),
        ((State.LEASED, State.AT_RISK, State.SENT), 1, "from leased to at_risk"),
    ],
)
def test_what_is_forbidden(states: tuple[State, ...], copies: int, said: str) -> None:
    assert said in " ".join(violations(books(*states), [mail()] * copies))


def test_holding_allows_one_copy_and_one_doubt() -> None:
    assert len(violations(books(*AGAIN), [mail()] * 2, hold=True)) == 1
    twice = books(*LOST, State.PLANNED, *LOST, State.HELD)
    assert "uncertain 2 times" in " ".join(violations(twice, [mail()], hold=True))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (mail(message_id="<x@example.com>"), "does not know: <x@example.com>"),
        (mail(recipient="b@example.com"), "went to a@example.com, b@example.com"),
        ({**mail(), "kind": "slack", "key": "", "part": 0, "channel": "C1"}, "without a name"),
    ],
)
def test_a_message_nobody_planned(entry: dict[str, Any], said: str) -> None:
    found = violations(books(*AGAIN), [mail(), entry])

    assert len(found) == 1
    assert said in found[0]


def test_copies_that_differ() -> None:
    found = violations(books(*AGAIN), [mail("one"), mail("another")])

    assert found == [
        "mail to a@example.com (sent): the copies of part 1 of " + MAIL.key + " are not the same"
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"uncertain": 0}, "it left at_risk 1 times without an answer, and 0 are counted"),
        ({"attempts": 1}, "2 tries were begun, and 1 are counted"),
        ({"fence": 9}, "its fence is 9"),
        ({"state": State.HELD}, "its log ends with sent"),
    ],
)
def test_a_row_that_its_log_does_not_bear_out(changes: dict[str, Any], said: str) -> None:
    assert said in " ".join(violations(books(*AGAIN, **changes), [mail()]))


def test_a_log_with_a_gap() -> None:
    made = books(*AGAIN)
    gap = replace(made, log=made.log[:4] + made.log[5:])

    assert "it was uncertain, and then it left planned" in " ".join(violations(gap, [mail()]))


def test_a_mark_that_is_not_the_ledgers() -> None:
    assert violations(replace(books(*SENT), mark=2), [mail()]) == [
        "the mark says 2 sent, the ledger 1",
        "the mark was left at 2, the ledger at 1",
    ]
    assert violations(replace(books(*SENT), sent=3, mark=3), [mail()]) == [
        "the ledger counts 3 sent, and has 1"
    ]


def test_slack_is_known_by_its_key_and_every_part_is_counted() -> None:
    made = books(*SENT, reference="1.2", recipient="#growth")
    parts = [
        {
            "kind": "slack",
            "event": "accepted",
            "key": MAIL.key,
            "part": part,
            "channel": "C1",
            "sha256": str(part),
        }
        for part in (0, 1, 1)
    ]

    assert violations(made, parts[:2]) == []
    assert "2 copies of part 2" in " ".join(violations(made, parts))
