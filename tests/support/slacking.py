"""The Slack channel, pointed at the sandbox, and scripts for the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from digest.channels import build
from digest.channels.slack import SlackSettings
from digest.sandbox.slack import TOKEN, Answer, SlackSandbox
from tests.support.deliveries import Clock, Hidden

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digest.core.content import Channel

POST = "chat.postMessage"
BEGIN, BYTES, COMPLETE, INFO = (
    "files.getUploadURLExternal",
    "upload",
    "files.completeUploadExternal",
    "files.info",
)

Script = "Callable[[str, Mapping[str, Any], int], Answer | None]"


def channel(
    sandbox: SlackSandbox, clock: Clock | None = None, *, token: str = TOKEN, **changes: Any
) -> Channel:
    """The channel that a config with these settings gives; it waits on `clock`."""
    fields: dict[str, Any] = {"base_url": sandbox.base_url, "timeout": 3.0}
    made = SlackSettings(token=Hidden(token), **{**fields, **changes})
    return build("slack")("slack", made, (clock or Clock()).outside())


def answers(**by_method: Sequence[Answer | None]) -> Any:
    """A script: the n-th call of a method gets its n-th answer, later calls the sandbox's own.

    Dots in a method's name are written as two underscores.
    """

    def script(method: str, _payload: Mapping[str, Any], n: int) -> Answer | None:
        planned = by_method.get(method.replace(".", "__"), ())
        return planned[n - 1] if n <= len(planned) else None

    return script


def posts(*planned: Answer | None) -> Any:
    """A script for posts alone."""
    return answers(chat__postMessage=planned)


def error(code: str, **more: Any) -> Answer:
    """Slack's `ok: false`."""
    return Answer(body={"ok": False, "error": code, **more})


def wait(seconds: str | None) -> Answer:
    """HTTP 429."""
    headers = {} if seconds is None else {"Retry-After": seconds}
    return Answer(status=429, body={"ok": False, "error": "ratelimited"}, headers=headers)
