"""An SMTP server that journals what it takes before it says so, and misbehaves on request.

    with SmtpSink(journal, refuse_first={"c@example.com": ["451 4.7.1 later"] * 2}) as sink:
        ...  # its first two RCPTs are put off, the third is taken

It is `tests.support.smtp_server.SmtpServer`, scripts and all, and besides:
- a message that it takes is in the journal, synced, before the answer goes out;
- one that was refused, or that came without its dot, is in the journal as such;
- `refuse_first` gives a recipient's replies until they are used up;
- `on_point` is called at every point with how often it was reached; what it gives is done there.
  Beside SmtpServer's points there is ANSWERING: the message is kept, its answer is not out yet.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections import Counter
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from typing import TYPE_CHECKING, Any

from tests.support.smtp_acts import Act, HungUpError, Received
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.lab.journal import Journal
    from tests.support.smtp_acts import Talk

KIND = "mail"
ACCEPTED, REFUSED, PARTIAL = "accepted", "refused", "partial"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forget(Act):
    """After the dot: what is done without having taken the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow(Act):
    """Waits first."""

    wait: float


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    """A point of the conversation, the `n`-th time that it is reached, and for whom."""

    point: str
    n: int
    recipient: str = ""


class SmtpSink(SmtpServer):
    """Context manager; `script` and the rest are SmtpServer's."""

    def __init__(
        self,
        journal: Journal,
        script: Mapping[str, Sequence[Act | None]] | None = None,
        *,
        refuse_first: Mapping[str, Sequence[str]] | None = None,
        on_point: Callable[[At], Act | None] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(script, **options)
        self.on_point = on_point
        self._journal = journal
        self._refuse_first = {who: list(said) for who, said in (refuse_first or {}).items()}
        self._turns: Counter[str] = Counter()
        self._about = threading.local()

    def _rcpt(self, talk: Talk, address: str) -> None:
        self._about.recipient = address
        with self._lock:
            planned = self._refuse_first.get(address)
            answer = planned.pop(0) if planned else None
        if answer is None:
            super()._rcpt(talk, address)
        else:
            talk.say(answer)

    def _data(self, talk: Talk) -> None:
        if not talk.recipients:
            talk.say("503 5.5.1 who is it for?")
            return
        if not self._do(talk, "DATA", "354 go ahead"):
            return
        try:
            body = self._next("BODY")
            if body is not None:
                talk.line()
                self._perform(talk, body)
            raw = talk.message()
        except (HungUpError, OSError):
            self._keep(talk, bytes(talk.buffer), PARTIAL)
            raise
        act = self._next("DOT")
        taken = act is None or not act.text or act.text.startswith(b"2")
        taken = taken and not isinstance(act, Forget)
        self._keep(talk, raw, ACCEPTED if taken else REFUSED)
        talk.sender, talk.recipients = None, []
        act = self._next("ANSWERING") or act
        if act is None:
            talk.say("250 2.0.0 taken")
        else:
            self._perform(talk, act)

    def _do(self, talk: Talk, point: str, good: str) -> bool:
        act = self._next(point)
        if act is None:
            talk.say(good)
            return True
        self._perform(talk, act)
        return act.text[:1] == good[:1].encode()

    def _perform(self, talk: Talk, act: Act) -> None:
        if isinstance(act, Slow) and self._stopped.wait(act.wait):
            raise HungUpError
        talk.act(act, self._stopped)

    def _next(self, point: str) -> Act | None:
        with self._lock:
            self._turns[point] += 1
            turn = self._turns[point]
        if self.on_point is not None:
            about = getattr(self._about, "recipient", "")
            act = self.on_point(At(point=point, n=turn, recipient=about))
            if act is not None:
                return act
        return super()._next(point)

    def _keep(self, talk: Talk, raw: bytes, event: str) -> None:
        data = re.sub(rb"(?m)^\.\.", b".", raw.removesuffix(b".\r\n"))
        message_id = str(BytesHeaderParser().parsebytes(data)["Message-ID"] or "")
        for recipient in talk.recipients:
            self._journal.write(
                KIND,
                event=event,
                recipient=recipient,
                message_id=message_id,
                sha256=hashlib.sha256(raw).hexdigest(),
                size=len(raw),
            )
        with self._lock:
            self.received.append(
                Received(
                    sender=talk.sender or "",
                    recipients=tuple(talk.recipients),
                    data=data,
                    raw=raw,
                    accepted=event == ACCEPTED,
                )
            )
