"""Waiting: between two posts to a channel, and when Slack asks for patience."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from digest.channels.slack.answers import RateLimitedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.channels import Outside

_BETWEEN_POSTS = 1.0  # seconds; Slack allows about one message a second to a channel

Result = TypeVar("Result")


class Patience:
    """Waits that Slack asks for, `most` seconds in all."""

    def __init__(self, most: float, sleep: Callable[[float], None]) -> None:
        self._left = most
        self._sleep = sleep

    def wait(self, error: RateLimitedError) -> None:
        """Wait as long as it asks to. Raises it again when that would be too long."""
        self._left -= error.retry_after
        if self._left < 0:
            raise error
        self._sleep(error.retry_after)

    def through(self, call: Callable[[], Result]) -> Result:
        """Do the call, and again after each wait. Raises RateLimitedError at the end of it."""
        while True:
            try:
                return call()
            except RateLimitedError as error:
                self.wait(error)


class Pace:
    """Keeps to Slack's limits. It remembers when each channel last got a message."""

    def __init__(self, outside: Outside, max_wait: float) -> None:
        self._outside = outside
        self._max_wait = max_wait
        self._last: dict[str, float] = {}

    def patience(self) -> Patience:
        """As much of it as one message or one look may ask for."""
        return Patience(self._max_wait, self._outside.sleep)

    def patiently(self, call: Callable[[], Result]) -> Result:
        """Do the call with patience of its own."""
        return self.patience().through(call)

    def turn(self, channel: str) -> None:
        """Wait until a second has passed since the last message to this channel."""
        if channel in self._last:
            early = self._last[channel] + _BETWEEN_POSTS - self._outside.monotonic()
            if early > 0:
                self._outside.sleep(early)

    def once(self, channel: str, call: Callable[[], Result]) -> Result:
        """Do the call, which is a message to this channel."""
        try:
            return call()
        finally:
            self._last[channel] = self._outside.monotonic()
