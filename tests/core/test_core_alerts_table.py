"""The specification of alerting: what is said, and where a rule stands, after each kind of look.

The rule of the tables fires above 60 after 3 looks in a row (`for`), is over after 2 looks in a
row below 50 (`keep_for`), is told again after a day, and has a cooldown of 6 hours. A look sees

    breach    above 60
    between   not above 60, but not below 50 either
    clear     below 50
    too few   too few sessions to judge by
    missing   no number at all
    judged    a bucket that was judged before, or an older one
    error     nothing: fetching failed
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from digest.core.alert_model import (
    AlertState,
    Hush,
    HushKind,
    Missing,
    Phase,
    Policy,
    Seen,
    Span,
    VerdictKind,
)
from digest.core.alerts import errored, judge
from tests.core.alert_stories import HOUR, START, hushed, look, story, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = timedelta(days=1)
NOON = START + 12 * HOUR
POLICY = Policy(hold=Span(looks=3), keep=Span(looks=2), cooldown=6 * HOUR, repeat=DAY)

# What came before the look. A word after the slash held messages back at that look. Eleven hours
# and more lie between a firing that was told and the look, but for the column `cooldown`.
GIVEN = {
    "ok": "clear",
    "pending, 1 of 3": "clear, breach",
    "pending, 2 of 3": "breach, breach",
    "firing, told": "breach, breach, breach",
    "firing, told, clear once": "breach, breach, breach, clear",
    "firing, told a day ago": "breach, breach, breach",
    "firing, untold": "breach, breach, breach/silenced",
    "firing, untold, clear once": "breach, breach, breach/silenced, clear",
    "over, still believed": "breach, breach, breach, clear, clear/quiet hours",
    "pending, still believed": "breach, breach, breach, clear, clear/quiet hours, breach",
    "over, held back": "breach, breach, breach/silenced, clear, clear/silenced",
}

# `told` is whether readers believe that it fires, afterwards; = is as before. The last column is a
# part of the reason. `any` hush is none and every one; `a hush` every one but the cooldown.
TABLE = """
given                      | look               | hush             | says    | phase   | told | because
---------------------------|--------------------|------------------|---------|---------|------|--------
any                        | judged             | any              | quiet   | =       | =    | was judged before
any                        | error              | any              | -       | =       | =    | -
any                        | missing            | any              | quiet   | no_data | =    | saw missing

ok                         | breach             | any              | quiet   | pending | no   | not for long enough yet: saw breach
ok                         | between            | any              | quiet   | ok      | no   | saw between
ok                         | clear              | any              | quiet   | ok      | no   | saw clear
ok                         | too few            | any              | quiet   | ok      | no   | saw too few

pending, 1 of 3            | breach             | any              | quiet   | pending | no   | not for long enough yet: saw breach
pending, 1 of 3            | between, clear     | any              | quiet   | ok      | no   | saw
pending, 1 of 3            | too few            | any              | quiet   | pending | no   | saw too few

pending, 2 of 3            | breach             | none             | FIRE    | firing  | yes  | saw breach
pending, 2 of 3            | breach             | a hush           | quiet   | firing  | no   | saw breach; hushed
pending, 2 of 3            | breach             | cooldown         | quiet   | firing  | no   | saw breach; in its cooldown until
pending, 2 of 3            | between, clear     | any              | quiet   | ok      | no   | saw
pending, 2 of 3            | too few            | any              | quiet   | pending | no   | saw too few

firing, told               | breach, between    | any              | quiet   | firing  | yes  | told again from
firing, told               | clear              | any              | quiet   | firing  | yes  | not clear for long enough: saw clear
firing, told               | too few            | any              | quiet   | firing  | yes  | still firing; saw too few

firing, told, clear once   | breach, between    | any              | quiet   | firing  | yes  | still firing: saw
firing, told, clear once   | clear              | not quiet hours  | RESOLVE | ok      | no   | over: saw clear
firing, told, clear once   | clear              | quiet hours      | quiet   | ok      | yes  | over: saw clear; hushed
firing, told, clear once   | too few            | any              | quiet   | firing  | yes  | still firing; saw too few

