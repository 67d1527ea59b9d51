"""Text, HTML and pictures as one multipart/alternative: plain ASCII with short lines."""

from __future__ import annotations

from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from digest.core.content import Picture

# Encoded lines stay at 76: quoted-printable and base64 have that limit of their own.
_POLICY = SMTP.clone(max_line_length=76, cte_type="7bit")


def encode(text: str, html: str, pictures: Mapping[str, Picture], seed: str) -> tuple[str, bytes]:
    """The Content-Type and the body. `pictures` are by Content-ID; `seed` makes the boundaries."""
    html, text = _sound(html), _sound(text)
    page = EmailMessage(policy=_POLICY)
    page.set_content(html, subtype="html", cte=_transfer(html))
    for content_id, picture in pictures.items():
        page.add_related(
            picture.png,
            "image",
            "png",
            cid=f"<{content_id}>",
            filename=picture.filename,
            disposition="inline",
        )
    if pictures:
        page.set_param("type", "text/html")
    root = EmailMessage(policy=_POLICY)
    root.set_content(text, cte=_transfer(text))
    root.make_alternative()
    root.attach(page)
    _tidy(root, seed)
    body = root.as_bytes().partition(b"\r\n\r\n")[2]
    return f'multipart/alternative; boundary="{root.get_boundary()}"', body


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
