"""`HOST:PORT` as the command line has it, and what it is bound to."""

from __future__ import annotations

import ipaddress
import re
import socket
from dataclasses import dataclass

from digest.errors import UsageError

_BACKLOG = 64
_LAST_PORT = 65535
_FORM = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})"
)
_HTTP = 80


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen. `host` is without brackets; port 0 picks a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        """`127.0.0.1:8080` or `[::1]:8080`."""
        return f"{bracketed(self.host)}:{self.port}"


def listen_at(text: str) -> Listen:
    """Read `HOST:PORT` (IPv6 in brackets); UsageError says what is wrong with it."""
    found = _FORM.fullmatch(text)
    if found is None or int(found["port"]) > _LAST_PORT:
        raise UsageError(
            f"--web wants HOST:PORT such as 127.0.0.1:8080 or [::1]:8080, not {text[:100]!r}"
        )
    if found["six"] is not None and _ip(found["six"]) is None:
        raise UsageError(f"--web: {found['six']} is not an IPv6 address")
    return Listen(found["six"] or found["host"], int(found["port"]))


def bracketed(host: str) -> str:
    """A host as it stands in a URL: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host


def listener(at: Listen, *, guarded: bool) -> socket.socket:
    """A listening socket. `guarded` says that a token is asked for.

    Raises UsageError when the address can't be used, or is not loopback and not guarded.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(
            at.host, at.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError:
        raise UsageError(f"--web: the name {at.host} can't be resolved") from None
    if not guarded and not _is_loopback(str(address[0])):
        raise UsageError(
            f"--web: {at} can be reached from other machines, so it needs a token: set web.token "
            f"in the config, or listen at 127.0.0.1:{at.port}"
        )
    opened = socket.socket(family, kind, number)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind(address)
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise UsageError(
            f"--web: {at} can't be used ({(error.strerror or 'unknown').lower()}); choose another"
        ) from None
    return opened


def is_wildcard(host: str) -> bool:
    """Whether it stands for every address of this machine."""
    ip = _ip(host)
    return ip is not None and ip.is_unspecified


def is_ip(host: str) -> bool:
    """Whether a host, brackets or not, is an address and no name."""
    return _ip(host.removeprefix("[").removesuffix("]")) is not None


def host_and_port(header: str) -> tuple[str, int] | None:
    """What a Host header names (IPv6 in brackets, port 80 if it has none), or None."""
    found = _FORM.fullmatch(header) or _FORM.fullmatch(f"{header}:{_HTTP}")
    if found is None:
        return None
    return bracketed(found["six"] or found["host"]).lower().rstrip("."), int(found["port"])


def _is_loopback(address: str) -> bool:
    ip = _ip(address)
    return ip is not None and ip.is_loopback


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
