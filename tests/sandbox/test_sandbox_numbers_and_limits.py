"""Small rules: numbers as JavaScript has them, limits, rate windows, versions."""

from __future__ import annotations

import json

import pytest

from digest.sandbox.asking import read_limit
from digest.sandbox.flavour import Flavour
from digest.sandbox.limiter import RateLimiter
from digest.sandbox.numbers import change, mean_seconds, percent_of, two_places


@pytest.mark.parametrize(
    ("value", "printed"),
    [
        (7.0, "7"),
        (78.947, "78.95"),
        (1.005, "1"),
        (0.125, "0.13"),
        (-0.125, "-0.13"),
        (-0.001, "0"),
    ],
)
def test_two_places_are_those_of_the_exact_binary_value(value: float, printed: str) -> None:
    assert json.dumps(two_places(value)) == printed


def test_nothing_of_nothing_is_zero() -> None:
    assert (percent_of(0, 0), mean_seconds(0, 0)) == (0, 0)


def test_a_change_is_percent_or_a_difference() -> None:
    assert (change(47, 58, percent=False), change(47, 58, percent=True)) == (-11, -18.97)
    assert change(5, 0, percent=True) == 500


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("", 10),
        ("1", 1),
        ("0", 1),
        ("-1", 1),
        ("50", 50),
        ("51", 50),
        ("9" * 5000, 50),
        ("2.9", 2),
        ("1e3", 1),
        ("5abc", 5),
        (" 7", 7),
        ("+7", 7),
        ("abc", None),
        ("NaN", None),
    ],
)
def test_a_limit_clamps_and_is_never_refused(text: str, limit: int | None) -> None:
    assert read_limit(text) == limit


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_last_allowed_request_has_none_remaining_and_the_next_is_refused() -> None:
    limiter = RateLimiter(3, Seconds())
    rulings = [limiter.count(["key"]) for _ in range(4)]
    assert [(ruling.allowed, ruling.remaining) for ruling in rulings] == [
        (True, 2),
        (True, 1),
        (True, 0),
        (False, 0),
    ]


def test_a_window_begins_with_its_first_request_and_lasts_sixty_seconds() -> None:
    clock = Seconds()
    limiter = RateLimiter(1, clock)
    limiter.count(["key"])
    clock.now += 59.5
    refused = limiter.count(["key"])
    clock.now += 0.5
    assert (refused.allowed, refused.seconds) == (False, 1)
    assert limiter.count(["key"]).allowed


def test_each_name_counts_for_itself_and_the_scarcest_rules() -> None:
    limiter = RateLimiter(3, Seconds())
    for key in ("one", "one", "two"):
        limiter.count(["address", key])
    assert limiter.count(["address", "two"]).allowed is False
    assert limiter.count(["elsewhere", "two"]).remaining == 1


def test_the_versions_differ_where_they_were_seen_to() -> None:
    current, april = Flavour.CURRENT.traits, Flavour.APRIL.traits
    assert (current.least, current.bounce) == (5_000_000, 20_000_000)
    assert (april.least, april.bounce) == (0, 10_000_000)
    assert (april.debug_events, april.city, april.percent_changes) == (True, True, True)
    assert (current.debug_events, current.city, current.percent_changes) == (False, False, False)
