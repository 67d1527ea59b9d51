"""A digest as files: the same mail and the same Slack messages, to be looked at or kept."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from typing import TYPE_CHECKING

from digest.channels.slack.blocks import marked_test, with_files
from digest.channels.smtp.mail import Mail
from digest.channels.smtp.mailbox import parse_mailbox
from digest.channels.smtp.message import encode_document, head_of, message_id, point_pictures
from digest.core.content import Envelope

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from digest.core.content import Content, DeliveryKey, EmailContent

_NAME_LIMIT = 100  # bytes of a file name, of the 255 that file systems allow
_FORBIDDEN = re.compile(r"[^\w.@+-]+")
_RESERVED = re.compile(r"(?i:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")


def write_preview(
    out: Path,
    content: Content,
    *,
    sender: str,
    recipient: str,
    slack_channel: str,
    date: datetime,
    key: DeliveryKey,
    test: bool = False,
    thread: bytes = b"",
) -> list[Path]:
    """Write `email.html`, `email.txt`, `email.eml`, `slack.json`, `*.png` and the further files.

    The HTML shows its charts when it is opened in a browser. In `slack.json` a picture's file id
    is its file name. `sender` and `recipient` are mail addresses, `thread` the header lines of an
    earlier mail that this one belongs to. Each file appears whole or not at all; other files in
    `out` stay. Gives the paths. Raises DeliveryError for a bad address and OSError when a file
    can't be written.
    """
    envelope = Envelope(
        key=key,
        recipient=recipient,
        content=content,
        date=date,
        list_name=key.job,
        test=test,
    )
    files = {safe_name(name): data for name, data in content.files.items()}
    for picture in (*content.email.pictures, *content.slack.pictures):
        files[safe_name(picture.filename)] = picture.png
    files["email.html"] = _page(content.email).encode("utf-8", "replace")
    files["email.txt"] = content.email.text.encode("utf-8", "replace")
    files["email.eml"] = _mail(envelope, sender, thread)
    files["slack.json"] = _slack(envelope, slack_channel)
    out.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        _write(out / name, data)
    return [out / name for name in sorted(files)]


def safe_name(text: str) -> str:
    """A file name for any text: no separators, no hidden file, not too long, never the same twice.

    Text that had to change gets a mark, so that two texts don't share a file.
    """
    kept = _FORBIDDEN.sub("-", text).strip(".-")
    while len(kept.encode()) > _NAME_LIMIT:
        kept = kept[:-1]
    if kept == text and kept and _RESERVED.fullmatch(kept) is None:
        return kept
    mark = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]
    stem, dot, ending = kept.rpartition(".")
    return f"{stem}-{mark}{dot}{ending}" if stem else f"{kept or 'unnamed'}-{mark}"


def _page(email: EmailContent) -> str:
    """The HTML with its pictures as files beside it."""
    files = {picture.name: safe_name(picture.filename) for picture in email.pictures}
    return point_pictures(email.html, files)


def _mail(envelope: Envelope, sender: str, thread: bytes) -> bytes:
    mailbox = parse_mailbox(sender)
    mail = Mail(
        sender=mailbox.address,
        reference=message_id(envelope, mailbox.domain),
        head=head_of(parse_mailbox(envelope.recipient)) + thread,
        document=encode_document(envelope, sender=mailbox).wire,
    )
    return mail.raw


def _slack(envelope: Envelope, channel: str) -> bytes:
    content = envelope.content.slack
    names = {picture.name: safe_name(picture.filename) for picture in content.pictures}
    messages = [
        {
            "channel": channel,
            "text": message.text,
            "blocks": with_files(message.blocks, names),
            "thread": message.thread,
        }
        for message in (marked_test(content) if envelope.test else content.messages)
    ]
    text = json.dumps({"messages": messages}, indent=2, ensure_ascii=False)
    return f"{text}\n".encode("utf-8", "replace")


def _write(path: Path, data: bytes) -> None:
    """Write beside and rename, so that a reader never sees half a file."""
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
