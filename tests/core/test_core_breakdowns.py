from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.breakdowns import MOVERS, OTHER, SHOWN, Listing, break_down
from digest.core.metrics import Dimension
from digest.core.report_model import Breakdown, BreakdownRow, Movement

COUNTRY, EVENT = Dimension.SESSIONS_COUNTRY, Dimension.EVENTS_EVENT_NAME


def listing(*, complete: bool = True, periods: int = 1, **counts: int) -> Listing:
    return Listing(rows=tuple(counts.items()), complete=complete, periods=periods)


def whole(counts: dict[str, int]) -> Listing:
    return Listing(rows=tuple(counts.items()), complete=True)


def short(row: BreakdownRow) -> tuple[str, int | None, float | None, Movement]:
    return (row.value, row.count, row.baseline, row.movement)


def found(breakdown: Breakdown, value: str) -> BreakdownRow:
    return next(row for row in breakdown.rows if row.value == value)


@pytest.mark.parametrize(
    ("now", "then", "expected"),
    [
        pytest.param(
            listing(DE=7), listing(DE=4), ("DE", 7, 4, Movement.ROSE), id="listed in both, more"
        ),
        pytest.param(
            listing(DE=3), listing(DE=4), ("DE", 3, 4, Movement.FELL), id="listed in both, less"
        ),
        pytest.param(
            listing(DE=4), listing(DE=4), ("DE", 4, 4, Movement.SAME), id="listed in both, same"
        ),
        pytest.param(
            listing(DE=4),
            listing(FR=9),
            ("DE", 4, 0, Movement.NEW),
            id="new: the other list is complete",
        ),
        pytest.param(
            listing(DE=4),
            listing(FR=9, complete=False),
            ("DE", 4, None, Movement.ENTERED),
            id="entered: it may have been beyond the other list's end",
        ),
        pytest.param(
            listing(DE=4, complete=False),
            listing(),
            ("DE", 4, 0, Movement.NEW),
            id="new: an empty list is complete",
        ),
        pytest.param(listing(DE=4), None, ("DE", 4, None, Movement.UNKNOWN), id="no other list"),
        pytest.param(
            listing(DE=4),
            listing(DE=9, periods=2),
            ("DE", 4, 4.5, Movement.FELL),
            id="several periods count as their mean",
        ),
    ],
)
def test_how_a_listed_value_moved(
    now: Listing, then: Listing | None, expected: tuple[object, ...]
) -> None:
    assert short(break_down(COUNTRY, now, then).rows[0]) == expected


def test_a_value_that_was_listed_is_gone_only_if_the_new_list_is_complete() -> None:
    gone = break_down(COUNTRY, listing(DE=4), listing(DE=4, FR=9))
    assert [short(row) for row in gone.movers] == [("FR", 0, 9, Movement.GONE)]
    assert gone.left == ()
    left = break_down(COUNTRY, listing(DE=4, complete=False), listing(DE=4, FR=9))
    assert left.movers == ()
    assert [short(row) for row in left.left] == [("FR", None, 9, Movement.LEFT)]


