"""Work that comes together for one commit, as it does while the writer is busy."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.store.opened import Store
    from digest.store.writer import Batch

_PATIENCE = 10.0


@contextmanager
def gathering(store: Store) -> Iterator[ThreadPoolExecutor]:
    """While it lasts the writer is at work, and what is asked of it gathers for one commit."""
    go_on, begun = threading.Event(), threading.Event()

    def work(_batch: Batch) -> None:
        begun.set()
        assert go_on.wait(_PATIENCE)

    with ThreadPoolExecutor() as pool:
        store.writer.submit(work)
        assert begun.wait(_PATIENCE)
        try:
            yield pool
        finally:
            go_on.set()


def wait_for_work(store: Store, most: int) -> None:
    """Until so much was asked of the writer."""
    end = time.monotonic() + _PATIENCE
    while store.writer._tasks.qsize() < most:
        assert time.monotonic() < end
        time.sleep(0.002)


def fail(_batch: Batch) -> None:
    """Work that breaks off, so that all that came with it is done once more, one by one."""
    raise ZeroDivisionError
