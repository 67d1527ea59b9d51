"""The SMTP channel: one message for each recipient, one receipt for each envelope."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from digest.channels.smtp.dialogue import ChannelFaultError, tls_context
from digest.channels.smtp.mailbox import parse_mailbox
from digest.channels.smtp.message import Mail, MailBody, compose, encode_body
from digest.channels.smtp.session import Outcome, Session
from digest.core.content import DeliveryState, Envelope, Receipt
from digest.errors import DeliveryError

if TYPE_CHECKING:
    import ssl

    from digest.channels import Outside
    from digest.channels.smtp.settings import SmtpSettings
    from digest.core.content import EmailContent

_Bodies = dict[tuple["EmailContent", str, str, str], MailBody]
_LOST_IN_A_ROW = 3  # connections, after which the server is left alone for this call

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Batch:
    """The mails of one `deliver` call that wait, what became of the others, and what is wrong.

    A mail is known by the place of its envelope in the call.
    """

    server: str
    waiting: SimpleQueue[tuple[int, Mail]] = field(default_factory=SimpleQueue)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    fault: str = ""
    lost_in_a_row: int = 0

    def note(self, place: int, outcome: Outcome) -> None:
        """Keep an outcome; when connections keep breaking, the rest has to wait."""
        self.outcomes[place] = outcome
        self.lost_in_a_row = self.lost_in_a_row + 1 if outcome.broke else 0
        if self.lost_in_a_row >= _LOST_IN_A_ROW and not self.fault:
            self.fault = f"{self.server} broke {_LOST_IN_A_ROW} connections in a row"


class SmtpChannel:
    """Sends mail through one SMTP account."""

    def __init__(self, name: str, settings: SmtpSettings, outside: Outside) -> None:
        self.name = name
        self._settings = settings
        self._outside = outside
        self._sender = parse_mailbox(settings.sender)
        self._reply_to = parse_mailbox(settings.reply_to) if settings.reply_to else None

    def deliver(self, envelopes: tuple[Envelope, ...]) -> tuple[Receipt, ...]:
        """Send each envelope; a fault of the server or the account puts off all that is left."""
        bodies: _Bodies = {}
        prepared = [self._compose(envelope, bodies) for envelope in envelopes]
        outcomes = self._send(
            [(place, mail) for place, mail in enumerate(prepared) if isinstance(mail, Mail)]
        )
        return tuple(
            _receipt(envelope, mail, outcomes[place])
            if isinstance(mail, Mail)
            else Receipt(key=envelope.key, state=DeliveryState.FAILED, detail=mail)
            for place, (envelope, mail) in enumerate(zip(envelopes, prepared, strict=True))
        )

    def probe(self) -> str:
        """Connect, encrypt, log in and say NOOP, without sending."""
        with Session(self._settings, self._outside, tls_context(self._settings)) as session:
            encryption = session.probe()
        login = f"logged in as {self._settings.username}" if self._settings.username else "no login"
        return f"{self._settings.place} answers ({encryption}, {login})"

    def _compose(self, envelope: Envelope, bodies: _Bodies) -> Mail | str:
        """The mail, or why there can be none for this recipient."""
        try:
            recipient = parse_mailbox(envelope.recipient)
        except DeliveryError as error:
            return str(error)
        key = envelope.key
        shared = (envelope.content.email, key.job, key.kind.value, key.period)
        if shared not in bodies:
            bodies[shared] = encode_body(envelope.content.email, key, self._sender.domain)
        return compose(
            envelope,
            bodies[shared],
            sender=self._sender,
            recipient=recipient,
            reply_to=self._reply_to,
        )

    def _send(self, mails: list[tuple[int, Mail]]) -> dict[int, Outcome]:
        batch = _Batch(server=self._settings.place)
        for waiting in mails:
            batch.waiting.put(waiting)
        lanes = min(self._settings.connections, len(mails))
        try:
            context = tls_context(self._settings)
        except ChannelFaultError as error:
            batch.fault, context = str(error), None
        if lanes > 1 and not batch.fault:
            with ThreadPoolExecutor(max_workers=lanes) as pool:
                for lane in [pool.submit(self._lane, batch, context) for _ in range(lanes)]:
                    lane.result()
        else:
            self._lane(batch, context)
        return batch.outcomes

    def _lane(self, batch: _Batch, context: ssl.SSLContext | None) -> None:
        """Send what waits over one connection, until nothing waits."""
        with Session(self._settings, self._outside, context) as session, suppress(Empty):
            while True:
                place, mail = batch.waiting.get_nowait()
                batch.note(place, _deliver(session, batch, mail))


def _deliver(session: Session, batch: _Batch, mail: Mail) -> Outcome:
    if not batch.fault:
        try:
            outcome = session.deliver(mail)
        except ChannelFaultError as error:
            batch.fault = str(error)
        else:
            logger.info(
                "mail handled",
                extra={"action": f"mail_{outcome.state}", "message_id": mail.message_id},
            )
            return outcome
    return Outcome(state=DeliveryState.RETRY_WAIT, detail=batch.fault)


def _receipt(envelope: Envelope, mail: Mail, outcome: Outcome) -> Receipt:
    remarks = tuple(f'the chart "{name}" is missing' for name in mail.body.missing)
    return Receipt(
        key=envelope.key,
        state=outcome.state,
        reference=mail.message_id,
        detail=outcome.detail,
        remarks=remarks if outcome.state is DeliveryState.SENT else (),
    )
