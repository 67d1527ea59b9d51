"""A Phase server that has every day there ever was, for as many apps as anybody asks about.

Each day counts 100 of everything, so a wrong day shows in no number, but the days that were
asked for are kept. `limit` is requests in a window of 60 seconds of `monotonic`, 0 is off.
"""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from werkzeug.wrappers import Request, Response

from digest.sandbox.limiter import RateLimiter
from digest.sandbox.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

PREFIX = "/public-api/v1"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: the app, the report, its days (None for all-time) and the answer's status.

    `what` is the metric or the dimension, `at` when it arrived.
    """

    app: str
    report: str
    start: date | None
    end: date | None
    status: int
    at: float
    what: str = ""


@dataclass(slots=True, kw_only=True)
class EndlessPhase:
    """Context manager. `answer_with` may give another answer to a request, or None."""

    clock: Callable[[], datetime]
    limit: int = 0
    monotonic: Callable[[], float] = time.monotonic
    answer_with: Callable[[Request], Response | None] = lambda _request: None
    asked: list[Asked] = field(default_factory=list)
    _limiter: RateLimiter = field(init=False)
    _server: Loopback = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self._limiter = RateLimiter(self.limit, self.monotonic)
        self._server = Loopback(self._app)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.close()

    @property
    def base_url(self) -> str:
        return self._server.origin + PREFIX

    def _app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        at = self.monotonic()
        response = self._limited() or self.answer_with(request) or self._answer(request)
        _, app, _, report = request.path.removeprefix(PREFIX).strip("/").split("/", 3)
        start, end = (_day(request.args.get(name)) for name in ("startDate", "endDate"))
        what = request.args.get("metric") or request.args.get("dimension", "")
        with self._lock:
            self.asked.append(Asked(app, report, start, end, response.status_code, at, what))
        return response(environ, start_response)

    def _limited(self) -> Response | None:
        if not self.limit:
            return None
        ruling = self._limiter.count(["address"])
        if ruling.allowed:
            return None
        return _json({"code": "RATE_LIMITED"}, 429, {"Retry-After": str(ruling.seconds)})

    def _answer(self, request: Request) -> Response:
        meta = {"generatedAt": self.clock().astimezone(UTC).isoformat(timespec="milliseconds")}
        if request.path.endswith("/breakdown"):
            dimension = request.args["dimension"]
            rows = [{"value": name, "count": 50} for name in ("a", "b")]
            return _json({"rows": rows, "dimension": dimension, "meta": meta})
        first, last = (date.fromisoformat(request.args[n][:10]) for n in ("startDate", "endDate"))
        metric = request.args.get("metric", "eventCount")
        data = [
            {"date": str(first + timedelta(days=n)), metric: 50 if metric == "bounceRate" else 100}
            for n in range((last - first).days + 1)
        ]
        return _json({"data": data, "meta": meta})


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text[:10])


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(value), status, headers, mimetype="application/json")
