"""Making text and facts fit for a log: no secret, no address of a reader, no query of a URL."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Plain: TypeAlias = "str | int | float | bool | list[Plain] | dict[str, Plain] | None"

SHORTEST: Final = 4
"""Characters of the shortest string that can be a secret; fewer would blot out ordinary words."""

_LONGEST: Final = 16_000
_DEEPEST: Final = 6
_HASH_DIGITS: Final = 8

_URL = re.compile(
    r"\b([a-z][a-z0-9+.-]{1,30}://)(?:[^/\s?#\"'<>]*@)?([^\s?#\"'<>]*)([?#][^\s\"'<>]*)?",
    re.IGNORECASE,
)
_QUERY = re.compile(r"\?[^\s\"'<>?=]{1,100}=[^\s\"'<>]*")
_ADDRESS = re.compile(
    r"(?:\"[^\"\s@]{1,64}\"|[^\s<>()\[\],;:\"'@\\/|`]{1,320})"
    r"@(?:\[[^\]\s]{1,64}\]|[\w-]{1,63}(?:\.[\w-]{1,63}){0,20})"
)
# ours, of a delivery's key; it is what a mail server's log can be searched for
_MESSAGE_ID = re.compile(r"[0-9a-f]{32}(?:\.\d{8}T\d{12})?@.+", re.ASCII)


def address_mark(address: str) -> str:
    """`address:` and the first 8 hex digits of the SHA-256 of the address in lower case.

    The same address always gets the same mark, so that an operator who knows it can look for it.
    """
    sha = hashlib.sha256(address.lower().encode("utf-8", "backslashreplace"))
    return f"address:{sha.hexdigest()[:_HASH_DIGITS]}"


class Redactor:
    """Takes the given secrets, e-mail addresses and URLs' queries out of what is to be shown.

    Secrets are also found percent-encoded or as Python would quote them. Looking for them costs
    as much for ten thousand as for one.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = frozenset(
            form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)
        )
        lengths: dict[str, set[int]] = {}
        for secret in self._secrets:
            lengths.setdefault(secret[:SHORTEST], set()).add(len(secret))
        self._lengths = {start: sorted(held, reverse=True) for start, held in lengths.items()}

    def text(self, text: str) -> str:
        """The text with marks in place of what is not to be shown, and of bounded length."""
        clean = self._without_secrets(text)
        if len(clean) > _LONGEST:
            clean = f"{clean[:_LONGEST]}…"
        if "://" in clean:
            clean = _URL.sub(lambda url: url[1] + url[2] + ("?…" if url[3] else ""), clean)
        if "?" in clean:
            clean = _QUERY.sub("?…", clean)
        if "@" in clean:
            clean = _ADDRESS.sub(_marked, clean)
        return clean

    def fact(self, value: object, depth: int = 0) -> Plain:
        """Any value as what JSON can hold, with every text in it made fit to be shown."""
        match value:
            case None | bool():
                return value
            case int():
                return int(value)
            case float():
                return value if math.isfinite(value) else str(value)
            case datetime():
                return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
            case timedelta():
                return value.total_seconds()
            case bytes() | bytearray():
                return f"{len(value)} bytes"
            case Mapping() if depth < _DEEPEST:
                return {
                    self.text(str(key)): self.fact(held, depth + 1) for key, held in value.items()
                }
            case list() | tuple() | set() | frozenset() if depth < _DEEPEST:
                return [self.fact(held, depth + 1) for held in value]
            case _:
                return self.text(str(value))

    def _without_secrets(self, text: str) -> str:
        if not self._lengths:
            return text
        kept: list[str] = []
        done = 0
        for start, end in self._found(text):
            kept += (text[done:start], "[secret]")
            done = end
        return "".join((*kept, text[done:])) if kept else text

    def _found(self, text: str) -> Iterator[tuple[int, int]]:
        """Where secrets stand, the longest at each place."""
        done = 0
        for start in range(len(text) - SHORTEST + 1):
            if start < done:
                continue
            for length in self._lengths.get(text[start : start + SHORTEST], ()):
                if text[start : start + length] in self._secrets:
                    done = start + length
                    yield start, done
                    break


def _marked(found: re.Match[str]) -> str:
    return found[0] if _MESSAGE_ID.fullmatch(found[0]) else address_mark(found[0])


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield repr(secret)[1:-1]