firing, told a day ago     | breach, between    | none, cooldown   | REPEAT  | firing  | yes  | still firing: saw
firing, told a day ago     | breach, between    | a hush           | quiet   | firing  | yes  | ; hushed
firing, told a day ago     | clear              | any              | quiet   | firing  | yes  | not clear for long enough: saw clear
firing, told a day ago     | too few            | any              | quiet   | firing  | yes  | still firing; saw too few

firing, untold             | breach, between    | none             | FIRE    | firing  | yes  | saw
firing, untold             | breach, between    | a hush           | quiet   | firing  | no   | ; hushed
firing, untold             | breach, between    | cooldown         | quiet   | firing  | no   | ; in its cooldown until
firing, untold             | clear              | any              | quiet   | firing  | no   | not clear for long enough: saw clear
firing, untold             | too few            | any              | quiet   | firing  | no   | still firing; saw too few

firing, untold, clear once | breach, between    | none             | FIRE    | firing  | yes  | saw
firing, untold, clear once | breach, between    | a hush           | quiet   | firing  | no   | ; hushed
firing, untold, clear once | breach, between    | cooldown         | quiet   | firing  | no   | ; in its cooldown until
firing, untold, clear once | clear              | none             | SUMMARY | ok      | no   | held back 1, now over: saw clear
firing, untold, clear once | clear              | a hush           | quiet   | ok      | no   | saw clear; hushed
firing, untold, clear once | clear              | cooldown         | quiet   | ok      | no   | saw clear; in its cooldown until
firing, untold, clear once | too few            | any              | quiet   | firing  | no   | still firing; saw too few

over, still believed       | breach             | any              | quiet   | pending | yes  | not for long enough yet: saw breach
over, still believed       | between, clear     | not quiet hours  | RESOLVE | ok      | no   | over: saw
over, still believed       | between, clear     | quiet hours      | quiet   | ok      | yes  | over: saw
over, still believed       | too few            | not quiet hours  | RESOLVE | ok      | no   | over: saw too few
over, still believed       | too few            | quiet hours      | quiet   | ok      | yes  | over: saw too few; hushed

pending, still believed    | breach             | any              | quiet   | pending | yes  | not for long enough yet: saw breach
pending, still believed    | between, clear     | not quiet hours  | RESOLVE | ok      | no   | over: saw
pending, still believed    | between, clear     | quiet hours      | quiet   | ok      | yes  | over: saw
pending, still believed    | too few            | any              | quiet   | pending | yes  | saw too few

