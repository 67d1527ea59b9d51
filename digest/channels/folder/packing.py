"""A content as JSON bytes that hold everything, and back. Pure."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from digest.core.content import Content, EmailContent, Picture, SlackContent, SlackMessage

if TYPE_CHECKING:
    from digest.core.content import Envelope

_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What every reader of one content gets, and the date of it."""

    content: Content
    date: datetime
    test: bool


def pack(envelope: Envelope) -> bytes:
    """Content, date and test mark, but not the reader: the same content gives the same bytes."""
    email, slack = envelope.content.email, envelope.content.slack
    pictures = tuple(dict.fromkeys((*email.pictures, *slack.pictures)))
    document = {
        "format": _FORMAT,
        "date": envelope.date.isoformat(),
        "test": envelope.test,
        "pictures": [{**asdict(picture), "png": _coded(picture.png)} for picture in pictures],
        "email": {
            "subject": email.subject,
            "html": email.html,
            "text": email.text,
            "pictures": [pictures.index(picture) for picture in email.pictures],
        },
        "slack": {
            "messages": [asdict(message) for message in slack.messages],
            "pictures": [pictures.index(picture) for picture in slack.pictures],
        },
        "files": {name: _coded(data) for name, data in envelope.content.files.items()},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def unpack(document: bytes) -> Packed:
    """What was packed. Raises ValueError for bytes of another version of digest."""
    read: dict[str, Any] = json.loads(document)
    if read.get("format") != _FORMAT:
        raise ValueError("the delivery was frozen by another version of digest")
    pictures = [Picture(**{**made, "png": _data(made["png"])}) for made in read["pictures"]]
    email, slack = read["email"], read["slack"]
    return Packed(
        content=Content(
            email=EmailContent(
                **{**email, "pictures": tuple(pictures[place] for place in email["pictures"])}
            ),
            slack=SlackContent(
                messages=tuple(
                    SlackMessage(**{**message, "blocks": tuple(message["blocks"])})
                    for message in slack["messages"]
                ),
                pictures=tuple(pictures[place] for place in slack["pictures"]),
            ),
            files={name: _data(coded) for name, coded in read["files"].items()},
        ),
        date=datetime.fromisoformat(read["date"]),
        test=read["test"],
    )


def _coded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _data(coded: str) -> bytes:
    return base64.b64decode(coded)
