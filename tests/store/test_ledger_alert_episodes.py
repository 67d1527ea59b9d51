"""Episodes and days of alerts in both databases, as looks make them; and what goes with time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from digest.core.alert_model import HushKind, Policy, Seen, VerdictKind
from digest.core.content import DeliveryKind
from digest.store import alert_upkeep, sqlite, upkeep
from tests.store.databases import Ledgers
from tests.support.alert_looks import (
    ALWAYS,
    DAY,
    FIRST,
    SILENCED,
    alert_runs,
    clear,
    judged,
    look,
    looked,
)
from tests.support.ledgers import opened, plan

if TYPE_CHECKING:
    from pathlib import Path

    from digest.store.alerts import Episode
    from digest.store.opened import Store

NEWS = replace(ALWAYS, lasting=False)
COOLING = Policy(cooldown=timedelta(days=30))


def the_one(store: Store) -> Episode:
    (found,) = store.alerts.episodes(FIRST)
    return found


def numbers(store: Store, since: datetime, until: datetime | None = None) -> list[int]:
    return [one.number for one in store.alerts.episodes(since, until)]


# An episode


def test_an_episode_begins_when_it_fires_and_says_which_run_told_it(store: Store) -> None:
    looked(store, clear(0))
    assert store.alerts.episodes(FIRST) == []
    looked(store, look(1))
    one = the_one(store)
    assert (one.alert, one.number, one.app, one.severity) == ("bounce", 1, "shop", "warning")
    assert (one.since, one.fired_at, one.ended_at) == (look(1).begins_at, look(1).at, None)
    assert (one.value, one.worst, one.reason) == (64.0, 64.0, "breach at 64.0")
    assert (one.run_job, one.run_period) == ("bounce", "firing-2026-11-02")
    assert (one.held, one.flapping, one.notices) == (None, False, 1)


def test_while_it_fires_it_has_the_newest_value_and_the_worst(store: Store) -> None:
    for seen in (look(0), look(1, value=80.0), look(2, value=62.0)):
        looked(store, seen)
    assert (the_one(store).value, the_one(store).worst) == (62.0, 80.0)
    looked(store, look(3, Seen.TOO_FEW, 100.0))
    looked(store, look(4, Seen.MISSING, None))
    assert (the_one(store).value, the_one(store).worst) == (62.0, 80.0)


def test_it_is_over_when_the_data_was_clear_and_that_is_a_message_about_it(store: Store) -> None:
    for seen in (look(0), look(1), clear(2)):
        looked(store, seen)
    one = the_one(store)
    assert (one.ended_at, one.value) == (clear(2).begins_at, 64.0)
    assert [period for _, period in alert_runs(store)] == [
        "firing-2026-11-01",
        "repeat-2026-11-02",
        "resolved-2026-11-03",
    ]
    assert (one.run_period, one.notices) == ("firing-2026-11-01", 3)
    assert store.alerts.episode("bounce", 1) == one
    assert store.alerts.episode("bounce", 2) is None


def test_that_it_flapped_stays_known(store: Store) -> None:
    looked(store, look(0), flapping=True)
    looked(store, look(1))
    assert the_one(store).flapping


def test_every_firing_is_an_episode_of_its_own(store: Store) -> None:
    for day in range(3):
        looked(store, look(2 * day))
        looked(store, clear(2 * day + 1))
    assert numbers(store, FIRST) == [1, 2, 3]
    assert [one.notices for one in store.alerts.episodes(FIRST)] == [2, 2, 2]


def test_news_ends_with_the_next_news(store: Store) -> None:
    for day in range(2):
        looked(store, look(day), policy=NEWS)
    looked(store, clear(2), policy=NEWS)
    first, second = store.alerts.episodes(FIRST)
    assert (first.number, first.ended_at) == (1, look(1).begins_at)
    assert (second.number, second.ended_at) == (2, clear(2).begins_at)
    assert (first.run_period, second.run_period) == ("firing-2026-11-01", "firing-2026-11-02")


def test_it_is_the_same_again_for_readers_who_have_not_heard_that_it_was_over(store: Store) -> None:
    quiet = replace(SILENCED, kind=HushKind.QUIET_HOURS)
    looked(store, look(0))
    looked(store, clear(1), hush=quiet)
    assert the_one(store).ended_at == clear(1).begins_at
    looked(store, look(2), hush=quiet)
    one = the_one(store)
    assert (one.number, one.since, one.ended_at) == (1, look(0).begins_at, None)
    assert (one.run_period, one.notices) == ("firing-2026-11-01", 1)


# What nobody was told of


def test_an_episode_that_is_held_back_says_why_also_after_it_was_told(store: Store) -> None:
    looked(store, look(0), hush=SILENCED)
    one = the_one(store)
    assert (one.held, one.run_job, one.notices) == ("silenced by eva", None, 0)
    looked(store, look(1))
    one = the_one(store)
    assert (one.held, one.run_period, one.notices) == ("silenced by eva", "firing-2026-11-02", 1)


def test_a_summary_tells_of_all_episodes_that_were_held_back_and_of_no_others(store: Store) -> None:
    looked(store, look(0))
    looked(store, clear(1))
    for day in (2, 4):
        looked(store, look(day), hush=SILENCED)
        looked(store, clear(day + 1), hush=SILENCED)
    assert [one.run_period for one in store.alerts.episodes(FIRST)][1:] == [None, None]
    assert [one.held for one in store.alerts.episodes(FIRST)] == [None, *["silenced by eva"] * 2]
    assert looked(store, clear(6)).kind is VerdictKind.SUMMARY
    told = [(one.run_period, one.notices) for one in store.alerts.episodes(FIRST)]
    assert told == [("firing-2026-11-01", 2), *[("summary-2026-11-07", 1)] * 2]


def test_a_firing_that_makes_up_for_others_tells_of_them(store: Store) -> None:
    looked(store, look(0), hush=SILENCED)
    looked(store, clear(1), hush=SILENCED)
    assert looked(store, look(2)).kind is VerdictKind.FIRE
    assert {one.run_period for one in store.alerts.episodes(FIRST)} == {"firing-2026-11-03"}


def test_an_episode_in_the_cooldown_that_was_over_before_it_could_be_told_says_so(
    store: Store,
) -> None:
    for seen in (look(0), clear(1), look(2), clear(3)):
        looked(store, seen, policy=COOLING)
    held = store.alerts.episodes(FIRST)[1]
    assert held.run_job is None
    assert held.held == "in its cooldown until 2026-12-02 02:00 UTC"


# Looking back


def test_episodes_of_a_time_are_those_that_fired_in_it(store: Store) -> None:
    for seen in (look(0), look(1), clear(2), look(5), clear(6), look(8)):
        looked(store, seen)
    day = [FIRST + n * DAY for n in range(12)]
    assert numbers(store, day[0]) == [1, 2, 3]
    assert numbers(store, day[1], day[2]) == [1], "it fired all day"
    assert numbers(store, day[2], day[5]) == [], "over as that began, and not yet the next"
    assert numbers(store, day[2], day[6]) == [2]
    assert numbers(store, day[10], day[11]) == [3], "it still fires"


def test_an_episode_that_was_over_at_once_counts_where_it_was(store: Store) -> None:
    at = FIRST + timedelta(hours=9)
    looked(store, look(0, bucket="2026-11-01T09:00Z", begins_at=at, ends_at=at, at=at))
    Ledgers.sql(store, "UPDATE alert_episodes SET ended_at = since")
    assert numbers(store, at, at + DAY) == [1]
    assert numbers(store, at + timedelta(seconds=1), at + DAY) == []


def test_episodes_of_some_alerts(store: Store) -> None:
    for name in ("visits", "bounce", "errors"):
        looked(store, look(0), name)
    found = store.alerts.episodes(FIRST, names={"visits", "errors"})
    assert [one.alert for one in found] == ["visits", "errors"]


# Days


def test_a_day_counts_its_looks_and_bounds_what_could_be_judged(store: Store) -> None:
    hours = [
        (Seen.CLEAR, 40.0),
        (Seen.BREACH, 64.0),
        (Seen.BETWEEN, 55.0),
        (Seen.TOO_FEW, 100.0),
        (Seen.MISSING, None),
    ]
    for hour, (seen, value) in enumerate(hours):
        at = FIRST + timedelta(hours=hour)
        looked(store, look(0, seen, value, begins_at=at, ends_at=at, at=at, bucket=f"{hour}"))
    looked(store, clear(1))
    first, second = store.alerts.days("bounce", FIRST.date())
    assert (first.alert, first.day, first.looks) == ("bounce", date(2026, 11, 1), 5)
    assert (first.breaches, first.too_few, first.missing) == (1, 1, 1)
    assert (first.lowest, first.highest) == (40.0, 64.0)
    assert (second.day, second.looks, second.lowest) == (date(2026, 11, 2), 1, 40.0)
    assert store.alerts.days("bounce", date(2026, 11, 2)) == [second]
    assert store.alerts.days("visits", FIRST.date()) == []


def test_a_day_without_anything_to_judge_by_has_no_bounds(store: Store) -> None:
    looked(store, look(0, Seen.MISSING, None))
    (day,) = store.alerts.days("bounce", FIRST.date())
    assert (day.looks, day.missing, day.lowest, day.highest) == (1, 1, None, None)


# What goes with time


def sent(store: Store) -> None:
    Ledgers.sql(store, "UPDATE deliveries SET state = 'sent'")


def test_a_purge_deletes_what_was_over_before_and_the_runs_that_told_it(store: Store) -> None:
    for seen in (look(0), clear(1), look(9), clear(10), look(20)):
        looked(store, seen)
    sent(store)
    assert upkeep.purge(store.writer, FIRST + 12 * DAY) == 4
    assert numbers(store, FIRST) == [3]
    assert [day.day.day for day in store.alerts.days("bounce", FIRST.date())] == [21]
    assert alert_runs(store) == [("bounce", "firing-2026-11-21")]
    assert store.alerts.states()["bounce"].state.episode == 3


def test_what_still_fires_or_waits_stays_with_its_run_however_old_it_is(store: Store) -> None:
    looked(store, look(0))
    looked(store, look(0), "waits")
    looked(store, clear(1), "waits")
    Ledgers.sql(store, "UPDATE deliveries SET state = 'sent' WHERE run_id IN (1, 2, 3)")
    digest = plan(store, "ana", planned_at=FIRST)
    sent_runs = Ledgers.sql(store, "SELECT id FROM runs WHERE kind = 'alert' ORDER BY id")
    last = sent_runs[-1][0]
    Ledgers.sql(store, "UPDATE deliveries SET state = 'sent'")
    Ledgers.sql(store, "UPDATE deliveries SET state = 'held' WHERE run_id = :run", run=last)
    assert upkeep.purge(store.writer, FIRST + 400 * DAY) == 3
    assert numbers(store, FIRST) == [1]
    assert alert_runs(store) == [("bounce", "firing-2026-11-01"), ("waits", "resolved-2026-11-02")]
    assert store.ledger.run("monday-email", DeliveryKind.DIGEST, "2026-W47") == digest


def test_a_rule_goes_on_after_a_purge_as_before(store: Store) -> None:
    for seen in (look(0), clear(1)):
        looked(store, seen)
    sent(store)
    upkeep.purge(store.writer, FIRST + 12 * DAY)
    assert judged(store, look(1))[0].reason == "2026-11-02 was judged before"
    looked(store, look(20))
    assert the_one(store).number == 2


def test_after_an_older_copy_was_put_back_no_closed_bucket_is_judged_again(store: Store) -> None:
    looked(store, look(0))
    looked(store, look(0), "damaged")
    Ledgers.sql(store, "UPDATE alert_states SET data = '{' WHERE name = 'damaged'")
    before = store.alerts.states(["bounce"])["bounce"]
    now = FIRST + 5 * DAY
    store.writer.do(lambda batch: upkeep.accept_older(batch, store.ledger.install, 0, now))
    after = store.alerts.states(["bounce"])["bounce"]
    assert after.state == replace(before.state, judged=now)
    assert (after.version, after.looked_at) == (before.version + 1, before.looked_at)
    assert judged(store, look(4))[0].reason == "2026-11-05 was judged before"
    assert looked(store, clear(5)).kind is VerdictKind.RESOLVE


def test_a_rule_that_is_ahead_of_the_clock_stays_as_it_is(store: Store) -> None:
    looked(store, look(9))
    store.writer.do(lambda batch: alert_upkeep.accept_older(batch.connection, FIRST))
    assert store.alerts.states()["bounce"].version == 1


def test_a_copy_of_the_ledger_has_its_alerts(tmp_path: Path) -> None:
    with opened(tmp_path / "state") as store:
        looked(store, look(0))
        store.alerts.silence("*", FIRST + DAY, "eva", "a move", FIRST)
        kept = store.alerts.states()
        sqlite.copy(tmp_path / "state" / "digest.db", tmp_path / "digest.db")
    with opened(tmp_path) as store:
        assert store.alerts.states() == kept
        assert the_one(store).number == 1
        assert [one.why for one in store.alerts.silences(FIRST)] == ["a move"]
