"""Mails over one kept connection, one recipient to a transaction.

The rule behind all of it: before the final dot is written, no trouble can have delivered
anything, so it is safe to try again; after it, only the server's reply says what happened.
"""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, assert_never

from digest.channels.smtp.dialogue import Dialogue, RefusedError
from digest.channels.smtp.verdicts import Step, Verdict, is_goodbye, judge, trouble
from digest.channels.smtp.wire import GarbledError
from digest.core.content import DeliveryState

if TYPE_CHECKING:
    import ssl

    from digest.channels import Outside
    from digest.channels.smtp.message import Mail
    from digest.channels.smtp.settings import SmtpSettings

_OK, _FORWARDED, _START_MAIL, _FIRST_REFUSAL = 250, 251, 354, 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one mail. `broke` says that the connection was lost on the way."""

    state: DeliveryState
    detail: str = ""
    broke: bool = False


class Session:
    """A connection that is opened when it is needed, and again when it was found dead."""

    def __init__(
        self, settings: SmtpSettings, outside: Outside, context: ssl.SSLContext | None
    ) -> None:
        self._settings = settings
        self._talk = Dialogue(settings, outside.monotonic, context)
        self._unfinished = False  # a transaction was broken off and needs RSET

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._talk.quit()

    def probe(self) -> str:
        """Connect, log in and ask for nothing; gives how it is encrypted.

        Raises ChannelFaultError.
        """
        self._open()
        try:
            self._talk.say(Step.MAIL, "NOOP", _OK)
        except (RefusedError, OSError, smtplib.SMTPException) as error:
            raise self._talk.fault(error) from None
        return self._talk.encryption

    def deliver(self, mail: Mail) -> Outcome:
        """Hand over one mail. Raises ChannelFaultError when none can go this way now."""
        reused = self._talk.is_open
        if not reused:
            self._open()
        obstacle = self._obstacle(mail)
        if obstacle:
            return Outcome(state=DeliveryState.FAILED, detail=obstacle)
        self._talk.begin_message()
        try:
            self._begin(mail, reused=reused)
            self._hand_over(mail)
        except RefusedError as error:
            return self._settle(error)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            detail = (
                f"the connection to {self._settings.place} was lost before the message for "
                f"{mail.recipient.address} was complete: {trouble(error)}"
            )
            return Outcome(state=DeliveryState.RETRY_WAIT, detail=detail, broke=True)
        return self._finish(mail)

    def _begin(self, mail: Mail, *, reused: bool) -> None:
        """Start a transaction; a kept connection that turns out to be dead is opened anew."""
        try:
            if self._unfinished:
                self._talk.say(Step.MAIL, "RSET", _OK)
                self._unfinished = False
            self._mail_from(mail)
        except RefusedError as error:
            if not reused or not (self._unfinished or is_goodbye(error.code)):
                raise
        except (OSError, smtplib.SMTPException):
            if not reused:
                raise
        else:
            return
        self._drop()
        self._open()
        self._talk.begin_message()
        self._mail_from(mail)

    def _mail_from(self, mail: Mail) -> None:
        wire = self._talk.wire
        options = f" SIZE={mail.size}" if wire.has_extn("size") else ""
        if mail.international:
            options += " BODY=8BITMIME SMTPUTF8"
        wire.command_encoding = "utf-8" if mail.international else "ascii"
        self._talk.say(Step.MAIL, f"MAIL FROM:<{mail.sender.address}>{options}", _OK)
        self._unfinished = True

    def _hand_over(self, mail: Mail) -> None:
        """Recipient and message, all but the final dot."""
        self._talk.say(Step.RCPT, f"RCPT TO:<{mail.recipient.address}>", _OK, _FORWARDED)
        self._talk.say(Step.DATA, "DATA", _START_MAIL)
        self._talk.allow(self._settings.message_timeout)
        self._talk.wire.write_body(mail)
        early = self._talk.wire.early_answer()
        if early is None:
            return
        if early[0] < _FIRST_REFUSAL:
            raise GarbledError("it said yes before the message had ended")
        raise self._talk.refused(Step.DATA, early, mid_message=True)

    def _finish(self, mail: Mail) -> Outcome:
        """The final dot and its answer."""
        wire = self._talk.wire
        try:
            wire.allow(self._settings.end_timeout)
            wire.end_body()
            self._talk.expect(Step.DOT, wire.getreply(), _OK)
        except RefusedError as error:
            return self._settle(error)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            detail = (
                f"{self._settings.place} may have taken the message for "
                f"{mail.recipient.address}, but its answer did not come: {trouble(error)}"
            )
            return Outcome(state=DeliveryState.UNCERTAIN, detail=detail, broke=True)
        self._unfinished = False
        return Outcome(state=DeliveryState.SENT)

    def _settle(self, error: RefusedError) -> Outcome:
        """What a refusal means for this mail. Raises ChannelFaultError when it is for all."""
        verdict = judge(error.step, error.code)
        detail = self._talk.sentence(error)
        goodbye = is_goodbye(error.code)
        if error.mid_message or goodbye or verdict is Verdict.UNKNOWN:
            self._drop()
        match verdict:
            case Verdict.LATER:
                return Outcome(state=DeliveryState.RETRY_WAIT, detail=detail, broke=goodbye)
            case Verdict.FAILED:
                return Outcome(state=DeliveryState.FAILED, detail=detail)
            case Verdict.UNKNOWN:
                return Outcome(state=DeliveryState.UNCERTAIN, detail=detail)
            case Verdict.CHANNEL:
                raise self._talk.fault(error)
            case _:
                assert_never(verdict)

    def _obstacle(self, mail: Mail) -> str:
        """Why this server can't take this mail at all, or nothing."""
        wire, place = self._talk.wire, self._settings.place
        limit = self._settings.max_size
        offered = wire.esmtp_features.get("size", "")
        if offered.isdecimal() and 0 < int(offered) < limit:
            limit = int(offered)
        if mail.size > limit:
            return (
                f"the message has {mail.size:,} bytes, and {place} takes {limit:,}; "
                "show fewer charts"
            )
        if mail.international and not wire.has_extn("smtputf8"):
            who = mail.recipient if mail.recipient.international else mail.sender
            return (
                f"{place} can't carry the letters before the @ of {who.address} "
                "(it does not offer SMTPUTF8)"
            )
        return ""

    def _open(self) -> None:
        self._talk.open()
        self._unfinished = False

    def _drop(self) -> None:
        self._talk.drop()
        self._unfinished = False
