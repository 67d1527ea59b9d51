"""What an SMTP answer means for a message: pure decisions, and the words for them."""

from __future__ import annotations

import base64
import re
import smtplib
from enum import StrEnum
from typing import assert_never

from digest.channels._phrases import clean_line, reason

_TEXT_LIMIT = 200
_SHORT = 4
_SHUTTING_DOWN = 421
_TOO_LARGE = 552
_LOGIN_CODES = frozenset({530, 534, 535, 538})  # log in first; how you log in is not accepted


class Step(StrEnum):
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

    LATER and FAILED are about one message; CHANNEL says that no message can go this way now;
    UNKNOWN that the message may have been taken.
    """

    LATER = "later"
    FAILED = "failed"
    CHANNEL = "channel"
    UNKNOWN = "unknown"


def judge(step: Step, code: int) -> Verdict:
    """What a reply code other than the wanted one means at this step."""
    if code in _LOGIN_CODES and step is not Step.DOT:
        return Verdict.CHANNEL
    match code // 100:
        case 4:
            return _temporary(step)
        case 5:
            return _permanent(step, code)
        case _:
            # Neither yes nor no: after the dot the message may have been taken.
            return Verdict.UNKNOWN if step is Step.DOT else _temporary(step)


def _temporary(step: Step) -> Verdict:
    match step:
        case Step.GREETING | Step.EHLO | Step.STARTTLS | Step.AUTH:
            return Verdict.CHANNEL
        case Step.MAIL | Step.RCPT | Step.DATA | Step.DOT:
            return Verdict.LATER
        case _:
            assert_never(step)


def _permanent(step: Step, code: int) -> Verdict:
    match step:
        case Step.GREETING | Step.EHLO | Step.STARTTLS | Step.AUTH:
            return Verdict.CHANNEL
        case Step.MAIL:
            # The sender is the same for all: a fault of the set-up, unless it is about the size.
            return Verdict.FAILED if code == _TOO_LARGE else Verdict.CHANNEL
        case Step.RCPT | Step.DATA | Step.DOT:
            return Verdict.FAILED
        case _:
            assert_never(step)


def is_goodbye(code: int) -> bool:
    """Whether the server closes the connection with this reply."""
    return code == _SHUTTING_DOWN


def refusal(place: str, step: Step, code: int, text: str) -> str:
    """One sentence about a refusal, with the server's own words."""
    if code == _TOO_LARGE:
        return f"{place} says that the message is too large: {code} {text}".rstrip()
    hint = ""
    if step is Step.AUTH or code in _LOGIN_CODES:
        hint = "; check username and password"
    return f"{place} did not take {step}: {code} {text}".rstrip() + hint


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
