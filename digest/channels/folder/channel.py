"""The folder channel: each delivery is a folder of files that appears as a whole."""

from __future__ import annotations

import errno
import shutil
import tempfile
from typing import TYPE_CHECKING

from digest.channels._phrases import reason
from digest.channels.folder.writing import safe_name, write_preview
from digest.channels.smtp.mailbox import parse_mailbox
from digest.core.content import DeliveryState, Receipt
from digest.errors import DeliveryError

if TYPE_CHECKING:
    from pathlib import Path

    from digest.channels.folder.settings import FolderSettings
    from digest.core.content import DeliveryKey, Envelope

_SENDER = "digest@localhost"
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE})


class FolderChannel:
    """Writes below one folder."""

    def __init__(self, name: str, settings: FolderSettings) -> None:
        self.name = name
        self._path = settings.path

    def deliver(self, envelopes: tuple[Envelope, ...]) -> tuple[Receipt, ...]:
        """Write each envelope; one that is there already is replaced."""
        return tuple(self._deliver(envelope) for envelope in envelopes)

    def probe(self) -> str:
        """Write a file and take it away again."""
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._path, prefix=".probe-") as file:
                file.write(b"digest")
        except OSError as error:
            raise DeliveryError(f"{self._path} can't be written to: {reason(error)}") from None
        return f"{self._path} can be written to"

    def _deliver(self, envelope: Envelope) -> Receipt:
        place = self._path / safe_name(envelope.recipient) / safe_name(envelope.key.job)
        folder = place / _last_part(envelope.key, test=envelope.test)
        try:
            place.mkdir(parents=True, exist_ok=True)
            self._write(folder, envelope)
        except OSError as error:
            return Receipt(
                key=envelope.key,
                state=state_after(error),
                detail=f"{folder} can't be written: {reason(error)}",
            )
        return Receipt(key=envelope.key, state=DeliveryState.SENT, reference=str(folder))

    def _write(self, folder: Path, envelope: Envelope) -> None:
        part = folder.with_name(f".{folder.name}.part")
        old = folder.with_name(f".{folder.name}.old")
        for left_over in (part, old):  # by a process that was killed
            if left_over.exists():
                shutil.rmtree(left_over)
        try:
            write_preview(
                part,
                envelope.content,
                sender=_SENDER,
                recipient=_reader(envelope.recipient),
                slack_channel=envelope.recipient,
                date=envelope.date,
                key=envelope.key,
                test=envelope.test,
            )
        except OSError:
            shutil.rmtree(part, ignore_errors=True)
            raise
        if folder.exists():
            folder.rename(old)
        part.rename(folder)
        if old.exists():
            shutil.rmtree(old)


def state_after(error: OSError) -> DeliveryState:
    """Whether writing can work later by itself, as on a disk that is full now."""
    return DeliveryState.RETRY_WAIT if error.errno in _PASSING else DeliveryState.FAILED


def _reader(recipient: str) -> str:
    """Whom the mail is addressed to: a folder's recipient may be any name."""
    try:
        parse_mailbox(recipient)
    except DeliveryError:
        return _SENDER
    return recipient


def _last_part(key: DeliveryKey, *, test: bool) -> str:
    """The period; what is not the period's first, real delivery lies beside it."""
    again = f"-resend{key.generation}" if key.generation else ""
    return safe_name(key.period) + again + ("-test" if test else "")
