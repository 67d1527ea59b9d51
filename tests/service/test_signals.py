"""What signals ask of the daemon. That a second one ends it is tested with real processes."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import closing

import pytest

from digest.service.signals import Asked, heard
from digest.service.wake import Wake

HEARD = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_is_counted_and_wakes_whoever_waits(number: signal.Signals) -> None:
    asked = Asked()
    with closing(Wake()) as wake, heard(wake, asked):
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        assert wake.wait(10)
    assert (asked.stops, asked.reload) == (1, False)


def test_a_reload_is_asked_for_once_however_often_it_was_said() -> None:
    asked = Asked()
    with closing(Wake()) as wake, heard(wake, asked):
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
        assert wake.wait(10)
    assert [asked.take_reload(), asked.take_reload()] == [True, False]
    assert asked.stops == 0


def test_afterwards_signals_mean_what_they_meant_before() -> None:
    before = [signal.getsignal(number) for number in HEARD]
    with closing(Wake()) as wake, heard(wake, Asked()):
        assert [signal.getsignal(number) for number in HEARD] != before
    assert [signal.getsignal(number) for number in HEARD] == before


def test_a_ring_that_nobody_hears_ends_the_next_wait_and_only_that() -> None:
    with closing(Wake()) as wake:
        for _ in range(100_000):
            wake.ring()
        while wake.wait(0):
            pass
        wake.ring()
        assert (wake.wait(0), wake.wait(0), wake.wait(-1)) == (True, False, False)


def test_another_thread_than_the_main_one_leaves_signals_alone() -> None:
    before, seen = signal.getsignal(signal.SIGTERM), []

    def run() -> None:
        with closing(Wake()) as wake, heard(wake, Asked()):
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == [before]
