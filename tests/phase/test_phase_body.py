"""Bytes to JSON values: everything that is JSON gets through, nothing else does."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.phase.body import CutShortError, NonsenseError, parse, read_document
from digest.phase.limits import PhaseLimits

LIMITS = PhaseLimits()
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


class Chunks:
    """A stream that gives its bytes in pieces of at most `size`."""

    def __init__(self, data: bytes, size: int = 1 << 30) -> None:
        self._data = io.BytesIO(data)
        self._size = size

    def read(self, amt: int, *, decode_content: bool) -> bytes:
        assert not decode_content
        return self._data.read(min(amt, self._size))


@settings(deadline=None)
@given(value=JSON_VALUES, ascii_only=st.booleans(), indent=st.sampled_from([None, 2]))
def test_every_json_value_is_read_as_json_reads_it(
    value: Any, *, ascii_only: bool, indent: int | None
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    assert parse(text.encode("utf-8", "surrogatepass"), max_depth=32) == json.loads(text)


@settings(deadline=None)
@given(value=st.dictionaries(st.text(min_size=1), JSON_VALUES, min_size=1), data=st.data())
def test_an_object_cut_anywhere_is_cut_short(value: Any, data: st.DataObject) -> None:
    text = json.dumps(value).encode()
    cut = data.draw(st.integers(1, len(text) - 1))
    with pytest.raises(CutShortError):
        parse(text[:cut], max_depth=32)


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    try:
        parse(data, max_depth=3)
    except (NonsenseError, CutShortError):
        return
    assert json.loads(data) is not ...


@pytest.mark.parametrize(("depth", "fine"), [(1, True), (32, True), (33, False), (900, False)])
def test_nesting_is_counted(depth: int, *, fine: bool) -> None:
    text = b"[" * depth + b"]" * depth
    if fine:
        assert parse(text, max_depth=32) is not None
    else:
        with pytest.raises(NonsenseError, match="deeper than 32"):
            parse(text, max_depth=32)


def test_brackets_in_texts_nest_nothing() -> None:
    value = {"[" * 50: ["{" * 50, '\\"[[' * 20, "\\"]}
    assert parse(json.dumps(value).encode(), max_depth=2) == value


@settings(deadline=None)
@given(
    value=JSON_VALUES, size=st.integers(1, 50), coding=st.sampled_from(["gzip", "x-gzip", "GZIP"])
)
def test_gzip_is_unpacked_in_pieces_of_any_size(value: Any, size: int, coding: str) -> None:
    text = json.dumps([value])
    headers = {"Content-Encoding": coding, "Content-Type": "application/json; charset=utf-8"}
    stream = Chunks(gzip.compress(text.encode()), size)
    assert read_document(stream, headers, LIMITS) == json.loads(text)


def test_the_size_is_counted_on_the_wire_and_unpacked() -> None:
    small = PhaseLimits(max_body=100, max_decoded=200)
    text = json.dumps(["x" * 90]).encode()
    assert read_document(Chunks(text, 7), {}, small) == ["x" * 90]
    with pytest.raises(NonsenseError, match="larger than 100 bytes"):
        read_document(Chunks(text + b" " * 10, 7), {}, small)
    with pytest.raises(NonsenseError, match="unpacks to more than 200 bytes"):
        read_document(
            Chunks(gzip.compress(b"[" + b" " * 210 + b"]")), {"Content-Encoding": "gzip"}, small
        )


@pytest.mark.parametrize(
    ("kind", "fine"),
    [
        ("application/json", True),
        ("Application/JSON;charset=utf-8", True),
        ("application/problem+json", True),
        ("text/html", False),
        ("text/plain", False),
        ("application/jsonp", False),
    ],
)
def test_the_kind_of_document_is_looked_at(kind: str, *, fine: bool) -> None:
    stream = Chunks(b"[1]")
    if fine:
        assert read_document(stream, {"Content-Type": kind}, LIMITS) == [1]
    else:
        with pytest.raises(NonsenseError, match="some other kind"):
            read_document(stream, {"Content-Type": kind}, LIMITS)
