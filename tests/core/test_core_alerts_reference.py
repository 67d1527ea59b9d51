"""`judge` says what an independent machine says, over random looks with crashes and repetitions.

The other machine (`alert_reference.py`) keeps no state: it works everything out anew from the
list of all looks. Here the looks come as they do in life: some at a bucket that was judged before
or at an older one, some fail, and now and then the process dies before or after what was judged is
committed, and judges the same bucket again.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from digest.core.alert_model import (
    AlertState,
    Hush,
    HushKind,
    Look,
    Missing,
    Phase,
    Policy,
    Seen,
    Span,
    Verdict,
    VerdictKind,
)
from digest.core.alerts import errored, judge
from digest.store.alert_rows import state_of, text_of
from tests.core.alert_reference import Heard, Said, messages, operator_hears, phase
from tests.core.alert_stories import START, hushed

if TYPE_CHECKING:
    from collections.abc import Iterable

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Fate(StrEnum):
    """What becomes of a look."""

    FINE = "it is judged and committed"
    FAILED = "fetching fails before it"
    LOST = "the process dies before the commit"
    AGAIN = "the process dies after the commit, and looks again"
    LATE = "an older bucket is looked at after it"


@dataclass(frozen=True, slots=True)
class Step:
    look: Look
    hush: Hush | None
    fate: Fate = Fate.FINE


@dataclass(slots=True)
class Life:
    """A rule from its first look on: what is stored, what was said, what was heard."""

    policy: Policy
    state: AlertState = field(default_factory=AlertState)
    heard: list[Heard] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    operator: list[str] = field(default_factory=list)

    def live(self, step: Step) -> None:
        if step.fate is Fate.FAILED:
            self.state = errored(self.state, step.look.at)
        if step.fate is Fate.LOST:
            judge(self.policy, self.state, step.look, step.hush)
            self.start_anew()
        self.look(step.look, step.hush)
        if step.fate is Fate.AGAIN:
            self.start_anew()
            self.look(step.look, None)
        if step.fate is Fate.LATE:
            ends_at = step.look.ends_at - 90 * MINUTE
            self.look(replace(step.look, ends_at=ends_at, bucket=f"late {ends_at}"), None)

    def start_anew(self) -> None:
        """Another process knows only what the ledger has."""
        self.state = state_of("bounce", text_of(self.state))

    def look(self, look: Look, hush: Hush | None) -> None:
        self.heard.append((look, hush))
        verdict = judge(self.policy, self.state, look, hush)
        self.verdicts.append(verdict)
        self.state = verdict.state
        if verdict.kind is not VerdictKind.QUIET:
            self.said.append(as_said(verdict, look))
        if verdict.operator:
            self.operator.append(look.bucket)


def as_said(verdict: Verdict, look: Look) -> Said:
    message = Said(kind=verdict.kind, bucket=look.bucket, at=look.at)
    if verdict.held is not None:
        message = replace(message, held=verdict.held.count)
    if verdict.kind is VerdictKind.SUMMARY and verdict.held is not None:
        held = verdict.held
        message = replace(message, since=held.since, until=held.until, worst=held.worst)
    if verdict.told is not None:
        told, over = verdict.told, verdict.lasted
        message = replace(
            message,
            episode=told.episode,
            since=told.since,
            until=None if over is None else told.since + over,
            worst=verdict.state.worst,
        )
    return message


def lived(policy: Policy, steps: Iterable[Step]) -> Life:
    life = Life(policy)
    for step in steps:
        life.live(step)
    return life


spans = st.builds(
    Span, looks=st.integers(1, 3), time=st.sampled_from([timedelta(), HOUR, 6 * HOUR])
) | st.just(Span())
policies = st.builds(
    Policy,
    hold=spans,
    keep=spans,
    cooldown=st.sampled_from([timedelta(), HOUR, 6 * HOUR, 2 * DAY]),
    repeat=st.sampled_from([None, HOUR, 2 * HOUR, DAY]),
    repeat_most=st.sampled_from([HOUR, 5 * HOUR, 7 * DAY]),
    missing=st.sampled_from(Missing),
    missing_after=st.integers(1, 3),
    lasting=st.sampled_from([True, True, True, False]),
)
lasting_policies = policies.map(lambda policy: replace(policy, lasting=True))

seen = st.sampled_from([*Seen, Seen.BREACH, Seen.BREACH, Seen.CLEAR])
hushes = st.sampled_from(
    [*[None] * 6, *(hushed(kind) for kind in HushKind if kind is not HushKind.COOLDOWN)]
)
gaps = st.sampled_from([timedelta(minutes=30), HOUR, HOUR, HOUR, 6 * HOUR, DAY])
delays = st.sampled_from([0, 0, 1, 100, 1000]).map(lambda seconds: timedelta(seconds=seconds))
fates = st.sampled_from([*[Fate.FINE] * 8, *Fate])
values = st.integers(61, 99).map(float)
raw_steps = st.tuples(seen, hushes, gaps, delays, fates, values)


def in_time(raw: list[tuple[Seen, Hush | None, timedelta, timedelta, Fate, float]]) -> list[Step]:
    """The looks in a row, each after the one before."""
    steps: list[Step] = []
    ends_at = at = START
    for what, hush, gap, delay, fate, value in raw:
        begins_at, ends_at = ends_at, ends_at + gap
        at = max(at, ends_at + delay)
        look = Look(
            bucket=f"{ends_at:%d-%H:%M}",
            begins_at=begins_at,
            ends_at=ends_at,
            at=at,
            seen=what,
            value=value if what is Seen.BREACH else 50.0,
            excess=value - 60 if what is Seen.BREACH else 0.0,
            reason=f"saw {what}",
        )
        steps.append(Step(look, hush, fate))
    return steps


laws = settings(max_examples=50)
histories = st.lists(raw_steps, min_size=1, max_size=25).map(in_time)


def after(steps: list[Step], *seen: Seen, hush: HushKind | None = None) -> list[Step]:
    """The same, and looks a day apart that see this."""
    last = steps[-1].look.at
    return [
        *steps,
        *(
            Step(
                Look(
                    bucket=f"then {day}",
                    begins_at=last + DAY * day,
                    ends_at=last + DAY * (day + 1),
                    at=last + DAY * (day + 1),
                    seen=one,
                ),
                None if hush is None else hushed(hush),
            )
            for day, one in enumerate(seen)
        ),
    ]


@settings(max_examples=200)
@given(policies, histories)
def test_messages_and_phase_are_those_of_the_independent_machine(
    policy: Policy, steps: list[Step]
) -> None:
    life = lived(policy, steps)

    assert life.said == messages(policy, life.heard)
    assert life.operator == operator_hears(policy, life.heard)
    assert life.state.phase is phase(policy, life.heard)


@laws
@given(policies, histories)
def test_crashes_failures_and_repeated_or_late_buckets_change_nothing(
    policy: Policy, steps: list[Step]
) -> None:
    life = lived(policy, steps)
    smooth = lived(policy, [replace(step, fate=Fate.FINE) for step in steps])

    assert life.said == smooth.said
    assert replace(life.state, first=None) == replace(smooth.state, first=None)


@laws
@given(lasting_policies, histories)
def test_what_is_over_was_told_and_what_was_told_is_over_before_it_is_told_anew(
    policy: Policy, steps: list[Step]
) -> None:
    turns = [
        one
        for one in lived(policy, steps).said
        if one.kind in {VerdictKind.FIRE, VerdictKind.RESOLVE}
    ]

    expected = [VerdictKind.FIRE, VerdictKind.RESOLVE] * len(turns)
    assert [one.kind for one in turns] == expected[: len(turns)]
    assert [one.episode for one in turns[1::2]] == [one.episode for one in turns[0:-1:2]]
    fires = [one.episode for one in turns[0::2]]
    assert fires == sorted(set(fires))


@laws
@given(
    lasting_policies,
    histories,
    st.sampled_from([None, HushKind.SILENCED, HushKind.INHIBITED, HushKind.CAP]),
)
def test_that_it_is_over_is_told_under_every_hush_but_quiet_hours(
    policy: Policy, steps: list[Step], hush: HushKind | None
) -> None:
    life = lived(policy, after(steps, *[Seen.CLEAR] * 4, hush=hush))

    assert life.state.phase is Phase.OK
    assert life.state.told is None


@laws
@given(lasting_policies, histories)
def test_nobody_is_left_in_the_dark_once_nothing_holds_messages_back(
    policy: Policy, steps: list[Step]
) -> None:
    life = lived(policy, after(steps, *[Seen.CLEAR] * 6))
    began = sum(verdict.began for verdict in life.verdicts)
    opened = {one.episode for one in life.said if one.kind is VerdictKind.FIRE}
    made_up_for = sum(one.held for one in life.said)

    assert life.state.held is None
    assert life.state.episode == len(opened) + made_up_for <= began


@laws
@given(policies, histories, st.integers(1, 4))
def test_missing_data_ends_no_episode_and_begins_none(
    policy: Policy, steps: list[Step], count: int
) -> None:
    before = lived(policy, steps)
    missing = lived(policy, after(steps, *[Seen.MISSING] * count))

    assert missing.state.phase is Phase.NO_DATA
    assert missing.state.truth is before.state.truth
    assert missing.state.told == before.state.told
    assert {one.kind for one in missing.said[len(before.said) :]} <= {VerdictKind.NO_DATA}


@laws
@given(policies, histories, hushes)
def test_no_hush_changes_what_is_true(policy: Policy, steps: list[Step], hush: Hush | None) -> None:
    life = lived(policy, steps)
    other = lived(policy, [replace(step, hush=hush) for step in steps])

    for one, another in zip(life.verdicts, other.verdicts, strict=True):
        assert truth(one.state) == truth(another.state)


def truth(state: AlertState) -> tuple[object, ...]:
    """What is known, whoever was told of it."""
    counts = (state.breaches, state.clears, state.missing, state.errors)
    return (state.phase, state.before, state.judged, state.since, state.fired, counts)


@laws
@given(policies, histories)
def test_under_a_hush_nothing_is_said_but_that_it_is_over(
    policy: Policy, steps: list[Step]
) -> None:
    life = lived(policy, steps)

    for (_, hush), verdict in zip(life.heard, life.verdicts, strict=True):
        if hush is not None and verdict.kind is not VerdictKind.QUIET:
            assert verdict.kind is VerdictKind.RESOLVE
            assert hush.kind is not HushKind.QUIET_HOURS


@laws
@given(policies, histories)
def test_a_firing_or_a_summary_comes_a_cooldown_after_the_last(
    policy: Policy, steps: list[Step]
) -> None:
    told = [
        one.at
        for one in lived(policy, steps).said
        if one.kind in {VerdictKind.FIRE, VerdictKind.SUMMARY}
    ]

    for early, late in pairwise(told):
        assert late - early >= policy.cooldown - timedelta(minutes=5)


@laws
@given(policies, histories)
def test_every_verdict_has_a_reason_in_words(policy: Policy, steps: list[Step]) -> None:
    for verdict in lived(policy, steps).verdicts:
        assert verdict.reason
        assert verdict.hush is None or verdict.hush.reason in verdict.reason