def test_rows_are_the_largest_ten_with_equal_counts_by_name() -> None:
    counts = {f"c{n:02}": n // 2 for n in range(24)}
    rows = break_down(EVENT, whole(counts)).rows
    assert [row.value for row in rows] == [
        *("c22", "c23", "c20", "c21", "c18", "c19", "c16", "c17", "c14", "c15")
    ]


def test_the_rest_and_the_shares_need_a_true_total() -> None:
    now, then = listing(DE=60, FR=20), listing(DE=50, FR=10)
    sessions = break_down(COUNTRY, now, then, total=100, total_then=90)
    assert [row.share for row in sessions.rows] == [60, 20, 20]
    assert short(sessions.rows[-1]) == (OTHER, 20, 30, Movement.FELL)
    assert [row.other for row in sessions.rows] == [False, False, True]
    assert sessions.total == 100
    events = break_down(EVENT, now, then, total=100, total_then=90)
    assert [(row.share, row.other) for row in events.rows] == [(None, False)] * 2
    assert events.total is None


def test_values_beyond_the_top_ten_are_in_the_rest() -> None:
    counts = {f"c{n:02}": 100 - n for n in range(SHOWN + 3)}
    rows = break_down(COUNTRY, whole(counts), total=sum(counts.values())).rows
    assert len(rows) == SHOWN + 1
    assert rows[-1].count == 90 + 89 + 88
    assert sum(row.share or 0 for row in rows) == pytest.approx(100)


def test_there_is_no_rest_when_everything_is_listed() -> None:
    rows = break_down(COUNTRY, listing(DE=60, FR=40), total=100).rows
    assert [row.value for row in rows] == ["DE", "FR"]


def test_a_complete_list_that_comes_to_more_is_the_better_total() -> None:
    made = break_down(COUNTRY, listing(DE=60, FR=40), total=98)
    assert made.total == 100
    assert [row.share for row in made.rows] == [60, 40]


def test_beside_a_cut_list_that_comes_to_more_there_is_no_total() -> None:
    made = break_down(COUNTRY, listing(DE=60, FR=40, complete=False), total=98)
    assert made.total is None
    assert [(row.share, row.other) for row in made.rows] == [(None, False)] * 2


def test_without_any_total_a_cut_list_has_no_shares_and_a_complete_one_has() -> None:
    assert break_down(COUNTRY, listing(DE=60, complete=False)).rows[0].share is None
    assert break_down(COUNTRY, listing(DE=60)).rows[0].share == 100


def test_the_rest_has_no_baseline_when_a_shown_value_has_none() -> None:
    now, then = listing(DE=60, IT=9), listing(DE=50, complete=False)
    rest = break_down(COUNTRY, now, then, total=100, total_then=90).rows[-1]
    assert short(rest) == (OTHER, 31, None, Movement.UNKNOWN)


def test_a_true_value_called_other_is_told_from_the_rest() -> None:
    rows = break_down(COUNTRY, listing(Other=60), total=100).rows
    assert [(row.value, row.other, row.count) for row in rows] == [
        ("Other", False, 60),
        ("Other", True, 40),
    ]


def test_movers_are_the_largest_changes_that_are_known() -> None:
    now = listing(A=100, B=50, C=9, D=5, E=4, F=3, NEW=8, SAME=7)
    then = listing(A=90, B=70, C=10, D=4, E=5, F=2, SAME=7, GONE=30)
    movers = break_down(COUNTRY, now, then).movers
    assert [(row.value, row.movement) for row in movers] == [
        ("GONE", Movement.GONE),
        ("B", Movement.FELL),
        ("A", Movement.ROSE),
        ("NEW", Movement.NEW),
        ("C", Movement.FELL),
    ]


def test_an_empty_list_has_no_movers_because_nothing_at_all_was_counted() -> None:
    made = break_down(COUNTRY, listing(), listing(DE=4, FR=9), total=0, total_then=13)
    assert (made.rows, made.movers, made.left) == ((), (), ())


COUNTS = st.dictionaries(st.text(max_size=3), st.integers(1, 10**6), max_size=50)


@given(now=COUNTS, then=COUNTS, complete=st.booleans(), extra=st.integers(-5, 1000))
def test_shares_and_the_rest_always_fit_the_total(
    now: dict[str, int],
    then: dict[str, int],
    complete: bool,  # noqa: FBT001 - hypothesis hands it in by name
    extra: int,
) -> None:
    made = break_down(
        COUNTRY,
        Listing(rows=tuple(now.items()), complete=complete),
        Listing(rows=tuple(then.items()), complete=complete),
        total=sum(now.values()) + extra,
        total_then=sum(then.values()),
    )
    assert len([row for row in made.rows if not row.other]) <= SHOWN
    assert len(made.movers) <= MOVERS
    assert all((row.count or 0) >= 0 for row in made.rows)
    assert all(row.share is None or 0 <= row.share <= 100 for row in made.rows)
    if made.total:
        assert sum(row.count or 0 for row in made.rows) == made.total
        assert sum(row.share or 0 for row in made.rows) == pytest.approx(100)
    if not complete:
        movements = {row.movement for row in (*made.rows, *made.movers) if not row.other}
        assert not movements & {Movement.NEW, Movement.GONE} or not now or not then
    for row in made.movers:
        assert row.count is not None
        assert row.baseline is not None


@given(now=COUNTS, then=COUNTS, seed=st.randoms(use_true_random=False))
def test_the_order_of_the_rows_that_came_in_does_not_matter(
    now: dict[str, int], then: dict[str, int], seed: object
) -> None:
    lists = []
    for counts in (now, then):
        rows = list(counts.items())
        seed.shuffle(rows)  # type: ignore[attr-defined] # hypothesis gives a random.Random
        lists.append(Listing(rows=tuple(rows), complete=True))
    assert break_down(COUNTRY, *lists) == break_down(COUNTRY, whole(now), whole(then))


def test_found_rows_keep_their_baseline_when_they_get_a_share() -> None:
    made = break_down(COUNTRY, listing(DE=60), listing(DE=50), total=60, total_then=50)
    assert found(made, "DE") == BreakdownRow(
        value="DE", count=60, baseline=50, share=100.0, movement=Movement.ROSE
    )
