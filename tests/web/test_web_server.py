"""The server of the page: where it listens, and what rude or slow callers can't do to it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from digest.errors import UsageError
from digest.web import Access, listen_at
from digest.web.address import Listen, host_and_port
from digest.web.connections import LIFE, LONGEST_HEAD, MOST
from tests.support.standings import many_jobs
from tests.support.status_pages import TOKEN, ask, dial, said, serving

if TYPE_CHECKING:
    from digest.web import WebServer


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080),
        ("localhost:0", "localhost", 0),
        ("[::1]:9000", "::1", 9000),
        ("0.0.0.0:80", "0.0.0.0", 80),
        ("status.example.com:443", "status.example.com", 443),
    ],
)
def test_an_address_is_a_host_and_a_port(text: str, host: str, port: int) -> None:
    assert listen_at(text) == Listen(host, port)
    assert str(listen_at(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "8080", ":8080", "localhost", "::1:80", "[::1]", "h:65536", "h:-1", "[:::]:80", "a b:1"],
)
def test_anything_else_is_a_usage_error_in_one_sentence(text: str) -> None:
    with pytest.raises(UsageError, match="--web") as caught:
        listen_at(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("LOCALHOST:8080", ("localhost", 8080)),
        ("example.com", ("example.com", 80)),
        ("example.com.:81", ("example.com", 81)),
        ("[::1]:8080", ("[::1]", 8080)),
        ("", None),
        ("a,b", None),
        ("a@b:1", None),
        ("a:b:1", None),
    ],
)
def test_a_host_header_is_read(header: str, expected: tuple[str, int] | None) -> None:
    assert host_and_port(header) == expected


@pytest.mark.parametrize("at", ["127.0.0.1:0", "localhost:0", "[::1]:0"])
def test_loopback_is_served_without_a_token(at: str) -> None:
    with serving(at=at) as server:
        host, _, port = server.origin.removeprefix("http://").rpartition(":")
        with socket.create_connection((host.strip("[]"), int(port)), timeout=10) as connection:
            connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
            assert said(connection).endswith(b"alive\n")


@pytest.mark.parametrize("at", ["0.0.0.0:0", "[::]:0"])
def test_what_others_can_reach_needs_a_token(at: str) -> None:
    with pytest.raises(UsageError, match=r"needs a token: set web\.token"), serving(at=at):
        pass
    with serving(at=at, access=Access(token=TOKEN)) as server:
        assert ask(server, "/healthz").status == 200


def test_a_taken_port_is_said_in_one_sentence() -> None:
    with serving() as first:
        with pytest.raises(UsageError) as caught, serving(at=f"127.0.0.1:{first.port}"):
            pass
        assert str(caught.value) == (
            f"--web: 127.0.0.1:{first.port} can't be used (address already in use); choose another"
        )


def test_a_name_that_leads_nowhere_is_said_in_one_sentence() -> None:
    found = pytest.raises(UsageError, match="can't be resolved")
    with found, serving(at="nowhere.invalid:80"):
        pass


def test_its_port_is_free_again_when_it_is_closed() -> None:
    with serving() as first:
        port = first.port
    first.close()
    with serving(at=f"127.0.0.1:{port}") as second:
        assert ask(second).status == 200


def test_closing_waits_for_nobody() -> None:
    with serving() as server, dial(server) as idle:
        idle.sendall(b"GET / HT")
        begun = time.monotonic()
        server.close()
        assert time.monotonic() - begun < 1
        assert said(idle) == b""


class _Clock:
    """Time that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX-"])
def test_whoever_does_not_come_to_an_end_is_hung_up_on(clock: _Clock, begun: bytes) -> None:
    with serving(monotonic=clock) as server, dial(server) as slow:
        slow.sendall(begun)
        assert ask(server).status == 200
        clock.now += LIFE
        assert said(slow) == b""


def test_slow_callers_in_every_place_make_room_for_others(clock: _Clock) -> None:
    with serving(monotonic=clock) as server:
        slow = [dial(server) for _ in range(MOST)]
        try:
            for connection in slow:
                connection.sendall(b"GET / HTTP/1.1\r\nX-Slow: ")
            _wait_for(server, MOST)
            refused = dial(server)
            answer = said(refused)
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert b"Content-Security-Policy: default-src 'none'; " in answer
            refused.close()
            clock.now += 1
            assert ask(server).status == 200
            assert said(slow[0]) == b""
        finally:
            for connection in slow:
                connection.close()


def _wait_for(server: WebServer, connections: int) -> None:
    end = time.monotonic() + 5
    while len(server._server._open) != connections and time.monotonic() < end:
        time.sleep(0.005)


def test_a_reader_that_does_not_read_is_hung_up_on(clock: _Clock) -> None:
    crowd = many_jobs(1000)
    with serving(lambda: crowd, monotonic=clock) as server, dial(server) as deaf:
        whole = len(ask(server, "/?all=1").text)
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(f"GET /?all=1 HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        assert ask(server, "/healthz").status == 200
        clock.now += LIFE
        _wait_for(server, 0)
        assert len(said(deaf)) < whole


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /" + b"a" * LONGEST_HEAD + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * LONGEST_HEAD + b"\r\n\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * 200 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\n" + (b"X: " + b"a" * 1000 + b"\r\n") * 20 + b"\r\n", b"431"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"GET <script>alert(1)</script> x y\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"400"),
    ],
)
def test_a_head_that_is_too_long_or_no_http_is_refused(request_bytes: bytes, status: bytes) -> None:
    with serving() as server, dial(server) as rude:
        rude.sendall(request_bytes)
        answer = said(rude)
        assert answer.startswith(b"HTTP/1.1 " + status)
        assert b"Content-Security-Policy: default-src 'none'; " in answer
        assert b"script>" not in answer
        assert ask(server).status == 200


def test_one_connection_is_one_request() -> None:
    with serving() as server, dial(server) as twice:
        twice.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n" * 2)
        answer = said(twice)
        assert answer.count(b"HTTP/1.1 200") == 1
        assert b"Connection: close" in answer


def test_the_program_behind_it_is_not_named() -> None:
    with serving() as server:
        found = ask(server).headers
    assert "server" not in found
    assert "werkzeug" not in str(found).lower()
