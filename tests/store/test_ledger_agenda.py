"""Due periods and job clocks in both databases: due once, claimed by one, never lost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from digest.core.agenda import DueState
from digest.store import agenda as agendas
from digest.store.agenda import CLAIM
from tests.support.dues import DAY, HOUR, MINUTE, due, job_clock
from tests.support.ledgers import NOW, Clock, plan

if TYPE_CHECKING:
    from digest.core.agenda import Due
    from digest.store.opened import Store
    from tests.store.databases import Ledgers

OLDER = "2026-11-21"


def noted(store: Store, *found: Due) -> list[Due]:
    """What waits after these were noted."""
    store.agenda.note([], found or [due()], NOW)
    return store.agenda.waiting()


def the_one(store: Store) -> Due:
    (found,) = store.agenda.recent(10)
    return found


def test_clocks_and_dues_are_kept_as_they_were_noted(store: Store) -> None:
    clocks = [job_clock("daily"), job_clock("weekly", NOW - DAY)]
    store.agenda.note(clocks, [due(), due("weekly", due_at=NOW - HOUR)], NOW)
    assert store.agenda.clocks() == {one.job: one for one in clocks}
    first, second = store.agenda.waiting()
    assert (first.job, second.job) == ("weekly", "daily"), "the earliest first"
    assert second == due(row=second.row, updated_at=NOW)
    store.agenda.note([job_clock(since=NOW + DAY)], [], NOW)
    assert store.agenda.clocks()["daily"].since == NOW + DAY


def test_a_period_of_a_job_is_due_once_whoever_finds_it_again(store: Store) -> None:
    (first,) = noted(store)
    store.agenda.put_off(first, until=NOW + HOUR, reason="down", now=NOW)
    again = noted(store, due(due_at=NOW + HOUR, state=DueState.SKIPPED), due("other"))
    assert [one.job for one in again] == ["daily", "other"]
    assert (again[0].reason, again[0].tries, again[0].due_at) == ("down", 1, NOW)


def test_the_newest_instant_is_the_latest_of_what_was_planned_and_what_was_done(
    store: Store,
) -> None:
    assert store.agenda.latest() is None
    noted(store)
    assert store.agenda.latest() == NOW
    plan(store, planned_at=NOW + HOUR)
    assert store.agenda.latest() == NOW + HOUR


def test_the_period_that_became_due_last_is_known_also_when_it_is_done(store: Store) -> None:
    assert store.agenda.last_period("daily") is None
    noted(store, due(), due(period=OLDER, due_at=NOW - DAY), due("other", period="2026-W47"))
    assert store.agenda.last_period("daily") == "2026-11-22"


def test_a_due_period_is_one_process_s_until_its_claim_is_over(ledgers: Ledgers) -> None:
    store = ledgers.open()
    (one,) = noted(store)
    other = agendas.Agenda(store.engine, store.writer, "another")
    assert store.agenda.claim(one, NOW)
    assert store.agenda.claim(one, NOW), "our own"
    assert not other.claim(one, NOW + CLAIM)
    assert other.claim(one, NOW + CLAIM + MINUTE), "whoever had it is dead"
    assert not store.agenda.claim(one, NOW + CLAIM + MINUTE)
    other.put_off(one, until=NOW + HOUR, reason="down", now=NOW)
    assert store.agenda.claim(one, NOW)


def test_of_many_who_claim_it_at_once_one_has_it(store: Store) -> None:
    (one,) = noted(store)
    agendas_ = [agendas.Agenda(store.engine, store.writer, f"owner{n}") for n in range(8)]
    got: list[bool] = []
    threads = [threading.Thread(target=lambda a=a: got.append(a.claim(one, NOW))) for a in agendas_]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == [False] * 7 + [True]


@pytest.mark.parametrize("state", [DueState.PLANNED, DueState.SKIPPED, DueState.MISSED])
def test_what_has_ended_stays_so(store: Store, state: DueState) -> None:
    (one,) = noted(store)
    store.agenda.end(one, state, "because", NOW + HOUR)
    store.agenda.put_off(one, until=NOW, reason="late", now=NOW + 2 * HOUR)
    store.agenda.end(one, DueState.MISSED, "late", NOW + 2 * HOUR)
    store.agenda.forget(["daily"], "late", NOW + 2 * HOUR)
    assert not store.agenda.claim(one, NOW)
    kept = the_one(store)
    assert (kept.state, kept.reason, kept.updated_at) == (state, "because", NOW + HOUR)
    assert store.agenda.counts() == {state: 1}


def test_planning_the_deliveries_ends_it_in_the_same_transaction(store: Store) -> None:
    (one,) = noted(store)
    store.agenda.claim(one, NOW)
    plan(store, job="daily", period="2026-11-22")
    assert (the_one(store).state, store.agenda.waiting()) == (DueState.PLANNED, [])


def test_waiting_for_the_api_counts_as_a_try_and_waiting_for_its_clock_does_not(
    store: Store,
) -> None:
    (one,) = noted(store)
    store.agenda.put_off(one, until=NOW + HOUR, reason="down", now=NOW)
    assert (the_one(store).tries, the_one(store).next_try) == (1, NOW + HOUR)
    store.agenda.put_off(the_one(store), until=NOW + HOUR, reason="soon", now=NOW, failed=False)
    assert (the_one(store).tries, the_one(store).reason) == (1, "soon")


def test_a_job_that_is_gone_is_forgotten_and_what_waits_of_it_is_skipped(store: Store) -> None:
    store.agenda.note([job_clock(), job_clock("other")], [due(), due("other")], NOW)
    store.agenda.forget(["daily"], "gone", NOW)
    assert list(store.agenda.clocks()) == ["other"]
    assert [one.job for one in store.agenda.waiting()] == ["other"]
    skipped = next(one for one in store.agenda.recent(10) if one.job == "daily")
    assert (skipped.state, skipped.reason) == (DueState.SKIPPED, "gone")
    assert store.agenda.untold() == [], "whoever took it out knows"


def test_what_was_missed_or_left_out_is_untold_until_it_is_told(store: Store) -> None:
    noted(store, due(), due("left-out", state=DueState.SKIPPED), due("waits"))
    (missed,) = [one for one in store.agenda.waiting() if one.job == "daily"]
    store.agenda.end(missed, DueState.MISSED, "down", NOW)
    found = store.agenda.untold()
    assert {one.job for one in found} == {"daily", "left-out"}
    rows = [one.row for one in found]
    store.writer.do(lambda batch: agendas.told(batch.connection, rows))
    assert store.agenda.untold() == []


def test_a_new_life_takes_up_what_a_dead_one_was_building(ledgers: Ledgers) -> None:
    first = ledgers.open()
    (one,) = noted(first)
    assert first.agenda.claim(one, NOW)
    ledgers.kill(first)
    ledgers.clock.now = NOW + (MINUTE if ledgers.place.path else CLAIM + MINUTE)
    second = ledgers.open()
    assert [one.period for one in second.agenda.waiting()] == ["2026-11-22"]
    assert second.agenda.claim(one, ledgers.clock.now)


def test_after_an_older_copy_was_put_back_no_schedule_looks_back(
    store: Store, clock: Clock
) -> None:
    store.agenda.note([job_clock(since=NOW - DAY), job_clock("ahead", NOW + DAY)], [due()], NOW)
    store.writer.do(lambda batch: agendas.accept_older(batch.connection, clock()))
    found = store.agenda.clocks()
    assert (found["daily"].since, found["ahead"].since) == (NOW, NOW + DAY)
    assert the_one(store).state is DueState.SKIPPED
    assert len(store.agenda.untold()) == 1


def test_a_purge_deletes_what_ended_before_and_nothing_that_waits(store: Store) -> None:
    noted(store, due(), due("ended"), due("just-ended"))
    for one in store.agenda.waiting()[1:]:
        at = NOW if one.job == "ended" else NOW + DAY
        store.agenda.end(one, DueState.MISSED, "down", at)
    store.writer.do(lambda batch: agendas.purge(batch.connection, NOW + HOUR))
    assert {one.job for one in store.agenda.recent(10)} == {"daily", "just-ended"}


def test_the_newest_are_given_first_and_not_more_than_asked_for(store: Store) -> None:
    noted(store, *(due(period=f"2026-11-{n:02}") for n in range(1, 6)))
    assert [one.period for one in store.agenda.recent(2)] == ["2026-11-05", "2026-11-04"]


def test_a_thousand_jobs_are_noted_and_forgotten_at_once(store: Store) -> None:
    names = [f"job{n}" for n in range(1000)]
    store.agenda.note([job_clock(name) for name in names], [due(name) for name in names], NOW)
    assert len(store.agenda.waiting()) == len(store.agenda.clocks()) == 1000
    store.agenda.forget(names, "gone", NOW)
    assert (store.agenda.waiting(), store.agenda.clocks()) == ([], {})
