"""Sending through a daemon that has the ledger: told what waits, watched until it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from digest.core.outbox import OPEN
from digest.errors import StateBusyError

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from digest.core.content import Channel
    from digest.core.outbox import Delivery
    from digest.outbox.stopping import Stop
    from digest.store.opened import Store
    from digest.store.reading import Scope

GLANCE = 0.2
"""Seconds between two looks at what the daemon has done."""

PATIENCE = 60.0
"""Seconds without any move after which a daemon is not waited for any more."""


class Sends(Protocol):
    """What brings planned deliveries to their readers: a `Sender`, or a daemon beside us."""

    @property
    def stop(self) -> Stop:
        """Whether we have to stop."""
        ...

    @property
    def clock(self) -> Callable[[], datetime]:
        """The time."""
        ...

    def channel(self, name: str) -> Channel:
        """The channel of that name, to freeze with. Raises DeliveryError."""
        ...

    def send(self, scope: Scope) -> None:
        """Bring what waits in the scope as far as it goes now. Raises StoreError."""
        ...


@dataclass(slots=True, kw_only=True)
class Handover:
    """Leaves the sending to the daemon that holds the ledger.

    `daemon_lives` says whether it still does. `progress` is told (what, number, of how many).
    """

    store: Store
    open_channel: Callable[[str], Channel]
    stop: Stop
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    daemon_lives: Callable[[], bool]
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None
    _open: dict[str, Channel] = field(default_factory=dict)

    def channel(self, name: str) -> Channel:
        """The channel of that name. Raises DeliveryError when its settings can't work."""
        if name not in self._open:
            self._open[name] = self.open_channel(name)
        return self._open[name]

    def send(self, scope: Scope) -> None:
        """Wait until the daemon has brought it as far as it goes now.

        Raises StateBusyError when the daemon ends, or does nothing about it for a minute.
        """
        if scope.early:
            self.store.ledger.hurry(scope)
        total = len(self.store.ledger.deliveries(scope, OPEN))
        seen, since = None, self.monotonic()
        while not self.stop.asked:
            held = self.store.ledger.deliveries(scope, OPEN)
            left = [one for one in held if not self._waits_longer(one)]
            if not left:
                return
            self.progress("the daemon sends", total - len(left), total)
            now = [(one.row, one.state, one.fence) for one in left]
            if now != seen:
                seen, since = now, self.monotonic()
            self._refuse_to_wait(since)
            self.stop.wait(GLANCE)

    def _waits_longer(self, one: Delivery) -> bool:
        """Whether it has been put off by the daemon."""
        return one.due_at is not None and one.due_at > self.clock()

    def _refuse_to_wait(self, since: float) -> None:
        if not self.daemon_lives():
            raise StateBusyError("digest serve has ended meanwhile; run the command again")
        if self.monotonic() - since > PATIENCE:
            raise StateBusyError(
                "it is planned, but digest serve has not taken it up within a minute; look at "
                "digest status and at the daemon's log"
            )
