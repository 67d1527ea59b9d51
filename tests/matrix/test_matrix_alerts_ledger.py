"""Cases 88 and 89 of the fault matrix: what a look of an alert changes is told, and told once."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from digest.core.alert_model import Phase, VerdictKind
from digest.core.steps import Step
from digest.errors import StateBusyError
from digest.store import writer
from digest.store.places import StatePlace
from tests.store.databases import Ledgers, clock, emptied_database, ledger_place, ledgers, store
from tests.store.processes import running
from tests.support.alert_looks import FIRST, alert_runs, clear, judged, look, looked
from tests.support.ledgers import Clock, scope, states
from tests.support.postgres_proxy import PostgresProxy

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from digest.store.opened import Store

__all__ = ["clock", "ledger_place", "ledgers", "store"]

ANA, BEN = "ana@example.com", "ben@example.com"

OPENING = """\
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from digest.core.steps import Step, listen
from digest.store.opening import open_sender
from digest.store.places import StatePlace
from tests.support.alert_looks import judged, look, looked

place = StatePlace(url=sys.argv[1]) if "://" in sys.argv[1] else StatePlace(path=Path(sys.argv[1]))

def opened():
    return open_sender(place, command="a test", clock=lambda: datetime.now(UTC))
"""

KILLED = (
    OPENING
    + """
for line in sys.stdin:
    name = line.strip()
    child = os.fork()
    if child == 0:
        ledger = opened()
        listen(lambda step: step == name and os.kill(os.getpid(), signal.SIGKILL))
        looked(ledger, look(0), name, to=("ana@example.com", "ben@example.com"))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
)

MACHINE = (
    OPENING
    + """
with opened() as ledger:
    for line in sys.stdin:
        verdict, change, notices = judged(ledger, look(int(line)))
        print(verdict.kind, flush=True)
        sys.stdin.readline()
        print(ledger.alerts.commit([change], notices, change.at), flush=True)
"""
)


