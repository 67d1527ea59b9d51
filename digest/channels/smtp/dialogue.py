"""The way to a server that takes mail: connect, encrypt, log in, and speak with time limits."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hmac
import math
import smtplib
import ssl
from typing import TYPE_CHECKING

from digest.channels.smtp.settings import Security
from digest.channels.smtp.verdicts import (
    Stage,
    login_traces,
    printable,
    refusal,
    status_of,
    trouble,
)
from digest.channels.smtp.wire import GarbledError, Wire
from digest.errors import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.channels.smtp.settings import SmtpSettings

_READY, _LOGGED_IN, _OK, _CHALLENGE = 220, 235, 250, 334
_NO = 5  # the first digit of a refusal for good
_QUIT_TIME = 5.0  # seconds; its outcome changes nothing


class ChannelFaultError(DeliveryError):
    """No message can go this way now; the sentence holds for every recipient.

    `passing` says that it can end by itself, without a person. `code` is the server's own.
    """

    def __init__(self, message: str, *, passing: bool, code: str = "") -> None:
        self.passing = passing
        self.code = code
        super().__init__(message)


class RefusedError(Exception):
    """The server answered something other than what a stage needs."""

    def __init__(self, stage: Stage, code: int, text: str, *, mid_message: bool = False) -> None:
        self.stage = stage
        self.code = code
        self.text = text
        self.status = status_of(text)
        self.mid_message = mid_message
        super().__init__(code)

    @property
    def codes(self) -> str:
        """`451 4.7.1`, or `451` alone."""
        return f"{self.code} {self.status}".rstrip()


def tls_context(settings: SmtpSettings) -> ssl.SSLContext | None:
    """A context that verifies names and certificates, TLS 1.2 or newer; None for plain text.

    Raises ChannelFaultError when the file of authorities can't be used.
    """
    if settings.security is Security.NONE:
        return None
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        message = f"ca_file {settings.ca_file} can't be used: {trouble(error)}"
        raise ChannelFaultError(message, passing=False) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class Dialogue:
    """A connection that is logged in, or none. Nothing is logged in before the encryption."""

    def __init__(
        self,
        settings: SmtpSettings,
        monotonic: Callable[[], float],
        context: ssl.SSLContext | None,
    ) -> None:
        self._settings = settings
        self._monotonic = monotonic
        self._context = context
        self._password = settings.password.get_secret_value() if settings.password else ""
        self._traces = login_traces(settings.username, self._password)
        self._wire: Wire | None = None
        self._end = math.inf

    @property
    def is_open(self) -> bool:
        """Whether there is a connection, as far as we know."""
        return self._wire is not None and self._wire.is_open

    @property
    def wire(self) -> Wire:
        """The connection. Raises SMTPServerDisconnected when there is none."""
        if self._wire is None:
            raise smtplib.SMTPServerDisconnected("the connection is closed")
        return self._wire

    @property
    def encryption(self) -> str:
        """`TLSv1.3`, or `no encryption`."""
        sock = self._wire.sock if self._wire else None
        return (sock.version() or "TLS") if isinstance(sock, ssl.SSLSocket) else "no encryption"

    def open(self) -> None:
        """Connect, encrypt and log in. Raises ChannelFaultError."""
        self._end = math.inf
        try:
            self._open()
        except (RefusedError, OSError, smtplib.SMTPException) as error:
            self.drop()
            raise self.fault(error) from None
        except ChannelFaultError:
            self.drop()
            raise

    def fault(self, error: RefusedError | OSError | smtplib.SMTPException) -> ChannelFaultError:
        """The error for trouble that no message can get around."""
        if isinstance(error, RefusedError):
            passing = error.code // 100 != _NO
            return ChannelFaultError(self.sentence(error), passing=passing, code=error.codes)
        return ChannelFaultError(
            f"{self._settings.place} can't be used: {trouble(error)}",
            passing=not isinstance(error, ssl.SSLCertVerificationError),
        )

    def sentence(self, error: RefusedError) -> str:
        """A refusal in words."""
        return refusal(self._settings.place, error.stage, error.code, error.text)

    def begin_message(self) -> None:
        """From now on every exchange, up to the next `open`, ends with the message's time."""
        self._end = self._monotonic() + self._settings.message_timeout

    def allow(self, seconds: float) -> None:
        """Bound the next exchange, and by the message's time as well."""
        self.wire.allow(min(seconds, self._end - self._monotonic()))

    def say(self, stage: Stage, command: str, *wanted: int) -> bytes:
        """One command and its reply. Raises RefusedError when it is not a wanted one."""
        self.allow(self._settings.reply_timeout)
        return self.expect(stage, self.wire.docmd(command), *wanted)

    def expect(self, stage: Stage, answer: tuple[int, bytes], *wanted: int) -> bytes:
        """The text of a wanted reply. Raises RefusedError for any other."""
        code, text = answer
        if code not in wanted:
            raise self.refused(stage, answer)
        return text

    def refused(
        self, stage: Stage, answer: tuple[int, bytes], *, mid_message: bool = False
    ) -> RefusedError:
        """The error for a reply, its text made printable and free of the login."""
        code, text = answer
        return RefusedError(stage, code, printable(text, self._traces), mid_message=mid_message)

    def quit(self) -> None:
        """Say goodbye and close; whatever happens here changes nothing that was sent."""
        if self.is_open:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self.wire.allow(_QUIT_TIME)
                self.wire.docmd("QUIT")
        self.drop()

    def drop(self) -> None:
        """Close without a word."""
        if self._wire is not None:
            self._wire.close()
        self._wire = None

    def _open(self) -> None:
        settings = self._settings
        self._wire = Wire(
            settings.host,
            settings.port,
            monotonic=self._monotonic,
            connect_timeout=settings.connect_timeout,
            reply_timeout=settings.reply_timeout,
            tls=self._context if settings.security is Security.TLS else None,
        )
        self.expect(Stage.GREETING, self._wire.open(), _READY)
        self._hello()
        if settings.security is Security.STARTTLS:
            self._encrypt()
        if settings.username:
            self._login(settings.username)

    def _hello(self) -> None:
        self.allow(self._settings.reply_timeout)
        self.expect(Stage.EHLO, self.wire.ehlo(), _OK)

    def _encrypt(self) -> None:
        if not self.wire.has_extn("starttls") or self._context is None:
            raise ChannelFaultError(
                f"{self._settings.place} does not offer STARTTLS, and without encryption "
                "nothing is sent; try security: tls on port 465, or ask the server's operator",
                passing=False,
            )
        self.allow(self._settings.reply_timeout)
        self.expect(Stage.STARTTLS, self.wire.secure(self._context), _READY)
        self._hello()

    def _login(self, username: str) -> None:
        """Log in once, by one method: more tries with the same password could lock it."""
        offered = self.wire.esmtp_features.get("auth", "").upper().split()
        if "PLAIN" in offered:
            login = _b64(f"\0{username}\0{self._password}".encode())
            self.say(Stage.AUTH, f"AUTH PLAIN {login}", _LOGGED_IN)
        elif "LOGIN" in offered:
            self.say(Stage.AUTH, "AUTH LOGIN", _CHALLENGE)
            self.say(Stage.AUTH, _b64(username.encode()), _CHALLENGE)
            self.say(Stage.AUTH, _b64(self._password.encode()), _LOGGED_IN)
        elif "CRAM-MD5" in offered:
            challenge = self.say(Stage.AUTH, "AUTH CRAM-MD5", _CHALLENGE)
            self.say(Stage.AUTH, _cram(username, self._password, challenge), _LOGGED_IN)
        else:
            raise ChannelFaultError(
                f"{self._settings.place} offers no login that digest knows (PLAIN, LOGIN, "
                "CRAM-MD5); leave out username and password if it needs none",
                passing=False,
            )


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _cram(username: str, password: str, challenge: bytes) -> str:
    try:
        question = base64.b64decode(challenge)
    except binascii.Error:
        raise GarbledError("its login question is not base64") from None
    proof = hmac.new(password.encode(), question, "md5").hexdigest()
    return _b64(f"{username} {proof}".encode())
