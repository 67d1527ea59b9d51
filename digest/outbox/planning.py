"""Content → frozen deliveries: each reader of each channel, or why there are no bytes for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from digest.core.content import DeliveryKey, DeliveryKind, Envelope
from digest.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from digest.core.content import Channel, Content, Frozen


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """One content for all its readers (channel name → recipients), as it is about to be planned.

    `date` is the aware instant that goes into the messages.
    """

    install: str
    job: str
    kind: DeliveryKind
    period: str
    generation: int
    content: Content
    date: datetime
    to: Mapping[str, tuple[str, ...]]

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
                )


def frozen(
    mailing: Mailing, channel: Callable[[str], Channel]
) -> Iterator[tuple[DeliveryKey, Frozen | str]]:
    """The bytes for each reader, made one at a time; a sentence where there can be none."""
    for envelope in mailing.envelopes():
        try:
            yield envelope.key, channel(envelope.key.channel).freeze(envelope)
        except DeliveryError as error:
            yield envelope.key, str(error)
