"""The Slack channel, pointed at the sandbox, and scripts for the sandbox."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from digest.channels import build
from digest.channels.slack import SlackSettings
from digest.core import steps
from digest.core.content import DeliveryState
from digest.sandbox.slack import TOKEN, Answer, SlackSandbox
from tests.support.deliveries import Clock, Hidden
from tests.support.passages import LoggedPassage, parcel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from digest.core.content import Channel, Envelope, Look, Parcel
    from tests.support.passages import Result

POST, UPDATE = "chat.postMessage", "chat.update"
BEGIN, BYTES, COMPLETE, INFO = (
    "files.getUploadURLExternal",
    "upload",
    "files.completeUploadExternal",
    "files.info",
)
HISTORY, REPLIES, LIST = "conversations.history", "conversations.replies", "conversations.list"


class SlackPassage(LoggedPassage):
    """A passage on which what is armed can be armed anew, as after a wait that Slack asks for.

    What is called is also written into `events`, next to what else a test keeps there.
    """

    def __init__(
        self, channel: Channel, *envelopes: Envelope, events: list[str] | None = None, **rules: Any
    ) -> None:
        super().__init__(channel, *envelopes, **rules)
        self._events = [] if events is None else events

    def _note(self, name: str, parcel: Parcel) -> None:
        super()._note(name, parcel)
        self._events.append(name)

    def _move(self, parcel: Parcel, state: DeliveryState) -> None:
        again = state is DeliveryState.AT_RISK
        if not (again and self._states.get(parcel.key) is DeliveryState.AT_RISK):
            super()._move(parcel, state)


def sent(channel: Channel, *envelopes: Envelope, **rules: Any) -> list[Result]:
    """Freeze and deliver everything; what became of each envelope, in order."""
    passage = SlackPassage(channel, *envelopes, **rules)
    channel.deliver(passage)
    return passage.results()


def count(sandbox: SlackSandbox, method: str = POST) -> int:
    """How often a method was called."""
    return sum(call.method == method for call in sandbox.calls)


def payloads(sandbox: SlackSandbox, method: str) -> list[dict[str, Any]]:
    """What each call of a method asked for."""
    return [dict(call.payload) for call in sandbox.calls if call.method == method]


def look(sandbox: SlackSandbox, one: Envelope, clock: Clock | None = None, **changes: Any) -> Look:
    """A look by a process that remembers nothing, just after the post was recorded."""
    made = channel(sandbox, clock)
    return made.look(parcel(made, one, **{"armed_at": datetime.now(UTC), **changes}))


@contextmanager
def heard(listener: Callable[[steps.Step], object]) -> Iterator[None]:
    """Have `listener` called at each step, for as long as the block runs."""
    steps.listen(listener)
    try:
        yield
    finally:
        steps._listeners.remove(listener)


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


def updates(*planned: Answer | None) -> Any:
    """A script for changes of a message."""
    return answers(chat__update=planned)


def error(code: str, **more: Any) -> Answer:
    """Slack's `ok: false`."""
    return Answer(body={"ok": False, "error": code, **more})


def wait(seconds: str | None) -> Answer:
    """HTTP 429."""
    headers = {} if seconds is None else {"Retry-After": seconds}
    return Answer(status=429, body={"ok": False, "error": "ratelimited"}, headers=headers)
