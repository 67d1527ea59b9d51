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
    ALERT = "alert"
    OPS = "ops"
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
    """Where one delivery stands. `core.outbox` has the moves between them."""

    PLANNED = "planned"
    LEASED = "leased"
    SENDING = "sending"
    AT_RISK = "at_risk"
    SENT = "sent"
    RETRY_WAIT = "retry_wait"
    UNCERTAIN = "uncertain"
    HELD = "held"
    FAILED = "failed"
    DEAD = "dead"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Follows:
    """An earlier message to the same recipient, which a message belongs to.

    `key` is the earlier delivery's. `reference` (its Message-ID, or Slack's ts) and `place` are as
    the ledger has them, None where they are not known (yet). With `edits` the earlier message is
    changed into this one where a channel can do that; else this one goes into its thread.
    """

    key: DeliveryKey
    reference: str | None = None
    place: str | None = None
    edits: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What to send to one recipient of one channel.

    `recipient` is an address, a Slack channel id or name, or a folder. `date` is the aware
    instant that goes into the message. `test` marks a message that is only a test. `follows` is
    the earlier message that it belongs to.
    """

    key: DeliveryKey
    recipient: str
    content: Content
    date: datetime
    list_name: str
    test: bool = False
    follows: Follows | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """The bytes of one delivery, fixed before anything is sent.

    `document` is the same for every reader of one content, `head` is the reader's own. How they
    are read is the channel's business. `reference` is the Message-ID, where there is one before
    sending. `remarks` are sentences about what the message lacks, such as a chart.
    """

    document: bytes
    head: bytes = b""
    reference: str | None = None
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A frozen delivery that is about to be sent, or whose fate is to be looked up.

    `small` asks for the form without pictures: the server refused the whole one for its size.
    `place` is where an earlier message to this recipient went, such as a Slack channel's id.
    `armed_at` is the aware instant from which on the recipient may have it.
    """

    key: DeliveryKey
    document: bytes
    head: bytes = b""
    reference: str | None = None
    small: bool = False
    place: str | None = None
    armed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one try: SENT, RETRY_WAIT, FAILED or UNCERTAIN.

    `detail` is one sentence for a person (the reason, when it was not sent), free of secrets.
    `remarks` are sentences about what was left out of a message that was sent. `reference` and
    `place` are known once it was sent. `code` is the server's own (SMTP's, or Slack's word).
    `retry_after` is how many seconds the server asks to wait. `fault` says that the trouble is
    the channel's and not this recipient's; `passing` that such a fault can end by itself.
    `too_large` says that a smaller form may be taken.
    """

    state: DeliveryState
    detail: str = ""
    remarks: tuple[str, ...] = ()
    reference: str | None = None
    place: str | None = None
    code: str = ""
    retry_after: float | None = None
    fault: bool = False
    passing: bool = True
    too_large: bool = False


class Sighting(StrEnum):
    """What a look into the recipient's channel showed."""

    FOUND = "found"
    ABSENT = "absent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The result of a look. `lasting` says that an absence is final, so one look is enough."""

    sighting: Sighting
    detail: str = ""
    remarks: tuple[str, ...] = ()
    reference: str | None = None
    place: str | None = None
    lasting: bool = False


class Passage(Protocol):
    """What a channel asks and tells while it delivers; made for it by the outbox.

    Only between `arm` and `settle` may the recipient get anything. Safe to use from threads.
    """

    def take(self) -> Parcel | None:
        """The next parcel, or None when there is none (any more)."""
        ...

    def begin(self, parcel: Parcel) -> None:
        """The server is being talked to about this parcel."""
        ...

    def arm(self, parcel: Parcel) -> None:
        """Make the risk durable. Raises NotArmedError: then nothing may be sent."""
        ...

    def still_fresh(self, parcel: Parcel) -> bool:
        """Whether the last `arm` is recent enough to act on; else settle as RETRY_WAIT."""
        ...

    def settle(self, parcel: Parcel, outcome: Outcome) -> None:
        """Say what became of a parcel; each that was taken is settled once."""
        ...


class Channel(Protocol):
    """A way to deliver: one file in `digest/channels/`, one class with this shape."""

    name: str

    def freeze(self, envelope: Envelope) -> Frozen:
        """The bytes for one recipient. Raises DeliveryError when this recipient can have none."""
        ...

    def deliver(self, passage: Passage) -> None:
        """Send what the passage gives until it gives no more, and settle each parcel."""
        ...

    def look(self, parcel: Parcel) -> Look:
        """Whether the recipient has this parcel already; never raises."""
        ...

    def probe(self) -> str:
        """Try login and reachability without sending; gives a sentence, raises DeliveryError."""
        ...
