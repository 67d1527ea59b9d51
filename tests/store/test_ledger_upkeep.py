"""What a person does to the ledger: send again, purge; and what it does by itself once a day."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from digest.core.content import DeliveryKind, Frozen
from digest.core.content import DeliveryState as State
from digest.core.outbox import OnUncertain
from digest.core.snapshots import Snapshot
from digest.core.steps import Step
from digest.store import upkeep
from tests.store.databases import Ledgers
from tests.support.ledgers import (
    DAY,
    LATER,
    LOST,
    NOW,
    REFUSED,
    Clock,
    Post,
    key,
    new_run,
    only,
    plan,
    scope,
    sender,
    states,
)

if TYPE_CHECKING:
    from datetime import datetime

    from digest.core.outbox import Delivery
    from digest.store.opened import Store
    from digest.store.rows import Run

SOON = NOW + timedelta(minutes=5)
LATE = NOW + 3 * DAY


# Send again


def resend(store: Store, *chosen: Delivery, deadline: datetime = LATE) -> list[int]:
    return store.writer.do(lambda batch: upkeep.resend(batch, chosen, deadline, SOON))


def referenced(store: Store) -> Run:
    """A run whose one message has the Message-ID that its key gives it."""
    to = key("ana", install=store.ledger.install)
    frozen = Frozen(
        document=b"the digest",
        head=b"ana",
        reference=f"<{to.digest}@example.com>",
        remarks=("a chart is missing",),
    )
    run = store.ledger.plan(new_run(), [(to, frozen)])
    assert run is not None
    return run


def test_what_failed_is_sent_again_as_a_new_generation_with_the_same_bytes(
    store: Store, clock: Clock
) -> None:
    run = referenced(store)
    post = Post(script={"ana": [REFUSED]})
    sender(store, clock, [post]).send(scope(run))
    (row,) = resend(store, only(store, run))
    old, new = store.ledger.deliveries(scope(run))
    assert (new.row, new.state, new.key.generation) == (row, State.PLANNED, 1)
    assert (new.fence, new.attempts, new.uncertain, new.last_error) == (0, 0, 0, "")
    assert (new.updated_at, new.remarks) == (SOON, ("a chart is missing",))
    assert (old.state, old.last_error) == (
        State.SKIPPED,
        f"sent again as {new.key.digest[:8]}; was failed",
    )
    sender(store, clock, [post]).send(scope(run))
    (parcel,) = post.accepted
    assert (parcel.document, parcel.head) == (b"the digest", b"ana")


def test_a_new_generation_has_a_message_id_of_its_own(store: Store) -> None:
    run = referenced(store)
    first = only(store, run)
    resend(store, first)
    _, second = store.ledger.deliveries(scope(run))
    assert second.reference == f"<{second.key.digest}@example.com>"
    assert second.reference != first.reference


@pytest.mark.parametrize("reference", [None, "171.2"])
def test_a_reference_that_the_key_did_not_make_is_not_taken_along(
    store: Store, reference: str | None
) -> None:
    to = key("ana", install=store.ledger.install)
    run = store.ledger.plan(new_run(), [(to, Frozen(document=b"", reference=reference))])
    assert run is not None
    resend(store, only(store, run))
    assert store.ledger.deliveries(scope(run))[1].reference is None


def test_it_may_be_tried_until_the_new_deadline(store: Store, clock: Clock) -> None:
    run = plan(store, "ana", deadline=NOW + DAY)
    clock.go(days=2)
    post = Post()
    sender(store, clock, [post]).send(scope(run))
    assert states(store, run) == {"ana": "dead"}
    resend(store, only(store, run), deadline=LATE)
    sender(store, clock, [post]).send(scope(run))
    assert post.tried == ["ana"]
    assert {one.deadline for one in store.ledger.deliveries(scope(run))} == {LATE}


def test_a_deadline_is_never_brought_forward(store: Store) -> None:
    run = plan(store, "ana", deadline=NOW + DAY)
    resend(store, only(store, run), deadline=NOW)
    assert {one.deadline for one in store.ledger.deliveries(scope(run))} == {NOW + DAY}


def test_what_was_sent_stays_sent_when_it_is_sent_again(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    sender(store, clock, [Post()]).send(scope(run))
    resend(store, only(store, run))
    assert [one.state for one in store.ledger.deliveries(scope(run))] == [
        State.SENT,
        State.PLANNED,
    ]


def test_every_resend_is_a_generation_of_its_own(store: Store) -> None:
    run = plan(store, "ana", "ben")
    ana, ben = store.ledger.deliveries(scope(run))
    resend(store, ana)
    resend(store, ana, ben)
    generations = {
        (one.key.recipient, one.key.generation) for one in store.ledger.deliveries(scope(run))
    }
    assert generations == {("ana", 0), ("ana", 1), ("ana", 2), ("ben", 0), ("ben", 1)}


def test_what_was_moved_meanwhile_is_not_sent_again(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    sender(store, clock, [Post(script={"ana": [REFUSED]})]).send(scope(run))
    seen = only(store, run)
    resend(store, seen)
    resend(store, seen)
    assert len(store.ledger.deliveries(scope(run))) == 2


# Purge


def ended(store: Store, clock: Clock) -> Run:
    """A run with a delivery in every state that a purge may meet."""
    run = plan(store, "sent", "failed", "held", "later", "dead", "skipped", document=b"old")
    script = {"failed": [REFUSED], "held": [LOST], "later": [LATER]}
    rows = {one.key.recipient: one for one in store.ledger.deliveries(scope(run))}
    sender(
        store,
        clock,
        [Post(script=script)],
        policy=OnUncertain.HOLD,
        wanted=lambda held: held.key.recipient not in {"dead", "skipped"},
    ).send(scope(run))
    Ledgers.sql(store, "UPDATE deliveries SET state = 'dead' WHERE id = :id", id=rows["dead"].row)
    return run


def test_what_ended_long_ago_goes_and_what_waits_or_is_held_stays(
    store: Store, clock: Clock
) -> None:
    run = ended(store, clock)
    assert upkeep.purge(store.writer, before=NOW + DAY) == 4
    assert states(store, run) == {"held": "held", "later": "retry_wait"}
    logged = Ledgers.sql(store, "SELECT DISTINCT delivery_id FROM attempts ORDER BY 1")
    assert [row for (row,) in logged] == [one.row for one in store.ledger.deliveries(scope(run))]


def test_what_ended_since_then_stays(store: Store, clock: Clock) -> None:
    run = ended(store, clock)
    assert upkeep.purge(store.writer, before=NOW) == 0
    assert len(states(store, run)) == 6


def test_bytes_go_with_the_last_delivery_that_has_them(store: Store, clock: Clock) -> None:
    old = plan(store, "ana", document=b"shared")
    only_old = plan(store, "ana", document=b"old", period="2026-W48")
    sender(store, clock, [Post()]).send(scope(old))
    sender(store, clock, [Post()]).send(scope(only_old))
    clock.go(days=10)
    plan(store, "ana", document=b"shared", period="2026-W49")
    assert upkeep.purge(store.writer, before=NOW + DAY) == 2
    found = Ledgers.sql(store, "SELECT data FROM contents")
    assert [bytes(data) for (data,) in found] == [b"shared"]


def test_that_a_period_was_sent_stays_known_so_that_it_is_not_sent_again(
    store: Store, clock: Clock
) -> None:
    run = plan(store, "ana")
    sender(store, clock, [Post()]).send(scope(run))
    assert upkeep.purge(store.writer, before=NOW + DAY) == 1
    assert store.ledger.run("monday-email", DeliveryKind.DIGEST, "2026-W47") == run
    assert store.ledger.plan(new_run(), []) is None


def test_snapshots_of_that_age_go_too(store: Store) -> None:
    taken = [
        Snapshot(
            app_id="shop",
            report="sessions",
            what="country",
            start=None,
            end=None,
            taken_at=NOW + timedelta(days=days),
            answer={},
        )
        for days in (0, 2)
    ]
    store.ledger.plan(new_run(), [], snapshots=taken)
    upkeep.purge(store.writer, before=NOW + DAY)
    assert Ledgers.sql(store, "SELECT count(*) FROM snapshots") == [(1,)]


def test_a_long_purge_is_done_in_pieces(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = plan(store, *(f"reader{n}" for n in range(25)))
    sender(store, clock, [], wanted=lambda _held: False)
    store.ledger.lease(scope(run), "mail", after=0, most=50, wanted=lambda _held: False)
    pieces: list[Step] = []
    monkeypatch.setattr(upkeep, "_AT_ONCE", 10)
    monkeypatch.setattr(upkeep, "reached", pieces.append)
    assert upkeep.purge(store.writer, before=NOW + DAY) == 25
    assert pieces == [Step.PRUNE_MID] * 3


def test_by_itself_it_purges_once_a_day_and_not_on_the_first(store: Store, clock: Clock) -> None:
    run = plan(store, "ana")
    sender(store, clock, [Post()]).send(scope(run))
    gone = {
        hours: upkeep.purge_when_due(store.writer, NOW + DAY, NOW + timedelta(hours=hours))
        for hours in (0, 23, 24, 25)
    }
    assert gone == {0: 0, 23: 0, 24: 1, 25: 0}
    again = plan(store, "ana", period="2026-W48")
    sender(store, clock, [Post()]).send(scope(again))
    assert upkeep.purge_when_due(store.writer, NOW + DAY, NOW + timedelta(hours=47)) == 0
    assert upkeep.purge_when_due(store.writer, NOW + DAY, NOW + timedelta(hours=48)) == 1
