"""Sending in lanes: each channel in a thread of its own, two that share a mail server in one.

So a server that is slow or silent delays nobody but its own readers.
"""

from __future__ import annotations

import threading
from contextvars import copy_context
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from digest.config.models import SmtpChannel

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from digest.config.models import Config

Lane = str


def lanes_of(config: Config) -> dict[str, Lane]:
    """The lane of each channel: one for each mail server, one for every other channel."""
    return {
        name: f"smtp {channel.host}:{channel.port}" if isinstance(channel, SmtpChannel) else name
        for name, channel in config.channels.items()
    }


@dataclass(slots=True, kw_only=True)
class Lanes:
    """Runs `send(channels)` for lanes that have something to do; each at most once at a time."""

    send: Callable[[Collection[str]], None]
    ring: Callable[[], None]
    lanes: Mapping[str, Lane]
    _running: dict[Lane, frozenset[str]] = field(default_factory=dict)
    _ended: SimpleQueue[tuple[Lane, Exception | None]] = field(default_factory=SimpleQueue)

    @property
    def busy(self) -> bool:
        """Whether anything is being sent."""
        return bool(self._running)

    @property
    def channels(self) -> frozenset[str]:
        """The channels that are being sent over."""
        return frozenset(name for names in self._running.values() for name in names)

    def start(self, due: Collection[str]) -> None:
        """Send over these channels, those in lanes that are not running already."""
        wanted: dict[Lane, set[str]] = {}
        for name in due:
            wanted.setdefault(self.lanes.get(name, name), set()).add(name)
        for lane, names in wanted.items():
            if lane in self._running:
                continue
            self._running[lane] = frozenset(names)
            arguments = (self._run, lane, frozenset(names))
            # not a pool's thread: one that hangs must not keep the process from ending
            threading.Thread(
                target=copy_context().run, args=arguments, name=f"digest-lane-{lane}", daemon=True
            ).start()

    def ended(self) -> list[Exception | None]:
        """The lanes that have ended since the last call, each with its error, if any."""
        errors: list[Exception | None] = []
        while True:
            try:
                lane, error = self._ended.get_nowait()
            except Empty:
                return errors
            self._running.pop(lane, None)
            errors.append(error)

    def _run(self, lane: Lane, names: frozenset[str]) -> None:
        error: Exception | None = None
        try:
            self.send(names)
        except Exception as caught:  # noqa: BLE001 — judged by the loop
            error = caught
        self._ended.put((lane, error))
        self.ring()
