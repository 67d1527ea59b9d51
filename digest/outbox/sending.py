"""Sending what waits: every channel at once, pass after pass, until nothing can be done now.

A first pass takes up everything in its scope. Later ones are for what the first brought to light:
a message that has to become smaller, or one that is sent again because its outcome is unknown.
"""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from digest.core.content import DeliveryState as State
from digest.core.content import Outcome
from digest.core.outbox import LOOK_AGAIN, OnUncertain
from digest.errors import DeliveryError
from digest.outbox.passage import LedgerPassage
from digest.outbox.unsure import Unsure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Future
    from datetime import datetime, timedelta

    from digest.core.content import Channel
    from digest.core.outbox import Delivery
    from digest.outbox.stopping import Stop
    from digest.store.opened import Store
    from digest.store.reading import Scope

_GLANCE = 0.2  # seconds between two looks for a stop
_MOST_PASSES = 6
STOPPED = "digest stopped before an answer came"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How deliveries are treated.

    `wanted` says whether the config still has a recipient, `policy` what to do with an unknown
    outcome, `look_again` how long after a first look the second one comes. `patient` is for one
    who sends and leaves: the second look is waited for, and not left to a later call.
    """

    wanted: Callable[[Delivery], bool]
    policy: OnUncertain = OnUncertain.RESEND
    look_again: timedelta = LOOK_AGAIN
    patient: bool = True


class _Counted:
    """Tells how many are settled of how many there were."""

    def __init__(self, progress: Callable[[str, int, int], None], total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0
        self._lock = threading.Lock()

    def __call__(self) -> None:
        with self._lock:
            self._done += 1
            self._progress("sending", self._done, self._total)


@dataclass(slots=True, kw_only=True)
class Sender:
    """Sends through the channels that `open_channel` gives, each opened once.

    `progress` is told (what, number, of how many), also from threads.
    """

    store: Store
    open_channel: Callable[[str], Channel]
    rules: Rules
    stop: Stop
    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None
    _open: dict[str, Channel] = field(default_factory=dict)
    _faulty: set[str] = field(default_factory=set)

    def send(self, scope: Scope) -> None:
        """Bring what waits in the scope as far as it goes now.

        Raises StoreError when the ledger can't be written; nothing is sent after that.
        """
        self.stop.sending = True
        try:
            self.store.ledger.reclaim(scope)
            for _ in range(_MOST_PASSES):
                self._pass(scope)
                if self.stop.asked or not self._settle_unsure(scope):
                    break
                scope = replace(scope, early=False)
        finally:
            self.stop.sending = False

    def channel(self, name: str) -> Channel:
        """The channel of that name. Raises DeliveryError when its settings can't work."""
        if name not in self._open:
            self._open[name] = self.open_channel(name)
        return self._open[name]

    def _pass(self, scope: Scope) -> None:
        names = [
            name
            for name in self.store.ledger.channels(scope)
            if name not in self._faulty and (scope.early or not self._is_held(name))
        ]
        if not names:
            return
        told = _Counted(self.progress, self.store.ledger.waiting_count(scope))
        passages = [self._passage(scope, name, told) for name in names]
        pool = ThreadPoolExecutor(max_workers=len(names), thread_name_prefix="digest-channel")
        try:
            running = [pool.submit(self._deliver, passage) for passage in passages]
            self._wait(running, passages)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        for passage in passages:
            passage.close(STOPPED)
            self._note(passage, scope)
        broken = next((passage.error for passage in passages if passage.error), None)
        if broken is not None:
            raise broken

    def _passage(self, scope: Scope, name: str, told: Callable[[], None]) -> LedgerPassage:
        return LedgerPassage(
            self.store.ledger,
            scope,
            name,
            wanted=self.rules.wanted,
            stop=self.stop,
            alive=self.store.alive,
            monotonic=self.monotonic,
            settled=told,
        )

    def _is_held(self, name: str) -> bool:
        return any(
            hold.channel == name and hold.until > self.clock() for hold in self.store.ledger.holds()
        )

    def _deliver(self, passage: LedgerPassage) -> None:
        try:
            channel = self.channel(passage.channel)
        except DeliveryError as error:
            passage.fault = Outcome(
                state=State.RETRY_WAIT, detail=str(error), fault=True, passing=False
            )
        except Exception as error:  # noqa: BLE001 — told and logged by _broke
            self._broke(passage, error)
        else:
            try:
                channel.deliver(passage)
            except Exception as error:  # noqa: BLE001 — as above
                self._broke(passage, error)

    def _broke(self, passage: LedgerPassage, error: Exception) -> None:
        """One channel's defect must not stop the others; this one is left alone for now."""
        name = passage.channel
        said = f"channel {name!r} broke ({type(error).__name__}); this is a defect of digest"
        logger.warning("a channel broke", extra={"action": "channel_broke", "channel": name})
        logger.debug("it broke here", exc_info=error)
        passage.close(said)
        self._faulty.add(name)

    def _wait(self, running: Iterable[Future[None]], passages: list[LedgerPassage]) -> None:
        """Until all are done; after a stop only as long as an answer is due, within the grace."""
        left = set(running)
        while left:
            left = wait(left, timeout=_GLANCE).not_done
            if self.stop.asked and (
                self.stop.overdue or not any(passage.at_risk for passage in passages)
            ):
                return

    def _note(self, passage: LedgerPassage, scope: Scope) -> None:
        """What the pass taught about the channel itself."""
        ledger = self.store.ledger
        if passage.error is not None:
            return
        if passage.fault is None:
            if passage.sent:
                ledger.release(passage.channel)
            return
        self._faulty.add(passage.channel)
        until = ledger.hold(passage.channel, passage.fault)
        due = replace(scope, early=False)
        ledger.put_off(due, passage.channel, passage.fault.detail, until, self.rules.wanted)

    def _settle_unsure(self, scope: Scope) -> bool:
        """Look for what may have arrived; whether there is anything to send after it."""
        unsure = Unsure(
            ledger=self.store.ledger,
            policy=self.rules.policy,
            gap=self.rules.look_again,
            patient=self.rules.patient,
            clock=self.clock,
            stop=self.stop,
            progress=self.progress,
        )
        unsure.settle(scope, self.channel)
        return any(
            name not in self._faulty and self.store.ledger.is_due(scope, name, self.clock())
            for name in self.store.ledger.channels(scope)
        )
