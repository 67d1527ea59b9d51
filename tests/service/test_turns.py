"""The processor's work has few places, and what hangs in one does not stop the rest."""

from __future__ import annotations

import threading
import time

from digest.service.building import MOST_AT_ONCE, MOST_WORKING, Turns


def test_few_compute_at_a_time_however_many_have_their_answers() -> None:
    turns, lock = Turns(), threading.Lock()
    working, most = 0, 0

    def work() -> None:
        nonlocal working, most
        with turns.turn():
            with lock:
                working += 1
                most = max(most, working)
            time.sleep(0.01)
            with lock:
                working -= 1

    threads = [threading.Thread(target=work) for _ in range(MOST_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == MOST_WORKING


def waited(turns: Turns) -> float:
    """Seconds until there was a turn."""
    begun = time.monotonic()
    with turns.turn():
        return time.monotonic() - begun


def test_work_that_hangs_does_not_keep_the_rest_from_working() -> None:
    turns = Turns(at_once=1, longest=0.2)

    with turns.turn():
        late = [waited(turns), waited(turns)]

    assert min(late) >= 0.2
    assert waited(turns) < 0.2
