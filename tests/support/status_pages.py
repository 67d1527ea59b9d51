"""The status page on a real port, and ways to ask it that a browser would not use."""

from __future__ import annotations

import html
import http.client
import re
import socket
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from digest.web import Access, Health, Sources, StatusPage, WebServer, listen_at
from tests.support.standings import good_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from digest.web import Standing

TEMPLATES = Path(__file__).parents[2] / "templates"
TOKEN = "a-long-and-secret-token"
WELL = Health(alive=True, ready=True)
METRICS = (b"# TYPE digest_up gauge\ndigest_up 1\n", "text/plain; version=0.0.4")


@cache
def shipped_page() -> StatusPage:
    """The page with our own templates, compiled once."""
    return StatusPage(TEMPLATES)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    text: str


@contextmanager
def serving(
    standing: Callable[[], Standing] = good_day,
    *,
    health: Health = WELL,
    access: Access | None = None,
    at: str = "127.0.0.1:0",
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[WebServer]:
    """The page of this standing, until the block ends."""
    server = WebServer(
        listen_at(at),
        sources=Sources(standing=standing, health=lambda: health, metrics=lambda: METRICS),
        access=access or Access(),
        page=shipped_page(),
        monotonic=monotonic,
    )
    try:
        yield server
    finally:
        server.close()


def ask(
    server: WebServer,
    path: str = "/",
    *,
    method: str = "GET",
    host: str | None = None,
    authorization: str | None = None,
    body: bytes | None = None,
) -> Reply:
    """One request; `host` replaces the Host header."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {}
    if host is not None:
        headers["Host"] = host
    if authorization is not None:
        headers["Authorization"] = authorization
    try:
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        text = response.read().decode()
        return Reply(response.status, {k.lower(): v for k, v in response.getheaders()}, text)
    finally:
        connection.close()


def words(page: str) -> str:
    """The page's words as a reader sees them, in one line."""
    body = page.partition("<body>")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", body)).split())


def read(standing: Standing, path: str = "/") -> str:
    """The page of this standing, asked for over HTTP."""
    with serving(lambda: standing) as server:
        reply = ask(server, path)
    assert (reply.status, reply.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return reply.text


def dial(server: WebServer) -> socket.socket:
    """A bare connection, for who does not speak well."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def said(connection: socket.socket) -> bytes:
    """Everything the server says until it hangs up."""
    parts = []
    try:
        while piece := connection.recv(65_536):
            parts.append(piece)
    except ConnectionResetError:
        parts.append(b"")
    return b"".join(parts)
