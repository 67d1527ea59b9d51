"""Case 33 of the fault matrix: PostgreSQL goes away, at each statement and at each commit.

One process lives through all of it, as the daemon has to: nothing here opens the ledger again.
"""

from __future__ import annotations

import itertools
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from sqlalchemy import event

from digest.core.content import DeliveryKind
from digest.core.content import DeliveryState as State
from digest.errors import StateBusyError, StoreError
from digest.store import postgres, upkeep, writer
from digest.store.places import StatePlace
from tests.store.databases import Ledgers, clock, emptied_database
from tests.support.ledgers import (
    NOW,
    REFUSED,
    Clock,
    Post,
    new_run,
    only,
    opened,
    plan,
    scope,
    sender,
    states,
)
from tests.support.postgres_proxy import PostgresProxy

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from digest.store.opened import Store

__all__ = ["clock"]

A, B = "a@example.com", "b@example.com"
MOST_TICKS = 5


def url_of(place: StatePlace) -> str:
    return place.url.replace("+psycopg", "")


@dataclass(slots=True)
class Daemon:
    """Plans and sends a period, tick after tick, with one open ledger; a failed tick is only over.

    `failed` has what went wrong.
    """

    store: Store
    clock: Clock
    post: Post = field(default_factory=Post)
    failed: list[StoreError] = field(default_factory=list)

    def live_through(self, period: str) -> None:
        """Until everything of a period has ended."""
        for _ in range(MOST_TICKS):
            try:
                if self._tick(period):
                    return
            except StoreError as error:
                self.failed.append(error)
        raise AssertionError(f"not done after {MOST_TICKS} ticks: {self.failed}")

    def _tick(self, period: str) -> bool:
        ledger = self.store.ledger
        run = ledger.run("monday-email", DeliveryKind.DIGEST, period)
        run = run or plan(self.store, A, B, period=period)
        sender(self.store, self.clock, [self.post]).send(scope(run, early=True))
        return set(states(self.store, run).values()) <= {"sent", "held"}

    def outcome(self, period: str) -> dict[str, tuple[int, str, int]]:
        """Reader → copies, state, unknown outcomes."""
        run = self.store.ledger.run("monday-email", DeliveryKind.DIGEST, period)
        assert run is not None
        return {
            held.key.recipient: (
                sum(parcel.key == held.key for parcel in self.post.accepted),
                str(held.state),
                held.uncertain,
            )
            for held in self.store.ledger.deliveries(scope(run))
        }


GOOD = {A: (1, "sent", 0), B: (1, "sent", 0)}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tried again is tried again soon."""
    monkeypatch.setattr(writer, "_PAUSES", (0.01, 0.05))


@pytest.fixture
def place() -> StatePlace:
    return StatePlace(url=emptied_database())


@pytest.fixture
def ledgers(place: StatePlace, clock: Clock) -> Iterator[Ledgers]:
    with Ledgers(place, clock) as made:
        yield made


@dataclass(eq=False)
class Cutter:
    """Ends a connection of the store's, from outside, before the statement with a number."""

    place: StatePlace
    at: int = 0
    seen: int = 0
    cut: int = 0

    def __call__(self, connection: Any, *_rest: object) -> None:
        self.seen += 1
        if self.seen == self.at:
            pid = connection.connection.dbapi_connection.info.backend_pid
            with psycopg.connect(url_of(self.place), autocommit=True) as other:
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
                there = "SELECT 1 FROM pg_stat_activity WHERE pid = %s"
                while other.execute(there, [pid]).fetchone():
                    time.sleep(0.002)
            self.cut += 1

    def arm(self, number: int) -> None:
        self.seen, self.at, self.cut = 0, number, 0


@contextmanager
def cutting(store: Store, name: str) -> Iterator[Cutter]:
    cutter = Cutter(store.place)
    event.listen(store.engine, name, cutter)
    try:
        yield cutter
    finally:
        event.remove(store.engine, name, cutter)


