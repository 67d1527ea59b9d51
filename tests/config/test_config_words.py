"""Quoting, paths, suggestions and durations."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.config.durations import parse_duration
from digest.config.problems import BadValueError, Fault, bad, did_you_mean, path_text, quoted


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("slck", ["mail", "slack"], ' (did you mean "slack"?)'),
        ("SLACK", ["mail", "slack"], ' (did you mean "slack"?)'),
        ("eventname", ["eventName"], ' (did you mean "eventName"?)'),
        ("zzz", ["mail", "slack"], ""),
        ("slack", [], ""),
        ("", ["a"], ""),
        ("s" * 10_000, ["s" * 64], ""),
    ],
)
def test_the_nearest_known_word_is_suggested(word: str, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a", '"a"'),
        ("é 😀", '"é 😀"'),
        ("a\nb\r\x1b[31m\u202e", '"a\\nb\\r\\x1b[31m\\u202e"'),
        ("x" * 500, '"' + "x" * 119 + '…"'),
    ],
)
def test_quotes_are_short_and_harmless(text: str, shown: str) -> None:
    assert quoted(text) == shown


def test_paths_are_readable() -> None:
    assert path_text(("digests", "weekly", "to", "mail", 1)) == "digests.weekly.to.mail[1]"
    assert path_text(("a b", "c\n")) == '"a b"."c\\n"'
    assert path_text(()) == ""


def test_a_covered_value_is_not_quoted_anywhere() -> None:
    fault = Fault(
        template="{value} is wrong in {piece} ({limit}), ${NAME}{hint}",
        parts={"value": "s3cret {hint}", "piece": "s3", "hint": ' (did you mean "s3cret"?)'},
    )
    assert fault.say() == (
        '"s3cret {hint}" is wrong in "s3" ({limit}), ${NAME} (did you mean "s3cret"?)'
    )
    assert fault.say("${X}") == "${X} is wrong in ${X} ({limit}), ${NAME}"


def test_a_bad_value_says_all_its_faults() -> None:
    assert str(bad("no {value}", value="x")) == 'no "x"'
    assert str(BadValueError(Fault(template="a"), Fault(template="b"))) == "a; b"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("90", 90), ("0.05", 0.05), ("90s", 90), ("15m", 900), ("15 min", 900),
        ("2h", 7200), ("1.5h", 5400), ("1h 30m", 5400), ("1h30m", 5400),
        ("1 hour, 30 minutes", 5400),
        ("3d", 259_200), ("2w", 1_209_600), (" 2 Days ", 172_800),
    ],
)  # fmt: skip
def test_durations_are_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "h", "2x", "-5", "-5m", "1e9", "nan", "inf", "2h later", "1h-30m", "5 5", "٣m", "2mo",
     "1:30", "9" * 30, "9999999d"],
)  # fmt: skip
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(BadValueError):
        parse_duration(text)