over, held back            | breach             | any              | quiet   | pending | no   | not for long enough yet: saw breach
over, held back            | between, clear     | none             | SUMMARY | ok      | no   | held back 1, now over: saw
over, held back            | between, clear     | a hush           | quiet   | ok      | no   | ; hushed
over, held back            | between, clear     | cooldown         | quiet   | ok      | no   | ; in its cooldown until
over, held back            | too few            | none             | SUMMARY | ok      | no   | held back 1, now over: saw too few
over, held back            | too few            | a hush           | quiet   | ok      | no   | saw too few; hushed
over, held back            | too few            | cooldown         | quiet   | ok      | no   | saw too few; in its cooldown until
"""  # noqa: E501 - a table is read by its columns

LOOKS = ("breach", "between", "clear", "too few", "missing", "judged", "error")
HUSHES = ("none", *HushKind)
A_HUSH = tuple(kind for kind in HushKind if kind is not HushKind.COOLDOWN)
MEANT = {
    "any": HUSHES,
    "a hush": A_HUSH,
    "not quiet hours": tuple(one for one in HUSHES if one != HushKind.QUIET_HOURS),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    given: str
    look: str
    hush: str
    says: str
    phase: str
    told: str
    because: str

    def __str__(self) -> str:
        return f"{self.given} + {self.look} ({self.hush}): {self.says}, {self.phase}"

    def cases(self) -> Iterator[tuple[str, str, str]]:
        """Every state, look and hush that the row is about."""
        hushes = MEANT.get(self.hush) or self.hush.split(", ")
        for given in GIVEN if self.given == "any" else [self.given]:
            for seen in self.look.split(", "):
                for hush in hushes:
                    yield given, seen, str(hush)


def rows(table: str) -> list[Row]:
    _, _, *lines = [line for line in table.splitlines() if line.strip()]
    names = ("given", "look", "hush", "says", "phase", "told", "because")
    cells = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [Row(**dict(zip(names, line, strict=True))) for line in cells]


ROWS = rows(TABLE)


def state_of(given: str, *, hush: str, after_missing: bool) -> AlertState:
    state = verdicts(POLICY, story(GIVEN[given]))[-1].state
    if after_missing:
        state = judge(POLICY, state, look(Seen.MISSING, NOON - HOUR)).state
    if state.told is not None and "a day ago" in given:
        state = replace(state, told=replace(state.told, at=NOON + HOUR - DAY))
    return replace(state, told_at=NOON if hush == HushKind.COOLDOWN else None)


def given_to_judge(hush: str) -> Hush | None:
    """The cooldown is in the state; what else holds back is told to `judge`."""
    return None if hush in {"none", HushKind.COOLDOWN} else hushed(hush)


def test_the_table_says_once_what_happens_in_each_state_at_each_look_under_each_hush() -> None:
    listed = [case for row in ROWS for case in row.cases()]

    assert sorted(listed) == sorted(
        (given, seen, str(hush)) for given in GIVEN for seen in LOOKS for hush in HUSHES
    )


@pytest.mark.parametrize("after_missing", [False, True], ids=["", "after missing data"])
@pytest.mark.parametrize("row", ROWS, ids=str)
def test_table(row: Row, *, after_missing: bool) -> None:
    for given, seen, hush in row.cases():
        before = state_of(given, hush=hush, after_missing=after_missing)
        phase = before.phase if row.phase == "=" else Phase(row.phase)
        told = before.told is not None if row.told == "=" else row.told == "yes"
        if seen == "error":
            assert errored(before, NOON) == replace(before, errors=before.errors + 1)
            continue

        if seen == "judged":
            bucket = look(Seen.BREACH, (before.judged or NOON) - HOUR)
        else:
            bucket = look(Seen(seen), NOON)
        verdict = judge(POLICY, before, bucket, given_to_judge(hush))

        assert verdict.kind == row.says.lower(), hush
        assert verdict.state.phase is phase, hush
        assert (verdict.state.told is not None) is told, hush
        assert row.because in verdict.reason, hush
        if seen == "judged":
            assert verdict.state == before


# What is said about missing data. `stretch` is the run of looks without a number, the last of
# which is judged; readers, or the operator, hear of it at the second (`missing_after`).
MISSING_TABLE = """
policy | before                                            | look    | hush    | readers hear | operator
-------|---------------------------------------------------|---------|---------|--------------|---------
keep   | clear                                             | missing | none    | quiet        | -
keep   | clear, missing                                    | missing | none    | quiet        | nothing to judge by for 2 looks
keep   | clear, missing                                    | missing | a hush  | quiet        | nothing to judge by for 2 looks
keep   | clear, missing, missing                           | missing | none    | quiet        | -
keep   | clear, missing, missing                           | clear   | none    | quiet        | -
keep   | clear, missing, missing, clear, missing           | missing | none    | quiet        | nothing to judge by for 2 looks
keep   | clear, missing, clear                             | missing | none    | quiet        | -
keep   | clear, missing, too few                           | missing | none    | quiet        | -
keep   | breach, breach, breach, missing                   | missing | none    | quiet        | nothing to judge by for 2 looks
ignore | clear, missing                                    | missing | none    | quiet        | -
alert  | clear                                             | missing | none    | quiet        | -
alert  | clear, missing                                    | missing | none    | no data      | -
alert  | clear, missing                                    | missing | a hush  | quiet        | -
alert  | clear, missing, missing/silenced                  | missing | none    | no data      | -
alert  | clear, missing, missing                           | missing | none    | quiet        | -
alert  | breach, breach, breach, missing                   | missing | none    | no data      | -
alert  | clear, missing, missing                           | clear   | none    | data again   | -
alert  | clear, missing, missing                           | too few | none    | data again   | -
alert  | clear, missing, missing                           | breach  | none    | data again   | -
alert  | clear, missing, missing                           | clear   | a hush  | quiet        | -
alert  | clear, missing, missing, clear/silenced           | clear   | none    | data again   | -
alert  | clear, missing, missing, clear/silenced, missing  | missing | none    | quiet        | -
alert  | clear, missing, missing, clear                    | clear   | none    | quiet        | -
alert  | clear, missing, missing, clear, missing           | missing | none    | no data      | -
alert  | clear, missing                                    | clear   | none    | quiet        | -
alert  | breach, breach, missing, missing                  | breach  | none    | fire         | -
alert  | breach, breach, missing, missing, breach          | breach  | none    | quiet        | -
alert  | breach, breach, breach, clear, missing, missing   | clear   | none    | resolve      | -
"""  # noqa: E501 - a table is read by its columns


def missing_rows() -> list[list[str]]:
    _, _, *lines = [line for line in MISSING_TABLE.splitlines() if line.strip()]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


@pytest.mark.parametrize("row", missing_rows(), ids=lambda row: " | ".join(row[:4]))
def test_missing_data_is_told_once_a_stretch_to_whoever_the_policy_says(row: list[str]) -> None:
    policy, before, seen, hush, hears, operator = row
    told = replace(POLICY, missing=Missing(policy))
    state = verdicts(told, story(before))[-1].state

    for kind in A_HUSH if hush == "a hush" else ("",):
        verdict = judge(told, state, look(Seen(seen), NOON), hushed(kind))

        assert verdict.kind == hears, kind
        assert (operator in verdict.operator) if operator != "-" else not verdict.operator


# Rules that tell news (`new_value`): every breach is news of its own, and nothing is ever over.
NEWS_TABLE = """
before                                            | look    | hush     | says    | phase  | held
--------------------------------------------------|---------|----------|---------|--------|-----
clear                                             | breach  | -        | fire    | firing | 0
clear                                             | breach  | silenced | quiet   | firing | 0
clear, breach                                     | breach  | -        | fire    | firing | 0
clear, breach                                     | between | -        | quiet   | ok     | 0
clear, breach                                     | clear   | -        | quiet   | ok     | 0
clear, breach                                     | too few | -        | quiet   | firing | 0
clear, breach                                     | missing | -        | quiet   | no_data| 0
clear, breach/silenced                            | breach  | -        | fire    | firing | 1
clear, breach/silenced                            | clear   | -        | summary | ok     | 1
clear, breach/silenced                            | between | -        | summary | ok     | 1
clear, breach/silenced                            | too few | -        | quiet   | firing | 0
clear, breach/silenced, missing                   | clear   | -        | summary | ok     | 1
clear, breach/silenced                            | clear   | cap      | quiet   | ok     | 0
clear, breach/silenced, breach/silenced           | clear   | -        | summary | ok     | 2
clear, breach/silenced, breach/silenced           | breach  | -        | fire    | firing | 2
clear, breach/silenced, breach                    | clear   | -        | quiet   | ok     | 0
"""


def news_rows() -> list[list[str]]:
    _, _, *lines = [line for line in NEWS_TABLE.splitlines() if line.strip()]
    return [[cell.strip() for cell in line.split("|")] for line in lines]


@pytest.mark.parametrize("row", news_rows(), ids=lambda row: " | ".join(row[:3]))
def test_news_is_told_each_time_and_is_never_over(row: list[str]) -> None:
    before, seen, hush, says, phase, held = row
    policy = Policy(lasting=False, cooldown=timedelta(), repeat=HOUR)
    state = verdicts(policy, story(before))[-1].state

    verdict = judge(policy, state, look(Seen(seen), NOON), hushed(hush.strip("-")))

    assert verdict.kind == says
    assert verdict.state.phase == phase
    assert (verdict.held.count if verdict.held else 0) == int(held)


@pytest.mark.parametrize(
    ("most", "hours"),
    [
        pytest.param(DAY * 7, [1, 2, 4, 8, 16], id="doubled each time"),
        pytest.param(HOUR * 4, [1, 2, 4, 4, 4], id="but no longer than repeat_most"),
        pytest.param(HOUR / 2, [1, 1, 1, 1, 1], id="which is never less than repeat"),
    ],
)
def test_what_still_fires_is_told_again_ever_more_seldom(most: timedelta, hours: list[int]) -> None:
    policy = Policy(repeat=HOUR, repeat_most=most)
    found = verdicts(policy, story(", ".join(["breach"] * 40)))
    told = [at for at, one in enumerate(found) if one.kind is VerdictKind.REPEAT]

    assert [late - early for early, late in zip([0, *told], told, strict=False)][:5] == hours


def test_a_rule_without_repeat_tells_once() -> None:
    found = verdicts(Policy(repeat=None), story(", ".join(["breach"] * 200)))

    assert [one.kind for one in found if one.kind is not VerdictKind.QUIET] == [VerdictKind.FIRE]


@pytest.mark.parametrize(
    ("wait", "early", "over"),
    [
        pytest.param(DAY, timedelta(seconds=2), True, id="a day, 2 s early"),
        pytest.param(DAY, timedelta(minutes=6), False, id="a day, 6 min early"),
        pytest.param(HOUR, timedelta(minutes=3), True, id="an hour, 3 min early"),
        pytest.param(HOUR, timedelta(minutes=4), False, id="an hour, 4 min early"),
    ],
)
def test_a_look_that_comes_a_little_early_is_not_put_off_to_the_next(
    wait: timedelta, early: timedelta, *, over: bool
) -> None:
    policy = Policy(repeat=wait, cooldown=wait)
    fired = judge(policy, AlertState(), look(Seen.BREACH, START)).state
    again = look(Seen.BREACH, START + wait)
    again = replace(again, at=again.at - early)

    assert (judge(policy, fired, again).kind is VerdictKind.REPEAT) is over
    assert (judge(policy, replace(fired, told=None), again).kind is VerdictKind.FIRE) is over


def test_for_can_ask_for_time_and_is_measured_by_the_buckets_however_late_they_are_looked_at() -> (
    None
):
    policy = Policy(hold=Span(looks=1, time=2 * HOUR))
    made_up = [
        (replace(one, at=NOON), hush) for one, hush in story("breach, breach, breach, breach")
    ]

    kinds = [one.kind for one in verdicts(policy, made_up)]

    assert kinds == [VerdictKind.QUIET, VerdictKind.QUIET, VerdictKind.FIRE, VerdictKind.QUIET]


@pytest.mark.parametrize(
    "words",
    [
        pytest.param("breach, too few, breach, breach", id="too few to judge by"),
        pytest.param("breach, missing, breach, breach", id="no number"),
    ],
)
def test_what_can_t_be_judged_neither_counts_nor_resets(words: str) -> None:
    *before, last = verdicts(POLICY, story(words))

    assert {one.state.truth for one in before} == {Phase.PENDING}
    assert last.kind is VerdictKind.FIRE


def test_what_fires_again_before_readers_heard_that_it_was_over_is_the_same_episode() -> None:
    night = "breach, breach, breach, clear, clear/quiet hours, breach, breach, breach, clear, clear"

    found = verdicts(POLICY, story(night))

    assert [one.kind for one in found if one.kind is not VerdictKind.QUIET] == [
        VerdictKind.FIRE,
        VerdictKind.RESOLVE,
    ]
    assert found[-1].state.episode == 1
    assert found[-1].state.episode_since == START
    assert found[-1].lasted == 8 * HOUR


@pytest.mark.parametrize(
    ("words", "lasted"),
    [
        pytest.param("breach, breach, breach, clear, clear", 3, id="told at once"),
        pytest.param(
            "breach, breach, breach, clear, clear/quiet hours, clear", 3, id="told in the morning"
        ),
        pytest.param(
            "breach, breach, breach, clear, clear/quiet hours, missing, clear", 3, id="no data"
        ),
        pytest.param(
            "breach, breach, breach, clear, clear/quiet hours, breach, clear", 3, id="a breach"
        ),
        pytest.param("breach, breach, breach, clear, between, clear, clear", 5, id="not clear yet"),
    ],
)
def test_resolved_says_how_long_it_fired_whenever_that_is_told(words: str, lasted: int) -> None:
    last = verdicts(POLICY, story(words))[-1]

    assert (last.kind, last.lasted) == (VerdictKind.RESOLVE, lasted * HOUR)


def test_the_worst_value_is_that_of_the_whole_episode_its_first_breaches_included() -> None:
    first, *others = story("breach, breach, breach, clear, clear")
    worst = (replace(first[0], value=93.0, excess=33.0), None)

    found = verdicts(POLICY, [worst, *others])

    assert [one.state.worst for one in found] == [93.0] * 5


def test_the_worst_value_stays_when_it_fires_again_before_readers_heard_that_it_was_over() -> None:
    first, *others = story("breach, breach, breach, clear, clear/quiet hours, breach, clear")
    worst = (replace(first[0], value=93.0, excess=33.0), None)

    last = verdicts(POLICY, [worst, *others])[-1]

    assert (last.kind, last.state.worst) == (VerdictKind.RESOLVE, 93.0)


@pytest.mark.parametrize("word", ["breach", "between"])
def test_looks_that_are_not_clear_begin_the_count_of_clear_ones_anew(word: str) -> None:
    found = verdicts(POLICY, story(f"breach, breach, breach, clear, {word}, clear, clear"))

    assert [one.kind for one in found[3:]] == [VerdictKind.QUIET] * 3 + [VerdictKind.RESOLVE]


@pytest.mark.parametrize(
    ("words", "hour"),
    [
        pytest.param("clear, breach, breach, missing, too few", 1, id="pending since"),
        pytest.param("clear, breach, breach, breach, missing, clear", 1, id="firing since"),
        pytest.param("clear, clear, missing, missing", 2, id="without data since"),
        pytest.param("clear, breach, clear", 2, id="fine since"),
        pytest.param("breach, breach, breach, clear, clear, clear", 3, id="over since"),
    ],
)
def test_a_phase_begins_with_the_first_look_that_led_to_it(words: str, hour: int) -> None:
    assert verdicts(POLICY, story(words))[-1].state.since == START + hour * HOUR


@pytest.mark.parametrize(
    ("words", "flapping"),
    [
        pytest.param("breach, clear, breach, clear", False, id="twice"),
        pytest.param("breach, clear, breach, clear, breach", True, id="three times"),
        pytest.param("breach, clear, breach/cap, clear, breach/cap", True, id="three, two untold"),
        pytest.param("breach, breach, breach, breach", False, id="once, for long"),
    ],
)
def test_what_fires_three_times_within_a_day_is_flapping(words: str, *, flapping: bool) -> None:
    state = verdicts(Policy(), story(words))[-1].state

    assert state.is_flapping(Policy(), START + DAY) is flapping
    assert not state.is_flapping(Policy(), START + 2 * DAY)


def test_a_new_episode_has_a_worst_value_of_its_own() -> None:
    first, *others = story("breach, clear, breach")
    worst = (replace(first[0], value=93.0, excess=33.0), None)

    assert verdicts(Policy(), [worst, *others])[-1].state.worst == 64.0