@pytest.mark.parametrize("where", ["before_cursor_execute", "commit"])
def test_case_33_a_connection_cut_at_any_statement_costs_a_tick_and_nothing_else(
    ledgers: Ledgers, where: str
) -> None:
    store = ledgers.open()
    daemon = Daemon(store, ledgers.clock)
    with cutting(store, where) as cutter:
        for turn in itertools.count(1):
            cutter.arm(turn)
            daemon.live_through(f"cut {turn}")
            cutter.at = 0
            assert daemon.outcome(f"cut {turn}") == GOOD, turn
            if not cutter.cut:
                break
    assert turn > 5, "it came to the end untouched only after every statement had its turn"
    assert all(isinstance(error, StateBusyError) for error in daemon.failed)
    assert Ledgers.sql(store, "SELECT count(*) FROM runs") == [(turn,)]
    assert store.alive()


def test_case_33_a_commit_whose_answer_is_lost_is_asked_about_and_counts(
    ledgers: Ledgers, place: StatePlace, clock: Clock
) -> None:
    with PostgresProxy(place.url) as proxy, Ledgers(StatePlace(url=proxy.url), clock) as behind:
        daemon = Daemon(behind.open(), clock)
        lost, turn = -1, 0
        while lost != proxy.lost:
            lost, turn = proxy.lost, turn + 1
            proxy.lose_commits(1, after=turn - 1)
            daemon.live_through(f"lost {turn}")
            assert daemon.outcome(f"lost {turn}") == GOOD, turn
        assert proxy.lost >= 5, "every commit of an untouched period, one after the other"
        assert daemon.failed == []
        behind.place = place  # the rest is closed past the proxy
        assert Ledgers.sql(ledgers.open(), "SELECT count(*) FROM runs") == [(turn,)]


def test_case_33_a_commit_that_never_came_to_the_server_is_not_taken_for_one(
    place: StatePlace, clock: Clock
) -> None:
    """The server believes in the old connection, with all its locks; it is ended first."""
    with PostgresProxy(place.url) as proxy, Ledgers(StatePlace(url=proxy.url), clock) as behind:
        daemon = Daemon(behind.open(), clock)
        for turn in range(3):
            proxy.lose_commits(1, after=turn, unseen=True)
            daemon.live_through(f"unseen {turn}")
            assert daemon.outcome(f"unseen {turn}") == GOOD, turn
        assert proxy.lost == 3


def test_case_33_a_failover_that_has_lost_the_commit_is_noticed(
    ledgers: Ledgers, place: StatePlace, clock: Clock
) -> None:
    """The answer was yes, and the server that answers now has never heard of it."""
    with PostgresProxy(place.url) as proxy, Ledgers(StatePlace(url=proxy.url), clock) as behind:
        store = behind.open()
        run = plan(store, A)
        turn = store.writer._receipts._turn
        other = ledgers.open()
        proxy.lose_commits(1)
        row = f"UPDATE meta SET value = '{turn} 0' WHERE name = '{store.writer._receipts._name}'"
        back = "DELETE FROM runs WHERE period = 'next'"

        def failing_over(*_: object) -> None:
            if proxy.lost:
                for statement in (row, back):
                    Ledgers.sql(other, statement)

        event.listen(store.engine, "do_connect", failing_over)
        with pytest.raises(StateBusyError, match="the connection was lost"):
            store.ledger.plan(new_run(period="next"), [])
        assert store.ledger.run("monday-email", DeliveryKind.DIGEST, "next") is None
        assert store.ledger.plan(new_run(period="next"), []) is not None
        assert states(store, run) == {A: "planned"}


def test_case_33_while_the_server_is_away_all_is_put_off_and_then_taken_up_again(
    place: StatePlace, clock: Clock
) -> None:
    with PostgresProxy(place.url) as proxy, Ledgers(StatePlace(url=proxy.url), clock) as behind:
        store = behind.open()
        daemon = Daemon(store, clock)
        run = plan(store, A, B, period="away")
        held = store.ledger.lease(scope(run), "mail", after=0, most=1, wanted=lambda _held: True)
        proxy.down = True
        for _ in range(2):
            with pytest.raises(StateBusyError):
                store.ledger.run("monday-email", DeliveryKind.DIGEST, "away")
            with pytest.raises(StateBusyError):
                plan(store, A, period="another")
        proxy.down = False
        store.ledger.let_go(one.delivery.row for one in held)
        daemon.live_through("away")
        assert daemon.outcome("away") == GOOD
        assert daemon.failed == []


