"""The Phase API as a WSGI application: routes, refuses, counts and answers."""

from __future__ import annotations

import json
import re
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from digest.sandbox.asking import Ask, RangeRefusedError, read_limit, read_range
from digest.sandbox.catalogue import REPORTS, Report
from digest.sandbox.dates import MILLISECOND, iso, micros
from digest.sandbox.event_reports import EventStoreRefusedError
from digest.sandbox.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from digest.sandbox.flavour import Flavour
    from digest.sandbox.limiter import RateLimiter, Ruling
    from digest.sandbox.rows import Rows

PREFIX = "/public-api/v1"
DEFAULT_LIMIT = 300
_REMEMBERED = 100_000

_ROUTE = re.compile(rf"{PREFIX}/apps/([^/]+)/reports/([a-z]+)/([a-z]+)/?")
_UNKNOWN_KEY = "Invalid, expired, revoked, or unauthorized API key"
_NO_HEADER = "Authorization header is required. Use: Authorization: Bearer <api_key>"
_WRONG_FORMAT = "Invalid authorization format. Use: Bearer <api_key>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One request that the sandbox answered, without its key."""

    method: str
    path: str
    query: str
    status: int


class PhaseWeb:
    """The WSGI application. It owns its `store`: whoever makes it closes that."""

    def __init__(
        self, rows: Rows, api: Flavour, clock: Callable[[], datetime], limiter: RateLimiter
    ) -> None:
        self.store = Store(rows)
        self._keys = {key.name: key for key in rows.keys}
        self._traits = api.traits
        self._clock = clock
        self._limiter = limiter
        self._seen: deque[Seen] = deque(maxlen=_REMEMBERED)
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        now = self._clock()
        response = self._route(request, now)
        response.headers["Vary"] = "Origin"
        response.headers["Date"] = http_date(now)
        with self._lock:
            self._seen.append(
                Seen(
                    method=request.method,
                    path=request.path,
                    query=request.query_string.decode("latin-1"),
                    status=response.status_code,
                )
            )
        return response(environ, start_response)

    @property
    def requests(self) -> tuple[Seen, ...]:
        """The latest requests, oldest first."""
        with self._lock:
            return tuple(self._seen)

    def _route(self, request: Request, now: datetime) -> Response:
        if request.method == "OPTIONS":
            return _empty(204)
        match = _ROUTE.fullmatch(request.path)
        report = REPORTS.get((match[2], match[3])) if match else None
        if match is None or report is None or request.method not in {"GET", "HEAD"}:
            return _empty(404)
        query = {name: values[-1] for name, values in request.args.lists()}
        choice = report.choice(query, self._traits)
        if choice is None:
            return _json(422, {"type": "validation", "on": "query", "found": query})
        ruling = self._count(request)
        if ruling is not None and not ruling.allowed:
            response = _refusal(429, "TOO_MANY_REQUESTS", "Too many requests")
            response.headers["Retry-After"] = str(ruling.seconds)
        elif refused := self._refuse_key(request, match[1], now):
            response = _refusal(401, "UNAUTHORIZED", refused)
        else:
            response = self._answer(report, match[1], query, choice, now)
        self._say_limits(response, ruling, now)
        return response

    def _count(self, request: Request) -> Ruling | None:
        """None when the limit is off. Refused keys count as well."""
        if not self._limiter.limit:
            return None
        address = f"address {request.remote_addr}"
        token = _token(request)
        return self._limiter.count((address, f"key {token}") if token else (address,))

    def _say_limits(self, response: Response, ruling: Ruling | None, now: datetime) -> None:
        """A server without a limiter says 300 and 0 remaining, and means neither."""
        limit = self._limiter.limit or DEFAULT_LIMIT
        response.headers["X-RateLimit-Limit"] = str(limit)
        response.headers["X-RateLimit-Remaining"] = str(ruling.remaining if ruling else 0)
        if ruling:
            reset = int(now.timestamp()) + ruling.seconds
            response.headers["X-RateLimit-Reset"] = str(reset)

    def _answer(
        self, report: Report, app_id: str, query: dict[str, str], choice: str, now: datetime
    ) -> Response:
        instant = micros(now)
        instant -= instant % MILLISECOND
        try:
            start, end = read_range(query) if report.dated else (None, None)
            body = report.answer(
                Ask(
                    store=self.store,
                    traits=self._traits,
                    app_id=app_id,
                    now=instant,
                    choice=choice,
                    start=start,
                    end=end,
                    limit=read_limit(query.get("limit", "")),
                )
            )
        except RangeRefusedError as error:
            return _refusal(400, "VALIDATION_ERROR", str(error))
        except EventStoreRefusedError:
            return _refusal(500, "INTERNAL_SERVER_ERROR", f"Failed to fetch {report.name}")
        meta = {"generatedAt": iso(instant), "consistency": "eventual", "identityModel": "user"}
        return _json(200, {**body, "meta": meta})

    def _refuse_key(self, request: Request, app_id: str, now: datetime) -> str | None:
        """Why the caller may not read this app, or None."""
        if not request.headers.get("Authorization"):
            return _NO_HEADER
        token = _token(request)
        if token is None:
            return _WRONG_FORMAT
        key = self._keys.get(token)
        return None if key and key.opens(app_id, now) else _UNKNOWN_KEY


def _token(request: Request) -> str | None:
    """The bearer token, None where there is no such thing."""
    scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
    token = rest.split(" ")[0]
    return token if scheme.lower() == "bearer" and token else None


def _refusal(status: int, code: str, detail: str) -> Response:
    return _json(status, {"code": code, "detail": detail})


def _json(status: int, body: dict[str, Any]) -> Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status=status, content_type="application/json")


def _empty(status: int) -> Response:
    response = Response(status=status)
    del response.headers["Content-Type"]
    return response
