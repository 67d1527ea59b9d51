"""A daemon in a time of its own: whenever it has nothing to do, its clock moves on at once.

    with Simulation(config, env, start=…) as simulation:
        simulation.until(end)

Everything but the clock is real: ledger, threads, servers. The clock stands still while anything
is built or sent.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self

from digest.service.life import Daemon
from digest.service.outside import Outside

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from digest.service.wake import Wake

_PATIENCE = 60.0  # real seconds for one leg
_SLICE = 0.02


class NoAlarm:
    """The simulation rings by itself."""

    def start(self) -> None:
        return

    def set(self) -> None:
        return

    def close(self) -> None:
        return


@dataclass(slots=True)
class Times:
    """A wall clock that may be stepped and a monotonic one that may not."""

    now: datetime
    seconds: float = 1000.0

    def clock(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.seconds

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.seconds += seconds

    def sleep(self, seconds: float) -> None:
        self.advance(seconds)


@dataclass(slots=True, kw_only=True)
class Simulation:
    """One daemon. `step` moves its wall clock only; a new one on the same ledger is a restart.

    `tick` is how often it looks at everything anew: the usual 30 s make long times slow.
    """

    config: Path
    env: Mapping[str, str]
    start: datetime
    tick: timedelta = timedelta(hours=6)
    watch: Callable[[Daemon, object], None] = lambda _daemon, _closing: None
    times: Times = field(init=False)
    daemon: Daemon = field(init=False)
    error: BaseException | None = None
    _end: datetime = field(init=False)
    _arrived: threading.Event = field(default_factory=threading.Event)
    _go: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread = field(init=False)

    def __post_init__(self) -> None:
        self.start = self.start.astimezone(UTC)
        self.times, self._end = Times(self.start), self.start
        self.daemon = Daemon(
            path=self.config,
            env=self.env,
            outside=Outside(
                clock=self.times.clock,
                monotonic=self.times.monotonic,
                sleep=self.times.sleep,
                wait=self._wait,
                alarm=lambda _ring, _due: NoAlarm(),
                tick=self.tick,
                glance=float("inf"),
            ),
            watch=self.watch,
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._join_leg()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stop()

    def until(self, end: datetime) -> None:
        """Let time pass until then. Raises what the daemon ended with."""
        self._end = end.astimezone(UTC)
        self._arrived.clear()
        self._go.set()
        self._join_leg()

    def step(self, by: timedelta) -> None:
        """The wall clock jumps; nothing else notices."""
        self.times.now += by
        self._end += by

    def reload(self) -> None:
        """SIGHUP."""
        self.daemon.asked.reload = True
        self.until(self.times.now)

    def stop(self) -> None:
        """SIGTERM."""
        self.daemon.asked.stops = 1
        self._go.set()
        self._thread.join(_PATIENCE)
        assert not self._thread.is_alive(), "the daemon did not stop"
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    def _join_leg(self) -> None:
        assert self._arrived.wait(_PATIENCE), "the daemon did not get there in time"
        if self.error is not None:
            error, self.error = self.error, None
            raise error

    def _run(self) -> None:
        try:
            self.daemon.run()
        except BaseException as error:  # noqa: BLE001 - raised where the test waits
            self.error = error
        self._arrived.set()

    def _wait(self, wake: Wake, seconds: float) -> bool:
        loop = self.daemon.loop
        if wake.wait(0.0):
            return True
        if loop.builders.running or loop.lanes.busy or loop.alerts.running:
            return wake.wait(_SLICE)
        left = (self._end - self.times.now).total_seconds()
        if left > 0:
            self.times.advance(min(seconds, left))
            return False
        if not self.daemon.stopping:
            self._go.clear()
            self._arrived.set()
            self._go.wait(_PATIENCE)
        return False  # nobody rang: whether it is time to look is the daemon's to find out
