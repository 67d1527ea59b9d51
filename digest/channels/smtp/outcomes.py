"""What became of a mail, in the words that the outbox keeps. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest.channels.smtp.verdicts import trouble
from digest.core.content import DeliveryState, Outcome

if TYPE_CHECKING:
    import smtplib
    from collections.abc import Mapping

    from digest.channels.smtp.dialogue import ChannelFaultError
    from digest.channels.smtp.mail import Mail
    from digest.channels.smtp.settings import SmtpSettings


def sent(mail: Mail) -> Outcome:
    """The server took it."""
    return Outcome(state=DeliveryState.SENT, reference=mail.reference, remarks=mail.remarks)


def later(detail: str, code: str = "") -> Outcome:
    """It was not sent, and can be tried again."""
    return Outcome(state=DeliveryState.RETRY_WAIT, detail=detail, code=code)


def failed(detail: str, code: str = "") -> Outcome:
    """This recipient can't have it."""
    return Outcome(state=DeliveryState.FAILED, detail=detail, code=code)


def uncertain(detail: str, code: str = "") -> Outcome:
    """It may have been taken."""
    return Outcome(state=DeliveryState.UNCERTAIN, detail=detail, code=code)


def too_large(mail: Mail, detail: str, code: str = "") -> Outcome:
    """Its size was refused: a smaller form may do, and there is only one."""
    if mail.small:
        return failed(detail, code)
    return Outcome(
        state=DeliveryState.RETRY_WAIT, detail=detail, code=code, retry_after=0.0, too_large=True
    )


def at_fault(error: ChannelFaultError) -> Outcome:
    """No mail can go this way now."""
    return Outcome(
        state=DeliveryState.RETRY_WAIT,
        detail=str(error),
        code=error.code,
        fault=True,
        passing=error.passing,
    )


def lost(place: str, mail: Mail, error: OSError | smtplib.SMTPException) -> Outcome:
    """The connection broke before the dot."""
    return later(
        f"the connection to {place} was lost before the message for {mail.recipient} was "
        f"complete: {trouble(error)}"
    )


def stale(mail: Mail) -> Outcome:
    """Too much time has passed since it was written down that the dot is to come."""
    return later(
        f"the message for {mail.recipient} was not finished, because this machine paused right "
        "before its end"
    )


def unanswered(place: str, mail: Mail, error: OSError | smtplib.SMTPException) -> Outcome:
    """The dot was written, and no answer came."""
    return uncertain(
        f"{place} may have taken the message for {mail.recipient}, but its answer did not come: "
        f"{trouble(error)}"
    )


def obstacle(mail: Mail, settings: SmtpSettings, features: Mapping[str, str]) -> Outcome | None:
    """Why a server with these features can't take this mail at all, if there is a reason."""
    limit = settings.max_size
    offered = features.get("size", "")
    if offered.isdecimal() and 0 < int(offered) < limit:
        limit = int(offered)
    if mail.size > limit:
        even = ", even without charts" if mail.small else ""
        advice = "" if mail.small else "; show fewer charts"
        detail = f"the message has {mail.size:,} bytes{even}, and {settings.place} takes {limit:,}"
        return too_large(mail, detail + advice)
    if mail.international and "smtputf8" not in features:
        who = mail.sender if mail.recipient.isascii() else mail.recipient
        return failed(
            f"{settings.place} can't carry the letters before the @ of {who} "
            "(it does not offer SMTPUTF8)"
        )
    return None
