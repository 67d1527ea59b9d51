"""The bytes of a mail, built without touching the world.

The body is encoded once for all readers of the same content; only the head differs. The same
content for the same period gives the same bytes, so that a second copy can be recognised.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import TYPE_CHECKING

from digest.channels._phrases import clean_line
from digest.channels.smtp.mailbox import (
    SUBJECT_LIMIT,
    Mailbox,
    address_line,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from digest.core.content import DeliveryKey, EmailContent, Envelope

TEST_MARK = "[test]"
_CID = re.compile(r"""(?P<quote>["'])cid:(?P<name>[^"']*)(?P=quote)""")
_LINE = re.compile(rb"\r\n|\r|\n")
_LABEL_LIMIT = 40  # of the 63 that a domain label may have


@dataclass(frozen=True, slots=True, kw_only=True)
class MailBody:
    """Everything below the head. `wire` is the same with its leading dots doubled.

    `missing` names the pictures that the HTML asks for and that were not drawn.
    """

    content_type: str
    raw: bytes
    wire: bytes
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One finished message to one person. `head` ends with the empty line."""

    sender: Mailbox
    recipient: Mailbox
    message_id: str
    head: bytes
    body: MailBody

    @property
    def raw(self) -> bytes:
        """The message as a file."""
        return self.head + self.body.raw

    @property
    def size(self) -> int:
        """Bytes that go over the wire, without the final dot."""
        return len(self.head) + len(self.body.wire)

    @property
    def international(self) -> bool:
        """Whether the server must have SMTPUTF8."""
        return self.sender.international or self.recipient.international


def encode_body(content: EmailContent, key: DeliveryKey, domain: str) -> MailBody:
    """Encode text, HTML and pictures as multipart/alternative; `domain` ends the Content-IDs."""
    seed = _seed(content, key)
    drawn = {picture.name: picture for picture in content.pictures}
    asked = pictures_asked_for(content.html)
    used = [drawn[name] for name in asked if name in drawn]
    targets = {name: f"cid:{_cid(name, seed, domain)}" for name in drawn}
    html = _sound(point_pictures(content.html, targets))
    # Encoded lines stay at 76: quoted-printable and base64 have that limit of their own.
    policy = SMTP.clone(max_line_length=76, cte_type="7bit")
    page = EmailMessage(policy=policy)
    page.set_content(html, subtype="html", cte=_transfer(html))
    for picture in used:
        page.add_related(
            picture.png,
            "image",
            "png",
            cid=f"<{_cid(picture.name, seed, domain)}>",
            filename=picture.filename,
            disposition="inline",
        )
    if used:
        page.set_param("type", "text/html")
    root = EmailMessage(policy=policy)
    root.set_content(_sound(content.text), cte=_transfer(content.text))
    root.make_alternative()
    root.attach(page)
    _tidy(root, seed)
    raw = root.as_bytes().partition(b"\r\n\r\n")[2]
    return MailBody(
        content_type=f'multipart/alternative; boundary="{root.get_boundary()}"',
        raw=raw,
        wire=re.sub(rb"(?m)^\.", b"..", raw),
        missing=tuple(name for name in asked if name not in drawn),
    )


def compose(
    envelope: Envelope,
    body: MailBody,
    *,
    sender: Mailbox,
    recipient: Mailbox,
    reply_to: Mailbox | None = None,
) -> Mail:
    """Put the head of one person's message before the common body."""
    message_id = _message_id(envelope, sender.domain)
    fields = [
        ("Date", format_datetime(envelope.date)),
        ("From", address_line(sender, header="From")),
        ("To", address_line(recipient, header="To")),
        ("Subject", words(_subject(envelope), header="Subject")),
        ("Message-ID", message_id),
        ("List-Id", list_id(envelope.list_name, sender.domain)),
        ("Auto-Submitted", "auto-generated"),
        ("MIME-Version", "1.0"),
        ("Content-Type", body.content_type),
    ]
    if reply_to is not None:
        fields.insert(3, ("Reply-To", address_line(reply_to, header="Reply-To")))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields) + "\r\n"
    return Mail(
        sender=sender,
        recipient=recipient,
        message_id=message_id,
        head=head.encode(),
        body=body,
    )


def list_id(list_name: str, domain: str) -> str:
    """A List-Id such as `<monday-email.digest.example.com>`, made of valid labels only."""
    label = re.sub(r"[^a-z0-9]+", "-", list_name.lower()).strip("-")[:_LABEL_LIMIT].strip("-")
    if not label or label != list_name.lower():
        # Two lists whose names differ only in what was dropped must stay two lists.
        mark = hashlib.sha256(list_name.encode("utf-8", "replace")).hexdigest()[:8]
        label = f"{label}-{mark}" if label else mark
    return f"<{label}.digest.{domain.strip('[]').replace(':', '-')}>"


def _message_id(envelope: Envelope, domain: str) -> str:
    # Mail services fold messages with the same id; each test message must be seen.
    mark = f".{_stamp(envelope.date)}" if envelope.test else ""
    return f"<{envelope.key.digest}{mark}@{domain}>"


def _stamp(date: datetime) -> str:
    return f"{date:%Y%m%dT%H%M%S%f}"


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


def pictures_asked_for(html: str) -> tuple[str, ...]:
    """The names behind `cid:` in the HTML's attributes, each once."""
    return tuple(dict.fromkeys(match["name"] for match in _CID.finditer(html)))


def point_pictures(html: str, targets: Mapping[str, str]) -> str:
    """The HTML with each `cid:NAME` in an attribute replaced by its target, where it has one."""

    def replace(match: re.Match[str]) -> str:
        quote = match["quote"]
        return f"{quote}{targets[match['name']]}{quote}" if match["name"] in targets else match[0]

    return _CID.sub(replace, html)


def _cid(name: str, seed: str, domain: str) -> str:
    return f"{name}.{seed}@{domain}"


def _sound(text: str) -> str:
    """Text that any encoder takes: no half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode()


def _transfer(text: str) -> str:
    """The shorter encoding for this text; never raw, so that no server can mangle a line."""
    data = text.encode("utf-8", "replace")
    plain = sum(byte < 0x7F for byte in data)  # noqa: PLR2004 - the last printable ASCII code + 1
    return "quoted-printable" if (len(data) - plain) * 6 <= len(data) else "base64"


def _tidy(root: EmailMessage, seed: str) -> None:
    """Fixed boundaries, and no header in a part that belongs only to the top."""
    for number, part in enumerate(_parts(root)):
        if part.is_multipart():
            # "=_" cannot occur in quoted-printable or base64, so no line can be mistaken.
            part.set_boundary(f"=_digest_{seed}_{number}")
        if part is not root:
            del part["MIME-Version"]


def _parts(root: EmailMessage) -> Iterator[EmailMessage]:
    for part in root.walk():
        if isinstance(part, EmailMessage):
            yield part
