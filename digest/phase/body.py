"""From the bytes of an answer to plain JSON values, without trusting any of them.

Everything is counted while it streams, so that a hostile body costs bounded memory and time:
bytes on the wire, bytes unpacked, nesting, and the number of values.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from digest.phase.limits import PhaseLimits

CHUNK = 64 * 1024
# A year of days has about 5,000 of these, each at most one object or escape: counted in one go,
# they bound both the memory and the time that parsing can cost.
MAX_MARKS = 1_000_000
_MARKS = (b",", b"[", b"{", b'"', b"\\")
_GZIP = 16 + zlib.MAX_WBITS
_STRUCTURE = re.compile(rb'["\[\]{}]')
_IN_STRING = re.compile(rb'["\\]')


class NonsenseError(Exception):
    """A whole answer arrived and is not what a Phase server says; its text is safe to show."""


class CutShortError(Exception):
    """The answer ended before it was complete."""


class Stream(Protocol):
    """The raw body of a response, as urllib3 gives it."""

    def read(self, amt: int, *, decode_content: bool) -> bytes:
        """Up to `amt` bytes as they are on the wire; empty at the end."""
        ...


def read_document(stream: Stream, headers: Mapping[str, str], limits: PhaseLimits) -> object:
    """The JSON value of a 200 answer.

    Raises NonsenseError for a body that is too large, not JSON, too deep or compressed in a way
    that was not asked for, and CutShortError where the rest is missing. Errors of the connection
    itself pass through.
    """
    _check_type(headers)
    data = b"".join(_unpacked(stream, headers, limits))
    if not data.strip() and not _has_known_length(headers):
        raise CutShortError  # nothing but the end of the connection ended this answer
    return parse(data, max_depth=limits.max_depth)


def parse(data: bytes, *, max_depth: int) -> object:
    """One JSON value; NaN, Infinity and numbers too large for a float are refused.

    Raises NonsenseError, which never quotes the text, and CutShortError for a text that begins
    as JSON and ends in the middle of it.
    """
    whole = _check_shape(data, max_depth)
    if not whole and data.lstrip()[:1] in {b"{", b"["}:
        raise CutShortError
    try:
        return json.loads(
            data.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite
        )
    except (ValueError, RecursionError):
        raise NonsenseError("the answer is not valid JSON") from None


def _check_type(headers: Mapping[str, str]) -> None:
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        raise NonsenseError("the answer is not JSON but some other kind of document")


def _has_known_length(headers: Mapping[str, str]) -> bool:
    return "Content-Length" in headers or "chunked" in headers.get("Transfer-Encoding", "").lower()


def _wire(stream: Stream, limits: PhaseLimits) -> Iterator[bytes]:
    total = 0
    while chunk := stream.read(CHUNK, decode_content=False):
        total += len(chunk)
        if total > limits.max_body:
            raise NonsenseError(f"the answer is larger than {limits.max_body:,} bytes")
        yield chunk


def _unpacked(stream: Stream, headers: Mapping[str, str], limits: PhaseLimits) -> Iterator[bytes]:
    length = headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > limits.max_body:
        raise NonsenseError(f"the answer is larger than {limits.max_body:,} bytes")
    match headers.get("Content-Encoding", "identity").strip().lower():
        case "identity" | "":
            return _wire(stream, limits)
        case "gzip" | "x-gzip":
            return _gunzip(_wire(stream, limits), limits.max_decoded)
        case _:
            raise NonsenseError("the answer is compressed in a way that was not asked for")


def _gunzip(chunks: Iterator[bytes], most: int) -> Iterator[bytes]:
    unzip = zlib.decompressobj(_GZIP)
    total = 0
    for chunk in chunks:
        pending = chunk
        while pending and not unzip.eof:
            try:
                piece = unzip.decompress(pending, CHUNK)
            except zlib.error:
                raise NonsenseError("the answer's compression is damaged") from None
            total += len(piece)
            if total > most:
                raise NonsenseError(f"the answer unpacks to more than {most:,} bytes")
            yield piece
            pending = unzip.unconsumed_tail
    if not unzip.eof:
        raise CutShortError


def _check_shape(data: bytes, max_depth: int) -> bool:
    """Whether everything that was opened is closed; raises NonsenseError beyond the caps."""
    if sum(data.count(mark) for mark in _MARKS) > MAX_MARKS:
        raise NonsenseError(f"the answer holds more than {MAX_MARKS:,} values")
    depth = position = 0
    while found := _STRUCTURE.search(data, position):
        position = found.end()
        match found[0]:
            case b"[" | b"{":
                depth += 1
            case b"]" | b"}":
                depth -= 1
            case _:
                position = _end_of_string(data, position)
                depth += position > len(data)
        if depth > max_depth:
            raise NonsenseError(f"the answer is nested deeper than {max_depth} levels")
    return depth <= 0


def _end_of_string(data: bytes, position: int) -> int:
    """Where the string that began before `position` has ended; behind the data if it has not."""
    while found := _IN_STRING.search(data, position):
        position = found.end()
        if found[0] == b'"':
            return position
        position += 1  # what is escaped
    return len(data) + 1


def _refuse_constant(_name: str) -> NoReturn:
    raise ValueError("not a number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("too large for a float")
    return value
