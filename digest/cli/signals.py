"""SIGTERM and Ctrl-C while something is being sent: once to stop in order, twice to leave."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from digest.outbox.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_LEAVE_AFTER = 1.5  # seconds for the ledger to note what is unknown, after the second signal


@contextmanager
def stoppable() -> Iterator[Stop]:
    """A stop that the process's signals ask for, while the block lasts.

    While nothing is being sent there is nothing to finish, so a signal ends the block at once
    with KeyboardInterrupt. So does Ctrl-C after what was being sent is settled.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may handle signals
        return
    interrupted = False

    def asked(number: int, _frame: FrameType | None) -> None:
        nonlocal interrupted
        interrupted = interrupted or number == signal.SIGINT
        again = stop.asked
        stop.ask()
        if not stop.sending:
            raise KeyboardInterrupt(number)
        if again:
            leaving = threading.Timer(_LEAVE_AFTER, os._exit, (128 + number,))
            leaving.daemon = True
            leaving.start()
        else:
            with suppress(OSError, ValueError):  # nobody may be listening any more
                click.echo("digest: stopping; once more to leave at once", err=True)

    before = {number: signal.signal(number, asked) for number in _SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if interrupted:
        raise KeyboardInterrupt
