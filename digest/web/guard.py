"""Who may see the page: the Host header, the token, and how often a wrong one may be tried.

The token is the password of HTTP's Basic login (any user name), or a Bearer token. Browsers do
that by themselves, it needs no session and no cookie, and the token is never part of an address,
so it gets into no history, no log and no Referer.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from digest.web.address import bracketed, host_and_port, is_ip, is_wildcard

if TYPE_CHECKING:
    from collections.abc import Callable

TRIES = 10
"""Wrong tokens from one address before it has to wait."""

PERIOD = 60.0  # seconds in which they count
_MOST_CALLERS = 1000
_LONGEST = 4096  # characters of an Authorization header


class Answer(Enum):
    """What the guard says to a caller."""

    ENTER = auto()
    LOG_IN = auto()
    WAIT = auto()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Access:
    """The token (None: nobody is asked) and further Host names, such as a reverse proxy's.

    A name in `hosts` has no port and stands for every port; IPv6 with or without brackets.
    """

    token: str | None = None
    hosts: tuple[str, ...] = ()


class HostCheck:
    """Only the names that we know are answered: a stranger's name that leads here is refused."""

    def __init__(self, host: str, port: int, hosts: tuple[str, ...]) -> None:
        self._port = port
        self._any_address = is_wildcard(host)
        names = {bracketed(host).lower(), "localhost", "127.0.0.1", "[::1]"}
        self._own = {(name, port) for name in names}
        self._further = {_bare(name) for name in hosts}

    def allows(self, header: str) -> bool:
        """Whether a Host header is one of ours.

        Where we listen on every address, each of them is: an address can't be rebound.
        """
        found = host_and_port(header)
        if found is None:
            return False
        host, port = found
        own_address = self._any_address and port == self._port and is_ip(host)
        return found in self._own or host in self._further or own_address


class Doorkeeper:
    """Asks for the token, and makes an address that tries wrong ones wait.

    `monotonic` gives seconds. Safe to use from threads.
    """

    def __init__(self, token: str | None, monotonic: Callable[[], float]) -> None:
        self._token = None if token is None else _hashed(token)
        self._monotonic = monotonic
        self._wrong: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def ask(self, caller: str, authorization: str) -> Answer:
        """Whether this caller, with this Authorization header (or an empty one), may enter."""
        if self._token is None:
            return Answer.ENTER
        shown = _token_in(authorization)
        if shown is None:
            return Answer.LOG_IN
        key = _neighbourhood(caller)
        with self._lock:
            now = self._monotonic()
            wrong = self._recent(key, now)
            if len(wrong) >= TRIES:
                return Answer.WAIT
            if hmac.compare_digest(_hashed(shown), self._token):
                self._wrong.pop(key, None)
                return Answer.ENTER
            wrong.append(now)
            self._remember(key, wrong)
        return Answer.LOG_IN

    def _recent(self, key: str, now: float) -> deque[float]:
        wrong = self._wrong.get(key, deque())
        while wrong and wrong[0] <= now - PERIOD:
            wrong.popleft()
        return wrong

    def _remember(self, key: str, wrong: deque[float]) -> None:
        self._wrong.pop(key, None)
        self._wrong[key] = wrong
        while len(self._wrong) > _MOST_CALLERS:
            del self._wrong[next(iter(self._wrong))]


def _hashed(token: str) -> bytes:
    """Of one length, whatever the token's, so that comparing tells nothing about that either."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def _token_in(authorization: str) -> str | None:
    """The token that a header shows; None where it shows none."""
    scheme, _, value = authorization[:_LONGEST].partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip() or None
        case "basic":
            return _password(value.strip())
        case _:
            return None


def _password(value: str) -> str | None:
    try:
        plain = base64.b64decode(value, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        return None
    return plain.partition(":")[2] or None


def _neighbourhood(caller: str) -> str:
    """An address, or the /64 that one IPv6 caller can choose all its addresses from."""
    try:
        ip = ipaddress.ip_address(caller.partition("%")[0])
    except ValueError:
        return caller
    if ip.version == 4:  # noqa: PLR2004 — the version's own number
        return str(ip)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def _bare(name: str) -> str:
    """A configured name as `host_and_port` gives it."""
    return bracketed(name.strip("[]")).lower().rstrip(".")
