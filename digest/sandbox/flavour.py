"""The two versions of the Phase server, and every rule in which they differ."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

SECOND = 1_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What one version does its own way. Durations are microseconds.

    `least` is the shortest session that counts, `bounce` the duration below which a session is a
    bounce. A session shorter than `least` is deleted once its last activity is `grace` old;
    until then it still shows in breakdowns and active users.
    """

    least: int
    bounce: int
    grace: int
    debug_events: bool
    city: bool
    percent_changes: bool


class Flavour(StrEnum):
    """Which version of the API the sandbox speaks."""

    CURRENT = "current"
    APRIL = "april"

    @property
    def traits(self) -> Traits:
        """The rules of this version."""
        match self:
            case Flavour.CURRENT:
                return _CURRENT
            case Flavour.APRIL:
                return _APRIL
            case _:
                assert_never(self)


_CURRENT = Traits(
    least=5 * SECOND,
    bounce=20 * SECOND,
    grace=10 * 60 * SECOND,
    debug_events=False,
    city=False,
    percent_changes=False,
)
_APRIL = Traits(
    least=0,
    bounce=10 * SECOND,
    grace=0,
    debug_events=True,
    city=True,
    percent_changes=True,
)
