"""Waiting: between two posts to a channel, and when Slack asks for patience."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from digest.channels.slack.answers import RateLimitedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.channels import Outside

_BETWEEN_POSTS = 1.0  # seconds; Slack allows about one message a second to a channel

Result = TypeVar("Result")


class Pace:
    """Keeps to Slack's limits. It remembers when each channel last got a message."""

    def __init__(self, outside: Outside, max_wait: float) -> None:
        self._outside = outside
        self._max_wait = max_wait
        self._last: dict[str, float] = {}

    def patiently(self, call: Callable[[], Result]) -> Result:
        """Do the call, and again after each wait that Slack asks for.

        Raises RateLimitedError when the waits would come to more than `max_wait` seconds.
        """
        waited = 0.0
        while True:
            try:
                return call()
            except RateLimitedError as error:
                waited += error.retry_after
                if waited > self._max_wait:
                    raise
                self._outside.sleep(error.retry_after)

    def post(self, channel: str, call: Callable[[], Result]) -> Result:
        """The same for a message to a channel, not sooner than a second after its last one."""
        if channel in self._last:
            early = self._last[channel] + _BETWEEN_POSTS - self._outside.monotonic()
            if early > 0:
                self._outside.sleep(early)
        try:
            return self.patiently(call)
        finally:
            self._last[channel] = self._outside.monotonic()
