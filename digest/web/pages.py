"""What each address of the page answers. Everything is read; nothing can be changed by asking."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from werkzeug.wrappers import Request, Response

from digest.errors import DigestError
from digest.web.as_json import as_json
from digest.web.choosing import Wish, matches
from digest.web.guard import PERIOD, Answer
from digest.web.headers import PLAIN, headers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from digest.web.guard import Doorkeeper, HostCheck
    from digest.web.rendering import StatusPage
    from digest.web.standing import Health, Standing

logger = logging.getLogger(__name__)

_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
_OPEN = frozenset({"/healthz", "/readyz"})
_LONGEST_QUERY = 100
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="digest", charset="UTF-8"'}
_ICON = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 36 36">'
    b'<rect width="36" height="36" rx="8" fill="#1f5fbf"/><g fill="#fff">'
    b'<rect x="8" y="18" width="5" height="9" rx="1"/><rect x="15.5" y="14" width="5" height="13"'
    b' rx="1"/><rect x="23" y="9" width="5" height="18" rx="1"/></g></svg>'
)


class Sources(NamedTuple):
    """Where the page has its answers from. Each may be called from any thread.

    `standing` is asked by one request at a time. `metrics` gives the body and its content type.
    """

    standing: Callable[[], Standing]
    health: Callable[[], Health]
    metrics: Callable[[], tuple[bytes, str]]


class Pages:
    """The page as a WSGI application."""

    def __init__(
        self, sources: Sources, page: StatusPage, hosts: HostCheck, door: Doorkeeper
    ) -> None:
        self._sources = sources
        self._page = page
        self._hosts = hosts
        self._door = door
        self._one_at_a_time = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request; a fault of ours is a sentence, never a traceback."""
        request = Request(environ, populate_request=False)
        try:
            response = self._refused(request) or self._answer(request)
        except DigestError as error:
            response = _plain(503, f"{error}\n")
        except Exception:
            logger.exception("page failed", extra={"action": "page_failed"})
            response = _plain(500, "digest could not read how it stands; its log says why\n")
        return response(environ, start_response)

    def _refused(self, request: Request) -> Response | None:
        """The answer to whoever may not ask that, or None."""
        if request.environ["REQUEST_METHOD"] not in {"GET", "HEAD"}:
            return _plain(405, "only GET and HEAD\n", {"Allow": "GET, HEAD"})
        if request.content_length or request.headers.get("Transfer-Encoding"):
            return _plain(400, "a question has no body here\n")
        if request.path in _OPEN:
            return None
        if not self._hosts.allows(request.environ.get("HTTP_HOST", "")):
            return _plain(421, "not an address of this page; web.hosts adds further ones\n")
        caller = request.remote_addr or ""
        match self._door.ask(caller, request.headers.get("Authorization", "")):
            case Answer.WAIT:
                return _plain(429, "try again later\n", {"Retry-After": str(int(PERIOD))})
            case Answer.LOG_IN:
                return _plain(401, "who are you?\n", _CHALLENGE)
            case Answer.ENTER:
                return None

    def _answer(self, request: Request) -> Response:
        match request.path:
            case "/":
                return self._status(request)
            case "/status.json":
                return _response(200, as_json(self._found(_wish(request))), _JSON)
            case "/healthz":
                alive = self._sources.health().alive
                return _plain(200, "alive\n") if alive else _plain(503, "not alive\n")
            case "/readyz":
                return self._ready()
            case "/metrics":
                return _response(200, *self._sources.metrics())
            case "/favicon.svg" | "/favicon.ico":
                return _response(200, _ICON, "image/svg+xml")
            case _:
                return _plain(404, "there is no such page\n")

    def _status(self, request: Request) -> Response:
        with self._one_at_a_time:
            html = self._page.html(self._sources.standing(), _wish(request))
        return _response(200, html.encode(), _HTML, headers(self._page.style))

    def _found(self, wish: Wish) -> Standing:
        with self._one_at_a_time:
            standing = self._sources.standing()
        return replace(
            standing,
            jobs=tuple(job for job in standing.jobs if matches(job, wish.query)),
            alerts=tuple(one for one in standing.alerts if matches(one, wish.query)),
        )

    def _ready(self) -> Response:
        health = self._sources.health()
        if health.ready:
            return _plain(200, "ready\n")
        return _plain(503, "".join(f"{reason}\n" for reason in ("not ready", *health.reasons)))


def _wish(request: Request) -> Wish:
    query = request.args.get("q", "")[:_LONGEST_QUERY].strip()
    return Wish(query=query, everything=request.args.get("all") == "1")


def _plain(status: int, text: str, further: dict[str, str] | None = None) -> Response:
    response = _response(status, text.encode(), PLAIN)
    response.headers.update(further or {})
    return response


def _response(
    status: int, body: bytes, content_type: str, further: dict[str, str] | None = None
) -> Response:
    response = Response(body, status=status, content_type=content_type)
    response.headers.update(further or headers())
    return response
