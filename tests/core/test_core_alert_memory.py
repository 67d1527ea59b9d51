"""What a digest tells of its app's alerts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from digest.core.alert_memory import Memory, PastEpisode, RuleMemory, remembered
from digest.core.alert_model import AlertState, Phase
from digest.core.metrics import Unit
from digest.core.periods import parse_period
from digest.core.wording import Wording

WEEK = parse_period("2026-W47")  # 16 to 22 November
NOW = datetime(2026, 11, 23, 7, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=60)


def nov(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def rule(**what: object) -> RuleMemory:
    given = {
        "alert": "spike",
        "title": "Bounce rate",
        "bound": "above 60 %",
        "unit": Unit.PERCENT,
        "state": AlertState(first=LONG_AGO),
    }
    return RuleMemory(**(given | what))  # type: ignore[arg-type]


def episode(since: datetime, ended: datetime | None, **what: object) -> PastEpisode:
    given = {"since": since, "ended_at": ended, "worst": 70.0, "told": True}
    return PastEpisode(**(given | what))  # type: ignore[arg-type]


FIRING = AlertState(
    phase=Phase.FIRING, episode=2, episode_since=nov(21), worst=78.9, first=LONG_AGO
)

CASES = [
    ("still firing", rule(state=FIRING, episodes=(episode(nov(21), None),)), Memory.FIRES,
     "Fires since Nov 21, 2026", "at worst 78.9"),
    ("fired and over", rule(episodes=(episode(nov(17), nov(18)),)), Memory.FIRED,
     "Fired once (above 60 %), on Nov 17, 2026", "for 24 h 00 m, at worst 70.0"),
    ("began before the week and ended in it", rule(episodes=(episode(nov(10), nov(17)),)),
     Memory.FIRED, "Fired once", ""),
    ("fired twice", rule(episodes=(episode(nov(16), nov(17)), episode(nov(19), nov(21)))),
     Memory.FIRED, "Fired 2 times", "the longest for 48 h"),
    ("nobody was told", rule(episodes=(episode(nov(17), nov(18), told=False),)), Memory.FIRED,
     "Fired once", "nobody was told"),
    ("flapped", rule(episodes=(episode(nov(17), nov(18), flapping=True),), suggestion="Try 65."),
     Memory.FLAPPED, "Fired once", ""),
    ("no data", rule(state=AlertState(phase=Phase.NO_DATA, reason="no sessions")),
     Memory.NO_DATA, "Has had nothing to judge by: no sessions.", ""),
    ("silenced", rule(silenced_until=nov(30), silence="until then by ana, release"),
     Memory.SILENCED, "Silenced: until then by ana, release.", ""),
    ("never fired", rule(suggestion="Above 30 %."), Memory.NEVER, "Has never fired (above 60 %).",
     ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("given", "memory", "begins", "holds"), [case[1:] for case in CASES], ids=[c[0] for c in CASES]
)
def test_each_alert_has_one_line_that_says_what_it_did(
    given: RuleMemory, memory: Memory, begins: str, holds: str
) -> None:
    (line,) = remembered([given], WEEK, NOW, ZoneInfo("UTC"), Wording("en"))

    said = line.sentence.replace("\N{NO-BREAK SPACE}", " ").replace(
        "\N{NARROW NO-BREAK SPACE}", " "
    )
    assert line.memory is memory
    assert said.startswith(begins)
    assert holds in said


@pytest.mark.parametrize(
    "given",
    [
        rule(state=AlertState(first=NOW - timedelta(days=3))),
        rule(episodes=(episode(nov(2), nov(3)),), state=AlertState(first=LONG_AGO, episode=1)),
        rule(state=AlertState()),
    ],
    ids=["new", "fired in another week", "never looked at"],
)
def test_what_did_nothing_worth_a_line_has_none(given: RuleMemory) -> None:
    assert remembered([given], WEEK, NOW, ZoneInfo("UTC"), Wording("en")) == ()


def test_a_limit_is_suggested_only_for_what_never_fired_or_flapped() -> None:
    with_one = [
        rule(alert="never", suggestion="Above 30 %."),
        rule(alert="fired", episodes=(episode(nov(17), nov(18)),), suggestion="Above 30 %."),
    ]
    lines = remembered(with_one, WEEK, NOW, ZoneInfo("UTC"), Wording("en"))

    assert [(line.alert, bool(line.suggestion)) for line in lines] == [
        ("fired", False),
        ("never", True),
    ]


def test_what_is_most_urgent_comes_first() -> None:
    rules = [
        rule(alert="never"),
        rule(alert="over", episodes=(episode(nov(17), nov(18)),)),
        rule(alert="fires", state=FIRING, episodes=(episode(nov(21), None),)),
    ]

    found = remembered(rules, WEEK, NOW, ZoneInfo("UTC"), Wording("en"))

    assert [line.alert for line in found] == ["fires", "over", "never"]
