"""Keys, addresses, proxies, certificates and limits around a request."""

from __future__ import annotations

import json
import ssl
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from digest.errors import PhaseError, PhaseUnavailableError
from digest.phase.budget import Budget
from digest.phase.client import PhaseClient
from digest.phase.limits import PhaseLimits
from digest.phase.watchdog import is_forbidden_peer, open_session
from tests.support.hostile_http import (
    Act,
    HostileServer,
    Seen,
    Wire,
    answer,
)
from tests.support.phase_answers import (
    TOTALS,
    ask,
    good,
)
from tests.support.phase_clients import APP, KEY, NOW, SCALED, scaled_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

TLS = Path(__file__).parents[1] / "data" / "tls"


@pytest.mark.parametrize(
    "key", ["", "two words", "line\nbreak", "trailing\r\n", "schlüssel", "emoji 🔑", "nul\0"]
)
def test_a_key_that_can_not_be_sent_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(PhaseError, match=f"the key for app {APP} can't be sent") as caught:
        PhaseClient("http://127.0.0.1:1", APP, SecretStr(key), SCALED, Budget(lambda: 0.0))
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://h/x",
        "file:///etc/passwd",
        "h/x",
        "http://",
        "https://u:hunter2@h/x",
        "https://h/x?k=hunter2",
        "https://h/x#hunter2",
        "",
    ],
)
def test_an_address_that_is_none_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(ValueError, match="base_url must") as caught:
        PhaseClient(url, APP, KEY, SCALED, Budget(lambda: 0.0))
    assert "hunter2" not in str(caught.value)


def test_neither_client_nor_transport_shows_the_key() -> None:
    with scaled_client("http://127.0.0.1:1") as client:
        assert KEY not in repr(client)
        assert KEY not in repr(vars(client))
        assert KEY not in repr(client._asker._transport)
        assert KEY not in repr(vars(client._asker))


