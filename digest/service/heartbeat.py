"""The dead man's switch: a ping goes out while all is well, and others notice the silence."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from threading import Lock, Thread
from typing import TYPE_CHECKING, Final

import requests

from digest import __version__
from digest.phase.transport import CONNECTION_ERRORS, FaultKind, fault_kind
from digest.phase.watchdog import Watchdog, open_session

if TYPE_CHECKING:
    from datetime import timedelta

logger = logging.getLogger(__name__)

SECONDS: Final = 10.0
"""How long a ping may take in all, apart from looking up the host's name."""

_OK = range(200, 300)
_HEADERS: Final = {"User-Agent": f"phase-digest/{__version__}", "Accept": "*/*"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """The last ping that ended: when it was begun (monotonic seconds), and its fault if any."""

    begun: float
    fault: str = ""

    @property
    def arrived(self) -> bool:
        """Whether the other side took it."""
        return not self.fault


def is_due(last: float | None, now: float, every: timedelta) -> bool:
    """Whether it is time for the next ping; `last` is when the last one was begun, if there was."""
    return last is None or now - last >= every.total_seconds()


class Heartbeat:
    """Pings `url` at most once in `every`, each time in a thread of its own, and never raises.

    The URL is a secret: it is in no message. Give in a `seconds` other than the usual only in
    tests.
    """

    def __init__(self, url: str, every: timedelta, *, seconds: float = SECONDS) -> None:
        self._url = url
        self._every = every
        self._seconds = seconds
        self._lock = Lock()
        self._begun: float | None = None
        self._last: Ping | None = None
        self._thread: Thread | None = None

    @property
    def last(self) -> Ping | None:
        """What became of the last ping, None before the first has ended."""
        with self._lock:
            return self._last

    def beat(self, *, ok: bool, now: float) -> bool:
        """To be called each time round. `ok` says that all is well, `now` is monotonic seconds.

        Gives whether a ping was begun. While one is still out, none is.
        """
        busy = self._thread is not None and self._thread.is_alive()
        if not ok or busy or not is_due(self._begun, now, self._every):
            return False
        self._begun = now
        self._thread = Thread(target=self._ping, args=(now,), name="heartbeat", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # no more threads: not well, so silence is right
            self._thread = None
            return False
        return True

    def wait(self, seconds: float) -> None:
        """Wait until the ping that is out has ended, but not longer than that."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _ping(self, begun: float) -> None:
        fault = _fault_of(self._url, self._seconds)
        with self._lock:
            before, self._last = self._last, Ping(begun=begun, fault=fault)
        was_well = before is None or before.arrived
        if fault and was_well:
            logger.warning("the heartbeat's server %s", fault, extra={"action": "heartbeat_failed"})
        elif not fault and not was_well:
            logger.info(
                "the heartbeat's server answers again", extra={"action": "heartbeat_recovered"}
            )


def _fault_of(url: str, seconds: float) -> str:
    """Ask once; what went wrong, in words that complete "the server …", or nothing."""
    watchdog = Watchdog(seconds)
    try:
        with watchdog, open_session() as session:
            status = _status(session, url, seconds)
    except CONNECTION_ERRORS as error:
        return FaultKind.TIMEOUT if watchdog.fired else fault_kind(error)
    except Exception as error:  # noqa: BLE001 — a ping must not break what it speaks for
        return f"could not be asked ({type(error).__name__})"
    if watchdog.fired:  # what it cut off may look like a whole answer
        return FaultKind.TIMEOUT
    return "" if status in _OK else f"answered with status {status}"


def _status(session: requests.Session, url: str, seconds: float) -> int:
    """The answer's status; its body is left unread."""
    request = session.prepare_request(requests.Request("GET", url, headers=_HEADERS))
    # straight to the adapter: Session.send would read the body of a redirect, all of it
    response = session.get_adapter(url).send(
        request, stream=True, timeout=(seconds, seconds), verify=True, cert=None, proxies={}
    )
    response.close()
    return response.status_code
