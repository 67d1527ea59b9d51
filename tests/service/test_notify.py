"""What systemd hears from the daemon, on a real datagram socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from digest.service.notify import MOST_CHARACTERS, Notifier, watchdog_every

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PID = 4711
PAGE = 4096
MICROSECOND = 1_000


@contextmanager
def systemd(address: str) -> Iterator[socket.socket]:
    """Where systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(2)
        yield listening


def heard(listening: socket.socket) -> list[str]:
    return listening.recv(PAGE).decode().split("\n")


def notifier(name: object) -> Notifier:
    return Notifier(
        {"NOTIFY_SOCKET": str(name)}, pid=PID, monotonic_ns=lambda: 7_654_321 * MICROSECOND
    )


@pytest.mark.parametrize(
    ("say", "lines"),
    [
        (lambda to: to.ready("3 digests"), ["READY=1", "STATUS=3 digests"]),
        (lambda to: to.status("sending"), ["STATUS=sending"]),
        (lambda to: to.alive(), ["WATCHDOG=1"]),
        (
            lambda to: to.reloading("reading the config"),
            ["RELOADING=1", "MONOTONIC_USEC=7654321", "STATUS=reading the config"],
        ),
        (lambda to: to.stopping("stopping"), ["STOPPING=1", "STATUS=stopping"]),
    ],
    ids=["ready", "status", "alive", "reloading", "stopping"],
)
def test_each_word_arrives_whole_in_one_message(
    tmp_path: Path, say: Callable[[Notifier], bool], lines: list[str]
) -> None:
    with systemd(str(tmp_path / "notify")) as listening:
        assert say(notifier(tmp_path / "notify"))
        assert heard(listening) == lines


def test_a_socket_in_the_abstract_namespace_is_spoken_to() -> None:
    name = f"digest-test-{os.getpid()}"
    with systemd("\0" + name) as listening:
        assert notifier("@" + name).alive()
        assert heard(listening) == ["WATCHDOG=1"]


@pytest.mark.parametrize("env", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_where_nobody_listens_nothing_is_done(env: dict[str, str]) -> None:
    found = Notifier(env, pid=PID)

    assert not found.listening
    assert not found.ready("ready")


@pytest.mark.parametrize("name", ["/nowhere/notify", "/" + "x" * 200, "/no\0path", "@" + "x" * 200])
def test_a_socket_that_cannot_be_reached_stops_nothing(name: str) -> None:
    assert not notifier(name).ready("ready")


def test_systemd_is_never_waited_for(tmp_path: Path) -> None:
    with systemd(str(tmp_path / "notify")):
        told = [notifier(tmp_path / "notify").alive() for _ in range(2_000)]

    assert told[0]
    assert not told[-1], "nobody reads, and the queue is full"


@pytest.mark.parametrize(
    ("status", "line"),
    [
        ("two\nREADY=1\r\n lines", "STATUS=two READY=1 lines"),
        ("ü" * 9_999, "STATUS=" + "ü" * MOST_CHARACTERS),
        ("odd \udcff byte", "STATUS=odd ? byte"),
    ],
    ids=["lines", "long", "not text"],
)
def test_a_status_is_one_line_that_systemd_takes(tmp_path: Path, status: str, line: str) -> None:
    with systemd(str(tmp_path / "notify")) as listening:
        assert notifier(tmp_path / "notify").status(status)
        assert heard(listening) == [line]


@pytest.mark.parametrize(
    ("env", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(PID)}, 30.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "me"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_PID": str(PID)}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_asks(
    env: dict[str, str], seconds: float | None
) -> None:
    assert watchdog_every(env, pid=PID) == seconds
    assert Notifier(env, pid=PID).watchdog_every == seconds


def test_no_socket_is_left_for_children(tmp_path: Path) -> None:
    listing = "import os; print(sorted(os.listdir('/proc/self/fd')))"
    child = [sys.executable, "-c", listing]

    def fds() -> str:
        return subprocess.run(
            child, capture_output=True, text=True, check=True, close_fds=False
        ).stdout

    with systemd(str(tmp_path / "notify")):
        before = fds()
        talking = notifier(tmp_path / "notify")
        talking.ready("ready")
        talking.alive()

        assert fds() == before
