"""When fetching starts: early enough for the limit, never before the numbers are there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from digest.core.pacing import Demand, Pace, Start, starts

NINE = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
SETTLED = datetime(2026, 11, 30, 2, 0, tzinfo=UTC)
MINUTE, SECOND, NONE = timedelta(minutes=1), timedelta(seconds=1), timedelta()
USUAL = Pace(per_minute=200)
# One request a second and nothing else, so that times can be counted by hand.
BARE = Pace(per_minute=60, margin_percent=0, answer=NONE, build=NONE, each=NONE)


def demand(
    requests: int, due: datetime = NINE, ready: datetime = SETTLED, **changes: str
) -> Demand:
    given = {"name": "it", "app": "shop", "server": "https://api"} | changes
    return Demand(due_at=due, ready_at=ready, requests=requests, **given)


def at(second: int) -> datetime:
    return NINE + SECOND * second


wishes = st.tuples(st.integers(0, 12), st.integers(0, 20), st.integers(0, 30)).map(
    lambda w: demand(w[0], due=at(w[2]), ready=at(w[1]))
)
lines = st.lists(wishes, min_size=1, max_size=7)


def test_one_digest_is_fetched_seconds_before_it_is_due() -> None:
    (start,) = starts([demand(12)], USUAL)
    assert start.start_at == NINE - timedelta(seconds=12 * 1.1 + 2)
    assert start.done_at <= NINE
    assert start.late == NONE


def test_a_thousand_apps_at_nine_begin_as_early_as_the_limit_asks() -> None:
    found = starts([demand(9, name=str(n)) for n in range(1000)], USUAL)
    first, last = found[0], found[-1]
    assert first.start_at == NINE - (45 * MINUTE * 1.1 + 2 * SECOND)
    assert last.start_at == NINE - timedelta(seconds=9 * 1.1 + 2)
    assert [start.start_at for start in found] == sorted(start.start_at for start in found)
    assert not any(start.late for start in found)


def test_what_can_not_be_in_time_starts_when_its_numbers_are_there_and_says_how_late() -> None:
    early = [demand(200, due=SETTLED, name=str(n)) for n in range(3)]
    found = starts(early, Pace(per_minute=200, answer=NONE))
    assert [start.start_at for start in found] == [SETTLED] * 3
    assert [start.late for start in found] == [MINUTE * n + 2 * SECOND for n in (1, 2, 3)]


def test_answers_that_are_shared_cost_only_the_building() -> None:
    first, second = starts([demand(12), demand(0)], USUAL)
    assert second.done_at - second.start_at >= USUAL.build
    assert not first.late
    assert not second.late


def test_building_goes_on_while_others_are_fetched() -> None:
    pace = Pace(per_minute=60, margin_percent=0, answer=NONE, build=NONE, each=SECOND)
    plain = starts([demand(10) for _ in range(10)], pace)
    mixed = starts([demand(20 * (n % 2)) for n in range(10)], pace)
    assert min(start.start_at for start in plain) == at(-100)
    assert min(start.start_at for start in mixed) == at(-100)
    shared = starts([demand(n == 0) for n in range(10)], pace)
    assert [start.start_at for start in shared] == [at(n - 10) for n in range(10)]


def test_servers_do_not_wait_for_each_other() -> None:
    alone = starts([demand(200)], USUAL)
    both = starts([demand(200), demand(200, server="https://other")], USUAL)
    assert [both[0]] == alone
    assert both[1].start_at == both[0].start_at


def test_nothing_starts_in_the_past_and_what_is_overdue_still_counts() -> None:
    now = at(600)
    found = starts([demand(60), demand(60, due=at(800))], BARE, now=now)
    assert [start.start_at for start in found] == [now, at(740)]
    assert [start.done_at for start in found] == [at(660), at(800)]
    assert [start.late for start in found] == [660 * SECOND, NONE]


def test_an_earlier_due_time_goes_first() -> None:
    found = starts([demand(10, due=at(30)), demand(10, due=at(20))], BARE)
    assert [start.start_at for start in found] == [at(20), at(10)]


def test_of_equal_demands_the_order_given_is_kept() -> None:
    found = starts([demand(10, name=name) for name in "abc"], BARE)
    assert [(start.name, start.start_at) for start in found] == [
        ("a", at(-30)),
        ("b", at(-20)),
        ("c", at(-10)),
    ]


def test_nothing_to_do_is_no_plan() -> None:
    assert starts([], USUAL) == []


@given(line=lines, margin=st.integers(0, 40), answer=st.integers(0, 2), build=st.integers(0, 3))
def test_nothing_starts_before_its_numbers_are_there_and_all_takes_its_time(
    line: list[Demand], margin: int, answer: int, build: int
) -> None:
    pace = Pace(
        per_minute=60,
        margin_percent=margin,
        answer=answer * SECOND,
        build=build * SECOND,
        each=NONE,
    )
    for wish, start in zip(line, starts(line, pace), strict=True):
        assert start.start_at >= wish.ready_at
        assert start.done_at >= start.start_at + wish.requests * max(1, answer) * SECOND + (
            build * SECOND
        )
        assert start.late == max(start.done_at - wish.due_at, NONE)


@given(line=lines)
def test_the_plan_never_needs_more_than_the_limit_allows(line: list[Demand]) -> None:
    found = starts(line, BARE)
    for first in found:
        for last in found:
            within = [
                wish.requests
                for wish, start in zip(line, found, strict=True)
                if first.start_at <= start.start_at and start.done_at <= last.done_at
            ]
            assert sum(within) * SECOND <= max(last.done_at - first.start_at, NONE) or not within


@given(line=lines)
def test_all_is_in_time_whenever_that_is_possible(line: list[Demand]) -> None:
    in_time = not any(start.late for start in starts(line, BARE))
    assert in_time == fits(line)


@given(line=lines, late=st.integers(1, 20))
def test_the_largest_lateness_is_the_smallest_possible(line: list[Demand], late: int) -> None:
    worst = max(start.late for start in starts(line, BARE))
    later = [demand(w.requests, due=w.due_at + late * SECOND, ready=w.ready_at) for w in line]
    assert (worst <= late * SECOND) == fits(later)


def fits(line: list[Demand]) -> bool:
    """Whether all can be in time: what lies within any stretch fits into it."""
    return all(
        sum(w.requests for w in line if w.ready_at >= first.ready_at and w.due_at <= last.due_at)
        * SECOND
        <= max(last.due_at - first.ready_at, NONE)
        for first in line
        for last in line
        if last.due_at >= first.ready_at
    ) and all(w.due_at - w.ready_at >= w.requests * SECOND for w in line)


@given(line=lines, margin=st.integers(0, 40))
def test_with_the_margin_all_is_in_time_whenever_that_is_possible(
    line: list[Demand], margin: int
) -> None:
    pace = Pace(per_minute=60, margin_percent=margin, answer=NONE, build=NONE, each=NONE)
    if not any(start.late for start in starts(padded(line, margin), FINE)):
        assert not any(start.late for start in starts(line, pace))


FINE = Pace(per_minute=6000, margin_percent=0, answer=NONE, build=NONE, each=NONE)


def padded(line: list[Demand], margin: int) -> list[Demand]:
    """The same demands with the margin as further requests, a hundred for each."""
    return [
        demand(w.requests * (100 + margin), due=w.due_at, ready=w.ready_at, name=w.name)
        for w in line
    ]


@given(line=lines)
def test_a_start_is_as_late_as_it_may_be(line: list[Demand]) -> None:
    """If all is in time, starting anything a second later would make something late."""
    found = starts(line, BARE)
    if any(start.late for start in found):
        return
    for index, (wish, start) in enumerate(zip(line, found, strict=True)):
        if not wish.requests:
            continue
        held = [*line]
        held[index] = demand(wish.requests, due=wish.due_at, ready=start.start_at + SECOND)
        kept = [
            demand(w.requests, due=w.due_at, ready=s.start_at)
            for w, s in zip(line, found, strict=True)
        ]
        kept[index] = held[index]
        assert not fits(kept)


def test_a_start_is_plain_data() -> None:
    assert starts([demand(10)], BARE) == [
        Start(name="it", start_at=at(-10), done_at=NINE, late=NONE)
    ]
