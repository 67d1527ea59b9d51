"""A mail document without its pictures, for servers that don't take the whole one. Pure.

It is made of the frozen document alone, so each try gives the same bytes.
"""

from __future__ import annotations

import hashlib
import re
from email import message_from_bytes
from email.policy import default
from html import escape
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from digest.channels.smtp.message import join_document, point_pictures, split_document
from digest.channels.smtp.mime import encode

if TYPE_CHECKING:
    from email.message import EmailMessage

WITHOUT_CHARTS = "the charts were left out: the mail server takes only smaller messages"
"""The remark on a mail that went out like this."""

LEFT_OUT = "The charts were left out, because the mail server takes only smaller messages."
"""What its reader is told."""

_IMAGE = re.compile(r"""<img\b(?>[^>"']+|"[^"]*"|'[^']*')*+>""", re.IGNORECASE)
_PARAGRAPH = '<p style="margin:0;padding:12px 16px;font-size:14px;line-height:21px">{}</p>'


def smaller(document: bytes) -> bytes:
    """The document with each picture's words in its place; as it is when it has no pictures."""
    head, entity = split_document(document)
    message = message_from_bytes(entity, policy=default)
    images = [part for part in message.walk() if part.get_content_maintype() == "image"]
    if not images:
        return document
    page = _IMAGE.sub(_words_for, _text(message, "html"))
    # A picture can also be a background; what pointed at it points at nothing.
    gone = {str(image["Content-ID"]).strip("<>"): "" for image in images}
    content_type, body = encode(
        f"{_text(message, 'plain').rstrip()}\n\n{LEFT_OUT}\n",
        _with_note(point_pictures(page, gone)),
        {},
        hashlib.sha256(document).hexdigest()[:16],
    )
    return join_document(head, content_type, body)


def _text(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    if part is None:
        raise ValueError(f"the mail has no {kind} part")
    return str(part.get_content())


def _words_for(found: re.Match[str]) -> str:
    """The alternative text of one of our pictures; another image stays as it is."""
    attributes = _Attributes(found[0]).found
    if not attributes.get("src", "").startswith("cid:"):
        return found[0]
    alt = attributes.get("alt", "").strip()
    return _PARAGRAPH.format(escape(alt)) if alt else ""


def _with_note(page: str) -> str:
    before, end, after = page.rpartition("</body>")
    note = _PARAGRAPH.format(LEFT_OUT)
    return f"{before}{note}{end}{after}" if end else f"{page.rstrip()}{note}\n"


class _Attributes(HTMLParser):
    """The attributes of one tag, their entities read."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.found: dict[str, str] = {}
        self.feed(tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del tag
        self.found = {name: value or "" for name, value in reversed(attrs)}
