"""A time limit that holds whatever a connection is doing, and the session that obeys it.

`requests` knows a limit for each read only: a server that drips a byte now and then, in the
status line, the headers or the body, keeps such a client for as long as it likes. Here a timer
shuts the connection down when the time of the try is over; that ends any read, write or
handshake at once. Not covered is the look-up of the host name, which the system's resolver
bounds by itself.
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from contextvars import ContextVar
from ipaddress import IPv6Address, ip_address
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import NewConnectionError

if TYPE_CHECKING:
    from urllib3._base_connection import BaseHTTPConnection, BaseHTTPSConnection

_current: ContextVar[Watchdog] = ContextVar("digest_phase_watchdog")


class Watchdog:
    """Shuts down every connection used inside its `with` block once `seconds` have passed.

    `fired` says whether that happened; what was read by then is not to be trusted, since a
    connection that is shut looks like one that has ended.
    """

    def __init__(self, seconds: float) -> None:
        self.fired = False
        self._lock = Lock()
        self._over = False
        self._watched: list[socket.socket] = []
        self._timer = Timer(seconds, self._fire)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._token = _current.set(self)
        self._timer.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        _current.reset(self._token)
        self._timer.cancel()
        with self._lock:
            self._over = True
            for sock in self._watched:
                sock.close()

    def watch(self, sock: socket.socket) -> None:
        """Take a connected socket, or a TLS one, under guard."""
        # a duplicate stays valid when TLS wraps the original and hands its descriptor on
        twin = socket.socket(fileno=os.dup(sock.fileno()))
        with self._lock:
            self._watched.append(twin)
            if self.fired:
                _shut(twin)

    def _fire(self) -> None:
        with self._lock:
            if self._over:
                return
            self.fired = True
            for sock in self._watched:
                _shut(sock)


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


class ForbiddenPeerError(NewConnectionError):
    """The address behind the host name is one that no API is served from."""


def is_forbidden_peer(address: str) -> bool:
    """Whether an address is link-local, where clouds keep their metadata, or no single host.

    Judged by the address that the connection really has, so that no spelling of it and no
    change of a name's address gets around it.
    """
    ip = ip_address(address.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip.is_link_local or ip.is_multicast


class _Guarded(HTTPConnection):
    """A connection that reports its socket to the watchdog of the try that uses it."""

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        if is_forbidden_peer(sock.getpeername()[0]):
            sock.close()
            raise ForbiddenPeerError(self, "refused before anything was sent")
        _guard(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:  # kept alive from an earlier try
            _guard(self.sock)
        super().request(*args, **kwargs)


def _guard(sock: socket.socket) -> None:
    watchdog = _current.get(None)
    if watchdog is not None:
        watchdog.watch(sock)


class _GuardedTls(_Guarded, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls: type[BaseHTTPConnection | BaseHTTPSConnection] = _Guarded


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls: type[BaseHTTPSConnection] = _GuardedTls


_POOLS = {"http": _Pool, "https": _TlsPool}


class GuardedAdapter(HTTPAdapter):
    """The `requests` adapter whose connections a `Watchdog` can shut; it retries nothing."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools with guarded connections."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make a proxy's pools with guarded connections."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):  # there the pools are what talks to the proxy
            manager.pool_classes_by_scheme = _POOLS
        return manager


def open_session(*, proxy_from_env: bool = False) -> requests.Session:
    """A session for `PhaseClient`, to be shared by the clients of a process and closed at the end.

    The environment (HTTP_PROXY, NO_PROXY, REQUESTS_CA_BUNDLE) counts only with `proxy_from_env`;
    a netrc file never does, since the client brings its own authorization.
    """
    session = requests.Session()
    session.trust_env = proxy_from_env
    for scheme in ("http://", "https://"):
        session.mount(scheme, GuardedAdapter())
    return session
