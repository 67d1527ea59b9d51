"""Planning: a run with its deliveries' bytes, all or nothing, once."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryKind, Frozen
from digest.core.content import DeliveryState as State
from digest.errors import StateBusyError, StoreError
from digest.store.planned import Told
from digest.store.reading import Scope
from tests.store.databases import Ledgers
from tests.store.together import fail, gathering, wait_for_work
from tests.support.ledgers import (
    DOWN,
    LOST_AND_NOT_TAKEN,
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
    from collections.abc import Iterator

    from digest.core.content import DeliveryKey
    from digest.store.opened import Store


def test_a_planned_run_is_what_it_was_planned_as(store: Store) -> None:
    run = plan(store, "ana", warnings=("nothing was measured on Monday",))
    assert store.ledger.run("monday-email", DeliveryKind.DIGEST, "2026-W47") == run
    assert (run.app, run.generation) == ("shop", 0)
    assert (run.planned_at, run.deadline) == (NOW, NOW + timedelta(days=1))
    assert run.warnings == ("nothing was measured on Monday",)


def test_a_planned_delivery_waits_untouched_with_its_bytes(store: Store) -> None:
    run = plan(store, "ana", document=b"\0the digest\xff")
    held = only(store, run)
    assert held.key == key("ana", install=store.ledger.install)
    assert (held.state, held.fence, held.attempts, held.uncertain) == (State.PLANNED, 0, 0, 0)
    assert (held.due_at, held.armed_at, held.last_error) == (None, None, "")
    assert (held.deadline, held.updated_at) == (run.deadline, NOW)
    assert store.ledger.steps(held) == []
    parcel = store.ledger.parcel(held)
    assert (parcel.document, parcel.head) == (b"\0the digest\xff", b"ana")


def test_reference_and_remarks_are_kept(store: Store) -> None:
    frozen = Frozen(document=b"", reference="<1@digest>", remarks=("a chart is missing",))
    run = store.ledger.plan(new_run(), [(key(install=store.ledger.install), frozen)])
    assert run is not None
    held = only(store, run)
    assert (held.reference, held.remarks) == ("<1@digest>", ("a chart is missing",))


@pytest.mark.parametrize(
    ("other", "planned"),
    [
        ({}, False),
        ({"app": "other", "deadline": NOW, "planned_at": NOW}, False),
        ({"generation": 1}, True),
        ({"period": "2026-W48"}, True),
        ({"kind": DeliveryKind.TEST}, True),
        ({"job": "daily"}, True),
    ],
)
def test_a_period_is_planned_once_for_each_job_kind_and_generation(
    store: Store,
    other: dict[str, Any],
    planned: bool,  # noqa: FBT001 — a column of the table
) -> None:
    plan(store, "ana")
    again = store.ledger.plan(new_run(**other), [])
    assert (again is not None) is planned


def test_planning_the_same_run_again_changes_nothing(store: Store) -> None:
    run = plan(store, "ana")

    def batch() -> Iterator[tuple[DeliveryKey, Frozen]]:
        pytest.fail("it was rendered though it is there already")
        yield key(), Frozen(document=b"")

    assert store.ledger.plan(new_run(), batch(), supersedes=run.row) is None
    assert states(store, run) == {"ana": "planned"}


def test_the_newest_generation_is_the_run(store: Store) -> None:
    plan(store, "ana")
    second = plan(store, "ana", generation=1)
    assert store.ledger.run("monday-email", DeliveryKind.DIGEST, "2026-W47") == second


def test_what_was_never_planned_is_no_run(store: Store) -> None:
    assert store.ledger.run("monday-email", DeliveryKind.DIGEST, "2026-W47") is None


def test_it_is_planned_whole_or_not_at_all(store: Store) -> None:
    def batch() -> Iterator[tuple[DeliveryKey, Frozen]]:
        for reader in range(250):
            yield key(f"reader {reader}", install=store.ledger.install), Frozen(document=b"x")
        raise ZeroDivisionError

    with pytest.raises(StoreError, match=r"ZeroDivisionError\); a defect of digest"):
        store.ledger.plan(new_run(), batch())
    assert store.ledger.latest_runs(5) == []
    assert store.ledger.counts() == {}
    assert Ledgers.sql(store, "SELECT * FROM contents") == []
    assert plan(store, "ana").row


def test_a_key_that_is_there_already_stops_the_whole_run(store: Store) -> None:
    run = plan(store, "ana")
    taken = only(store, run).key
    with pytest.raises(StoreError):
        store.ledger.plan(
            new_run(period="2026-W48"),
            [
                (key("ben", install=store.ledger.install), Frozen(document=b"")),
                (taken, Frozen(document=b"")),
            ],
        )
    assert len(store.ledger.latest_runs(5)) == 1
    assert store.ledger.counts() == {State.PLANNED: 1}


def test_a_thousand_readers_of_one_content_share_one_copy_of_it(store: Store) -> None:
    run = plan(store, *(f"reader{n}@example.com" for n in range(1000)), document=b"x" * 5000)
    assert store.ledger.counts(run.row) == {State.PLANNED: 1000}
    assert Ledgers.sql(store, "SELECT count(*), sum(length(data)) FROM contents") == [(1, 5000)]


def test_equal_documents_are_stored_once_over_all_runs(store: Store) -> None:
    plan(store, "ana", document=b"the " + bytes([115, 97, 109, 101]))
    plan(store, "ana", period="2026-W48", document=b"the same")
    plan(store, "ana", period="2026-W49", document=b"another")
    assert Ledgers.sql(store, "SELECT count(*) FROM contents") == [(2,)]


def test_a_reader_for_whom_there_are_no_bytes_fails_at_once_and_says_why(store: Store) -> None:
    install = store.ledger.install
    run = store.ledger.plan(
        new_run(),
        [
            (key("ana", install=install), Frozen(document=b"the digest")),
            (key("nobody@", install=install), "'nobody@' is no address"),
        ],
    )
    assert run is not None
    assert states(store, run) == {"ana": "planned", "nobody@": "failed"}
    (failed,) = store.ledger.deliveries(scope(run), [State.FAILED])
    assert failed.last_error == "'nobody@' is no address"
    assert store.ledger.untold() == [failed]


def test_a_newer_generation_ends_what_is_left_of_the_older_one(store: Store, clock: Clock) -> None:
    post = Post(script={"late": [DOWN], "no": [REFUSED], "lost": [LOST_AND_NOT_TAKEN]})
    run = plan(store, "yes", "no", "lost", "late")
    sender(store, clock, [post], policy="hold").send(scope(run))
    assert states(store, run) == {
        "yes": "sent",
        "no": "failed",
        "lost": "held",
        "late": "retry_wait",
    }
    newer = store.ledger.plan(new_run(generation=1), [], supersedes=run.row)
    assert newer is not None
    ended = {one.key.recipient: one.last_error for one in store.ledger.deliveries(scope(run))}
    assert states(store, run) == {
        "yes": "sent",
        "no": "skipped",
        "lost": "skipped",
        "late": "skipped",
    }
    assert ended["no"] == "superseded by a newer generation; was failed"
    assert ended["lost"] == "superseded by a newer generation; was held"
    assert ended["yes"] == ""


def test_what_is_just_being_sent_is_not_superseded(store: Store) -> None:
    run = plan(store, "ana")
    store.ledger.lease(scope(run), "mail", after=0, most=1, wanted=lambda _held: True)
    store.ledger.plan(new_run(generation=1), [], supersedes=run.row)
    assert states(store, run) == {"ana": "leased"}


def test_that_the_operator_was_told_is_written_with_the_notice(store: Store, clock: Clock) -> None:
    run = plan(store, "ana", "ben")
    down = replace(DOWN, passing=False)
    sender(store, clock, [Post(script={"ana": [REFUSED], "ben": [down]})]).send(scope(run))
    (failed,) = store.ledger.untold()
    assert [hold.reported for hold in store.ledger.holds()] == [False]
    store.ledger.plan(
        new_run(job="ops", kind=DeliveryKind.OPS),
        [],
        told=Told(deliveries=[failed.row], channels=["mail"]),
    )
    assert store.ledger.untold() == []
    assert [hold.reported for hold in store.ledger.holds()] == [True]


def test_a_notice_that_fails_is_not_told_about(store: Store) -> None:
    install = store.ledger.install
    ops = new_run(job="ops", kind=DeliveryKind.OPS)
    notice = key(install=install, job="ops", kind=DeliveryKind.OPS)
    store.ledger.plan(ops, [(notice, "there are no bytes for it")])
    assert store.ledger.counts() == {State.FAILED: 1}
    assert store.ledger.untold() == []


def test_of_many_who_plan_the_same_run_at_once_one_does(store: Store) -> None:
    made = []

    def planner() -> None:
        made.append(store.ledger.plan(new_run(), []))

    threads = [threading.Thread(target=planner) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([run for run in made if run is not None]) == 1


class Readers:
    """Bytes that are made anew in each pass, as `outbox.planning.frozen` makes them."""

    def __init__(self, store: Store) -> None:
        self.install, self.passes = store.ledger.install, 0

    def __iter__(self) -> Iterator[tuple[DeliveryKey, Frozen]]:
        self.passes += 1
        for name in ("ana", "ben"):
            yield key(name, install=self.install), Frozen(document=b"the digest")


def test_a_run_beside_work_that_fails_has_all_its_readers(store: Store) -> None:
    readers = Readers(store)
    with gathering(store) as pool:
        planning = pool.submit(store.ledger.plan, new_run(), readers)
        wait_for_work(store, 1)
        failing = store.writer.submit(fail)
    run = planning.result(10)
    assert run is not None
    assert states(store, run) == {"ana": "planned", "ben": "planned"}
    assert readers.passes == 2
    assert isinstance(failing.exception(10), StoreError)


def test_readers_that_can_be_gone_through_once_only_are_put_off_then_and_not_lost(
    store: Store,
) -> None:
    with gathering(store) as pool:
        planning = pool.submit(store.ledger.plan, new_run(), iter(Readers(store)))
        wait_for_work(store, 1)
        store.writer.submit(fail)
    with pytest.raises(StateBusyError, match="could not be written together with other work"):
        planning.result(10)
    assert store.ledger.run("monday-email", DeliveryKind.DIGEST, "2026-W47") is None


def test_the_latest_runs_come_newest_first(store: Store) -> None:
    periods = [f"2026-W{week}" for week in (45, 46, 47)]
    for period in periods:
        plan(store, "ana", period=period)
    assert [run.period for run in store.ledger.latest_runs(2)] == ["2026-W47", "2026-W46"]


def test_a_scope_may_be_single_deliveries(store: Store) -> None:
    run = plan(store, "ana", "ben", "eva")
    rows = frozenset(one.row for one in store.ledger.deliveries(scope(run))[1:])
    some = Scope(runs=(run.row,), rows=rows)
    assert [one.key.recipient for one in store.ledger.deliveries(some)] == ["ben", "eva"]
    assert store.ledger.channels(some) == ["mail"]
    assert store.ledger.channels(Scope(runs=(run.row,), rows=frozenset())) == []
