"""Answers that are small on the wire and large in memory, or just large."""

from __future__ import annotations

import tracemalloc
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from digest.errors import PhaseError, PhaseUnavailableError
from digest.phase.limits import PhaseLimits
from tests.support.hostile_http import (
    Act,
    HostileServer,
    Seen,
    Wire,
    answer,
    head,
)
from tests.support.phase_answers import (
    ask,
    clear,
)
from tests.support.phase_clients import scaled_client

if TYPE_CHECKING:
    from collections.abc import Iterator

MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}


@contextmanager
def less_memory_than(mib: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < mib * MIB


@pytest.fixture(scope="module")
def bomb() -> bytes:
    """A gzip member of about 10 MB that unpacks to 10 GB of spaces."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    once = packer.compress(b" " * MIB) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff" + once * 10_000


@pytest.mark.parametrize("status", [200, 302, 400, 500])
def test_a_gzip_bomb_is_not_unpacked(bomb: bytes, status: int) -> None:
    assert 9 * MIB < len(bomb) < 10 * MIB
    fields = {"Content-Encoding": "gzip", "Location": "http://127.0.0.1:1/"}
    act = answer(status, bomb, headers=fields)
    limits = PhaseLimits(tries=1)
    with (
        HostileServer(act) as server,
        scaled_client(server.url, limits=limits) as client,
        less_memory_than(64),
        pytest.raises(PhaseError) as caught,
    ):
        ask(client)
    assert clear(caught.value)
    if status == 200:
        assert "unpacks to more than 20,971,520 bytes" in str(caught.value)


def endless(wire: Wire, _seen: Seen) -> None:
    wire.send(head(200, JSON | {"Transfer-Encoding": "chunked"}))
    piece = b"10,11,12,13," * 5000
    wire.send(b"1\r\n[\r\n")
    for _ in range(50 * MIB // len(piece)):
        wire.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")


def promised(wire: Wire, _seen: Seen) -> None:
    wire.send(head(200, JSON | {"Content-Length": str(50 * MIB)}) + b"[1,2,")
    wire.hang()


@pytest.mark.parametrize("act", [endless, promised])
def test_a_list_of_fifty_megabytes_is_not_read_to_its_end(act: Act) -> None:
    with (
        HostileServer(act) as server,
        scaled_client(server.url, limits=PhaseLimits()) as client,
    ):
        with (
            less_memory_than(64),
            pytest.raises(PhaseError, match="larger than 10,485,760 bytes") as caught,
        ):
            ask(client)
        clear(caught.value)
        assert server.sent < 40 * MIB
        assert len(server.requests) == 1


@pytest.mark.parametrize(
    "item", [b"{},", b'{"a":1},', b'"ab",', b"999,", b'"\\\\",'], ids=lambda item: item.decode()
)
def test_many_small_values_within_the_size_are_too_many(item: bytes) -> None:
    body = b"[" + item * (9 * MIB // len(item)) + b"0]"
    with (
        HostileServer(answer(200, body)) as server,
        scaled_client(server.url, limits=PhaseLimits()) as client,
        less_memory_than(100),
        pytest.raises(PhaseError, match="more than 1,000,000 values") as caught,
    ):
        ask(client)
    clear(caught.value)


def test_an_endless_line_of_a_chunk_costs_no_memory() -> None:
    def act(wire: Wire, _seen: Seen) -> None:
        wire.send(head(200, JSON | {"Transfer-Encoding": "chunked"}) + b"1;")
        for _ in range(50):
            wire.send(b"x" * MIB)

    with (
        HostileServer(act) as server,
        scaled_client(server.url, tries=1) as client,
        less_memory_than(32),
        pytest.raises(PhaseUnavailableError, match="cut its answer"),
    ):
        ask(client)