def asked(process: subprocess.Popen[str], line: str) -> str:
    """What a process answers to a line."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{line}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def where(place: StatePlace) -> str:
    return place.url if place.path is None else str(place.path)


def told(store: Store, name: str) -> dict[str, dict[str, str]]:
    """What was planned about an alert: period → reader → state."""
    runs = [run for run in store.ledger.latest_runs(100) if run.job == name]
    return {run.period: states(store, run) for run in reversed(runs)}


FIRED = {"firing-2026-11-01": {ANA: "planned", BEN: "planned"}}


# 88: between the state and the message ------------------------------------------------------------


def test_case_88_killed_between_the_state_and_its_message_neither_is_there_or_both(
    ledgers: Ledgers,
) -> None:
    steps = {
        Step.PLAN_PRE: False,
        Step.ALERT_TXN: False,
        Step.SNAPSHOT_POST: False,
        Step.PLAN_POST: True,
    }
    with running(KILLED, where(ledgers.place)) as process:
        for name, is_there in steps.items():
            assert int(asked(process, name)) == -signal.SIGKILL
            store = ledgers.open()
            assert (name in store.alerts.states()) == is_there, name
            assert told(store, name) == (FIRED if is_there else {}), name
            assert bool(store.alerts.episodes(FIRST, names=[name])) == is_there, name
            assert bool(store.alerts.days(name, FIRST.date())) == is_there, name
            verdict = looked(store, look(0), name, to=(ANA, BEN))
            assert verdict.kind is (VerdictKind.QUIET if is_there else VerdictKind.FIRE), name
            assert told(store, name) == FIRED, "told once, whatever happened"
            store.close()


def test_case_88_a_look_that_breaks_off_between_the_two_leaves_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked(store, clear(0))
    before = store.alerts.states()

    def break_off(step: Step) -> None:
        if step is Step.ALERT_TXN:
            raise StateBusyError("no room")

    with monkeypatch.context() as patched:
        patched.setattr("digest.store.alerts.reached", break_off)
        with pytest.raises(StateBusyError, match="no room"):
            looked(store, look(1))
    assert (store.alerts.states(), alert_runs(store)) == (before, [])
    assert store.alerts.episodes(FIRST) == []
    assert looked(store, look(1)).kind is VerdictKind.FIRE
    assert alert_runs(store) == [("bounce", "firing-2026-11-02")]


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresProxy]:
    """Before a server; what is tried again is tried again soon."""
    monkeypatch.setattr(writer, "_PAUSES", (0.01, 0.05))
    monkeypatch.setattr(writer, "_ASKED", 0.2)
    with PostgresProxy(emptied_database()) as made:
        yield made


def test_case_88_a_look_whose_commit_got_no_answer_is_asked_about_and_is_told_once(
    proxy: PostgresProxy, clock: Clock
) -> None:
    with Ledgers(StatePlace(url=proxy.url), clock) as behind:
        store = behind.open()
        proxy.lose_commits(1)
        assert looked(store, look(0)).kind is VerdictKind.FIRE
        assert proxy.lost == 1
        assert store.alerts.states()["bounce"].version == 1
        assert alert_runs(store) == [("bounce", "firing-2026-11-01")]


@pytest.mark.parametrize("unseen", [False, True], ids=["it was done", "it was not"])
def test_case_88_a_look_of_which_nobody_knows_is_settled_by_the_next_one(
    proxy: PostgresProxy, clock: Clock, *, unseen: bool
) -> None:
    with Ledgers(StatePlace(url=proxy.url), clock) as behind:
        store = behind.open()
        looked(store, clear(0))
        stay_away(store, proxy)
        proxy.lose_commits(1, unseen=unseen)
        with pytest.raises(StateBusyError):
            looked(store, look(1))
        proxy.down, proxy.lost = False, 0
        again = looked(store, look(1))
        assert again.kind is (VerdictKind.FIRE if unseen else VerdictKind.QUIET)
        assert store.alerts.states()["bounce"].state.phase is Phase.FIRING
        assert alert_runs(store) == [("bounce", "firing-2026-11-02")]


def stay_away(store: Store, proxy: PostgresProxy) -> None:
    """Once an answer is lost, the server can't be reached."""

    def shut(*_: object) -> None:
        proxy.down = proxy.down or proxy.lost > 0

    event.listen(store.engine, "do_connect", shut)


# 89: the same bucket twice ------------------------------------------------------------------------


def test_case_89_a_bucket_that_is_looked_at_twice_counts_once(store: Store) -> None:
    first = looked(store, look(0))
    for seen in (look(0), look(0, value=99.0), clear(0)):
        verdict, _, notices = judged(store, seen)
        assert (verdict.kind, verdict.state, notices) == (VerdictKind.QUIET, first.state, [])
    assert alert_runs(store) == [("bounce", "firing-2026-11-01")]


def test_case_89_of_two_machines_that_look_at_the_same_bucket_one_tells_it() -> None:
    place = StatePlace(url=emptied_database())
    with ExitStack() as closing:
        machines = [closing.enter_context(running(MACHINE, place.url)) for _ in range(2)]
        for day, said in enumerate([VerdictKind.FIRE, VerdictKind.REPEAT]):
            assert [asked(one, str(day)) for one in machines] == [said, said]
            assert sorted(asked(one, "now") for one in machines) == ["False", "True"]
        ledgers = closing.enter_context(Ledgers(place))
        store = ledgers.open()
        assert alert_runs(store) == [
            ("bounce", "firing-2026-11-01"),
            ("bounce", "repeat-2026-11-02"),
        ]
        for run in store.ledger.latest_runs(2):
            assert len(store.ledger.deliveries(scope(run))) == 1
        assert store.alerts.states()["bounce"].version == 2
        assert [day.looks for day in store.alerts.days("bounce", FIRST.date())] == [1, 1]
