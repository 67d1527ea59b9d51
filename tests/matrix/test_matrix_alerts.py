"""Case 87 of the fault matrix: a number that flutters around the limit of its alert.

Cases 88 and 89, what the ledger has of it, are in `test_matrix_alerts_ledger.py`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.alert_model import Look, Policy, VerdictKind
from digest.core.rules.limits import Line
from tests.core.alert_reference import Heard, messages
from tests.core.alert_stories import verdicts

START = datetime(2026, 11, 23, tzinfo=UTC)
QUARTER, HOUR = timedelta(minutes=15), timedelta(hours=1)
LINE = Line(up=True, limit=60.0, clear=50.0)
POLICY = Policy(cooldown=6 * HOUR, repeat=None)
TIMES = 30


def looks(values: list[float], every: timedelta = QUARTER) -> list[Heard]:
    """A look at each value, one after the other; nothing holds messages back."""
    found: list[Heard] = []
    for place, value in enumerate(values):
        at = START + place * every
        seen = LINE.seen(value)
        look = Look(
            bucket=f"{at:%Y-%m-%dT%H:%MZ}",
            begins_at=at,
            ends_at=at,
            at=at,
            seen=seen,
            value=value,
            excess=LINE.excess(value),
            reason=f"{value} is {seen}",
        )
        found.append((look, None))
    return found


def said(heard: list[Heard]) -> list[tuple[VerdictKind, datetime]]:
    """Which messages `judge` makes of it, and when."""
    found = zip(verdicts(POLICY, heard), heard, strict=True)
    return [
        (verdict.kind, look.at)
        for verdict, (look, _) in found
        if verdict.kind is not VerdictKind.QUIET
    ]


FIRE, RESOLVE = VerdictKind.FIRE, VerdictKind.RESOLVE


@pytest.mark.parametrize(
    ("low", "kinds"),
    [
        pytest.param(55.0, [FIRE], id="to between"),
        pytest.param(50.0, [FIRE], id="to the clear limit"),
        pytest.param(40.0, [FIRE, RESOLVE] * 3, id="to clear"),
    ],
)
def test_case_87_a_number_that_crosses_its_limit_30_times_is_told_a_few_times(
    low: float, kinds: list[VerdictKind]
) -> None:
    told = said(looks([64.0, low] * TIMES))  # fifteen hours
    assert [kind for kind, _ in told] == kinds
    firings = [at for kind, at in told if kind is FIRE]
    assert firings == [START + n * POLICY.cooldown for n in range(len(firings))]


def test_case_87_what_the_cooldown_held_back_is_made_up_for_in_the_next_message() -> None:
    heard = looks([64.0, 40.0] * TIMES)
    found = verdicts(POLICY, heard)
    made_up = [one.held.count for one in found if one.kind is FIRE and one.held is not None]
    # twelve firings in six hours, of which the first is told and the others held back
    assert made_up == [11, 11]
    assert found[-1].state.episode == TIMES


@given(st.lists(st.sampled_from([64.0, 75.0, 60.0, 55.0, 50.0, 40.0]), min_size=TIMES, max_size=60))
def test_case_87_however_it_flutters_the_count_is_that_of_an_independent_machine(
    values: list[float],
) -> None:
    heard = looks(values, HOUR)
    told = said(heard)
    assert told == [(one.kind, one.at) for one in messages(POLICY, heard)]
    firings = [at for kind, at in told if kind is FIRE]
    assert all(later - at >= POLICY.cooldown for at, later in pairwise(firings))
