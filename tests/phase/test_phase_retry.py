"""The step after a try, and what a Retry-After means: no network, no waiting."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.phase.limits import PhaseLimits
from digest.phase.retry import LONGEST_PUT_OFF, GiveUp, Use, Wait, decide, retry_after
from digest.phase.transport import Document, Fault, FaultKind, Nonsense, Outcome, Refusal

NOW = datetime(2026, 11, 23, 4, 46, tzinfo=UTC)
LIMITS = PhaseLimits()


def step(outcome: Outcome, tries_made: int = 1, remaining: float = 180.0) -> Use | Wait | GiveUp:
    return decide(
        outcome,
        tries_made=tries_made,
        remaining=remaining,
        limits=LIMITS,
        rng=random.Random(1),
        now=NOW,
    )


def http_date(seconds: float, *, since: datetime = NOW) -> str:
    return format_datetime(since + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", 1),
        ("60", 60),
        (" 7 ", 7),
        ("0", None),
        ("-5", None),
        ("+5", None),
        ("1.5", None),
        ("1e3", None),
        ("soon", None),
        ("", None),
        ("٣", None),
        ("0x10", None),
        ("5, 6", None),
        ("1000000000", LONGEST_PUT_OFF),
        ("9" * 40, LONGEST_PUT_OFF),
        ("9" * 5000, None),
        (http_date(30), 30),
        (http_date(-30), None),
        (http_date(0), None),
        (http_date(10**8), LONGEST_PUT_OFF),
        ("Mon, 23 Nov 2026 05:46:09 +0100", 9),
        ("Mon, 23 Nov 2026 04:46:09 -0000", 9),
        ("Mon, 99 Nov 2026 04:46:09 GMT", None),
        ("Mon, 23 Nov 99999 04:46:09 GMT", None),
    ],
    ids=lambda value: str(value)[:34],
)
def test_retry_after_is_seconds_or_a_date_within_reason(text: str, expected: float | None) -> None:
    assert retry_after({"Retry-After": text}, NOW) == expected


def test_a_date_counts_from_the_server_s_own_clock() -> None:
    slow_clock = NOW - timedelta(hours=3)
    headers = {
        "Retry-After": http_date(20, since=slow_clock),
        "Date": http_date(0, since=slow_clock),
    }
    assert retry_after(headers, NOW) == 20
    assert retry_after(headers | {"Date": "junk"}, NOW) is None


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_header_breaks_the_reading_of_it(text: str, date: str) -> None:
    found = retry_after({"Retry-After": text, "Date": date}, NOW)
    assert found is None or 0 < found <= LONGEST_PUT_OFF


def test_without_the_header_there_is_nothing_to_wait_for() -> None:
    assert retry_after({}, NOW) is None


PASSING = [Refusal(status, None, {}) for status in (408, 429, 500, 502, 503, 504, 599)]
FAULTS = [Fault(kind) for kind in FaultKind]
FOR_GOOD = {FaultKind.CERTIFICATE, FaultKind.FORBIDDEN}


@pytest.mark.parametrize("outcome", [*PASSING, *FAULTS], ids=str)
@pytest.mark.parametrize(("tries_made", "plain"), [(1, 1), (2, 4), (3, 16)])
def test_passing_troubles_are_waited_out(outcome: Outcome, tries_made: int, plain: float) -> None:
    found = step(outcome, tries_made)
    if isinstance(outcome, Fault) and outcome.kind in FOR_GOOD:
        assert found == GiveUp(outcome, later=False)
    else:
        assert isinstance(found, Wait)
        assert plain / 2 <= found.seconds <= plain * 1.5


@pytest.mark.parametrize("outcome", [*PASSING, Fault(FaultKind.TIMEOUT)], ids=str)
def test_the_fourth_try_is_the_last(outcome: Refusal | Fault) -> None:
    assert step(outcome, tries_made=4) == GiveUp(outcome, later=True)


@pytest.mark.parametrize("status", [201, 204, 301, 304, 400, 401, 403, 404, 405, 409, 418, 422])
def test_other_refusals_are_for_good(status: int) -> None:
    outcome = Refusal(status, None, {"Retry-After": "1"})
    assert step(outcome) == GiveUp(outcome, later=False)


def test_nonsense_is_for_good_and_an_answer_is_used() -> None:
    assert step(Nonsense("why")) == GiveUp(Nonsense("why"), later=False)
    assert step(Document([1])) == Use([1])


@settings(deadline=None)
@given(
    asked=st.integers(0, 200),
    tries_made=st.integers(1, 4),
    remaining=st.floats(0.1, 180),
    seed=st.integers(),
)
def test_every_wait_fits_into_the_call_and_honours_the_server(
    asked: int, tries_made: int, remaining: float, seed: int
) -> None:
    outcome = Refusal(429, None, {"Retry-After": str(asked)})
    found = decide(
        outcome,
        tries_made=tries_made,
        remaining=remaining,
        limits=LIMITS,
        rng=random.Random(seed),
        now=NOW,
    )
    if isinstance(found, Wait):
        assert asked <= found.seconds < remaining
        assert asked <= LIMITS.max_wait
        assert tries_made < LIMITS.tries
    else:
        assert found == GiveUp(outcome, later=True, retry_after=asked or None)
        assert asked > 60 or tries_made == 4 or remaining <= max(asked, 1.5 * 16) + 1.6


def test_the_last_back_off_repeats_for_more_tries() -> None:
    limits = PhaseLimits(tries=9, backoff=(1, 2))
    assert [limits.pause_after(n) for n in (1, 2, 3, 8)] == [1, 2, 2, 2]
