"""States of alerts in both databases: kept whole, swapped once, written with their messages."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.alert_model import AlertState, HeldBack, Phase, Seen, Told
from digest.core.alerts import errored
from digest.core.content import DeliveryKind
from digest.errors import StateRefusedError, StoreError
from digest.store.alert_rows import state_of, text_of
from digest.store.opening import open_deciding, reading
from tests.store.databases import Ledgers
from tests.store.together import fail, gathering, wait_for_work
from tests.support.alert_looks import (
    ANA,
    FIRST,
    alert_runs,
    clear,
    failed,
    judged,
    look,
    looked,
    notice,
)
from tests.support.ledgers import NOW, plan, states

if TYPE_CHECKING:
    from digest.store.opened import Store

SOON = FIRST + timedelta(days=2)


# What is kept of a state

instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 — the strategy wants bounds without a zone
numbers = st.floats(allow_nan=False)
counts = st.integers(0, 10**6)
told = st.builds(Told, episode=counts, since=instants, at=instants, repeats=counts)
held = st.builds(
    HeldBack,
    count=counts,
    since=instants,
    until=instants,
    worst=st.none() | numbers,
    excess=numbers,
    why=st.text(),
)
some_states = st.builds(
    AlertState,
    phase=st.sampled_from(Phase),
    before=st.sampled_from(Phase),
    since=st.none() | instants,
    bucket=st.text(),
    judged=st.none() | instants,
    value=st.none() | numbers,
    reason=st.text(),
    breaches=counts,
    breach_since=st.none() | instants,
    breach_seen=st.none() | instants,
    clears=counts,
    clear_since=st.none() | instants,
    clear_seen=st.none() | instants,
    missing=counts,
    missing_told=st.booleans(),
    episode=counts,
    episode_since=st.none() | instants,
    worst=st.none() | numbers,
    excess=numbers,
    told=st.none() | told,
    told_at=st.none() | instants,
    held=st.none() | held,
    fired=st.lists(instants, max_size=3).map(tuple),
    errors=counts,
    first=st.none() | instants,
)


@given(some_states)
def test_a_state_is_read_as_it_was_written(state: AlertState) -> None:
    assert state_of("bounce", text_of(state)) == state


def test_the_test_above_has_every_field_of_a_state() -> None:
    wanted = set(AlertState.__dataclass_fields__)
    assert set(some_states.wrapped_strategy.kwargs) == wanted  # type: ignore[attr-defined]


def test_what_a_newer_version_has_added_is_left_out_and_what_an_older_one_lacked_is_as_usual() -> (
    None
):
    assert state_of("bounce", '{"mood": 3, "episode": 7}') == AlertState(episode=7)


@pytest.mark.parametrize(
    "data",
    ["", "{", "[]", "7", '{"phase": "angry"}', '{"episode": "7"}', '{"since": 12}', '{"told": {}}'],
)
def test_a_damaged_state_is_refused_in_a_sentence_that_names_the_alert(
    store: Store, data: str
) -> None:
    looked(store, look(0))
    Ledgers.sql(store, "UPDATE alert_states SET data = :data", data=data)
    with pytest.raises(StateRefusedError) as caught:
        store.alerts.states()
    assert str(caught.value) == (
        "what the ledger remembers of the alert bounce is damaged; put back a copy of the ledger "
        "in which it is whole"
    )
    assert store.alerts.states(["other"]) == {}


# States


def test_a_state_is_there_with_its_version_and_when_it_was_looked_at(store: Store) -> None:
    verdict = looked(store, look(0))
    (kept,) = store.alerts.states().values()
    assert (kept.name, kept.app, kept.version) == ("bounce", "shop", 1)
    assert (kept.state, kept.looked_at) == (verdict.state, look(0).at)
    verdict = looked(store, look(1, value=70.0))
    kept = store.alerts.states(["bounce"])["bounce"]
    assert (kept.state, kept.version, kept.looked_at) == (verdict.state, 2, look(1).at)


def test_what_a_person_asks_the_database_for_is_in_columns_of_its_own(store: Store) -> None:
    looked(store, look(0))
    row = Ledgers.sql(store, "SELECT name, app, state, value, bucket, version FROM alert_states")
    assert row == [("bounce", "shop", "firing", 64.0, "2026-11-01", 1)]


def test_states_are_given_by_name_and_only_those_that_were_asked_for(store: Store) -> None:
    for name in ("visits", "bounce", "errors"):
        looked(store, clear(0), name)
    assert list(store.alerts.states()) == ["bounce", "errors", "visits"]
    assert list(store.alerts.states({"errors", "unknown"})) == ["errors"]
    assert store.alerts.states([]) == {}


def test_a_failed_look_changes_the_state_and_nothing_else(store: Store) -> None:
    looked(store, look(0))
    _, change, _ = judged(store, look(1))
    kept = store.alerts.states()["bounce"].state
    assert store.alerts.commit([failed(change, state=errored(kept, SOON))], [], SOON)
    assert store.alerts.states()["bounce"].state == replace(kept, errors=1)
    assert [day.looks for day in store.alerts.days("bounce", FIRST.date())] == [1]
    assert len(store.alerts.episodes(FIRST)) == 1


def test_a_look_that_failed_first_of_all_is_kept_too(store: Store) -> None:
    _, change, _ = judged(store, look(0))
    state = errored(AlertState(), SOON)
    assert store.alerts.commit([failed(change, state=state)], [], SOON)
    assert store.alerts.states()["bounce"].state == AlertState(errors=1, first=SOON)


# A look and its messages are one


def test_a_look_is_written_with_its_message(store: Store) -> None:
    looked(store, look(0), to=("ana", "ben"))
    run = store.ledger.run("bounce", DeliveryKind.ALERT, "firing-2026-11-01")
    assert run is not None
    assert states(store, run) == {"ana": "planned", "ben": "planned"}


def test_several_alerts_and_messages_are_written_at_once(store: Store) -> None:
    made = [judged(store, look(0), name) for name in ("visits", "bounce", "errors")]
    changes = [change for _, change, _ in made]
    notices = [one for *_, some in made for one in some]
    assert store.alerts.commit(changes, notices, SOON)
    assert len(store.alerts.states()) == len(alert_runs(store)) == 3


@pytest.mark.parametrize("before", [0, 1], ids=["a new rule", "a known rule"])
def test_of_two_that_judged_by_the_same_state_the_second_writes_nothing(
    store: Store, before: int
) -> None:
    for day in range(before):
        looked(store, clear(day))
    _, mine, my_notices = judged(store, look(before))
    _, others, their_notices = judged(store, look(before, value=99.0))
    _, beside, _ = judged(store, clear(before), "visits")
    assert store.alerts.commit([others], their_notices, SOON)
    assert not store.alerts.commit([beside, mine], my_notices, SOON)
    assert list(store.alerts.states()) == ["bounce"]
    assert store.alerts.states()["bounce"].state.value == 99.0
    (episode,) = store.alerts.episodes(FIRST)
    assert (episode.value, episode.notices) == (99.0, 1)
    assert len(alert_runs(store)) == 1


def test_a_message_that_is_planned_already_undoes_all_that_came_with_it(store: Store) -> None:
    assert store.alerts.commit([], [notice(store)], SOON)
    _, change, notices = judged(store, look(0))
    other = notice(store, "errors", "firing-2026-11-01", document=b"another")
    assert not store.alerts.commit([change], [other, *notices], SOON)
    assert store.alerts.states() == {}
    assert store.alerts.episodes(FIRST) == []
    assert store.alerts.days("bounce", FIRST.date()) == []
    assert alert_runs(store) == [("bounce", "firing-2026-11-01")]
    assert Ledgers.sql(store, "SELECT count(*) FROM contents") == [(1,)]


def test_what_shares_the_transaction_of_a_look_that_is_undone_is_written(store: Store) -> None:
    looked(store, look(0))
    _, change, notices = judged(store, look(1))
    late = replace(change, version=17)
    with gathering(store) as pool:
        asked = pool.submit(store.alerts.commit, [late], notices, SOON)
        wait_for_work(store, 1)
        other = pool.submit(plan, store, "eva")
        wait_for_work(store, 2)
    assert asked.result(10) is False
    assert states(store, other.result(10)) == {"eva": "planned"}


def test_a_look_beside_work_that_fails_is_written_with_all_its_readers(store: Store) -> None:
    _, change, notices = judged(store, look(0), to=("ana", "ben"))
    with gathering(store) as pool:
        asked = pool.submit(store.alerts.commit, [change], notices, SOON)
        wait_for_work(store, 1)
        failing = store.writer.submit(fail)
    assert asked.result(10)
    with pytest.raises(StoreError):
        failing.result(10)
    run = store.ledger.run("bounce", DeliveryKind.ALERT, "firing-2026-11-01")
    assert run is not None
    assert states(store, run) == {"ana": "planned", "ben": "planned"}


# Two at once


def test_of_many_that_judge_at_once_one_is_first(ledgers: Ledgers) -> None:
    """On SQLite beside the sender, on a server each as a sender of its own."""
    stores = [ledgers.open()]
    for _ in range(3):
        beside = open_deciding(ledgers.place, clock=ledgers.clock)
        assert beside is not None
        ledgers._closing.callback(beside.close)
        stores.append(beside)
    for day in range(3):
        gate = threading.Barrier(len(stores))

        def judge(store: Store, day: int = day, gate: threading.Barrier = gate) -> bool:
            _, change, notices = judged(store, look(day) if day != 1 else clear(day))
            gate.wait(10)
            return store.alerts.commit([change], notices, SOON)

        with ThreadPoolExecutor(len(stores)) as pool:
            assert sorted(pool.map(judge, stores)) == [False, False, False, True]
    assert store_runs(stores[0]) == [
        "firing-2026-11-01",
        "resolved-2026-11-02",
        "firing-2026-11-03",
    ]
    assert [day.looks for day in stores[0].alerts.days("bounce", FIRST.date())] == [1, 1, 1]


def store_runs(store: Store) -> list[str]:
    return [period for _, period in alert_runs(store)]


# Beside the sender


def test_states_and_silences_are_seen_beside_the_sender(ledgers: Ledgers) -> None:
    store = ledgers.open()
    looked(store, look(0))
    store.alerts.silence("bounce", NOW + timedelta(hours=4), "eva", "a campaign", NOW)
    with reading(ledgers.place) as found:
        assert found is not None
        assert found.alerts.states() == store.alerts.states()
        assert found.alerts.silences(NOW) == store.alerts.silences(NOW)
        assert found.alerts.episodes(FIRST) == store.alerts.episodes(FIRST)


# How many were told


def test_messages_are_counted_but_not_those_that_something_is_over_or_held_back(
    store: Store,
) -> None:
    over = ("resolved-2026-11-01", "data-again-2026-11-01", "held-2026-11-01T08Z")
    said = ("firing-2026-11-01-abcdef", "repeat-2026-11-01", "summary-2026-11-01", "no-data-1")
    notices = [notice(store, period=period, at=NOW) for period in (*over, *said)]
    older = notice(store, period="firing-older", at=NOW - timedelta(seconds=1))
    assert store.alerts.commit([], [older, *notices], NOW)
    plan(store, "ana", planned_at=NOW)
    assert store.alerts.told_since(NOW) == len(said)
    assert store.alerts.told_since(NOW - timedelta(hours=1)) == len(said) + 1
    assert store.alerts.told_since(NOW + timedelta(seconds=1)) == 0


# Rules that go, and come back


def test_a_rule_that_the_config_has_no_more_fires_no_more(store: Store) -> None:
    looked(store, look(0))
    looked(store, look(0), "stays")
    store.alerts.forget(["bounce", "unheard-of"], SOON)
    gone = store.alerts.states()["bounce"]
    assert gone.looked_at is None
    assert gone.state == AlertState(episode=1, judged=look(0).ends_at)
    assert store.alerts.states()["stays"].state.phase is Phase.FIRING
    (ended,) = store.alerts.episodes(FIRST, names=["bounce"])
    assert ended.ended_at == SOON
    assert ended.reason == "breach at 64.0; the config has no such alert any more"
    stays = store.alerts.episode("stays", 1)
    assert stays is not None
    assert stays.ended_at is None


def test_a_rule_is_forgotten_once(store: Store) -> None:
    looked(store, look(0))
    for _ in range(2):
        store.alerts.forget(["bounce"], SOON)
    assert store.alerts.states()["bounce"].version == 2


def test_a_rule_that_comes_back_judges_no_bucket_twice_and_counts_on(store: Store) -> None:
    looked(store, look(0))
    store.alerts.forget(["bounce"], SOON)
    assert judged(store, look(0))[0].reason == "2026-11-01 was judged before"
    looked(store, look(1))
    assert store.alerts.states()["bounce"].looked_at == look(1).at
    found = store.alerts.episodes(FIRST)
    assert [(one.number, one.ended_at) for one in found] == [(1, SOON), (2, None)]


def test_a_damaged_rule_that_is_forgotten_counts_on_by_its_episodes(store: Store) -> None:
    looked(store, look(0))
    Ledgers.sql(store, "UPDATE alert_states SET data = '{'")
    store.alerts.forget(["bounce"], SOON)
    assert store.alerts.states()["bounce"].state == AlertState(episode=1)


def test_a_look_that_was_under_way_when_its_rule_went_is_not_written(store: Store) -> None:
    looked(store, look(0))
    _, change, notices = judged(store, clear(1))
    store.alerts.forget(["bounce"], SOON)
    assert not store.alerts.commit([change], notices, SOON)


# Deliveries of alerts


def test_a_message_about_an_alert_that_ended_badly_is_told_to_the_operator(store: Store) -> None:
    looked(store, look(0))
    Ledgers.sql(store, "UPDATE deliveries SET state = 'failed'")
    (untold,) = store.ledger.untold()
    assert (untold.key.kind, untold.key.recipient) == (DeliveryKind.ALERT, *ANA)
    assert [one.row for one in store.ledger.needing_person()] == [untold.row]


def test_a_bucket_with_too_few_to_judge_by_leaves_the_state(store: Store) -> None:
    looked(store, look(0))
    looked(store, look(1, Seen.TOO_FEW, 100.0))
    assert store.alerts.states()["bounce"].state.phase is Phase.FIRING
