"""Content → frozen deliveries: each reader of each channel, or why there are no bytes for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digest.core.content import DeliveryKey, DeliveryKind, Envelope
from digest.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime

    from digest.core.content import Channel, Content, Follows, Frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """One content for all its readers (channel name → recipients), as it is about to be planned.

    `date` is the aware instant that goes into the messages. `follows` are the earlier messages
    that these belong to, by channel and recipient.
    """

    install: str
    job: str
    kind: DeliveryKind
    period: str
    generation: int
    content: Content
    date: datetime
    to: Mapping[str, tuple[str, ...]]
    follows: Mapping[tuple[str, str], Follows] = field(default_factory=dict)

    def envelopes(self) -> Iterator[Envelope]:
        """One for each reader; each recipient of a channel once."""
        for channel, recipients in self.to.items():
            for recipient in dict.fromkeys(recipients):
                yield Envelope(
                    key=DeliveryKey(
                        install=self.install,
                        job=self.job,
                        kind=self.kind,
                        period=self.period,
                        channel=channel,
                        recipient=recipient,
                        generation=self.generation,
                    ),
                    recipient=recipient,
                    content=self.content,
                    date=self.date,
                    list_name=self.job,
                    test=self.kind is DeliveryKind.TEST,
                    follows=self.follows.get((channel, recipient)),
                )


@dataclass(frozen=True, slots=True)
class _Freezing:
    """The bytes for each reader, made one at a time, anew in each pass."""

    mailing: Mailing
    channel: Callable[[str], Channel]

    def __iter__(self) -> Iterator[tuple[DeliveryKey, Frozen | str]]:
        for envelope in self.mailing.envelopes():
            try:
                yield envelope.key, self.channel(envelope.key.channel).freeze(envelope)
            except DeliveryError as error:
                yield envelope.key, str(error)


def frozen(
    mailing: Mailing, channel: Callable[[str], Channel]
) -> Iterable[tuple[DeliveryKey, Frozen | str]]:
    """The bytes for each reader, made one at a time; a sentence where there can be none."""
    return _Freezing(mailing, channel)