@pytest.fixture
def hostile_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HostileServer]:
    """A proxy and a netrc in the environment; the proxy answers everything, rightly."""
    for name in ("NO_PROXY", "no_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    netrc = tmp_path / "netrc"
    netrc.write_text("default login mallory password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with HostileServer(good) as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        yield proxy


def test_proxy_and_netrc_of_the_environment_are_ignored(hostile_environment: HostileServer) -> None:
    with HostileServer(good) as server, scaled_client(server.url) as client:
        ask(client)
        assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert hostile_environment.wires == []


def test_the_proxy_counts_when_asked_for_and_the_netrc_still_does_not(
    hostile_environment: HostileServer,
) -> None:
    with (
        HostileServer(good) as server,
        open_session(proxy_from_env=True) as session,
        scaled_client(server.url, session=session) as client,
    ):
        ask(client)
        assert server.wires == []
    (seen,) = hostile_environment.requests
    assert seen.target.startswith(server.url)
    assert seen.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.usefixtures("hostile_environment")
def test_a_slow_proxy_is_held_to_the_deadline_as_well(
    hostile_environment: HostileServer,
) -> None:
    def drip(wire: Wire, _seen: Seen) -> None:
        wire.drip(b"HTTP/1.1 200 " + b"K" * 2000, 0.05)

    hostile_environment._acts = (drip,)
    for url in ("http://phase.invalid/v1", "https://phase.invalid/v1"):
        with (
            open_session(proxy_from_env=True) as session,
            scaled_client(url, session=session, tries=1, try_=0.3) as client,
            pytest.raises(PhaseUnavailableError, match="did not answer in time"),
        ):
            ask(client)


def test_no_cookie_is_kept() -> None:
    def act(wire: Wire, seen: Seen) -> None:
        body = json.dumps(TOTALS).encode()
        answer(200, body, headers={"Set-Cookie": "id=1; Path=/"})(wire, seen)

    with HostileServer(act) as server, scaled_client(server.url) as client:
        for _ in range(2):
            client.overview("events")
        assert all("cookie" not in seen.headers for seen in server.requests)


def tls_server(certificate: str, *acts: Act) -> HostileServer:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(TLS / certificate)
    return HostileServer(*acts, tls=context)


@pytest.fixture
def trusting() -> Iterator[requests.Session]:
    """A session that trusts the test authority and nobody else."""
    with open_session() as session:
        session.verify = str(TLS / "ca.pem")
        yield session


def test_reports_are_fetched_over_tls(trusting: requests.Session) -> None:
    with (
        tls_server("server.pem", good) as server,
        scaled_client(server.url, session=trusting) as client,
    ):
        ask(client)
        ask(client)
        assert [seen.connection for seen in server.requests] == [0, 0]


@pytest.mark.parametrize("certificate", ["expired.pem", "wrong-name.pem"])
def test_a_bad_certificate_is_refused_at_once(certificate: str, trusting: requests.Session) -> None:
    with (
        tls_server(certificate, good) as server,
        scaled_client(server.url, session=trusting) as client,
    ):
        with pytest.raises(PhaseError, match="certificate that can't be trusted") as caught:
            ask(client)
        assert not isinstance(caught.value, PhaseUnavailableError)
        assert client.stopped is not None
        assert client.requests_made == 1
        assert server.requests == []


def test_an_unknown_authority_is_refused() -> None:
    with (
        tls_server("server.pem", good) as server,
        scaled_client(server.url) as client,
    ):
        with pytest.raises(PhaseError, match="certificate that can't be trusted"):
            ask(client)
        assert server.requests == []


@pytest.mark.parametrize("before", [(), (good,)], ids=["new connection", "kept connection"])
def test_the_deadline_holds_over_tls(before: tuple[Act, ...], trusting: requests.Session) -> None:
    def drip(wire: Wire, _seen: Seen) -> None:
        wire.drip(b"HTTP/1.1 200 " + b"K" * 2000, 0.05)

    limits = replace(SCALED, try_=0.5, tries=1)
    with (
        tls_server("server.pem", *before, drip) as server,
        scaled_client(server.url, session=trusting, limits=limits) as client,
    ):
        for _ in before:
            ask(client)
        with pytest.raises(PhaseUnavailableError, match="did not answer in time"):
            ask(client)
        assert {seen.connection for seen in server.requests} == {0}


def test_a_server_that_never_finishes_the_handshake_is_given_up() -> None:
    with (
        HostileServer() as server,  # takes the connection and waits for a plain request
        scaled_client(server.url.replace("http", "https"), tries=1, try_=0.3) as client,
        pytest.raises(PhaseUnavailableError, match="did not answer in time"),
    ):
        ask(client)


@pytest.mark.parametrize(
    ("address", "forbidden"),
    [
        ("169.254.169.254", True),
        ("169.254.0.1", True),
        ("::ffff:169.254.169.254", True),
        ("fe80::1", True),
        ("fe80::1%eth0", True),
        ("224.0.0.1", True),
        ("ff02::1", True),
        ("127.0.0.1", False),
        ("::1", False),
        ("10.0.0.8", False),
        ("192.168.1.5", False),
        ("203.0.113.7", False),
    ],
)
def test_link_local_and_multicast_peers_are_forbidden(address: str, *, forbidden: bool) -> None:
    assert is_forbidden_peer(address) == forbidden


def test_nothing_is_sent_to_a_forbidden_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("digest.phase.watchdog.is_forbidden_peer", {"127.0.0.1": True}.get)
    with HostileServer(good) as server, scaled_client(server.url) as client:
        with pytest.raises(PhaseError, match="link-local or multicast address, which is refused"):
            ask(client)
        assert client.requests_made == 1
        assert server.requests == []


@pytest.mark.parametrize(
    "changes",
    [
        {"connect": 0},
        {"call": -1},
        {"tries": 0},
        {"read": float("nan")},
        {"try_": float("inf")},
        {"max_body": 0},
        {"backoff": ()},
        {"backoff": (1.0, -1.0)},
    ],
    ids=str,
)
def test_limits_that_are_none_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"the limit {next(iter(changes))} "):
        PhaseLimits(**changes)  # type: ignore[arg-type] # wrong on purpose


def test_the_standard_limits_are_the_promised_ones() -> None:
    limits = PhaseLimits()
    assert (limits.connect, limits.read, limits.try_, limits.call) == (5, 20, 60, 180)
    assert (limits.tries, limits.backoff, limits.max_wait) == (4, (1, 4, 16), 60)
    assert (limits.max_body, limits.max_decoded) == (10 * 2**20, 20 * 2**20)
    assert NOW.tzinfo is UTC
