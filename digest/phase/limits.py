"""How long, how often and how much the client puts up with."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from math import isfinite

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseLimits:
    """The client's limits; times in seconds, sizes in bytes.

    `connect` is for one address, `read` for the gap between two pieces of an answer, `try_` for
    one request from connecting to its last byte, `call` for all `tries` of one report with the
    waits between them. `backoff` is the wait after each failed try (the last one repeats), half
    as much more or less by chance. A `Retry-After` of up to `max_wait` is waited for. `max_body`
    counts what is on the wire, `max_decoded` what it unpacks to.

    Raises ValueError for a limit that is not a positive finite number.
    """

    connect: float = 5.0
    read: float = 20.0
    try_: float = 60.0
    call: float = 180.0
    tries: int = 4
    max_wait: float = 60.0
    backoff: tuple[float, ...] = (1.0, 4.0, 16.0)
    max_body: int = 10 * MIB
    max_decoded: int = 20 * MIB
    max_depth: int = 32

    def __post_init__(self) -> None:
        named = {name: getattr(self, name) for name in self.__slots__ if name != "backoff"}
        for name, value in chain(named.items(), (("backoff", wait) for wait in self.backoff)):
            if not (isfinite(value) and value > 0):
                raise ValueError(f"the limit {name} must be a positive number, not {value}")
        if not self.backoff:
            raise ValueError("the limit backoff needs at least one wait")

    def pause_after(self, tries_made: int) -> float:
        """The plain back-off after that many failed tries, in seconds, without chance."""
        return self.backoff[min(tries_made, len(self.backoff)) - 1]
