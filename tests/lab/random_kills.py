"""Killed from outside, at any time: uniformly over a run, several times in a row.

A world has many digests, one after the other on the same ledger, each to three readers and to
Slack. Each is killed once or more often, then brought to its end. The servers take their time, so
that more of the kills fall between a message and its answer.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from digest.core.outbox import OnUncertain
from tests.lab.smtp_sink import Slow
from tests.lab.tally import Result, result_of
from tests.lab.world import THREE
from tests.support.slacking import POST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from digest.sandbox.slack import Answer
    from tests.lab.scenarios import Scenario, Site
    from tests.lab.smtp_sink import At
    from tests.lab.world import World
    from tests.support.smtp_acts import Act

KILLS = 20
"""In one world."""

_DIGESTS = 2 * KILLS
_MOST_IN_A_ROW = 3
_SLOWEST = 0.06  # seconds
_WARM_UP = ("first", "second")


@dataclass(slots=True)
class _Sluggish:
    """Servers that wait a little at random before they answer."""

    rng: random.Random
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def mail(self, at: At) -> Act | None:
        if at.point != "ANSWERING":
            return None
        return Slow(wait=self._wait(), text=b"250 2.0.0 taken\r\n")

    def slack(self, method: str, _payload: Mapping[str, Any], _n: int) -> Answer | None:
        if method == POST:
            time.sleep(self._wait())
        return None

    def _wait(self) -> float:
        with self._lock:
            return self.rng.uniform(0, _SLOWEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class KilledAtRandom:
    """So many kills in one world, by this seed."""

    seed: int
    kills: int
    policy: OnUncertain

    def play(self, site: Site) -> Result:
        """See Scenario."""
        rng = random.Random(self.seed)
        servers = _Sluggish(random.Random(self.seed + 1))
        names = [f"digest-{number}" for number in range(_DIGESTS)]
        with site.world(
            readers=THREE,
            policy=self.policy,
            everywhere=(*_WARM_UP, *names),
            mail={"on_point": servers.mail},
            slack={"script": servers.slack},
        ) as world:
            took = [_timed(world, name) for name in _WARM_UP][-1]
            codes: list[int] = []
            done = list(_WARM_UP)
            for name in names:
                codes += _kill_in_a_row(world, name, rng, took)
                world.until_done(name)
                done.append(name)
                if world.violations() or sum(code < 0 for code in codes) >= self.kills:
                    break
            return result_of(
                world,
                done,
                sweep="random times",
                label=f"seed {self.seed}, {self.policy}",
                codes=codes,
            )


def _timed(world: World, name: str) -> float:
    begun = time.monotonic()
    world.run(name)
    took = time.monotonic() - begun
    assert world.is_done(name), "an untouched run did not come to its end"
    return took


def _kill_in_a_row(world: World, name: str, rng: random.Random, took: float) -> list[int]:
    """Start and kill it once or more often, until it was faster than the kill."""
    codes = []
    for _ in range(rng.randint(1, _MOST_IN_A_ROW)):
        running = world.begin(name)
        time.sleep(rng.uniform(0, took))
        running.signal(signal.SIGKILL)
        codes.append(running.wait().code)
        if codes[-1] >= 0:
            break
    return codes


def at_random(kills: int, seed: int) -> Iterator[Scenario]:
    """So many kills in all, resending and holding alternately."""
    policies = tuple(OnUncertain)
    for number, start in enumerate(range(0, kills, KILLS)):
        yield KilledAtRandom(
            seed=seed + number,
            kills=min(KILLS, kills - start),
            policy=policies[number % len(policies)],
        )
