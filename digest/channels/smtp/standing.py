"""How things stand with the server, as the lanes of one delivery know it in common."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from digest.channels.smtp.dialogue import ChannelFaultError

if TYPE_CHECKING:
    from collections.abc import Callable

_LOST_IN_A_ROW = 3  # connections, after which the server is left alone for this call


@dataclass(slots=True)
class Standing:
    """The server at `place`; `fault` is why nothing can be sent there. Safe to use from threads."""

    place: str
    fault: ChannelFaultError | None = None
    _lost_in_a_row: int = 0
    _door: threading.Lock = field(default_factory=threading.Lock)
    _count: threading.Lock = field(default_factory=threading.Lock)

    def enter(self, log_in: Callable[[], None]) -> None:
        """Log in, one lane after the other: a password that was refused is not tried again.

        Raises ChannelFaultError.
        """
        with self._door:
            self.check()
            try:
                log_in()
            except ChannelFaultError as fault:
                self.fault = fault
                raise

    def check(self) -> None:
        """Raise ChannelFaultError when it is known already that no mail can go this way."""
        if self.fault is not None:
            raise self.fault

    def note(self, *, broke: bool) -> None:
        """Count connections that were lost; after several in a row the rest has to wait."""
        with self._count:
            self._lost_in_a_row = self._lost_in_a_row + 1 if broke else 0
            if self._lost_in_a_row >= _LOST_IN_A_ROW and self.fault is None:
                self.fault = ChannelFaultError(
                    f"{self.place} broke {_LOST_IN_A_ROW} connections in a row", passing=True
                )
