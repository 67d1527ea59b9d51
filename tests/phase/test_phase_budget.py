"""The request budget on a clock that the test holds."""

from __future__ import annotations

from itertools import pairwise
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.phase.budget import WINDOW, Budget

HOST, KEY = "https://h:443", "key:1"


class Clock:
    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def test_what_fits_into_a_minute_goes_at_once_and_the_next_waits_for_the_first_to_pass() -> None:
    clock = Clock()
    budget = Budget(clock, per_minute=3)
    for _ in range(3):
        assert budget.take([HOST, KEY], at_most=0) == 0
        clock.time += 10
    assert budget.take([HOST, KEY], at_most=100) == 30
    # reserved: the one after it waits for the second to pass
    assert budget.take([HOST, KEY], at_most=100) == 40


def test_what_would_wait_too_long_is_not_reserved() -> None:
    clock = Clock()
    budget = Budget(clock, per_minute=1)
    assert budget.take([HOST], at_most=0) == 0
    assert budget.take([HOST], at_most=59) is None
    assert budget.take([HOST], at_most=60) == 60
    assert budget.take([HOST], at_most=119) is None


def test_every_name_counts_for_itself() -> None:
    clock = Clock()
    budget = Budget(clock, per_minute=1)
    assert budget.take(["a", "key:1"], at_most=0) == 0
    assert budget.take(["b", "key:2"], at_most=0) == 0
    assert budget.take(["c", "key:1"], at_most=0) is None
    assert budget.take(["a", "key:3"], at_most=0) is None
    # refused ones left no trace in the windows of their other names
    assert budget.take(["c", "key:3"], at_most=0) == 0


@settings(deadline=None)
@given(
    per_minute=st.integers(1, 5),
    arrivals=st.lists(
        st.tuples(
            st.floats(0, 40),
            st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=2, unique=True),
        ),
        max_size=40,
    ),
)
def test_no_minute_ever_holds_more_than_the_budget(
    per_minute: int, arrivals: list[tuple[float, list[str]]]
) -> None:
    clock = Clock()
    budget = Budget(clock, per_minute=per_minute)
    sent: dict[str, list[float]] = {}
    for gap, names in arrivals:
        clock.time += gap
        wait = budget.take(names, at_most=1e9)
        assert wait is not None
        assert wait >= 0
        for name in names:
            sent.setdefault(name, []).append(clock.time + wait)
    for times in sent.values():
        assert all(one <= other for one, other in pairwise(times))
        for first, beyond in zip(times, times[per_minute:], strict=False):
            assert beyond - first >= WINDOW - 1e-6


def test_threads_never_get_more_than_the_budget_together() -> None:
    budget = Budget(Clock(), per_minute=50)
    got: list[float | None] = []

    def take_some() -> None:
        got.extend(budget.take([HOST, KEY], at_most=0) for _ in range(20))

    threads = [Thread(target=take_some) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (got.count(0), got.count(None)) == (50, 50)


def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one request a minute"):
        Budget(Clock(), per_minute=0)
