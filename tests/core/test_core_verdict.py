from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.deltas import compare
from digest.core.metrics import CATALOGUE, Metric
from digest.core.report_model import Headline
from digest.core.verdict import verdict
from digest.core.wording import Wording
from tests.support.series_parts import series, side

if TYPE_CHECKING:
    from digest.core.series import Series

EN, DE = Wording("en"), Wording("de")

Days = dict[Metric, "Series"]


def headlines(
    now: Days, before: Days | None, *metrics: Metric, partial: bool = False
) -> list[Headline]:
    """The metrics in question (all that `now` has, when none are named)."""
    return [
        Headline(
            info=CATALOGUE[metric],
            comparison=compare(metric, now, [] if before is None else [before], partial=partial),
            daily=series([]),
            baseline_daily=None,
        )
        for metric in metrics or tuple(now)
    ]


def one(text: str) -> str:
    return text.replace("\N{NO-BREAK SPACE}", " ")


CASES: dict[str, tuple[Days, Days | None, str]] = {
    "the example": (
        side(sessions=[1234], bounce_rate=[28.3]),
        side(sessions=[1099], bounce_rate=[31.4]),
        "Sessions rose 12.3 % to 1,234; bounce rate fell 3.1 points to 28.3 %.",
    ),
    "a worse bounce rate comes before a larger improvement": (
        side(sessions=[500], bounce_rate=[40], new_users=[90]),
        side(sessions=[480], bounce_rate=[36], new_users=[60]),
        "Sessions rose 4.2 % to 500; bounce rate rose 4.0 points to 40.0 %.",
    ),
    "a worse duration comes before a larger worsening of something else": (
        side(sessions=[500], session_duration=[90], events=[1000]),
        side(sessions=[480], session_duration=[100], events=[2000]),
        "Sessions rose 4.2 % to 500; session duration fell 10.0 % to 1 m 30 s.",
    ),
    "of two quality metrics the one that got worse by more": (
        side(sessions=[500], session_duration=[90], bounce_rate=[60]),
        side(sessions=[480], session_duration=[100], bounce_rate=[30]),
        "Sessions rose 4.2 % to 500; bounce rate rose 30.0 points to 60.0 %.",
    ),
    "another worsening comes before an improvement": (
        side(sessions=[500], bounce_rate=[20], events=[900]),
        side(sessions=[480], bounce_rate=[40], events=[1000]),
        "Sessions rose 4.2 % to 500; events fell 10.0 % to 900.",
    ),
    "small changes are not worth a clause": (
        side(sessions=[500], bounce_rate=[30.9], events=[1040]),
        side(sessions=[480], bounce_rate=[30.0], events=[1000]),
        "Sessions rose 4.2 % to 500.",
    ),
    "a level is no news": (
        side(sessions=[500], total_users=[3000]),
        side(sessions=[480], total_users=[1000]),
        "Sessions rose 4.2 % to 500.",
    ),
    "nothing moved": (
        side(sessions=[1000], bounce_rate=[30]),
        side(sessions=[1004], bounce_rate=[30]),
        "Sessions held steady at 1,000; nothing else moved much.",
    ),
    "sessions alone, exactly as before": (
        side(sessions=[1000]),
        side(sessions=[1000]),
        "Sessions stayed at 1,000.",
    ),
    "from nothing": (
        side(sessions=[612]),
        side(sessions=[0]),
        "Sessions went from none to 612.",
    ),
    "nothing to compare with": (
        side(sessions=[612]),
        None,
        "Sessions came to 612, with nothing to compare.",
    ),
    "a small sample is called one, and is no second clause": (
        side(sessions=[21], new_users=[9]),
        side(sessions=[14], new_users=[3]),
        "Sessions rose 50.0 % to 21 (a small sample).",
    ),
    "gaps are said": (
        side(sessions=[60, None, 60]),
        side(sessions=[50, 50, 50]),
        "Sessions rose 20.0 % to 120 over the 2 days that can be compared.",
    ),
    "one day left to compare": (
        side(sessions=[60, None]),
        side(sessions=[50, 50]),
        "Sessions rose 20.0 % to 60 over the 1 day that can be compared.",
    ),
    "no sessions, but other things were counted": (
        side(sessions=[0], events=[80]),
        side(sessions=[90], events=[800]),
        "No sessions were counted; events fell 90.0 % to 80.",
    ),
    "sessions could not be fetched": (
        side(active_users=[80], events=[500]),
        side(active_users=[70], events=[900]),
        "Average daily active users rose 14.3 % to 80; events fell 44.4 % to 500.",
    ),
    "a change that no percent can hold": (
        side(sessions=[500], session_duration=[90]),
        side(sessions=[400], session_duration=[5e-324]),
        "Sessions rose 25.0 % to 500; session duration rose by 1 m 30 s to 1 m 30 s.",
    ),
    "a metric that is not among the usual leads": (
        side(bounce_rate=[40], sessions=[500]),
        side(bounce_rate=[30], sessions=[500]),
        "Sessions stayed at 500; bounce rate rose 10.0 points to 40.0 %.",
    ),
}


