"""The SMTP channel: one message for each recipient, frozen first, then sent."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING

from digest.channels.smtp import outcomes
from digest.channels.smtp.dialogue import ChannelFaultError, tls_context
from digest.channels.smtp.errand import Errand
from digest.channels.smtp.mail import Mail
from digest.channels.smtp.mailbox import parse_mailbox
from digest.channels.smtp.message import head_of, key_id, message_id, thread_of
from digest.channels.smtp.press import Press
from digest.channels.smtp.session import Session
from digest.channels.smtp.smaller import WITHOUT_CHARTS
from digest.channels.smtp.standing import Standing
from digest.core.content import Frozen, Look, Sighting

if TYPE_CHECKING:
    import ssl

    from digest.channels import Outside
    from digest.channels.smtp.settings import SmtpSettings
    from digest.core.content import Envelope, Outcome, Parcel, Passage

logger = logging.getLogger(__name__)


class SmtpChannel:
    """Sends mail through one SMTP account."""

    def __init__(self, name: str, settings: SmtpSettings, outside: Outside) -> None:
        self.name = name
        self._settings = settings
        self._outside = outside
        self._sender = parse_mailbox(settings.sender)
        reply_to = parse_mailbox(settings.reply_to) if settings.reply_to else None
        self._press = Press(self._sender, reply_to)

    def freeze(self, envelope: Envelope) -> Frozen:
        """The mail of one reader. Raises DeliveryError for what is not a mail address."""
        recipient = parse_mailbox(envelope.recipient)
        document = self._press.document(envelope)
        return Frozen(
            document=document.wire,
            head=head_of(recipient) + thread_of(envelope.follows, self._sender.domain),
            reference=message_id(envelope, self._sender.domain),
            remarks=tuple(f'the chart "{name}" is missing' for name in document.missing),
        )

    def deliver(self, passage: Passage) -> None:
        """Send what the passage gives, over as many connections as the settings say."""
        standing = Standing(self._settings.place)
        try:
            context = tls_context(self._settings)
        except ChannelFaultError as fault:
            standing.fault, context = fault, None
        lanes = self._settings.connections
        if lanes > 1 and standing.fault is None:
            with ThreadPoolExecutor(max_workers=lanes) as pool:
                for lane in [
                    # with the caller's context, which log lines take their facts from
                    pool.submit(copy_context().run, self._lane, passage, standing, context)
                    for _ in range(lanes)
                ]:
                    lane.result()
        else:
            self._lane(passage, standing, context)

    def look(self, parcel: Parcel) -> Look:
        """Nobody can say what a mail server did with a message."""
        del parcel
        return Look(sighting=Sighting.UNKNOWN, detail="a mail can't be looked up after sending")

    def probe(self) -> str:
        """Connect, encrypt, log in and say NOOP, without sending."""
        context, standing = tls_context(self._settings), Standing(self._settings.place)
        with Session(self._settings, self._outside, context, standing) as session:
            encryption = session.probe()
        login = f"logged in as {self._settings.username}" if self._settings.username else "no login"
        return f"{self._settings.place} answers ({encryption}, {login})"

    def _lane(self, passage: Passage, standing: Standing, context: ssl.SSLContext | None) -> None:
        """Send over one connection, until the passage gives no more."""
        with Session(self._settings, self._outside, context, standing) as session:
            while (parcel := passage.take()) is not None:
                errand = Errand(passage=passage, parcel=parcel)
                if not errand.carry_out(partial(self._try, session, standing)):
                    standing.note(broke=True)

    def _try(self, session: Session, standing: Standing, errand: Errand) -> Outcome:
        try:
            standing.check()
            done = session.deliver(errand, self._mail(errand.parcel))
        except ChannelFaultError as error:
            return outcomes.at_fault(error)
        standing.note(broke=done.broke)
        logger.info(
            "mail handled",
            extra={
                "action": f"mail_{done.outcome.state}",
                "message_id": errand.parcel.reference,
            },
        )
        return done.outcome

    def _mail(self, parcel: Parcel) -> Mail:
        document = self._press.smaller(parcel.document) if parcel.small else parcel.document
        return Mail(
            sender=self._sender.address,
            reference=parcel.reference or key_id(parcel.key, self._sender.domain),
            head=parcel.head,
            document=document,
            small=parcel.small,
            remarks=(WITHOUT_CHARTS,) if document is not parcel.document else (),
        )
