"""Mails over one kept connection, one recipient to a transaction.

The rule behind all of it: before the final dot is written, no trouble can have delivered
anything, so it is safe to try again; after it, only the server's reply says what happened. So the
passage is told right before the dot, when everything else is on the server already.
"""

from __future__ import annotations

import smtplib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, assert_never

from digest.channels.smtp import outcomes
from digest.channels.smtp.dialogue import ChannelFaultError, Dialogue, RefusedError
from digest.channels.smtp.verdicts import Stage, Verdict, is_goodbye, judge, took
from digest.channels.smtp.wire import GarbledError
from digest.core.steps import Step, reached

if TYPE_CHECKING:
    import ssl

    from digest.channels import Outside
    from digest.channels.smtp.errand import Errand
    from digest.channels.smtp.mail import Mail
    from digest.channels.smtp.settings import SmtpSettings
    from digest.channels.smtp.standing import Standing
    from digest.core.content import Outcome

_OK, _FORWARDED, _START_MAIL, _FIRST_REFUSAL = 250, 251, 354, 400
_REFUSALS = (4, 5)  # their first digits


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What became of one try. `broke` says that the connection was lost on the way."""

    outcome: Outcome
    broke: bool = False


class Session:
    """A connection that is opened when it is needed, and again when it was found dead."""

    def __init__(
        self,
        settings: SmtpSettings,
        outside: Outside,
        context: ssl.SSLContext | None,
        standing: Standing,
    ) -> None:
        self._settings = settings
        self._standing = standing
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
        self._talk.open()
        try:
            self._talk.say(Stage.MAIL, "NOOP", _OK)
        except (RefusedError, OSError, smtplib.SMTPException) as error:
            raise self._talk.fault(error) from None
        return self._talk.encryption

    def deliver(self, errand: Errand, mail: Mail) -> Try:
        """Hand over one mail. Raises ChannelFaultError when none can go this way now.

        Whatever else is raised, nothing more is sent over this connection.
        """
        try:
            return self._deliver(errand, mail)
        except ChannelFaultError:
            raise
        except BaseException:
            self._drop()
            raise

    def _deliver(self, errand: Errand, mail: Mail) -> Try:
        reused = self._talk.is_open
        if not reused:
            self._open()
        errand.begin()
        features = self._talk.wire.esmtp_features
        obstacle = outcomes.obstacle(mail, self._settings, features)
        if obstacle is not None:
            return Try(outcome=obstacle)
        self._talk.begin_message()
        try:
            self._begin(mail, reused=reused)
            self._hand_over(mail)
            self._heed_early_answer()
            errand.arm()
            reached(Step.ARM_POST)
            self._heed_early_answer()
        except RefusedError as error:
            return self._refused(mail, error)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Try(outcome=outcomes.lost(self._settings.place, mail, error), broke=True)
        if not errand.still_fresh():
            self._drop()
            return Try(outcome=outcomes.stale(mail))
        return self._finish(mail)

    def _begin(self, mail: Mail, *, reused: bool) -> None:
        """Start a transaction; a kept connection that turns out to be dead is opened anew."""
        try:
            if self._unfinished:
                self._talk.say(Stage.MAIL, "RSET", _OK)
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
        self._talk.say(Stage.MAIL, f"MAIL FROM:<{mail.sender}>{options}", _OK)
        self._unfinished = True
        reached(Step.SMTP_MAIL)

    def _hand_over(self, mail: Mail) -> None:
        """Recipient and message, all but the final dot."""
        self._talk.say(Stage.RCPT, f"RCPT TO:<{mail.recipient}>", _OK, _FORWARDED)
        reached(Step.SMTP_RCPT)
        self._talk.say(Stage.DATA, "DATA", _START_MAIL)
        reached(Step.SMTP_354)
        self._talk.allow(self._settings.message_timeout)
        self._talk.wire.write_body(mail)
        reached(Step.SMTP_BODY)

    def _heed_early_answer(self) -> None:
        """Raise what the server said before the message had ended, if it said anything."""
        early = self._talk.wire.early_answer()
        if early is None:
            return
        if early[0] < _FIRST_REFUSAL:
            raise GarbledError("it said yes before the message had ended")
        raise self._talk.refused(Stage.DATA, early, mid_message=True)

    def _finish(self, mail: Mail) -> Try:
        """The final dot and its answer."""
        wire = self._talk.wire
        try:
            wire.allow(self._settings.end_timeout)
            wire.end_body()
            reached(Step.DOT_POST)
            answer = wire.getreply()
            reached(Step.REPLY_POST)
            if not took(answer[0]):
                raise self._talk.refused(Stage.DOT, answer)
        except RefusedError as error:
            return self._refused(mail, error)
        except (OSError, smtplib.SMTPException) as error:
            self._drop()
            return Try(outcome=outcomes.unanswered(self._settings.place, mail, error), broke=True)
        self._unfinished = False
        return Try(outcome=outcomes.sent(mail))

    def _refused(self, mail: Mail, error: RefusedError) -> Try:
        """What a refusal means for this mail. Raises ChannelFaultError when it is for all."""
        verdict = judge(error.stage, error.code, error.status)
        detail, codes = self._talk.sentence(error), error.codes
        goodbye = is_goodbye(error.code)
        # A reply that is neither yes nor no belongs elsewhere: we are out of step with the server.
        if error.mid_message or goodbye or error.code // 100 not in _REFUSALS:
            self._drop()
        match verdict:
            case Verdict.LATER:
                return Try(outcome=outcomes.later(detail, codes), broke=goodbye)
            case Verdict.FAILED:
                return Try(outcome=outcomes.failed(detail, codes))
            case Verdict.TOO_LARGE:
                return Try(outcome=outcomes.too_large(mail, detail, codes))
            case Verdict.UNKNOWN:
                return Try(outcome=outcomes.uncertain(detail, codes))
            case Verdict.CHANNEL:
                raise self._talk.fault(error)
            case _:
                assert_never(verdict)

    def _open(self) -> None:
        self._standing.enter(self._talk.open)
        self._unfinished = False
        reached(Step.SMTP_CONNECT)

    def _drop(self) -> None:
        self._talk.drop()
        self._unfinished = False