@pytest.mark.parametrize(("now", "before", "said"), CASES.values(), ids=CASES)
def test_what_the_verdict_says(now: Days, before: Days | None, said: str) -> None:
    assert one(verdict(headlines(now, before), EN)) == said


def test_numbers_are_in_the_locale() -> None:
    now, before, _ = CASES["the example"]
    assert one(verdict(headlines(now, before), DE)) == (
        "Sessions rose 12,3 % to 1.234; bounce rate fell 3,1 points to 28,3 %."
    )


def test_the_order_of_the_metrics_does_not_matter() -> None:
    now, before, said = CASES["a worse bounce rate comes before a larger improvement"]
    assert one(verdict(headlines(now, before)[::-1], EN)) == said


def test_a_digest_without_sessions_leads_with_what_it_shows() -> None:
    now, before, _ = CASES["the example"]
    found = verdict(headlines(now, before, Metric.BOUNCE_RATE), EN)
    assert one(found) == "Bounce rate fell 3.1 points to 28.3 %."


def test_a_period_that_is_not_over_is_not_compared() -> None:
    now, before, _ = CASES["the example"]
    found = verdict(headlines(now, before, partial=True), EN, partial=True)
    assert found == "Sessions so far: 1,234; nothing is compared before the period is over."


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (
            side(sessions=[1031]),
            (
                "No data: nothing was counted in this period, against 1,031 sessions in the week"
                " before."
            ),
        ),
        (side(sessions=[0]), "No data: nothing was counted in this period."),
    ],
)
def test_a_quiet_period_is_no_data(before: Days, said: str) -> None:
    found = verdict(headlines(side(sessions=[0]), before), EN, quiet=True, before="the week before")
    assert found == said


def test_without_any_value_there_is_nothing_to_say() -> None:
    assert verdict(headlines({}, None, Metric.SESSIONS), EN).startswith("There is nothing to say")
    assert verdict([], EN).startswith("There is nothing to say")


COUNT = st.none() | st.integers(0, 10**9)
RATE = st.none() | st.floats(0, 100)


@given(
    counts=st.lists(st.tuples(COUNT, COUNT), min_size=5, max_size=5),
    rates=st.lists(st.tuples(RATE, RATE), min_size=2, max_size=2),
    partial=st.booleans(),
    quiet=st.booleans(),
    locale=st.sampled_from(["en", "de", "fr", "ja"]),
)
def test_it_is_always_one_sentence_without_programmers_words(
    counts: list[tuple[int | None, int | None]],
    rates: list[tuple[float | None, float | None]],
    partial: bool,  # noqa: FBT001 - hypothesis hands it in by name
    quiet: bool,  # noqa: FBT001 - hypothesis hands it in by name
    locale: str,
) -> None:
    names = ("sessions", "active_users", "new_users", "total_users", "events")
    days = dict(zip((*names, "bounce_rate", "session_duration"), (*counts, *rates), strict=True))
    now = side(**{name: [pair[0]] for name, pair in days.items()})
    before = side(**{name: [pair[1]] for name, pair in days.items()})
    found = verdict(
        headlines(now, before, partial=partial), Wording(locale), partial=partial, quiet=quiet
    )
    assert found.endswith(".")
    assert found[0].isupper()
    assert "\n" not in found
    assert not re.search(r"nan|\binf|None|–", found)
