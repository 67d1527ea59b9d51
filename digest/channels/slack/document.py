"""The frozen form of a Slack digest: JSON that holds all that is posted, charts included. Pure.

    {"version": 1,
     "messages": [{"text": "…", "blocks": […], "thread": false}, …],
     "pictures": [{"name": "sessions", "alt": "…", "title": "…", "png": "BASE64"}, …]}

The first message is the headline. A block with `"picture": NAME` waits for its file. Only the
pictures that a message asks for are kept.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest.channels.slack.answers import SlackError
from digest.channels.slack.blocks import marked_test, pictures_of
from digest.core.content import SlackMessage

if TYPE_CHECKING:
    from digest.core.content import SlackContent

_VERSION = 1


class UnreadableError(SlackError):
    """The bytes are not a document of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A picture to be uploaded, and the words that replace it."""

    name: str
    alt: str
    title: str
    png: bytes

    @property
    def filename(self) -> str:
        """`sessions.png`."""
        return f"{self.name}.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What is posted: the headline and what follows it, and the charts of all of them."""

    messages: tuple[SlackMessage, ...]
    charts: tuple[Chart, ...]


def undrawn(content: SlackContent) -> tuple[str, ...]:
    """A sentence for each picture that a message asks for and that does not exist."""
    drawn = {picture.name for picture in content.pictures}
    missing = [name for name in pictures_of(content.messages) if name not in drawn]
    return tuple(f'chart "{name}" left out: it was not drawn' for name in missing)


def pack(content: SlackContent, *, test: bool) -> bytes:
    """The document of a content; with `test` the headline says that it is only a test."""
    messages = marked_test(content) if test else content.messages
    asked = set(pictures_of(messages))
    document = {
        "version": _VERSION,
        "messages": [
            {"text": message.text, "blocks": message.blocks, "thread": message.thread}
            for message in messages
        ],
        "pictures": [
            {
                "name": picture.name,
                "alt": picture.alt,
                "title": picture.title,
                "png": base64.b64encode(picture.png).decode(),
            }
            for picture in content.pictures
            if picture.name in asked
        ],
    }
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "replace")  # half a character is none: Slack takes only text


def unpack(data: bytes) -> Document:
    """Read a document. Raises UnreadableError."""
    try:
        document = json.loads(data)
        if document["version"] != _VERSION or not document["messages"]:
            raise UnreadableError("the stored message is of another version of digest")
        return Document(
            messages=tuple(_message(entry) for entry in document["messages"]),
            charts=tuple(_chart(entry) for entry in document["pictures"]),
        )
    except (ValueError, LookupError, TypeError, RecursionError):
        raise UnreadableError("the stored message can't be read") from None


def _message(entry: dict[str, Any]) -> SlackMessage:
    return SlackMessage(text=entry["text"], blocks=tuple(entry["blocks"]), thread=entry["thread"])


def _chart(entry: dict[str, str]) -> Chart:
    return Chart(
        name=entry["name"],
        alt=entry["alt"],
        title=entry["title"],
        png=base64.b64decode(entry["png"], validate=True),
    )


class Packer:
    """Packs, and remembers the last content: its readers come one after another."""

    def __init__(self) -> None:
        self._last: tuple[SlackContent, bool, bytes] | None = None

    def pack(self, content: SlackContent, *, test: bool) -> bytes:
        """The document; one bytes object for all readers of one content."""
        last = self._last
        if last is not None and last[0] is content and last[1] == test:
            return last[2]
        packed = pack(content, test=test)
        self._last = (content, test, packed)
        return packed


class Unpacker:
    """Unpacks, and remembers the last document, for the same reason."""

    def __init__(self) -> None:
        self._last: tuple[bytes, Document] | None = None

    def unpack(self, data: bytes) -> Document:
        """Read a document. Raises UnreadableError."""
        if self._last is None or self._last[0] != data:
            self._last = (data, unpack(data))
        return self._last[1]
