"""What an SMTP answer means for a message: pure decisions, and the words for them."""

from __future__ import annotations

import base64
import re
import smtplib
from enum import StrEnum
from typing import assert_never

from digest.channels._phrases import clean_line, reason

_TEXT_LIMIT = 200
_YES, _NO = 2, 5
_SHORT = 4
_SHUTTING_DOWN = 421
_TOO_LARGE = 552
_TOO_LARGE_STATUS = frozenset({"5.2.3", "5.3.4"})  # RFC 3463: for this person, for the system
# A greeting and a goodbye are no answer to a dot, though they start with a 2.
_NO_ANSWER = frozenset({220, 221})
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")
_LOGIN_CODES = frozenset({530, 534, 535, 538})  # log in first; how you log in is not accepted


class Stage(StrEnum):
    """Where in the conversation we are, in words for a sentence."""

    GREETING = "the connection"
    EHLO = "EHLO"
    STARTTLS = "STARTTLS"
    AUTH = "the login"
    MAIL = "the sender"
    RCPT = "the recipient"
    DATA = "the message"
    DOT = "the finished message"


class Verdict(StrEnum):
    """What an answer that is not a yes means.

    LATER, FAILED and TOO_LARGE are about one message; CHANNEL says that no message can go this way
    now; UNKNOWN that the message may have been taken.
    """

    LATER = "later"
    FAILED = "failed"
    TOO_LARGE = "too large"
    CHANNEL = "channel"
    UNKNOWN = "unknown"


def took(code: int) -> bool:
    """Whether this answer to the final dot says that the message was taken."""
    return code // 100 == _YES and code not in _NO_ANSWER


def judge(stage: Stage, code: int, status: str = "") -> Verdict:
    """What a reply other than the wanted one means at this stage; `status` is `5.7.1` or empty."""
    if code in _LOGIN_CODES and stage is not Stage.DOT:
        return Verdict.CHANNEL
    match code // 100:
        case 4:
            return _temporary(stage)
        case 5:
            return _permanent(stage, too_large=is_too_large(code, status))
        case _:
            # Neither yes nor no: after the dot the message may have been taken.
            return Verdict.UNKNOWN if stage is Stage.DOT else _temporary(stage)


def _temporary(stage: Stage) -> Verdict:
    match stage:
        case Stage.GREETING | Stage.EHLO | Stage.STARTTLS | Stage.AUTH:
            return Verdict.CHANNEL
        case Stage.MAIL | Stage.RCPT | Stage.DATA | Stage.DOT:
            return Verdict.LATER
        case _:
            assert_never(stage)


def _permanent(stage: Stage, *, too_large: bool) -> Verdict:
    match stage:
        case Stage.GREETING | Stage.EHLO | Stage.STARTTLS | Stage.AUTH:
            return Verdict.CHANNEL
        case Stage.MAIL | Stage.RCPT | Stage.DATA | Stage.DOT if too_large:
            return Verdict.TOO_LARGE
        case Stage.MAIL:
            # The sender is the same for all: a fault of the set-up.
            return Verdict.CHANNEL
        case Stage.RCPT | Stage.DATA | Stage.DOT:
            return Verdict.FAILED
        case _:
            assert_never(stage)


def is_goodbye(code: int) -> bool:
    """Whether the server closes the connection with this reply."""
    return code == _SHUTTING_DOWN


def is_too_large(code: int, status: str) -> bool:
    """Whether it is the size that was refused, so that a smaller message may be taken."""
    return code == _TOO_LARGE or (code // 100 == _NO and status in _TOO_LARGE_STATUS)


def status_of(text: str) -> str:
    """The enhanced status code (RFC 3463) at the beginning of a server's words, or nothing."""
    found = _STATUS.match(text)
    return found[0] if found else ""


def refusal(place: str, stage: Stage, code: int, text: str) -> str:
    """One sentence about a refusal, with the server's own words."""
    if is_too_large(code, status_of(text)):
        return f"{place} says that the message is too large: {code} {text}".rstrip()
    hint = ""
    if stage is Stage.AUTH or code in _LOGIN_CODES:
        hint = "; check username and password"
    return f"{place} did not take {stage}: {code} {text}".rstrip() + hint


def trouble(error: OSError | smtplib.SMTPException) -> str:
    """Why a connection did not come about or broke, in a few words."""
    # SMTPException is an OSError too, but one with our own words in it.
    if isinstance(error, smtplib.SMTPException):
        return clean_line(str(error), _TEXT_LIMIT)
    return reason(error)


def printable(text: bytes, secrets: tuple[str, ...]) -> str:
    """A server's words: one line, at most 200 characters, without anything of our login."""
    words = text.decode("utf-8", "replace")
    for secret in sorted(secrets, key=len, reverse=True):
        # A short login such as "me" is only one where it stands as a word.
        edge = r"\b" if len(secret) < _SHORT else ""
        words = re.sub(f"{edge}{re.escape(secret)}{edge}", "[redacted]", words)
    return clean_line(words, _TEXT_LIMIT)


def login_traces(username: str | None, password: str | None) -> tuple[str, ...]:
    """Every form in which a login can come back in a reply."""
    traces = []
    for text in (username, password, f"\0{username}\0{password}"):
        if text:
            coded = base64.b64encode(text.encode()).decode()
            traces += [text, coded, coded.rstrip("=")]
    return tuple(traces)
