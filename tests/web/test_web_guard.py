"""Who may see the page: Host names, the token, wrong tries, methods, and all answers' headers."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import TYPE_CHECKING

import pytest

from digest.web import Access, Health
from digest.web.guard import PERIOD, TRIES, Answer, Doorkeeper, HostCheck
from tests.support.standings import bad_day
from tests.support.status_pages import METRICS, TOKEN, ask, dial, said, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.web import WebServer

LOCKED = Access(token=TOKEN)
GUARDED = ("/", "/status.json", "/metrics", "/favicon.svg", "/favicon.ico", "/elsewhere")
OPEN = ("/healthz", "/readyz")


@pytest.fixture(scope="module")
def served() -> Iterator[WebServer]:
    with serving() as server:
        yield server


def basic(password: str, user: str = "digest") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LocalHost", "[::1]"])
def test_our_own_names_are_answered(served: WebServer, name: str) -> None:
    assert ask(served, host=f"{name}:{served.port}").status == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:{port}",
        "evil.example",
        "localhost",
        "localhost:1",
        "127.0.0.1.evil.example:{port}",
        "",
        "a b",
    ],
)
@pytest.mark.parametrize("path", GUARDED)
def test_a_name_that_is_not_ours_is_refused(served: WebServer, host: str, path: str) -> None:
    reply = ask(served, path, host=host.format(port=served.port))
    assert reply.status == 421
    assert "monday-email" not in reply.text


def test_two_host_headers_are_refused() -> None:
    with serving() as server, dial(server) as caller:
        own = f"Host: localhost:{server.port}\r\n"
        caller.sendall(f"GET / HTTP/1.1\r\nHost: evil.example\r\n{own}\r\n".encode())
        assert said(caller).startswith(b"HTTP/1.1 421 ")


@pytest.mark.parametrize("path", OPEN)
def test_health_is_answered_under_every_name(path: str) -> None:
    with serving() as server:
        assert ask(server, path, host="10.1.2.3:80").status == 200


@pytest.mark.parametrize(
    ("listen", "hosts", "header", "allowed"),
    [
        ("127.0.0.1", (), "127.0.0.1:8080", True),
        ("10.0.0.5", (), "10.0.0.5:8080", True),
        ("10.0.0.5", (), "10.0.0.6:8080", False),
        ("0.0.0.0", (), "10.0.0.6:8080", True),
        ("0.0.0.0", (), "10.0.0.6:80", False),
        ("0.0.0.0", (), "evil.example:8080", False),
        ("::", (), "[2001:db8::1]:8080", True),
        ("127.0.0.1", ("status.example.com",), "status.example.com", True),
        ("127.0.0.1", ("status.example.com",), "STATUS.example.com:8443", True),
        ("127.0.0.1", ("2001:db8::1",), "[2001:db8::1]:8443", True),
        ("127.0.0.1", ("[2001:DB8::1]",), "[2001:db8::1]", True),
        ("127.0.0.1", ("status.example.com",), "status.example.com.evil.example", False),
        ("127.0.0.1", ("localhost",), "localhost:9000", True),
    ],
)
def test_host_names(listen: str, hosts: tuple[str, ...], header: str, *, allowed: bool) -> None:
    assert HostCheck(listen, 8080, hosts).allows(header) is allowed


@pytest.mark.parametrize(
    "shown",
    [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"Token {TOKEN}",
        TOKEN,
        basic("wrong"),
        "Basic !!",
        basic(""),
        basic("", user=TOKEN),
    ],
)
def test_without_the_token_there_is_nothing_to_see(shown: str | None) -> None:
    with serving(access=LOCKED) as server:
        replies = [ask(server, path, authorization=shown) for path in GUARDED]
    assert {reply.status for reply in replies} == {401}
    assert {reply.text for reply in replies} == {"who are you?\n"}
    asked = {reply.headers["www-authenticate"] for reply in replies}
    assert asked == {'Basic realm="digest", charset="UTF-8"'}


@pytest.mark.parametrize(
    "shown", [f"Bearer {TOKEN}", f"bearer {TOKEN}", basic(TOKEN), basic(TOKEN, user="")]
)
def test_with_the_token_everything_is_shown(shown: str) -> None:
    with serving(access=LOCKED) as server:
        assert ask(server, "/", authorization=shown).status == 200
        assert ask(server, "/metrics", authorization=shown).status == 200


def test_the_token_does_not_count_in_an_address() -> None:
    with serving(access=LOCKED) as server:
        assert ask(server, f"/?token={TOKEN}").status == 401


@pytest.mark.parametrize("path", OPEN)
def test_health_needs_no_token(path: str) -> None:
    with serving(access=LOCKED) as server:
        assert ask(server, path).status == 200


def test_the_token_is_in_no_answer_and_in_no_words_about_it() -> None:
    with serving(access=LOCKED) as server:
        for path in (*GUARDED, *OPEN):
            reply = ask(server, path, authorization=basic(TOKEN))
            assert TOKEN not in reply.text + str(reply.headers)
    assert TOKEN not in repr(LOCKED)


def test_after_too_many_wrong_tries_even_the_right_token_waits() -> None:
    now = [0.0]
    with serving(access=LOCKED, monotonic=lambda: now[0]) as server:
        for _ in range(TRIES):
            assert ask(server, authorization="Bearer wrong").status == 401
        reply = ask(server, authorization=f"Bearer {TOKEN}")
        assert (reply.status, reply.headers["retry-after"]) == (429, "60")
        assert ask(server, "/healthz").status == 200
        now[0] += PERIOD
        assert ask(server, authorization=f"Bearer {TOKEN}").status == 200


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("10.0.0.1", "10.0.0.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
    ],
)
def test_wrong_tries_count_by_neighbourhood(first: str, second: str, *, same: bool) -> None:
    door = Doorkeeper(TOKEN, lambda: 0.0)
    for _ in range(TRIES):
        assert door.ask(first, "Bearer wrong") is Answer.LOG_IN
    expected = Answer.WAIT if same else Answer.ENTER
    assert door.ask(second, f"Bearer {TOKEN}") is expected


def test_asking_without_a_token_is_no_wrong_try() -> None:
    door = Doorkeeper(TOKEN, lambda: 0.0)
    for _ in range(TRIES * 2):
        assert door.ask("10.0.0.1", "") is Answer.LOG_IN
    assert door.ask("10.0.0.1", f"Bearer {TOKEN}") is Answer.ENTER


def test_what_is_remembered_of_wrong_tries_has_an_end() -> None:
    door = Doorkeeper(TOKEN, lambda: 0.0)
    for number in range(3000):
        door.ask(f"10.0.{number // 250}.{number % 250}", "Bearer wrong")
    assert len(door._wrong) == 1000


@pytest.mark.parametrize(
    "method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "X"]
)
@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics"])
def test_only_get_and_head_are_answered(served: WebServer, method: str, path: str) -> None:
    reply = ask(served, path, method=method, body=b"x" * 5000 if method == "POST" else None)
    assert (reply.status, reply.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", [*GUARDED, *OPEN])
def test_head_is_get_without_the_body(served: WebServer, path: str) -> None:
    got, head = ask(served, path), ask(served, path, method="HEAD")
    assert (head.status, head.text) == (got.status, "")
    assert head.headers["content-length"] == str(len(got.text.encode()))


def test_a_question_has_no_body() -> None:
    with serving() as server:
        assert ask(server, body=b"x").status == 400
        with dial(server) as chunked:
            chunked.sendall(
                f"GET / HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
                "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".encode()
            )
            assert said(chunked).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("path", [*GUARDED, *OPEN])
@pytest.mark.parametrize("access", [Access(), LOCKED], ids=["open", "locked"])
def test_every_answer_has_the_headers_that_keep_it_safe(path: str, access: Access) -> None:
    with serving(access=access) as server:
        found = ask(server, path).headers
    assert found["x-content-type-options"] == "nosniff"
    assert found["referrer-policy"] == "no-referrer"
    assert found["cache-control"] == "no-store"
    assert found["cross-origin-resource-policy"] == "same-origin"
    assert found["cross-origin-opener-policy"] == "same-origin"
    policy = found["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "script-src" not in policy
    assert "unsafe" not in policy
    for rule in ("base-uri 'none'", "frame-ancestors 'none'"):
        assert rule in policy


def test_the_page_s_own_style_is_the_only_one_let_in() -> None:
    with serving() as server:
        reply = ask(server)
    (style,) = re.findall(r"<style>(.*?)</style>", reply.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'; " in reply.headers["content-security-policy"]
    assert "form-action 'self'" in reply.headers["content-security-policy"]
    assert " style=" not in reply.text
    assert "<script" not in reply.text


def test_health_and_metrics_tell_no_names() -> None:
    with serving(bad_day, health=Health(alive=True, ready=False, reasons=("full disk",))) as server:
        told = "".join(ask(server, path).text for path in (*OPEN, "/metrics"))
    assert told == f"alive\nnot ready\nfull disk\n{METRICS[0].decode()}"
