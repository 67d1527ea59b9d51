"""Contents, envelopes and an outside world for tests of channels."""

from __future__ import annotations

import struct
import time
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from digest.channels import Outside
from digest.core.content import (
    Content,
    DeliveryKey,
    DeliveryKind,
    EmailContent,
    Envelope,
    Picture,
    SlackContent,
    SlackMessage,
)

DATE = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
OUTSIDE = Outside(monotonic=time.monotonic, sleep=time.sleep)


@dataclass(frozen=True, slots=True)
class Hidden:
    """A secret as pydantic's, without pydantic."""

    value: str = field(repr=False)

    def get_secret_value(self) -> str:
        return self.value


@dataclass(slots=True)
class Clock:
    """A clock that only moves when somebody waits."""

    now: float = 1000.0
    waits: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def outside(self) -> Outside:
        return Outside(monotonic=lambda: self.now, sleep=self.sleep)


def png(shade: int = 200) -> bytes:
    """A real picture of one grey dot."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(bytes([0, shade])))
        + chunk(b"IEND", b"")
    )


def picture(name: str = "sessions", shade: int = 200) -> Picture:
    return Picture(
        name=name, png=png(shade), alt=f"{name} went up", width=1, height=1, title=name.title()
    )


def email(**changes: Any) -> EmailContent:
    fields: dict[str, Any] = {
        "subject": "Acme Shop: 1,234 sessions in week 47",
        "html": '<p>1,234 sessions</p><img src="cid:sessions" alt="sessions went up">',
        "text": "1,234 sessions\n",
        "pictures": (picture(),),
    }
    return EmailContent(**{**fields, **changes})


def slack(*messages: SlackMessage, pictures: tuple[Picture, ...] = ()) -> SlackContent:
    return SlackContent(messages=messages or (headline(),), pictures=pictures)


def headline(text: str = "1,234 sessions", *blocks: dict[str, Any]) -> SlackMessage:
    return SlackMessage(text=text, blocks=(section(text), *blocks))


def details(text: str = "By country", *blocks: dict[str, Any]) -> SlackMessage:
    return SlackMessage(text=text, blocks=(section(text), *blocks), thread=True)


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def chart(name: str = "sessions") -> dict[str, Any]:
    return {"type": "image", "picture": name, "alt_text": f"{name} went up"}


def envelope(
    recipient: str,
    *,
    mail: EmailContent | None = None,
    posts: SlackContent | None = None,
    files: dict[str, bytes] | None = None,
    test: bool = False,
    job: str = "monday-email",
    channel: str = "mail",
    generation: int = 0,
) -> Envelope:
    key = DeliveryKey(
        install="digest",
        job=job,
        kind=DeliveryKind.TEST if test else DeliveryKind.DIGEST,
        period="2026-W47",
        channel=channel,
        recipient=recipient,
        generation=generation,
    )
    content = Content(email=mail or email(), slack=posts or slack(), files=files or {})
    return Envelope(
        key=key, recipient=recipient, content=content, date=DATE, list_name=job, test=test
    )
