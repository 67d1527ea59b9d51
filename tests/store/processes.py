"""Other processes that open a ledger, hold it, and die."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OPEN = """\
import sys, time
from datetime import UTC, datetime
from pathlib import Path
from digest.store.opening import open_sender
from digest.store.places import StatePlace

store = open_sender(
    StatePlace(path=Path(sys.argv[1])),
    command="digest run monday-email",
    clock=lambda: datetime.now(UTC),
)
print("open", flush=True)
sys.stdin.read()
"""


def python(script: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that runs a script."""
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(script: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """The same, killed at the end if it still runs."""
    with python(script, *arguments) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def holding(ledger: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has the ledger open until it is killed."""
    with running(_OPEN, ledger) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        yield process
