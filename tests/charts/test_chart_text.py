from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.core.chart_text import NAME_WIDTH, chart_text, spoken_text
from tests.support.chart_parts import HOSTILE_NAMES

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Germany", "Germany"),
        ("  two   words\n", "two words"),
        ("", "(blank)"),
        (" \u200b\u3164\u00ad", "(blank)"),
        ("\U0001f389\U0001f389", "(emoji)"),
        ("\u200d\ufe0f", "(blank)"),
        ("\U0001f389 party", "party"),
        ("\u202eevil\u2066", "evil"),
        ("a\x00\x1bb", "ab"),
        (r"$x^2$", "$x^2$"),
        ("中文", "中文"),
        ("شركة", "شركة"),
        ("e\u0301" + "\u0302" * 9, "e\u0301\u0302"),
        ("a" * 30 + "z" * 30, "a" * 20 + "…" + "z" * 19),
        ("中" * 60, "中" * 10 + "…" + "中" * 9),
        ("x\u0301" * 60, "x\u0301" * 20 + "…" + "x\u0301" * 19),
    ],
)  # fmt: skip
def test_a_name_becomes_one_visible_line(name: str, shown: str) -> None:
    assert chart_text(name) == shown


def width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("\U0001f389 party", "\U0001f389 party"),
        ("\u2764\ufe0f", "\u2764"),
        ("\u200d\ufe0f", "(blank)"),
        ("", "(blank)"),
        ("\u202eevil\u2066\r\nBcc: x", "evil Bcc: x"),
        ("\U0001f389" * 60, "\U0001f389" * 10 + "…" + "\U0001f389" * 9),
    ],
)  # fmt: skip
def test_a_name_beside_the_picture_keeps_its_emoji(name: str, said: str) -> None:
    assert spoken_text(name) == said


@pytest.mark.parametrize("text", [chart_text, spoken_text])
@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES.keys())
def test_hostile_names_are_short_and_without_controls(
    name: str, text: Callable[[str], str]
) -> None:
    shown = text(name)
    assert shown
    assert not [c for c in shown if unicodedata.category(c)[0] == "C"]
    assert width(shown) <= NAME_WIDTH + 20  # combining marks have no width


@given(st.text(max_size=3000), st.integers(8, 60))
def test_any_text_keeps_its_width(name: str, most: int) -> None:
    shown = chart_text(name, most)
    letters = "".join(c for c in shown if not unicodedata.combining(c))
    assert shown.strip() == shown != ""
    assert width(letters) <= most or shown in {"(blank)", "(emoji)"}
    assert not [c for c in shown if unicodedata.category(c)[0] == "C"]
