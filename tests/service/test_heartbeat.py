"""The ping that says that all is well: when it goes out, and that it never gets in the way."""

from __future__ import annotations

import io
import json
import threading
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from digest.service.heartbeat import Heartbeat, is_due
from digest.service.logs import LogForm, configure
from tests.support.hostile_http import (
    HostileServer,
    answer,
    closed_port,
    hang,
    head,
    raw,
    reset,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.hostile_http import Act, Seen, Wire

EVERY = timedelta(minutes=5)
SECRET_PATH = "/ping/0123456789abcdef?key=s3cret"


def url_of(server: HostileServer) -> str:
    return f"http://127.0.0.1:{server.port}{SECRET_PATH}"


def pinged(heart: Heartbeat, now: float) -> str:
    """Beat, wait for the ping, and give its fault."""
    assert heart.beat(ok=True, now=now)
    heart.wait(10)
    assert heart.last is not None
    assert heart.last.begun == now
    assert heart.last.arrived is not bool(heart.last.fault)
    return heart.last.fault


@contextmanager
def logged() -> Iterator[list[dict[str, Any]]]:
    """What was logged, once the block is over."""
    stream, lines = io.StringIO(), list[dict[str, Any]]()
    with configure(LogForm.JSON, (), stream, env={}):
        yield lines
    lines += (json.loads(line) for line in stream.getvalue().splitlines())


@pytest.mark.parametrize(
    ("last", "now", "due"),
    [(None, 0.0, True), (100.0, 399.9, False), (100.0, 400.0, True), (100.0, 100.0, False)],
)
def test_a_ping_is_due_once_in_each_interval(last: float | None, now: float, *, due: bool) -> None:
    assert is_due(last, now, EVERY) is due


def test_while_all_is_well_it_pings_once_in_each_interval() -> None:
    with HostileServer(answer(200, b"OK")) as server:
        heart = Heartbeat(url_of(server), EVERY)
        for now in range(0, 901, 30):
            heart.beat(ok=True, now=float(now))
            heart.wait(10)
    assert [seen.target for seen in server.requests] == [SECRET_PATH] * 4
    assert {seen.method for seen in server.requests} == {"GET"}
    assert heart.last is not None
    assert heart.last.begun == 900


def test_while_something_is_wrong_it_keeps_silent() -> None:
    with HostileServer(answer(200)) as server:
        heart = Heartbeat(url_of(server), EVERY)
        assert not heart.beat(ok=False, now=0.0)
        assert heart.beat(ok=True, now=1.0)
        heart.wait(10)
        assert not heart.beat(ok=False, now=1000.0)
    assert len(server.requests) == 1


def test_the_loop_is_never_held_up_and_only_one_ping_is_out() -> None:
    with HostileServer(hang) as server:
        heart = Heartbeat(url_of(server), timedelta(seconds=10), seconds=5)
        started = time.monotonic()
        assert heart.beat(ok=True, now=0.0)
        assert not heart.beat(ok=True, now=1000.0)
        assert time.monotonic() - started < 1
        assert heart.last is None
    heart.wait(10)
    assert len(server.requests) <= 1


def drip_status(wire: Wire, _seen: Seen) -> None:
    wire.drip(b"HTTP/1.1 200 OK\r\n", 0.1)


def drip_headers(wire: Wire, _seen: Seen) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    wire.drip(b"x" * 1000, 0.05)


def drip_body(wire: Wire, _seen: Seen) -> None:
    wire.send(head(200))
    wire.drip(b"x" * 1000, 0.05)


@pytest.mark.parametrize(
    ("act", "fault"),
    [
        (answer(200, b"OK"), ""),
        (answer(204), ""),
        (drip_body, ""),
        (answer(404, b"not here"), "answered with status 404"),
        (answer(500), "answered with status 500"),
        (answer(302, headers={"Location": "http://127.0.0.1:1/"}), "answered with status 302"),
        (hang, "did not answer in time"),
        (drip_status, "did not answer in time"),
        (drip_headers, "did not answer in time"),
        (reset, "closed the connection without an answer"),
        (raw(b""), "closed the connection without an answer"),
        (raw(b"220 smtp.example.com ESMTP\r\n"), "closed the connection without an answer"),
    ],
)
def test_each_answer_is_judged(act: Act, fault: str) -> None:
    with HostileServer(act) as server:
        started = time.monotonic()
        assert pinged(Heartbeat(url_of(server), EVERY, seconds=0.5), 1.0) == fault
        assert time.monotonic() - started < 3
        assert len(server.requests) == 1


def test_a_server_that_is_not_there_is_a_fault() -> None:
    with closed_port() as port:
        fault = pinged(Heartbeat(f"http://127.0.0.1:{port}/", EVERY), 1.0)
    assert fault == "could not be reached"


@pytest.mark.parametrize("url", ["nonsense", "http://[", "ftp://x/", "http://\udc80/"])
def test_nothing_that_is_asked_raises(url: str) -> None:
    assert pinged(Heartbeat(url, EVERY), 1.0)


def test_an_endless_body_is_left_unread() -> None:
    sent = threading.Event()

    def flood(wire: Wire, _seen: Seen) -> None:
        try:
            wire.send(head(200))
            while wire.sent < 50_000_000:
                wire.send(b"x" * 65_536)
        finally:
            sent.set()

    with HostileServer(flood) as server:
        assert pinged(Heartbeat(url_of(server), EVERY), 1.0) == ""
        assert sent.wait(5)
        assert server.sent < 20_000_000


def test_the_environment_s_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with HostileServer(answer(200)) as server, HostileServer(answer(200)) as proxy:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        assert pinged(Heartbeat(url_of(server), EVERY), 1.0) == ""
    assert proxy.requests == []


def test_a_streak_of_failures_is_said_once_and_its_end_too() -> None:
    acts = [answer(status) for status in (200, 500, 503, 500, 200, 200, 404)]
    with HostileServer(*acts) as server, logged() as lines:
        heart = Heartbeat(url_of(server), EVERY)
        for number in range(len(acts)):
            pinged(heart, number * 300.0)
    assert [(line["action"], line["level"]) for line in lines] == [
        ("heartbeat_failed", "warning"),
        ("heartbeat_recovered", "info"),
        ("heartbeat_failed", "warning"),
    ]
    assert lines[0]["message"] == "the heartbeat's server answered with status 500"


def test_the_url_is_in_no_message() -> None:
    with closed_port() as port, logged() as lines:
        pinged(Heartbeat(f"http://127.0.0.1:{port}{SECRET_PATH}", EVERY), 1.0)
    assert len(lines) == 1
    for piece in ("0123456789abcdef", "s3cret", str(port)):
        assert piece not in json.dumps(lines)
