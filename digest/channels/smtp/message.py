"""The bytes of a mail, built without touching the world.

All readers of one content share a document: the header fields that are the same for everyone, an
empty line, and the body, with leading dots doubled as SMTP wants it. Before it stand a Message-ID
and a `To` of each reader's own, and the earlier mail to that reader which it belongs to. The same
content for the same period gives the same bytes, so that a second copy can be recognised.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email.utils import format_datetime
from typing import TYPE_CHECKING

from digest.channels._phrases import clean_line
from digest.channels.smtp.mailbox import (
    SUBJECT_LIMIT,
    Mailbox,
    address_line,
    words,
)
from digest.channels.smtp.mime import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from digest.core.content import DeliveryKey, EmailContent, Envelope, Follows

TEST_MARK = "[test]"
_CID = re.compile(r"""(?P<quote>["'])cid:(?P<name>[^"']*)(?P=quote)""")
_LABEL_LIMIT = 40  # of the 63 that a domain label may have

# A header line has room for 998 bytes, and an id can't be folded.
_MESSAGE_ID = re.compile(
    r"<[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,128}@(?:[A-Za-z0-9._-]{1,255}|\[[A-Za-z0-9.:]{1,64}\])>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailDocument:
    """What every reader gets; `missing` names the pictures asked for that were not drawn."""

    wire: bytes
    missing: tuple[str, ...]


def encode_document(
    envelope: Envelope, *, sender: Mailbox, reply_to: Mailbox | None = None
) -> MailDocument:
    """Encode what all readers of this content share. Content-IDs end with the sender's domain."""
    content = envelope.content.email
    seed = _seed(content, envelope.key)
    drawn = {picture.name: picture for picture in content.pictures}
    asked = pictures_asked_for(content.html)
    ids = {name: f"{name}.{seed}@{sender.domain}" for name in drawn}
    content_type, body = encode(
        content.text,
        point_pictures(content.html, {name: f"cid:{ids[name]}" for name in drawn}),
        {ids[name]: drawn[name] for name in asked if name in drawn},
        seed,
    )
    fields = [
        ("Date", format_datetime(envelope.date)),
        ("From", address_line(sender, header="From")),
        ("Subject", words(_subject(envelope), header="Subject")),
        ("List-Id", list_id(envelope.list_name, sender.domain)),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
    ]
    if reply_to is not None:
        fields.insert(2, ("Reply-To", address_line(reply_to, header="Reply-To")))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields).encode()
    missing = tuple(name for name in asked if name not in drawn)
    return MailDocument(wire=join_document(head, content_type, body), missing=missing)


def join_document(head: bytes, content_type: str, body: bytes) -> bytes:
    """Header lines, then the Content-Type as the last of them, then the body with doubled dots."""
    return (
        head + f"Content-Type: {content_type}\r\n\r\n".encode() + re.sub(rb"(?m)^\.", b"..", body)
    )


def split_document(document: bytes) -> tuple[bytes, bytes]:
    """What `join_document` joined: the header lines before the Content-Type, and the rest.

    The rest is a MIME entity of its own, its dots as they were.
    """
    head, name, rest = document.partition(b"\r\nContent-Type: ")
    return head + b"\r\n", re.sub(rb"(?m)^\.\.", b".", name.lstrip() + rest)


def head_of(recipient: Mailbox) -> bytes:
    """The `To` of one reader."""
    return f"To: {address_line(recipient, header='To')}\r\n".encode()


def thread_of(follows: Follows | None, domain: str) -> bytes:
    """The header lines that put a mail into the thread of an earlier one; none without one.

    What is no Message-ID does not get in: then the id is made from the earlier delivery's key.
    """
    if follows is None:
        return b""
    earlier = follows.reference
    if earlier is None or _MESSAGE_ID.fullmatch(earlier) is None:
        earlier = key_id(follows.key, domain)
    return f"In-Reply-To: {earlier}\r\nReferences: {earlier}\r\n".encode()


def message_id(envelope: Envelope, domain: str) -> str:
    """`<KEY@DOMAIN>`: the same delivery has the same id, whenever it is sent."""
    # Mail services fold messages with the same id; each test message must be seen.
    mark = f".{envelope.date:%Y%m%dT%H%M%S%f}" if envelope.test else ""
    return key_id(envelope.key, domain, mark)


def key_id(key: DeliveryKey, domain: str, mark: str = "") -> str:
    """The Message-ID of a key."""
    return f"<{key.digest}{mark}@{domain}>"


def list_id(list_name: str, domain: str) -> str:
    """A List-Id such as `<monday-email.digest.example.com>`, made of valid labels only."""
    label = re.sub(r"[^a-z0-9]+", "-", list_name.lower()).strip("-")[:_LABEL_LIMIT].strip("-")
    if not label or label != list_name.lower():
        # Two lists whose names differ only in what was dropped must stay two lists.
        mark = hashlib.sha256(list_name.encode("utf-8", "replace")).hexdigest()[:8]
        label = f"{label}-{mark}" if label else mark
    return f"<{label}.digest.{domain.strip('[]').replace(':', '-')}>"


def pictures_asked_for(html: str) -> tuple[str, ...]:
    """The names behind `cid:` in the HTML's attributes, each once."""
    return tuple(dict.fromkeys(match["name"] for match in _CID.finditer(html)))


def point_pictures(html: str, targets: Mapping[str, str]) -> str:
    """The HTML with each `cid:NAME` in an attribute replaced by its target, where it has one."""

    def replace(match: re.Match[str]) -> str:
        quote = match["quote"]
        return f"{quote}{targets[match['name']]}{quote}" if match["name"] in targets else match[0]

    return _CID.sub(replace, html)


def _subject(envelope: Envelope) -> str:
    subject = envelope.content.email.subject
    if envelope.test and TEST_MARK not in subject:
        subject = f"{TEST_MARK} {subject}"
    return clean_line(subject, SUBJECT_LIMIT)


def _seed(content: EmailContent, key: DeliveryKey) -> str:
    """Sixteen hex digits for this content of this run, the same for every reader."""
    seed = hashlib.sha256()
    for text in (key.install, key.job, key.kind, key.period, content.html, content.text):
        seed.update(text.encode("utf-8", "replace") + b"\0")
    for picture in content.pictures:
        seed.update(hashlib.sha256(picture.png).digest())
    return seed.hexdigest()[:16]
