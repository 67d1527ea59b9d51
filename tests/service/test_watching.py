"""What the daemon notices about itself: its clock, its queue, and whether it reaches anybody."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from digest.config.models import App
from digest.core.content import DeliveryKind
from digest.service.outside import Outside
from digest.service.watching import DRIFT, LONG_QUEUE, Watching
from tests.store.databases import new_ledger, quick_folder
from tests.support.daemons import Times
from tests.support.dues import DAY, HOUR, MINUTE, NOW, due, job_clock
from tests.support.ledgers import REFUSED, Clock, Post, opened, plan, scope, sender

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.store.opened import Store

SECOND = timedelta(seconds=1)


@pytest.fixture
def times() -> Times:
    return Times(NOW)


@pytest.fixture
def store(times: Times) -> Iterator[Store]:
    with quick_folder() as folder:
        new_ledger(folder)
        with opened(folder, times.clock) as store:
            yield store


def watching(store: Store, times: Times) -> Watching:
    return Watching(store=store, outside=Outside(clock=times.clock, monotonic=times.monotonic))


def troubles(store: Store) -> dict[str, str]:
    return {one.name: one.sentence for one in store.troubles.now()}


def test_the_first_look_is_at_everything_and_the_next_only_after_a_jump(
    store: Store, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    made = watching(store, times)
    assert made.look(times.now)
    times.advance(3600)
    assert not made.look(times.now), "time has just gone by"
    for jump in (4 * SECOND, -4 * SECOND):
        times.now += jump
        assert not made.look(times.now), "as clocks are kept in time"
    with caplog.at_level(logging.WARNING):
        for jump in (HOUR, -HOUR):
            times.now += jump
            assert made.look(times.now)
    assert [one.getMessage() for one in caplog.records] == [
        "the clock jumped by 3600 s",
        "the clock jumped by -3600 s",
    ]


@pytest.mark.parametrize(
    ("now", "sane"),
    [(NOW - 23 * HOUR, True), (NOW - 25 * HOUR, False), (NOW + 400 * DAY, True)],
)
def test_a_clock_that_is_a_day_behind_the_ledger_is_not_believed(
    store: Store, times: Times, now: object, *, sane: bool
) -> None:
    store.agenda.note([job_clock()], [due()], NOW)
    times.now = now  # type: ignore[assignment]
    made = watching(store, times)
    made.look(times.now)
    assert (made.is_sane(times.now), "clock" in troubles(store)) == (sane, not sane)
    times.now = NOW
    made.look(times.now)
    assert troubles(store) == {}


def test_a_clock_that_was_never_set_is_not_believed_by_a_new_ledger_either(
    store: Store, times: Times
) -> None:
    times.now = NOW.replace(year=1970)
    made = watching(store, times)
    made.look(times.now)
    assert "before this program" in troubles(store)["clock"]


def test_a_clock_far_from_the_api_s_is_said_until_it_is_right(store: Store, times: Times) -> None:
    app = App.model_validate(
        {"app_id": "1", "api_key": "KEY", "base_url": "https://api.example.com"}
    )
    made = watching(store, times)
    made.heard(app, NOW - DRIFT - MINUTE)
    assert made.drift == DRIFT + MINUTE
    ((name, sentence),) = troubles(store).items()
    assert name.startswith("drift ")
    assert "Our clock is +11 min off the API's at" in sentence
    assert "api.example.com" in sentence
    made.heard(app, None)
    assert len(troubles(store)) == 1, "an answer without a time says nothing"
    made.heard(app, NOW - DRIFT)
    assert troubles(store) == {}


def test_a_queue_that_grows_old_is_said(store: Store, times: Times) -> None:
    plan(store, "ana")
    made = watching(store, times)
    times.advance(LONG_QUEUE.total_seconds())
    made.reconcile(times.now)
    assert troubles(store) == {}
    times.advance(61)
    made.reconcile(times.now)
    assert "waits since 16 min" in troubles(store)["queue"]


def test_a_notice_that_fails_or_waits_cuts_it_off_from_the_operator(
    store: Store, times: Times
) -> None:
    made = watching(store, times)
    run = plan(store, "ops@example.com", kind=DeliveryKind.OPS, planned_at=NOW)
    made.reconcile(times.now)
    assert not made.cut_off
    times.advance(LONG_QUEUE.total_seconds() + 1)
    made.reconcile(times.now)
    assert made.cut_off, "it waits"
    post = Post(script={"ops@example.com": [REFUSED]})
    sender(store, Clock(times.now), [post]).send(scope(run))
    made.reconcile(times.now)
    assert made.cut_off, "it failed"


def test_trouble_is_written_once_while_it_lasts_and_known_again_after_a_restart(
    store: Store, times: Times, caplog: pytest.LogCaptureFixture
) -> None:
    made = watching(store, times)
    with caplog.at_level(logging.INFO):
        made.begin("job daily", "It waits")
        made.begin("job daily", "It waits still")
        assert made.kinds == {"job": 1}
        again = watching(store, times)
        again.begin("job daily", "It waits")
        again.end("job daily")
        again.end("job daily")
    assert [one.__dict__["action"] for one in caplog.records] == ["trouble", "trouble_over"]
    assert (troubles(store), again.kinds) == ({}, {})
