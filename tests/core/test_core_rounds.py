"""What a round of alerts says, and to whom."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from digest.core.alert_model import AlertState, Look, Phase, Policy, Seen, Told, VerdictKind
from digest.core.alert_round import Around, Entry, Thread, Watched, play

if TYPE_CHECKING:
    from collections.abc import Mapping

    Readers = Mapping[str, tuple[str, ...]]

NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ANA: Readers = {"mail": ("ana@example.com",)}
BEN: Readers = {"mail": ("ben@example.com",)}
TOGETHER = Thread("alerts", "firing-2026-11-21-abcdef")


def watched(name: str, to: Readers = ANA) -> Watched:
    return Watched(name=name, app="shop", policy=Policy(), to=to, zone=ZoneInfo("UTC"))


def look(seen: Seen) -> Look:
    return Look(
        bucket="2026-11-22",
        begins_at=NOW - 2 * DAY,
        ends_at=NOW - DAY,
        at=NOW,
        seen=seen,
        value=70.0,
        excess=10.0,
    )


def firing(rule: Watched, seen: Seen = Seen.BREACH) -> Entry:
    """It was told to fire two days ago."""
    since = NOW - 3 * DAY
    told = Told(episode=1, since=since, at=NOW - 2 * DAY)
    state = AlertState(phase=Phase.FIRING, since=since, episode=1, episode_since=since, told=told)
    return Entry(rule=rule, state=replace(state, told_at=told.at), look=look(seen))


def test_what_still_fires_is_told_to_everybody_who_is_to_hear_of_it() -> None:
    around = Around(threads={"a": TOGETHER, "b": TOGETHER, "c": TOGETHER})
    rules = [watched("a"), watched("b"), watched("c", BEN)]

    said = play([firing(rule) for rule in rules], around).messages

    assert [[one.rule.name for one in message.about] for message in said] == [["a", "b"], ["c"]]
    assert [message.to for message in said] == [ANA, BEN]
    assert {message.thread for message in said} == {TOGETHER}


def test_what_is_over_ends_in_the_message_that_told_of_it_whoever_is_to_hear_now() -> None:
    around = Around(threads={"a": TOGETHER, "b": TOGETHER})
    entries = [firing(watched("a"), Seen.CLEAR), firing(watched("b", BEN), Seen.CLEAR)]

    (over,) = play(entries, around).messages

    assert (over.kind, over.thread) == (VerdictKind.RESOLVE, TOGETHER)


def test_what_was_never_told_comes_before_what_is_told_again_where_the_cap_leaves_no_room() -> None:
    again = [firing(replace(watched(name), grouped=False)) for name in ("a", "b")]
    new = Entry(rule=watched("z"), state=AlertState(), look=look(Seen.BREACH))

    said = play([*again, new], Around(room=1))

    assert [(one.job, one.kind) for one in said.messages] == [("z", VerdictKind.FIRE)]
    assert [one.rule.name for one in said.capped] == ["a", "b"]
