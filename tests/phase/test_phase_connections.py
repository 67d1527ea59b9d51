"""Connections that break, drip, hang or lead elsewhere, each within its deadline."""

from __future__ import annotations

import gzip
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from digest.core.metrics import Dimension
from digest.errors import ExitCode, PhaseError, PhaseUnavailableError
from tests.support.hostile_http import (
    Act,
    HostileServer,
    Seen,
    Wire,
    answer,
    closed_port,
    hang,
    head,
    raw,
    reset,
    then_close,
)
from tests.support.phase_answers import (
    DAY,
    GOOD,
    SECRET,
    ask,
    clear,
    series,
)
from tests.support.phase_clients import SCALED, Waits, scaled_client

if TYPE_CHECKING:
    from digest.phase.limits import PhaseLimits


JSON = {"Content-Type": "application/json"}


CUT: dict[str, Act] = {
    "less than Content-Length": raw(head(200, JSON | {"Content-Length": "500"}) + series()),
    "nothing of Content-Length": raw(head(200, JSON | {"Content-Length": "500"})),
    "half a text in a whole body": answer(200, series()[:-10]),
    "inside a string": answer(200, b'{"data": "abc'),
    "chunked, no last chunk": raw(
        head(200, JSON | {"Transfer-Encoding": "chunked"}) + b'5\r\n{"dat\r\n'
    ),
    "chunked, inside a chunk": raw(
        head(200, JSON | {"Transfer-Encoding": "chunked"}) + b'ff\r\n{"data'
    ),
    "chunked, no size": raw(head(200, JSON | {"Transfer-Encoding": "chunked"}) + b'what\r\n{"data'),
    "no length at all": raw(head(200, JSON) + series()[:30]),
    "no length, no body": raw(head(200, JSON)),
    "inside the headers": raw(b"HTTP/1.1 200 OK\r\nContent-Ty"),
    "gzip without its end": answer(
        200, gzip.compress(series())[:-9], headers={"Content-Encoding": "gzip"}
    ),
}
LOST: dict[str, Act] = {
    "reset": reset,
    "closed without a word": then_close(lambda _wire, _seen: None),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no status": raw(b"\r\n\r\n"),
    "half a status line": raw(b"HTTP/1."),
}


@pytest.mark.parametrize("act", (CUT | LOST).values(), ids=(CUT | LOST).keys())
def test_what_breaks_off_is_asked_for_again(act: Act) -> None:
    waits = Waits()
    with (
        HostileServer(act, act, act, GOOD) as server,
        scaled_client(server.url, waits=waits) as client,
    ):
        assert ask(client).values == {DAY: 96}

        assert len(server.requests) == client.requests_made == 4
    assert len(waits.slept) == 3


@pytest.mark.parametrize("act", CUT.values(), ids=CUT.keys())
def test_what_always_breaks_off_is_given_up_but_other_reports_are_asked(act: Act) -> None:
    with HostileServer(act, act, act, act, GOOD) as server, scaled_client(server.url) as client:
        with pytest.raises(PhaseUnavailableError, match=r"short \(4 tries\); try again") as caught:
            ask(client)

        assert clear(caught.value)
        assert caught.value.exit_code is ExitCode.PUT_OFF
        assert ask(client).values == {DAY: 96}


@pytest.mark.parametrize("act", LOST.values(), ids=LOST.keys())
def test_a_server_that_always_hangs_up_stops_the_run(act: Act) -> None:
    with HostileServer(act) as server, scaled_client(server.url) as client:
        with pytest.raises(PhaseUnavailableError, match="closed the connection") as caught:
            ask(client)

        clear(caught.value)
        assert len(server.requests) == 4
        with pytest.raises(PhaseUnavailableError) as again:
            client.breakdown(Dimension.USERS_COUNTRY, None, None)
        assert str(again.value) == str(caught.value)
        assert again.value.report == "users/breakdown"
        assert len(server.requests) == 4


def drip_body(wire: Wire, _seen: Seen) -> None:
    wire.send(head(200, JSON | {"Content-Length": "2000"}))
    wire.drip(b" " * 2000, 0.05)


def drip_headers(wire: Wire, _seen: Seen) -> None:
    wire.send(b"HTTP/1.1 200 OK\r\n")
    wire.drip(b"X-Slow: " + b"a" * 2000, 0.05)


def drip_status(wire: Wire, _seen: Seen) -> None:
    wire.drip(b"HTTP/1.1 200 " + b"K" * 2000, 0.05)


def drip_chunks(wire: Wire, _seen: Seen) -> None:
    wire.send(head(200, JSON | {"Transfer-Encoding": "chunked"}))
    wire.drip(b"1\r\n \r\n" * 400, 0.05)