def test_case_33_a_result_outlives_the_server(place: StatePlace, clock: Clock) -> None:
    with PostgresProxy(place.url) as proxy, Ledgers(StatePlace(url=proxy.url), clock) as behind:
        store = behind.open()
        run = plan(store, A)
        ledger = store.ledger
        (leased,) = ledger.lease(scope(run), "mail", after=0, most=1, wanted=lambda _held: True)
        ledger.begin(leased)
        assert ledger.arm(leased)
        proxy.down = True
        settled = ledger.settle(leased, REFUSED)
        with pytest.raises(TimeoutError):
            settled.result(0.4)
        proxy.down = False
        assert settled.result(10)
        assert states(store, run) == {A: "failed"}


def test_case_33_a_commit_that_nobody_can_be_asked_about_is_not_repeated_by_itself(
    place: StatePlace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_ASKED", 0.2)
    with PostgresProxy(place.url) as proxy, Ledgers(StatePlace(url=proxy.url), clock) as behind:
        store = behind.open()
        daemon = Daemon(store, clock, Post(script={A: [REFUSED]}))
        run = plan(store, A, B, period="open")
        sender(store, clock, [daemon.post]).send(scope(run))
        chosen = [one for one in store.ledger.deliveries(scope(run)) if one.state is State.FAILED]
        stay_away(store, proxy)
        proxy.lose_commits(1)
        with pytest.raises(StateBusyError, match="whether the last work was done is not known"):
            store.writer.do(lambda batch: upkeep.resend(batch, chosen, NOW, NOW))
        proxy.down, proxy.lost = False, 0
        generations = [one.key.generation for one in store.ledger.deliveries(scope(run))]
        assert sorted(generations) == [0, 0, 1], "it had been done, once"


def stay_away(store: Store, proxy: PostgresProxy) -> None:
    """Once an answer is lost, the server can't be reached."""

    def shut(*_: object) -> None:
        proxy.down = proxy.down or proxy.lost > 0

    event.listen(store.engine, "do_connect", shut)


def test_case_33_an_arm_of_unknown_outcome_sends_nothing_and_is_settled_at_the_next_tick(
    place: StatePlace, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_ASKED", 0.2)
    with PostgresProxy(place.url) as proxy, Ledgers(StatePlace(url=proxy.url), clock) as behind:
        store = behind.open()
        post = Post()
        run = plan(store, A)
        ledger = store.ledger
        stay_away(store, proxy)

        def lose_the_arm(_parcel: object) -> None:
            store.writer.do(lambda _batch: None)  # that it has begun is noted
            proxy.lose_commits(1)

        post.on_begin = lose_the_arm
        with pytest.raises(StateBusyError, match="is not known"):
            sender(store, clock, [post]).send(scope(run))
        assert post.accepted == []
        post.on_begin, proxy.down, proxy.lost = None, False, 0
        assert only(store, run).state is State.AT_RISK, "as the server says"
        sender(store, clock, [post]).send(scope(run))
        assert (len(post.accepted), only(store, run).uncertain) == (1, 1)
        assert ledger.reclaim(scope(run)) == 0


def test_case_33_a_lease_that_was_forgotten_meanwhile_is_taken_anew(
    ledgers: Ledgers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "_RENEWAL", 0.02)
    store = ledgers.open("digest worker")
    Ledgers.sql(store, "DELETE FROM owners")
    end = time.monotonic() + 10
    while Ledgers.sql(store, "SELECT command FROM owners") != [("digest worker",)]:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_case_33_a_server_that_starts_up_or_is_full_is_for_later(
    tmp_path: Path, place: StatePlace
) -> None:
    with opened(tmp_path, url=place.url) as store:
        for state in ("57P03", "53100", "40P01", "25006"):
            raising = f"DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '{state}'; END $$"
            with pytest.raises(StateBusyError, match="can't do it now"):
                store.writer.do(lambda batch: batch.connection.exec_driver_sql(raising))  # noqa: B023
        assert plan(store, A).row
