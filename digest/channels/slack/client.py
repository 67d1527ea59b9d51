"""slack_sdk's WebClient on a transport that knows what was sent. Never logs a call."""

from __future__ import annotations

import json as json_format
import logging
import ssl
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urlencode, urlsplit

from slack_sdk.errors import SlackRequestError
from slack_sdk.web import WebClient
from slack_sdk.web.slack_response import SlackResponse

from digest.channels.slack.answers import (
    TOO_MANY,
    RateLimitedError,
    RefusedError,
    UnknownOutcomeError,
    judge,
    retry_after,
)
from digest.channels.slack.transport import Answer, post
from digest.errors import DeliveryError

if TYPE_CHECKING:
    from digest.channels import Outside
    from digest.channels.slack.settings import SlackSettings

_UPLOADED = 200


class Client(WebClient):
    """WebClient's methods; each raises a SlackError of ours, and none is tried twice."""

    def __init__(self, settings: SlackSettings, outside: Outside) -> None:
        token = settings.token.get_secret_value().strip()
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise DeliveryError("the Slack token has characters that no token has; copy it again")
        super().__init__(
            token=token,
            base_url=settings.base_url,
            retry_handlers=[],
            logger=logging.Logger(  # noqa: LOG001 - its lines hold requests: not for the log tree
                "digest.slack.silent", logging.CRITICAL + 1
            ),
        )
        self._limit = settings.timeout
        self._monotonic = outside.monotonic

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        files: dict[str, Any] | None = None,
        data: dict[str, Any] | None = None,
        params: dict[str, Any] | None = None,
        json: dict[str, Any] | None = None,
        headers: dict[str, Any] | None = None,
        auth: dict[str, Any] | None = None,
    ) -> SlackResponse:
        """One call of the Web API. Raises a SlackError when it did not work.

        Slack takes POST for every method, so `http_verb` only shows in the response.
        """
        if files or data or auth:
            _unsupported(api_method)
        form = {key: _plain(value) for key, value in (params or {}).items() if value is not None}
        if json is not None:
            kind, body = "application/json;charset=utf-8", json_format.dumps(json)
        else:
            kind, body = "application/x-www-form-urlencoded", urlencode(form)
        url = self.base_url + api_method
        sent = {"Authorization": f"Bearer {self.token}", "Content-Type": kind, **self.headers}
        answer = self._post(url, body.encode(), {**sent, **(headers or {})})
        return SlackResponse(
            client=self,
            http_verb=http_verb,
            api_url=url,
            req_args={},
            data=judge(answer.status, answer.headers, answer.body),
            headers=dict(answer.headers),
            status_code=answer.status,
        )

    def upload(self, url: str, data: bytes) -> None:
        """Send a file's bytes to the address that Slack gave for it, without the token."""
        secure = urlsplit(self.base_url).scheme == "https"
        if urlsplit(url).scheme != "https" and (secure or urlsplit(url).scheme != "http"):
            raise RefusedError("upload_url_not_https")
        kind = {"Content-Type": "application/octet-stream"}
        answer = self._post(url, data, kind)
        if answer.status == TOO_MANY:
            raise RateLimitedError(retry_after(answer.headers.get("retry-after")))
        if answer.status != _UPLOADED:
            raise UnknownOutcomeError(f"the file's bytes were answered with HTTP {answer.status}")

    def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        return post(
            url,
            body,
            headers,
            timeout=self._limit,
            monotonic=self._monotonic,
            tls=self._tls if urlsplit(url).scheme == "https" else None,
        )


def _plain(value: object) -> str:
    """How Slack wants a form's values: 1 and 0 for yes and no."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _unsupported(api_method: str) -> NoReturn:
    raise SlackRequestError(f"{api_method} with files, data or client credentials is not built")
