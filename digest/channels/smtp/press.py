"""Documents that are made once, however many readers they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from digest.channels.smtp.message import MailDocument, encode_document
from digest.channels.smtp.smaller import smaller

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.channels.smtp.mailbox import Mailbox
    from digest.core.content import Envelope

_KEPT = 4  # jobs that may run side by side

Made = TypeVar("Made")


class Press:
    """Makes documents and keeps the last few. Safe to use from threads."""

    def __init__(self, sender: Mailbox, reply_to: Mailbox | None) -> None:
        self._sender = sender
        self._reply_to = reply_to
        self._documents = _Last[MailDocument]()
        self._smaller = _Last[bytes]()

    def document(self, envelope: Envelope) -> MailDocument:
        """The document for this content; the same object for its next reader."""
        key = envelope.key
        made_of = (
            envelope.content.email,
            (key.install, key.job, key.kind, key.period),
            (envelope.date, envelope.list_name, envelope.test),
        )
        return self._documents.get(
            made_of,
            lambda: encode_document(envelope, sender=self._sender, reply_to=self._reply_to),
        )

    def smaller(self, document: bytes) -> bytes:
        """The document without its pictures."""
        return self._smaller.get(document, lambda: smaller(document))


class _Last(Generic[Made]):
    """The last few things that were made, each with what it was made of."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[object, Made], ...] = ()

    def get(self, made_of: object, make: Callable[[], Made]) -> Made:
        for known, made in self._kept:
            if known == made_of:
                return made
        made = make()
        # One assignment, so that another thread sees the old ones or the new ones.
        self._kept = ((made_of, made), *self._kept)[:_KEPT]
        return made
