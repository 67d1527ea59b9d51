"""A Slack-compatible Web API on loopback: keeps posts and files, refuses what Slack refuses."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from werkzeug.wrappers import Request, Response

from digest.sandbox.loopback import Loopback
from digest.sandbox.slack_calls import Calls
from digest.sandbox.slack_refusals import Refusal
from digest.sandbox.slack_scopes import ALL_SCOPES, lacking
from digest.sandbox.slack_shapes import payload_of
from digest.sandbox.slack_store import Post, SlackFile, Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

TOKEN = "xoxb-sandbox-0000000000-not-a-real-token"  # noqa: S105 — opens nothing but the sandbox
CHANNELS: Mapping[str, str] = {
    "C0123456789": "growth",
    "C0000000002": "alerts",
    "C0000000003": "ops",
}
PERSON = "U0000000002"
"""A user who is not the bot."""
UPLOAD = "upload"
"""The method name under which a script sees the bytes of a file arrive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a script answers instead of the sandbox.

    `body` is JSON when it is a dict, else sent as it is. With `act` the call is carried out
    first (the post is kept, the answer is lost); with `hang_up` there is no answer at all.
    """

    status: int = 200
    body: Mapping[str, Any] | str | bytes = b""
    headers: Mapping[str, str] | None = None
    content_type: str | None = None
    act: bool = False
    hang_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call as it arrived, without its token. `n` counts calls of this method from 1."""

    method: str
    payload: Mapping[str, Any]
    n: int


class SlackSandbox:
    """Slack on loopback, from now until `close`.

    `channels` are the known ones, id → name. `script(method, payload, n)` may answer in place of
    the sandbox (None lets it answer); the bytes of a file arrive as method `upload`.
    `scopes` are the bot's permissions, None all there are; without one `missing_scope` is said.
    `process_after` is how often a new file has to be asked for before it is ready to be shown.
    `clock` gives the seconds since 1970 for timestamps. Raises UsageError when the port is taken.
    """

    def __init__(
        self,
        *,
        channels: Mapping[str, str] = CHANNELS,
        token: str = TOKEN,
        script: Callable[[str, Mapping[str, Any], int], Answer | None] | None = None,
        process_after: int = 0,
        scopes: Collection[str] | None = None,
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.token = token
        self._workspace = Workspace(channels, process_after, clock)
        granted = ALL_SCOPES if scopes is None else tuple(scopes)
        self._web = _Web(self._workspace, token, granted, script)
        self._server = Loopback(self._web, port)
        self._web.origin = self._server.origin

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT/api/`."""
        return f"{self._server.origin}/api/"

    @property
    def posts(self) -> list[Post]:
        """Every message posted so far, oldest first; one that was changed as it is now."""
        return self._workspace.posts

    @property
    def files(self) -> dict[str, SlackFile]:
        """Every file that an upload was begun for, by id."""
        return self._workspace.files

    @property
    def calls(self) -> list[Call]:
        """Every call so far, in order."""
        return self._web.calls

    def say(self, channel: str, text: str, *, user: str = PERSON) -> Post:
        """A message of a person in a channel, by its id."""
        return self._workspace.post(channel, {"text": text}, user)

    def close(self) -> None:
        """Stop answering; what was posted stays."""
        self._server.close()


class _Web:
    """The WSGI application: token, script, method, JSON."""

    def __init__(
        self,
        workspace: Workspace,
        token: str,
        scopes: tuple[str, ...],
        script: Callable[[str, Mapping[str, Any], int], Answer | None] | None,
    ) -> None:
        self.origin = ""
        self._workspace = workspace
        self._token = token
        self._scopes = scopes
        self._script = script
        self._calls: list[Call] = []
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one call."""
        with Request(environ) as request:
            response = self._route(request)
        return response(environ, start_response)

    def _route(self, request: Request) -> Response:
        area, _, rest = request.path.lstrip("/").partition("/")
        if area == UPLOAD:
            return self._respond(UPLOAD, {"file": rest, "bytes": _bytes_of(request)})
        if area == "api" and rest:
            payload = payload_of(request)
            refusal = self._refuse_token(request, payload)
            payload.pop("token", None)
            return refusal or self._respond(rest, payload)
        return Response(status=404)

    @property
    def calls(self) -> list[Call]:
        with self._lock:
            return list(self._calls)

    def _refuse_token(self, request: Request, payload: Mapping[str, Any]) -> Response | None:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        given = token if scheme == "Bearer" else payload.get("token")
        if given == self._token:
            return None
        return _json({"ok": False, "error": "invalid_auth" if given else "not_authed"})

    def _respond(self, method: str, payload: Mapping[str, Any]) -> Response:
        with self._lock:
            n = 1 + sum(call.method == method for call in self._calls)
            self._calls.append(Call(method=method, payload=payload, n=n))
        scripted = self._script(method, payload, n) if self._script else None
        if scripted is None:
            return self._perform(method, payload)
        if scripted.act:
            self._perform(method, payload)
        if scripted.hang_up:
            raise ConnectionAbortedError
        if isinstance(scripted.body, (str, bytes)):
            response = Response(scripted.body, content_type=scripted.content_type or "text/html")
        else:
            response = _json(scripted.body)
        response.status_code = scripted.status
        response.headers.update(scripted.headers or {})
        return response

    def _perform(self, method: str, payload: Mapping[str, Any]) -> Response:
        calls = Calls(self._workspace, self.origin)
        if method == UPLOAD:
            kept = calls.upload(payload)
            return Response(f"OK - {kept}") if kept is not None else Response(status=404)
        try:
            response = _json({"ok": True, **self._allowed(calls, method, payload)})
        except Refusal as refusal:
            response = _json({"ok": False, "error": refusal.code, **refusal.more})
        response.headers["x-oauth-scopes"] = ",".join(self._scopes)
        return response

    def _allowed(self, calls: Calls, method: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        missing = lacking(method, payload, self._scopes)
        if missing:
            more = {"needed": ",".join(missing), "provided": ",".join(self._scopes)}
            raise Refusal("missing_scope", more=more)
        return calls.perform(method, payload)


def _bytes_of(request: Request) -> bytes:
    """An upload's bytes, sent as they are or as a form's file."""
    if request.mimetype == "multipart/form-data":
        return b"".join(file.read() for file in request.files.values())
    return request.get_data()


def _json(body: Mapping[str, Any]) -> Response:
    return Response(json.dumps(body), content_type="application/json; charset=utf-8")
