"""What missed periods come to, when a failed one is tried again, and which clocks are believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.agenda import (
    EARLIEST,
    MOST_MADE_UP,
    RETRY_LATER,
    RETRY_REFUSED,
    TOLERANCE,
    CatchUp,
    Due,
    DueState,
    Found,
    Occasion,
    is_over,
    is_sane,
    made_of,
    next_try,
)

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def occasion(due_at: datetime, ready: timedelta = -HOUR) -> Occasion:
    """One that is due then; its numbers are there `ready` after that, or were before."""
    return Occasion(
        period=f"{due_at:%Y-%m-%dT%H:%M}",
        due_at=due_at,
        local=due_at.isoformat(),
        ready_at=due_at + ready,
    )


def dailies(*days_ago: float) -> list[Occasion]:
    return [occasion(NOW - DAY * days) for days in days_ago]


def waiting(found: list[Found]) -> list[Occasion]:
    return [one.occasion for one in found if one.state is DueState.WAITING]


histories = st.lists(
    st.tuples(st.integers(1, 3000), st.integers(-600, 600)), min_size=1, max_size=12
).map(
    lambda steps: [
        occasion(NOW + MINUTE * (sum(step for step, _ in steps[: n + 1]) - 6000), MINUTE * ready)
        for n, (_, ready) in enumerate(steps)
    ]
)
latenesses = st.integers(20, 6000).map(lambda minutes: MINUTE * minutes)


@given(histories, latenesses, st.sampled_from(CatchUp))
def test_every_occasion_comes_to_something_and_skipping_has_a_reason(
    history: list[Occasion], lateness: timedelta, policy: CatchUp
) -> None:
    found = made_of(history, NOW, catch_up=policy, lateness=lateness)

    assert [one.occasion for one in found] == history
    for one in found:
        assert one.state in {DueState.WAITING, DueState.SKIPPED}
        assert bool(one.reason) == (one.state is DueState.SKIPPED)


@given(histories, latenesses, st.sampled_from(CatchUp))
def test_what_is_not_late_is_waited_for_under_every_policy(
    history: list[Occasion], lateness: timedelta, policy: CatchUp
) -> None:
    kept = waiting(made_of(history, NOW, catch_up=policy, lateness=lateness))

    assert [one for one in history if one.effective >= NOW - TOLERANCE and one not in kept] == []


@given(histories, latenesses, st.sampled_from(CatchUp))
def test_no_more_is_made_up_for_than_the_policy_says_and_nothing_that_is_too_late(
    history: list[Occasion], lateness: timedelta, policy: CatchUp
) -> None:
    kept = waiting(made_of(history, NOW, catch_up=policy, lateness=lateness))
    made_up = [one for one in kept if one.effective < NOW - TOLERANCE]

    assert len(made_up) <= {"last": 1, "all": MOST_MADE_UP, "none": 0}[policy]
    assert all(NOW - one.effective <= lateness for one in made_up)


@given(histories, latenesses)
def test_of_what_was_missed_the_newest_come_first(
    history: list[Occasion], lateness: timedelta
) -> None:
    kept = waiting(made_of(history, NOW, catch_up=CatchUp.ALL, lateness=lateness))
    missed = [
        one for one in history if one.due_at <= NOW and TOLERANCE < NOW - one.effective <= lateness
    ]

    assert [one for one in missed if one in kept] == missed[-MOST_MADE_UP:]


@pytest.mark.parametrize(
    ("policy", "lateness", "days_ago", "made_up"),
    [
        (CatchUp.LAST, 12 * HOUR, (3, 2, 1, 0.1), (0.1,)),
        (CatchUp.LAST, 12 * HOUR, (3, 2, 1), ()),
        (CatchUp.LAST, 3 * DAY, (3, 2, 1), (1,)),
        (CatchUp.LAST, 3 * DAY, (2, 1, 0), (0,)),
        (CatchUp.ALL, 3 * DAY, (5, 4, 3, 2, 1), (3, 2, 1)),
        (CatchUp.ALL, 9 * DAY, (6, 5, 4, 3, 2, 1), (4, 3, 2, 1)),
        (CatchUp.NONE, 9 * DAY, (2, 1), ()),
        (CatchUp.NONE, 9 * DAY, (1, 0), (0,)),
    ],
)
def test_the_policies(
    policy: CatchUp, lateness: timedelta, days_ago: tuple[float], made_up: tuple[float]
) -> None:
    found = made_of(dailies(*days_ago), NOW, catch_up=policy, lateness=lateness)

    assert waiting(found) == dailies(*made_up)


@pytest.mark.parametrize(
    ("policy", "lateness", "reason"),
    [
        (CatchUp.LAST, 12 * HOUR, "missed by more than 12 h"),
        (CatchUp.LAST, 90 * MINUTE, "missed by more than 1.5 h"),
        (CatchUp.LAST, 9 * DAY, "missed, and newer ones came (catch_up: last)"),
        (CatchUp.NONE, 9 * DAY, "missed, and catch_up is none"),
    ],
)
def test_the_reasons(policy: CatchUp, lateness: timedelta, reason: str) -> None:
    first, *_ = made_of(dailies(2, 1), NOW, catch_up=policy, lateness=lateness)

    assert first.reason == reason


@pytest.mark.parametrize(("late", "kept"), [(TOLERANCE, True), (TOLERANCE + MINUTE, False)])
def test_a_quarter_of_an_hour_counts_as_in_time(late: timedelta, *, kept: bool) -> None:
    history = [occasion(NOW - late)]

    assert (waiting(made_of(history, NOW, catch_up=CatchUp.NONE, lateness=DAY)) == history) is kept


def test_lateness_counts_from_when_the_numbers_are_there() -> None:
    waits = [occasion(NOW - 13 * HOUR, ready=9 * HOUR)]

    assert waiting(made_of(waits, NOW, catch_up=CatchUp.LAST, lateness=5 * HOUR)) == waits
    assert waiting(made_of(waits, NOW, catch_up=CatchUp.LAST, lateness=3 * HOUR)) == []


def due(tries: int = 0, deadline: timedelta = 12 * HOUR) -> Due:
    return Due(
        row=1,
        job="daily",
        period="2026-03-09",
        due_at=NOW,
        local=NOW.isoformat(),
        ready_at=NOW - HOUR,
        deadline=NOW + deadline,
        state=DueState.WAITING,
        tries=tries,
    )


waits = st.none() | st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds))


@given(st.integers(0, 50), st.integers(0, 2000), st.booleans(), waits)
def test_the_next_try_is_after_now_and_not_after_the_deadline(
    tries: int,
    minutes: int,
    refused: bool,  # noqa: FBT001 — hypothesis hands it in
    wait: timedelta | None,
) -> None:
    held = due(tries, deadline=MINUTE * minutes)
    at = next_try(held, NOW, refused=refused, wait=wait)

    assert NOW <= at <= held.deadline
    if at < held.deadline:
        assert at - NOW >= (RETRY_REFUSED if refused else RETRY_LATER)[0]
        assert at - NOW >= (wait or timedelta())


@pytest.mark.parametrize(
    ("refused", "minutes"),
    [(False, [1, 2, 5, 10, 15, 30, 30, 30]), (True, [15, 30, 60, 60])],
)
def test_the_waits_grow_to_the_last_one(minutes: list[int], *, refused: bool) -> None:
    found = [next_try(due(n), NOW, refused=refused) - NOW for n in range(len(minutes))]

    assert found == [MINUTE * n for n in minutes]


def test_after_the_deadline_it_is_tried_no_more() -> None:
    held = due(deadline=-MINUTE)

    assert next_try(held, NOW, refused=False) == NOW, "it ends at once"
    assert is_over(held, NOW)
    assert not is_over(due(deadline=MINUTE), NOW)
    assert is_over(due(deadline=MINUTE), NOW + MINUTE)


@pytest.mark.parametrize(
    ("now", "latest", "sane"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), None, False),
        (EARLIEST, None, True),
        (EARLIEST - MINUTE, None, False),
        (NOW, NOW, True),
        (NOW, NOW + DAY, True),
        (NOW, NOW + DAY + MINUTE, False),
        (NOW, NOW - 400 * DAY, True),
    ],
)
def test_which_clock_is_believed(now: datetime, latest: datetime | None, *, sane: bool) -> None:
    assert is_sane(now, latest) is sane
