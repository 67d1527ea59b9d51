"""What is sent: rendered content, who gets it, and what became of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A drawn chart: PNG bytes at 2x, its size in CSS pixels, and the words that replace it.

    `name` is a plain slug such as `sessions` or `sessions-country`; its file is `NAME.png` and
    its Content-ID is made from it.
    """

    name: str
    png: bytes
    alt: str
    width: int
    height: int
    title: str

    @property
    def filename(self) -> str:
        """`sessions.png`."""
        return f"{self.name}.png"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmailContent:
    """One rendered e-mail, the same for every reader. `html` refers to pictures as `cid:NAME`."""

    subject: str
    html: str
    text: str
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackMessage:
    """One Slack post. `text` stands alone in a notification; `blocks` are Block Kit JSON.

    A picture's block is `{"type": "image", "picture": NAME, "alt_text": …}`: the channel puts
    the uploaded file in its place, or drops the block when the upload failed. `thread` posts it
    as a reply to the first message.
    """

    text: str
    blocks: tuple[dict[str, Any], ...]
    thread: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackContent:
    """One rendered Slack digest: a headline message, then replies."""

    messages: tuple[SlackMessage, ...]
    pictures: tuple[Picture, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything rendered for one run; a channel takes the form that it can carry.

    `files` are further documents (name → bytes) that the folder channel and `preview` write,
    such as `report.json`.
    """

    email: EmailContent
    slack: SlackContent
    files: dict[str, bytes] = field(default_factory=dict)


class DeliveryKind(StrEnum):
    """What a delivery is for."""

    DIGEST = "digest"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryKey:
    """The identity of one delivery: the same key is the same message, whenever it is sent."""

    install: str
    job: str
    kind: DeliveryKind
    period: str
    channel: str
    recipient: str
    generation: int = 0

    @property
    def digest(self) -> str:
        """32 hex digits that stand for the key."""
        parts = (
            self.install,
            self.job,
            self.kind,
            self.period,
            self.channel,
            self.recipient,
            str(self.generation),
        )
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


class DeliveryState(StrEnum):
    """What became of one delivery (the names of the ledger's states)."""

    PLANNED = "planned"
    SENT = "sent"
    RETRY_WAIT = "retry_wait"
    UNCERTAIN = "uncertain"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What to send to one recipient of one channel.

    `recipient` is an address, a Slack channel id or name, or a folder. `date` is the aware
    instant that goes into the message. `test` marks a message that is only a test.
    """

    key: DeliveryKey
    recipient: str
    content: Content
    date: datetime
    list_name: str
    test: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What became of one envelope.

    `reference` is the Message-ID, the Slack timestamp or the folder. `detail` is one sentence
    for a person (the reason, when it was not sent), free of secrets. `remarks` are sentences
    about what was left out of a message that was sent, such as a chart.
    """

    key: DeliveryKey
    state: DeliveryState
    reference: str | None = None
    detail: str = ""
    remarks: tuple[str, ...] = ()


class Channel(Protocol):
    """A way to deliver: one file in `digest/channels/`, one class with this shape."""

    name: str

    def deliver(self, envelopes: tuple[Envelope, ...]) -> tuple[Receipt, ...]:
        """Send each envelope; one receipt each, in order. Never raises for a bad recipient."""
        ...

    def probe(self) -> str:
        """Try login and reachability without sending; gives a sentence, raises DeliveryError."""
        ...
