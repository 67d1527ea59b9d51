"""One person's mail as it goes over the wire, put together from what was frozen."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NEXT_FIELD = re.compile(rb"\r\n(?![ \t])")  # a name beside the address may be folded


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A Message-ID, the reader's own header lines, and the document that all readers share.

    `head` begins with a single `To`, and the mail goes to the address in it; what can't be
    delivered comes back to `sender`, an address. `small` says that it is the smallest form there
    is, `remarks` what was left out for that.
    """

    sender: str
    reference: str
    head: bytes
    document: bytes
    small: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def lead(self) -> bytes:
        """What stands before the document."""
        return f"Message-ID: {self.reference}\r\n".encode() + self.head

    @property
    def size(self) -> int:
        """Bytes that go over the wire, without the final dot."""
        return len(self.lead) + len(self.document)

    @property
    def recipient(self) -> str:
        """The reader's address."""
        field = _NEXT_FIELD.split(self.head, 1)[0]
        value = field.removeprefix(b"To: ").strip()
        return value.rpartition(b"<")[2].removesuffix(b">").decode()

    @property
    def international(self) -> bool:
        """Whether its header needs a server with SMTPUTF8."""
        fields = self.document[: self.document.find(b"\r\n\r\n")]
        return not (self.sender.isascii() and self.head.isascii() and fields.isascii())

    @property
    def raw(self) -> bytes:
        """The mail as a file, without the doubled dots."""
        return self.lead + re.sub(rb"(?m)^\.\.", b".", self.document)