def drip_chunk_size(wire: Wire, _seen: Seen) -> None:
    wire.send(head(200, JSON | {"Transfer-Encoding": "chunked"}) + b"1;")
    wire.drip(b"x" * 2000, 0.05)


def drip_an_error(wire: Wire, _seen: Seen) -> None:
    wire.send(head(400, JSON | {"Content-Length": "2000"}))
    wire.drip(b" " * 2000, 0.05)


@pytest.mark.parametrize(
    "act", [drip_body, drip_headers, drip_status, drip_chunks, drip_chunk_size, drip_an_error]
)
def test_one_byte_now_and_then_does_not_outlast_the_deadline_of_a_try(act: Act) -> None:
    with (
        HostileServer(act) as server,
        scaled_client(server.url, try_=0.3, tries=2) as client,
    ):
        begun = time.monotonic()
        with pytest.raises(PhaseUnavailableError, match="did not answer in time") as caught:
            ask(client)

        assert time.monotonic() - begun < 5
        clear(caught.value)
        assert len(server.requests) == 2
        with pytest.raises(PhaseUnavailableError):
            ask(client)
        assert len(server.requests) == 2


def test_the_deadline_of_the_call_ends_a_try_before_its_own() -> None:
    with (
        HostileServer(drip_headers) as server,
        scaled_client(server.url, try_=60, read=60, call=0.4) as client,
    ):
        begun = time.monotonic()
        with pytest.raises(PhaseUnavailableError, match=r"did not answer in time \(1 try\)"):
            ask(client)
        assert time.monotonic() - begun < 5
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "limits",
    [replace(SCALED, tries=1, read=0.2), replace(SCALED, tries=1, try_=0.2)],
    ids=["between two reads", "of a try"],
)
def test_silence_is_a_timeout(limits: PhaseLimits) -> None:
    with HostileServer(hang) as server, scaled_client(server.url, limits=limits) as client:
        begun = time.monotonic()
        with pytest.raises(PhaseUnavailableError, match="did not answer in time"):
            ask(client)
        assert time.monotonic() - begun < 1.5


def test_a_refused_connection_is_tried_four_times_and_stops_the_run() -> None:
    waits = Waits()
    with closed_port() as port, scaled_client(f"http://127.0.0.1:{port}", waits=waits) as client:
        with pytest.raises(
            PhaseUnavailableError, match=r"could not be reached \(4 tries\)"
        ) as caught:
            ask(client)
        clear(caught.value)
        assert client.requests_made == 4
        assert len(waits.slept) == 3

        with pytest.raises(PhaseUnavailableError):
            ask(client)
        assert client.requests_made == 4


def test_a_name_that_does_not_resolve_is_said_to_be_one() -> None:
    with (
        scaled_client("http://phase.invalid", tries=1) as client,
        pytest.raises(PhaseUnavailableError, match="host name does not resolve") as caught,
    ):
        ask(client)
    clear(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["other port", "itself", "file"])
def test_no_redirect_is_followed_and_the_key_stays_here(status: int, to: str) -> None:
    with HostileServer(GOOD) as other, HostileServer(reset) as server:
        places = {"other port": other.url, "itself": server.url, "file": "file:///etc/passwd"}
        fields = {"Location": f"{places[to]}/{SECRET}"}
        server._acts = (answer(status, headers=fields),)
        with (
            scaled_client(server.url) as client,
            pytest.raises(PhaseError, match=rf"redirects elsewhere \({status}\)") as caught,
        ):
            ask(client)

        clear(caught.value)
        assert not isinstance(caught.value, PhaseUnavailableError)
        assert other.wires == []
        assert len(server.requests) == 1


def test_a_kept_connection_that_the_server_closed_is_replaced_without_a_word() -> None:
    waits = Waits()
    with (
        HostileServer(then_close(GOOD)) as server,
        scaled_client(server.url, waits=waits) as client,
    ):
        for _ in range(3):
            ask(client)
            assert server.wires[-1].gone.wait(2)
        assert [seen.connection for seen in server.requests] == [0, 1, 2]
    assert waits.slept == []


def test_a_kept_connection_that_dies_under_the_next_request_is_one_more_try() -> None:
    with HostileServer(GOOD, reset, GOOD) as server, scaled_client(server.url) as client:
        ask(client)
        ask(client)
        assert [seen.connection for seen in server.requests] == [0, 0, 1]


def test_a_slow_answer_does_not_spoil_the_connection_after_it() -> None:
    with (
        HostileServer(drip_body, GOOD) as server,
        scaled_client(server.url, try_=0.3, tries=2) as client,
    ):
        assert ask(client).values == {DAY: 96}
        assert [seen.connection for seen in server.requests] == [0, 1]
