"""One try of one request: what went out, what came back, in four kinds. It never retries.

The key goes into the header of the one request and nowhere else: no redirect is followed, no
cookie kept, no text of a library's error passed on, since those quote addresses and headers.
"""

from __future__ import annotations

import http.client
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Protocol

import requests
import urllib3
from requests.auth import AuthBase

from digest import __version__
from digest.phase.body import CutShortError, NonsenseError, Stream, parse, read_document
from digest.phase.watchdog import ForbiddenPeerError, Watchdog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from digest.phase.limits import PhaseLimits

_CODE = re.compile(r"[A-Z_]{1,40}")
_MAX_ERROR_BODY = 8 * 1024  # the server's own errors are under 1 kB; larger ones stay unread
_OK = 200
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip, identity",
    "User-Agent": f"phase-digest/{__version__}",
}
CONNECTION_ERRORS: Final = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
)
"""What a connection can raise."""


class FaultKind(StrEnum):
    """What can happen to a connection; the value completes "Phase at HOST …"."""

    UNREACHABLE = "could not be reached"
    NAME = "could not be found (its host name does not resolve)"
    FORBIDDEN = "is at a link-local or multicast address, which is refused"
    CERTIFICATE = "showed a certificate that can't be trusted"
    TIMEOUT = "did not answer in time"
    DROPPED = "closed the connection without an answer"
    CUT = "cut its answer short"


@dataclass(frozen=True, slots=True)
class Document:
    """A 200 with one JSON value, not yet looked at."""

    value: object


@dataclass(frozen=True, slots=True)
class Refusal:
    """Any status but 200. `code` is the server's own word for it, if it is one plain word."""

    status: int
    code: str | None
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """No whole answer arrived."""

    kind: FaultKind


@dataclass(frozen=True, slots=True)
class Nonsense:
    """A whole answer arrived that no Phase server gives; `reason` is safe to show."""

    reason: str


Outcome = Document | Refusal | Fault | Nonsense


class Secret(Protocol):
    """A secret that is not printed by accident, such as pydantic's SecretStr."""

    def get_secret_value(self) -> str:
        """The secret itself."""
        ...


class _Bearer(AuthBase):
    """Sets the header itself, so that `requests` never looks for a netrc."""

    def __init__(self, key: Secret) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        return request


@dataclass(frozen=True, slots=True, kw_only=True)
class Transport:
    """Sends one GET at a time to the reports of one app."""

    session: requests.Session
    root: str
    key: Secret
    limits: PhaseLimits

    def attempt(self, report: str, params: Mapping[str, str], *, seconds: float) -> Outcome:
        """Ask once for `report`, such as `sessions/timeseries`, within `seconds`."""
        watchdog = Watchdog(seconds)
        outcome: Outcome
        try:
            with watchdog:
                outcome = self._exchange(f"{self.root}/{report}", params, seconds)
        except CONNECTION_ERRORS as error:
            outcome = Fault(fault_kind(error))
        except CutShortError:
            outcome = Fault(FaultKind.CUT)
        except NonsenseError as error:
            outcome = Nonsense(str(error))
        # an answer that the watchdog cut off may look complete, empty or broken
        return Fault(FaultKind.TIMEOUT) if watchdog.fired else outcome

    def _exchange(self, url: str, params: Mapping[str, str], seconds: float) -> Outcome:
        request = self.session.prepare_request(
            requests.Request("GET", url, params=params, headers=_HEADERS, auth=_Bearer(self.key))
        )
        settings = self.session.merge_environment_settings(
            url, {}, stream=True, verify=None, cert=None
        )
        # straight to the adapter: Session.send would read the body of a redirect, all of it
        response = self.session.get_adapter(url).send(
            request,
            stream=True,
            timeout=(min(self.limits.connect, seconds), min(self.limits.read, seconds)),
            verify=True if settings["verify"] is None else settings["verify"],
            cert=settings["cert"],
            proxies=settings["proxies"],
        )
        try:
            if response.status_code == _OK:
                return Document(read_document(response.raw, response.headers, self.limits))
            code = _code(response.raw, response.headers, self.limits)
            return Refusal(response.status_code, code, response.headers)
        except CONNECTION_ERRORS as error:
            late = fault_kind(error) is FaultKind.TIMEOUT
            return Fault(FaultKind.TIMEOUT if late else FaultKind.CUT)
        finally:
            response.close()


def _code(stream: Stream, headers: Mapping[str, str], limits: PhaseLimits) -> str | None:
    """The `code` of an error answer, if there is one that can't be anything but a code."""
    length = headers.get("Content-Length", "")
    if not length.isdigit() or int(length[:20]) > _MAX_ERROR_BODY:
        return None
    try:
        body = parse(stream.read(_MAX_ERROR_BODY, decode_content=False), max_depth=limits.max_depth)
    except (NonsenseError, CutShortError, *CONNECTION_ERRORS):
        return None
    code = body.get("code") if isinstance(body, Mapping) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def fault_kind(error: BaseException) -> FaultKind:
    """Which of the faults one of the CONNECTION_ERRORS was."""
    causes = tuple(_causes(error))
    kinds: tuple[tuple[FaultKind, tuple[type[BaseException], ...]], ...] = (
        (FaultKind.FORBIDDEN, (ForbiddenPeerError,)),
        (FaultKind.CERTIFICATE, (ssl.SSLCertVerificationError,)),
        (FaultKind.NAME, (urllib3.exceptions.NameResolutionError,)),
        # before the time-outs, of which urllib3 makes it one
        (FaultKind.UNREACHABLE, (urllib3.exceptions.NewConnectionError,)),
        (FaultKind.TIMEOUT, (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)),
        (FaultKind.DROPPED, (http.client.HTTPException, ConnectionResetError, BrokenPipeError)),
    )
    for kind, types in kinds:
        if any(isinstance(cause, types) for cause in causes):
            return kind
    return FaultKind.UNREACHABLE


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it wraps; `requests` and urllib3 put the cause in their arguments."""
    waiting: list[Any] = [error]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop()
        if isinstance(current, BaseException) and id(current) not in seen:
            seen.add(id(current))
            yield current
            # not __context__, which may be whatever a caller was handling at the time
            waiting += [current.__cause__, getattr(current, "reason", None), *current.args]
