"""The lab's proxy: it does each connection the harm that it was told to, and no other."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.lab.proxy import Deed, Fault, Proxy, Way

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that sends back all it gets, and then its end."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    sock, _ = listener.accept()
                except TimeoutError:
                    continue
                with sock:
                    sock.settimeout(5)
                    try:
                        while data := sock.recv(1024):
                            sock.sendall(data)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        over.set()
        thread.join(5)


def said(port: int, data: bytes, *, wait: float = 5) -> bytes:
    """What comes back. Raises OSError as the connection does."""
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.settimeout(wait)
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        found = b""
        while piece := sock.recv(1024):
            found += piece
        return found


def test_a_proxy_passes_everything_once_its_faults_are_used_up(echo: int) -> None:
    with Proxy(echo, Fault(deed=Deed.CUT), None) as proxy:
        with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe, as it happens
            said(proxy.port, b"hello")
        assert said(proxy.port, b"hello") == b"hello"
        assert said(proxy.port, b"again") == b"again"
    assert proxy.connections == 3


def test_a_proxy_cuts_after_so_many_bytes(echo: int) -> None:
    with Proxy(echo, Fault(deed=Deed.CUT, way=Way.BACK, after=3)) as proxy:
        with pytest.raises(ConnectionResetError):
            said(proxy.port, b"hello")
        assert proxy.passed == {Way.FORTH: 5, Way.BACK: 3}


def test_a_proxy_ends_one_way_only(echo: int) -> None:
    with Proxy(echo, Fault(deed=Deed.HALF_CLOSE, after=2)) as proxy:
        assert said(proxy.port, b"hello") == b"he"


def test_a_proxy_delays(echo: int) -> None:
    begun = time.monotonic()
    with Proxy(echo, Fault(deed=Deed.DELAY, after=2, seconds=0.3)) as proxy:
        assert said(proxy.port, b"hello") == b"hello"
    assert time.monotonic() - begun > 0.3


def test_a_proxy_swallows(echo: int) -> None:
    with (
        Proxy(echo, Fault(deed=Deed.SWALLOW, way=Way.BACK, after=2)) as proxy,
        pytest.raises(TimeoutError),
    ):
        said(proxy.port, b"hello", wait=0.3)


def test_a_proxy_does_as_it_is_told_later(echo: int) -> None:
    with (
        Proxy(echo) as proxy,
        socket.create_connection(("127.0.0.1", proxy.port), 5) as sock,
    ):
        sock.sendall(b"one")
        assert sock.recv(10) == b"one"
        proxy.now(Deed.CUT)
        with pytest.raises(ConnectionResetError):
            sock.recv(10)
