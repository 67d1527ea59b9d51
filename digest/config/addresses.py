"""Who gets a message: mail addresses, Slack channels, folders. One form for each, checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Final

from digest.config.problems import bad

LONGEST: Final = 320

# A narrow picture of an address that needs no further look; anything else goes to email-validator.
# Names that only a private network knows (.local, .test, localhost) are taken here: its mail server
# may well be the one in the config.
_USUAL = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@"
    r"(?:(?![A-Za-z0-9-]{2}--)[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
    r"|[A-Za-z0-9_+-]{1,64}@localhost",
    re.ASCII,
)
_ANGLED = re.compile(r"(?P<name>.*?)\s*<(?P<address>[^<>]*)>", re.DOTALL)
_QUOTED_NAME = re.compile(r'"(?P<inside>(?:[^"\\]|\\.)*)"')
_PLAIN_NAME = re.compile(r"[\w!#$%&'*+/=?^`{|}~ -]+")
_SLACK_ID = re.compile(r"[CGDUW][A-Z0-9]{5,20}", re.ASCII)
_SLACK_NAME = re.compile(r"#[^\W_A-Z]?[\w-]{0,79}")
_FOLDER_STEP = re.compile(r"[\w.@+ -]{1,100}")


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A person's name, which may be empty, and address. Its text is `Ana <ana@example.com>`."""

    name: str
    address: str

    def __str__(self) -> str:
        if not self.name:
            return self.address
        if _PLAIN_NAME.fullmatch(self.name):
            return f"{self.name} <{self.address}>"
        escaped = self.name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}" <{self.address}>'


@lru_cache(maxsize=4096)
def parse_mailbox(text: str) -> Mailbox:
    """Read `ana@example.com` or `Ana <ana@example.com>`.

    The domain comes back in lower case. Raises BadValueError; line breaks and other control
    characters are refused, so that an address can't begin a header of its own.
    """
    text = text.strip(" ")
    if not text:
        raise bad("is empty")
    if len(text) > LONGEST:
        raise bad("is too long for an e-mail address")
    if not text.isprintable():
        raise bad("an e-mail address can't hold line breaks or control characters")
    if not text.endswith(">"):
        return Mailbox("", _address(text))
    match = _ANGLED.fullmatch(text)
    if match is None:
        raise bad('{value} is not of the form "Ana <ana@example.com>"', value=text)
    return Mailbox(_name(match["name"]), _address(match["address"]))


def mail_recipient(text: str) -> str:
    """The canonical text of a mailbox."""
    return str(parse_mailbox(text))


def slack_recipient(text: str) -> str:
    """A Slack channel as `#name`, or the id of a channel, conversation or member."""
    if _SLACK_ID.fullmatch(text):
        return text
    if text.startswith("#"):
        if len(text) > 1 and _SLACK_NAME.fullmatch(text) and text == text.lower():
            return text
        raise bad(
            "{value} is not a Slack channel: names are lower-case letters, digits, - and _, "
            "at most 80",
            value=text,
        )
    lowered = text.lower()
    if lowered and _SLACK_NAME.fullmatch(f"#{lowered}") and not text.isdigit():
        hint = f' (did you mean "#{lowered}"?)'
        raise bad(
            "{value} is not a Slack channel, such as #growth or C0123456789{hint}",
            value=text,
            hint=hint,
        )
    raise bad("{value} is not a Slack channel, such as #growth or C0123456789", value=text)


def folder_recipient(text: str) -> str:
    """A folder below the channel's own: relative, without `..`; `.` is the channel's own."""
    if not text or text.startswith(("/", "\\", "~")) or ":" in text:
        raise bad("{value} is not a folder below the channel's path", value=text)
    steps = PurePosixPath(text).parts
    if ".." in steps:
        raise bad("{value} leads out of the channel's path", value=text)
    if not all(_FOLDER_STEP.fullmatch(step) for step in steps):
        raise bad("{value} is not a plain folder name", value=text)
    return str(PurePosixPath(*steps))


def _name(text: str) -> str:
    text = text.strip()
    if match := _QUOTED_NAME.fullmatch(text):
        return re.sub(r"\\(.)", r"\1", match["inside"])
    if '"' in text or "<" in text or "@" in text:
        raise bad("{value} can't be a name before an address; put it in double quotes", value=text)
    return text


def _address(text: str) -> str:
    text = text.strip(" ")
    if _USUAL.fullmatch(text):
        local, _, domain = text.partition("@")
        return f"{local}@{domain.lower()}"
    return _unusual(text)


def _unusual(text: str) -> str:
    import email_validator  # noqa: PLC0415 — slow to import, and few addresses need it

    try:
        found = email_validator.validate_email(
            text, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except email_validator.EmailNotValidError as error:
        reason = "".join(c if c.isprintable() else "?" for c in str(error).rstrip("."))
        raise bad(
            "{value} is not an e-mail address{hint}", value=text, hint=f": {reason}"
        ) from None
    if "." not in found.domain:
        raise bad("{value} is not an e-mail address: its domain has no dot", value=text)
    return found.normalized
