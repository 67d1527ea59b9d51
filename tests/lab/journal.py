"""What the servers of the lab saw, one JSON object a line, on the disk before they answer.

    journal.write("mail", event="accepted", recipient="ana@example.com")
    assert journal.entries("mail")[0]["recipient"] == "ana@example.com"

It may be read while it is written, also by another process: a line that is not whole yet does not
count.
"""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path


class Journal:
    """An append-only file; safe to use from threads. A context manager that closes it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def write(self, kind: str, **fields: Any) -> None:
        """Append an entry; it is on the disk when this returns."""
        line = json.dumps({"kind": kind, **fields}, ensure_ascii=False) + "\n"
        with self._lock:
            data = memoryview(line.encode())
            while data:
                data = data[os.write(self._fd, data) :]
            os.fsync(self._fd)

    def entries(self, kind: str | None = None, **fields: Any) -> list[dict[str, Any]]:
        """All entries so far, oldest first; or those of one kind, or with these fields."""
        return [
            entry
            for entry in read_journal(self.path)
            if kind in {None, entry["kind"]}
            and all(entry.get(name) == value for name, value in fields.items())
        ]

    def close(self) -> None:
        """Nothing more is written; what was stays readable."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Every whole line."""
    whole, _, _ = path.read_text(encoding="utf-8").rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]
