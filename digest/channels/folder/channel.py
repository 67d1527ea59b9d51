"""The folder channel: each delivery is a folder of files that appears as a whole."""

from __future__ import annotations

import errno
import json
import tempfile
from dataclasses import asdict
from typing import TYPE_CHECKING, assert_never

from digest.channels._phrases import reason
from digest.channels.folder.packing import pack, unpack
from digest.channels.folder.replacing import replace_folder
from digest.channels.folder.writing import safe_name, write_preview
from digest.channels.smtp.errand import Errand
from digest.channels.smtp.mailbox import parse_mailbox
from digest.channels.smtp.message import thread_of
from digest.core.content import DeliveryKind, DeliveryState, Frozen, Look, Outcome, Sighting
from digest.errors import DeliveryError

if TYPE_CHECKING:
    from pathlib import Path

    from digest.channels.folder.packing import Packed
    from digest.channels.folder.settings import FolderSettings
    from digest.core.content import DeliveryKey, Envelope, Parcel, Passage

MARK = "delivery.json"
"""The file that says which delivery a folder is."""

_DOMAIN = "localhost"
_SENDER = f"digest@{_DOMAIN}"
_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE})


class FolderChannel:
    """Writes below one folder."""

    def __init__(self, name: str, settings: FolderSettings) -> None:
        self.name = name
        self._path = settings.path

    def freeze(self, envelope: Envelope) -> Frozen:
        """The content as one JSON document; any text is fine as a recipient.

        A message that follows another is a folder of its own; its `email.eml` names the earlier.
        """
        return Frozen(document=pack(envelope), head=thread_of(envelope.follows, _DOMAIN))

    def deliver(self, passage: Passage) -> None:
        """Write each parcel; what is there already is replaced."""
        while (parcel := passage.take()) is not None:
            Errand(passage=passage, parcel=parcel).carry_out(self._deliver)

    def look(self, parcel: Parcel) -> Look:
        """Whether the folder is there and is this delivery's own."""
        folder = self._folder(parcel.key)
        try:
            mark = (folder / MARK).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return Look(sighting=Sighting.ABSENT, detail=f"{folder} is not there", lasting=True)
        except OSError as error:
            return Look(
                sighting=Sighting.UNKNOWN, detail=f"{folder} can't be read: {reason(error)}"
            )
        if mark != _mark(parcel.key):
            detail = f"{folder} is another delivery"
            return Look(sighting=Sighting.ABSENT, detail=detail, lasting=True)
        return Look(sighting=Sighting.FOUND, detail=f"{folder} is there", reference=str(folder))

    def probe(self) -> str:
        """Write a file and take it away again."""
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._path, prefix=".probe-") as file:
                file.write(b"digest")
        except OSError as error:
            raise DeliveryError(f"{self._path} can't be written to: {reason(error)}") from None
        return f"{self._path} can be written to"

    def _deliver(self, errand: Errand) -> Outcome:
        key, thread = errand.parcel.key, errand.parcel.head
        packed = unpack(errand.parcel.document)
        folder = self._folder(key)
        errand.begin()
        errand.arm()
        if not errand.still_fresh():
            detail = f"{folder} was not written, because this machine paused right before"
            return Outcome(state=DeliveryState.RETRY_WAIT, detail=detail)
        try:
            replace_folder(folder, lambda part: _write(part, key, packed, thread))
        except OSError as error:
            detail = f"{folder} can't be written: {reason(error)}"
            return Outcome(state=state_after(error), detail=detail)
        return Outcome(state=DeliveryState.SENT, reference=str(folder))

    def _folder(self, key: DeliveryKey) -> Path:
        return self._path / safe_name(key.recipient) / safe_name(key.job) / _last_part(key)


def state_after(error: OSError) -> DeliveryState:
    """Whether writing can work later by itself, as on a disk that is full now."""
    return DeliveryState.RETRY_WAIT if error.errno in _PASSING else DeliveryState.FAILED


def _write(folder: Path, key: DeliveryKey, packed: Packed, thread: bytes) -> None:
    write_preview(
        folder,
        packed.content,
        sender=_SENDER,
        recipient=_reader(key.recipient),
        slack_channel=key.recipient,
        date=packed.date,
        key=key,
        test=packed.test,
        thread=thread,
    )
    (folder / MARK).write_bytes(_mark(key))


def _mark(key: DeliveryKey) -> bytes:
    text = json.dumps({**asdict(key), "key": key.digest}, indent=2, ensure_ascii=False)
    return f"{text}\n".encode("utf-8", "replace")


def _reader(recipient: str) -> str:
    """Whom the mail is addressed to: a folder's recipient may be any name."""
    try:
        parse_mailbox(recipient)
    except DeliveryError:
        return _SENDER
    return recipient


def _last_part(key: DeliveryKey) -> str:
    """The period; what is not the period's first, real delivery lies beside it."""
    again = f"-resend{key.generation}" if key.generation else ""
    return safe_name(key.period) + again + _kind_mark(key.kind)


def _kind_mark(kind: DeliveryKind) -> str:
    match kind:
        case DeliveryKind.DIGEST:
            return ""
        case DeliveryKind.ALERT | DeliveryKind.OPS | DeliveryKind.TEST:
            return f"-{kind}"
        case _:
            assert_never(kind)
