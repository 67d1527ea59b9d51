from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.render.clean import NAME_LIMIT, clean, clip


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param("add_to_cart", "add_to_cart", id="plain"),
        pytest.param("a\r\nBcc: b", "a Bcc: b", id="line breaks"),
        pytest.param("a\u2028b\u2029c\x85d", "a b c d", id="unicode line breaks"),
        pytest.param("  a \t b  ", "a b", id="spaces"),
        pytest.param("a\x00b\x1bc", "a\ufffdb\ufffdc", id="controls are shown"),
        pytest.param("abc\u202egnp.exe", "abc\ufffdgnp.exe", id="turned direction is shown"),
        pytest.param("a\u2066b\u2069", "a\ufffdb\ufffd", id="isolates are shown"),
        pytest.param("ze\u200bro\ufeff\u00ad\u2060", "zero", id="zero width is removed"),
        pytest.param("a\u200db", "ab", id="joiner between latin letters is removed"),
        pytest.param("👩\u200d👧", "👩\u200d👧", id="joiner inside an emoji stays"),
        pytest.param("नम\u200cस्ते", "नम\u200cस्ते", id="joiner inside a word that needs it stays"),
        pytest.param("a\U000e0041\ufe01", "a", id="tags and variations are removed"),
        pytest.param("a\ud800b", "a\ufffdb", id="lone surrogate"),
        pytest.param("a\uffffb", "a\ufffdb", id="no character"),
        pytest.param("", "(blank)", id="empty"),
        pytest.param(" \u3000\u00a0", "(blank)", id="only spaces"),
        pytest.param("\u3164\u115f\u2800", "(blank)", id="only invisible letters"),
        pytest.param("e\u0301" + "\u0301" * 50, "e" + "\u0301" * 4, id="tower of marks"),
        pytest.param("مرحبا", "مرحبا\u200e", id="right to left ends in a mark"),
        pytest.param("=CMD()", "=CMD()", id="formula stays"),
        pytest.param("x" * 10_000, "x" * (NAME_LIMIT - 1) + "…", id="too long"),
        pytest.param("x" * NAME_LIMIT, "x" * NAME_LIMIT, id="just fits"),
    ],
)
def test_names_are_one_visible_line(raw: str, shown: str) -> None:
    assert clean(raw) == shown


@given(st.text(alphabet=st.characters(), max_size=400), st.integers(min_value=5, max_value=100))
def test_any_text_becomes_one_short_line_that_can_be_encoded(raw: str, limit: int) -> None:
    shown = clean(raw, limit)
    assert shown == shown.strip()
    assert shown.encode()
    assert len(shown.splitlines()) == 1
    assert len(shown) <= max(limit, len("(blank)")) + 1
    assert not any(unicodedata.category(c) in {"Cc", "Cs"} for c in shown)
    assert not set(shown) & set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068\u200b\ufeff")


@given(st.text(max_size=200))
def test_cleaning_twice_changes_nothing(raw: str) -> None:
    once = clean(raw, 300)
    assert clean(once, 301) == once


def test_a_cut_never_leaves_half_of_a_joined_emoji() -> None:
    assert clip("ab👩\u200d👩", 5) == "ab👩\u200d👩"
    assert clip("ab👩\u200d👩👩", 5) == "ab👩…"
