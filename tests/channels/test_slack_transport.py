"""One POST over a real socket: what its failure says, and that it ends in time."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from digest.channels.slack.answers import NotSentError, UnknownOutcomeError
from digest.channels.slack.transport import Answer, post

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that reads one request (of a large one the head) and then does as it is told."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(5)

    def run() -> None:
        sock, _ = listener.accept()
        with sock:
            sock.settimeout(5)
            with _gone():
                _read_request(sock)
                serve(sock)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/api/test"
    finally:
        thread.join(6)
        listener.close()


def _read_request(sock: socket.socket) -> None:
    got = b""
    while b"\r\n\r\n" not in got:
        got += sock.recv(65536)
    head, _, body = got.partition(b"\r\n\r\n")
    found = re.search(rb"Content-Length: (\d+)", head)
    assert found is not None
    # What is left unread would make the kernel reset the connection.
    while len(body) < int(found[1]) < 1000:
        body += sock.recv(65536)


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except OSError:
        return


def ask(url: str, body: bytes = b"{}", timeout: float = 1.0) -> Answer:
    return post(
        url,
        body,
        {"Content-Type": "application/json"},
        timeout=timeout,
        monotonic=time.monotonic,
        tls=None,
    )


def say(*pieces: bytes, pause: float = 0.0) -> Callable[[socket.socket], None]:
    def serve(sock: socket.socket) -> None:
        for piece in pieces:
            sock.sendall(piece)
            time.sleep(pause)

    return serve


def drip(data: bytes) -> Callable[[socket.socket], None]:
    return say(*(bytes([byte]) for byte in data), pause=0.02)


def test_an_answer_has_status_lower_case_headers_and_body() -> None:
    with server(say(b"HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno")) as url:
        answer = ask(url)
    assert (answer.status, answer.headers["retry-after"], answer.body) == (429, "7", b"no")


def test_an_answer_without_a_length_ends_with_the_connection() -> None:
    with server(say(b"HTTP/1.0 200 OK\r\n\r\nall of it")) as url:
        assert ask(url).body == b"all of it"


def test_an_answer_in_chunks_is_put_together() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nal\r\n1\r\nl\r\n0\r\n\r\n"
    with server(say(chunked)) as url:
        assert ask(url).body == b"all"


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(say(), id="no answer"),
        pytest.param(say(b"HTTP/1.1 20"), id="first line cut off"),
        pytest.param(say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), id="body cut off"),
        pytest.param(
            say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\nhalf"),
            id="chunk cut",
        ),
        pytest.param(say(b"220 mail.example.com ESMTP\r\n"), id="not http"),
        pytest.param(say(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n"), id="many headers"),
        pytest.param(say(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"), id="long line"),
        pytest.param(say(b"HTTP/1.1 200 OK\r\n\r\n" + b"y" * 1_100_000), id="long body"),
    ],
)
def test_a_lost_or_broken_answer_is_an_unknown_outcome(
    serve: Callable[[socket.socket], None],
) -> None:
    with server(serve) as url, pytest.raises(UnknownOutcomeError) as caught:
        ask(url)
    assert "127.0.0.1" in str(caught.value)
    assert "/api" not in str(caught.value)


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(drip(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 500), id="head"),
        pytest.param(
            drip(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b"y" * 500), id="body"
        ),
    ],
)
def test_an_answer_that_drips_in_ends_with_the_time(serve: Callable[[socket.socket], None]) -> None:
    with server(serve) as url:
        started = time.monotonic()
        with pytest.raises(UnknownOutcomeError, match="did not answer in time"):
            ask(url, timeout=0.3)
        assert time.monotonic() - started < 3  # it would be 10


def test_a_server_that_does_not_read_ends_with_the_time() -> None:
    done = threading.Event()

    def deaf(_sock: socket.socket) -> None:
        done.wait(5)

    with server(deaf) as url:
        with pytest.raises(UnknownOutcomeError, match="did not answer in time"):
            ask(url, body=bytes(20_000_000), timeout=0.3)
        done.set()


def test_nobody_there_means_that_nothing_was_sent() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(NotSentError, match=r"127\.0\.0\.1 can't be reached: it refused"):
            ask(f"http://127.0.0.1:{held.getsockname()[1]}/")


def test_a_large_body_arrives_whole() -> None:
    got = bytearray()

    def keep(sock: socket.socket) -> None:
        while not got.endswith(b"!"):
            got.extend(sock.recv(65536))
        sock.sendall(OK)

    with server(keep) as url:
        assert ask(url, body=bytes(3_000_000) + b"!", timeout=5).body == b"ok"
    assert len(got) > 2_900_000  # the server has read some of it before it came to keep the rest
