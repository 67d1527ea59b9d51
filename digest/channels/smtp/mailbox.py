"""Mailboxes and header words: what may stand in the head of a mail, and how it is written.

Data never adds a header: a value with control characters is cleaned (words) or refused
(addresses), and whatever isn't plain ASCII becomes RFC 2047 encoded words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.header import Header

from digest.channels._phrases import clean_line, has_unseen, shown
from digest.errors import DeliveryError

SUBJECT_LIMIT = 200  # characters; clients show fewer than 80
_NAME_LIMIT = 100
_FOLD_AT = 60

_WITH_NAME = re.compile(r'(?P<name>"(?:[^"\\]|\\.)*"|[^<>]*?)\s*<(?P<address>[^<>]*)>')
_ASCII_ADDRESS = re.compile(
    r"(?P<local>[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})"
    r"@(?P<domain>[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*|\[[0-9A-Za-z:.]+\])"
)
_ATEXT = re.compile(r"[A-Za-z0-9 !#$%&'*+/=?^_`{|}~-]*")
_FIRST_PRINTABLE, _LAST_PRINTABLE = " ", "~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailbox:
    """An address and the name beside it. `domain` is ASCII; `local` may need SMTPUTF8."""

    name: str
    local: str
    domain: str

    @property
    def address(self) -> str:
        """`ana@example.com`, with the domain in its ASCII form."""
        return f"{self.local}@{self.domain}"

    @property
    def international(self) -> bool:
        """Whether the address needs a server with SMTPUTF8."""
        return not self.local.isascii()


def parse_mailbox(text: str) -> Mailbox:
    """Read `ana@example.com` or `Ana <ana@example.com>`. Raises DeliveryError."""
    text = text.strip()
    if has_unseen(text):
        raise DeliveryError(f"{shown(text)} is not a mail address: it has invisible characters")
    found = _WITH_NAME.fullmatch(text)
    name, address = (found["name"], found["address"].strip()) if found else ("", text)
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    local, domain = _split(address, text)
    return Mailbox(name=clean_line(name, _NAME_LIMIT), local=local, domain=domain)


def _split(address: str, text: str) -> tuple[str, str]:
    plain = _ASCII_ADDRESS.fullmatch(address)
    if plain is not None:
        return plain["local"], plain["domain"]
    if address.isascii():
        raise DeliveryError(f"{shown(text)} is not a mail address")
    from email_validator import (  # noqa: PLC0415 - 50 ms, and few addresses need it
        EmailNotValidError,
        validate_email,
    )

    try:
        checked = validate_email(address, check_deliverability=False)
    except EmailNotValidError:
        raise DeliveryError(f"{shown(text)} is not a mail address") from None
    return checked.local_part, checked.ascii_domain or checked.domain


def words(text: str, *, header: str) -> str:
    """Unstructured text as a header value: as it is, or as encoded words folded at 76."""
    # Text that looks like an encoded word would be decoded by the reader's client.
    if _is_plain(text) and "=?" not in text:
        return text
    return _encoded(text, header)


def address_line(mailbox: Mailbox, *, header: str) -> str:
    """`Ana <ana@example.com>` as a header value; the name quoted or encoded where needed."""
    if not mailbox.name:
        return mailbox.address
    name = mailbox.name
    if not _is_plain(name) or "=?" in name:
        name = _encoded(name, header)
    elif _ATEXT.fullmatch(name) is None:
        name = '"' + re.sub(r'(["\\])', r"\\\1", name) + '"'
    gap = "\r\n " if "\r\n" in name or len(name) + len(mailbox.address) > _FOLD_AT else " "
    return f"{name}{gap}<{mailbox.address}>"


def _encoded(text: str, header: str) -> str:
    return Header(text, "utf-8", maxlinelen=75, header_name=header).encode(linesep="\r\n")


def _is_plain(text: str) -> bool:
    return all(_FIRST_PRINTABLE <= char <= _LAST_PRINTABLE for char in text)
