"""The watchdog by itself, on a pair of sockets."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from digest.phase.watchdog import Watchdog, open_session
from tests.support.hostile_http import HostileServer, answer

if TYPE_CHECKING:
    from collections.abc import Iterator

Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        theirs.settimeout(5)
        yield ours, theirs


def test_a_blocked_read_ends_when_the_time_is_over(pair: Pair) -> None:
    with Watchdog(0.05) as watchdog:
        watchdog.watch(pair[0])
        assert pair[0].recv(1) == b""
    assert watchdog.fired


def test_a_socket_that_comes_too_late_is_shut_at_once(pair: Pair) -> None:
    first, second = pair
    with Watchdog(0.01) as watchdog:
        watchdog.watch(first)
        assert first.recv(1) == b""
        late, other = socket.socketpair()
        with late, other:
            watchdog.watch(late)
            assert other.recv(1) == b""
    assert second.fileno() != -1


def test_in_time_nothing_happens_and_nothing_is_left_behind(pair: Pair) -> None:
    before = threading.active_count()
    with Watchdog(60) as watchdog:
        watchdog.watch(pair[0])
    watchdog._timer.join(5)
    assert threading.active_count() == before
    watchdog._fire()  # a timer that was already on its way
    assert not watchdog.fired
    pair[0].sendall(b"x")
    assert pair[1].recv(1) == b"x"


def test_the_session_works_without_a_watchdog_too() -> None:
    with HostileServer(answer(200, b"{}")) as server, open_session() as session:
        for _ in range(2):
            assert session.get(server.url, timeout=5).json() == {}
        assert len(server.wires) == 1
