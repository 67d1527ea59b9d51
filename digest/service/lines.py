"""Writing lines to a stream that may be closed, full, or stuck: never an error, never a long wait.

The bytes go past Python's own buffers, which would keep what could not be written and complain
about it once more when the process ends.
"""

from __future__ import annotations

import errno
import logging
import os
import select
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import TextIO

_PATIENCE_MS: Final = 1000
_PIECE: Final = select.PIPE_BUF  # a pipe that is ready takes so many bytes without blocking


class Lines(logging.Handler):
    """Writes each record as its formatter renders it; `dropped` counts those that got lost.

    A reader that has stopped reading is waited for up to a second once, and then not at all
    until it reads again.
    """

    def __init__(self, stream: TextIO | None) -> None:
        super().__init__()
        self.dropped = 0
        self._stream = stream
        self._stuck = False
        self._torn = False

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, or count it as dropped."""
        try:
            line = f"{self.format(record)}\n".encode("utf-8", "backslashreplace")
            written = self._write(b"\n" + line if self._torn else line)
        except Exception:  # noqa: BLE001 — whatever broke, a log must not stop a delivery
            written = False
        if not written:
            self.dropped += 1

    def _write(self, data: bytes) -> bool:
        if self._stream is None:
            return False
        try:
            descriptor = self._stream.fileno()
        except OSError:  # io.UnsupportedOperation: a stream in memory
            self._stream.write(data.decode())
            self._stream.flush()
            return True
        return self._all_to(descriptor, data)

    def _all_to(self, descriptor: int, data: bytes) -> bool:
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        left = memoryview(data)
        while left:
            self._stuck = not poll.poll(0 if self._stuck else _PATIENCE_MS)
            try:
                count = 0 if self._stuck else os.write(descriptor, left[:_PIECE])
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    self._stuck = True
                count = 0
            if count == 0:
                self._torn = self._torn or len(left) < len(data)
                return False
            left = left[count:]
        self._torn = False
        return True
