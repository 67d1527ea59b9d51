"""The states that a message about alerts can tell, and what each is called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from digest.core.alert_model import VerdictKind

if TYPE_CHECKING:
    from digest.core.alert_notice import AlertItem


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a message looks and what it is called. `name` is a CSS class, `mark` for subjects.

    `one` and `many` follow a number of alerts; `rank` puts what is most pressing first.
    """

    rank: int
    name: str
    word: str
    mark: str
    sign: str
    one: str
    many: str


_FIRING = State(
    rank=0,
    name="firing",
    word="Firing",
    mark="firing",
    sign="🔴",
    one="fires",
    many="fire",
)
_STILL = State(
    rank=1,
    name="still",
    word="Still firing",
    mark="still firing",
    sign="🟠",
    one="still fires",
    many="still fire",
)
_MISSING = State(
    rank=2,
    name="missing",
    word="No data",
    mark="no data",
    sign="⚪",
    one="has no data",
    many="have no data",
)
_HELD = State(
    rank=3,
    name="held",
    word="Held back",
    mark="held back",
    sign="🟣",
    one="was held back",
    many="were held back",
)
_RESOLVED = State(
    rank=4,
    name="resolved",
    word="Resolved",
    mark="resolved",
    sign="🟢",
    one="is resolved",
    many="are resolved",
)
_AGAIN = State(
    rank=5,
    name="again",
    word="Data again",
    mark="data again",
    sign="🔵",
    one="has data again",
    many="have data again",
)


def state_of(item: AlertItem) -> State:
    """The state that is shown; an alert without news keeps the company of those that have some."""
    match item.kind:
        case VerdictKind.FIRE:
            return _FIRING
        case VerdictKind.REPEAT:
            return _STILL
        case VerdictKind.RESOLVE:
            return _RESOLVED
        case VerdictKind.SUMMARY:
            return _HELD
        case VerdictKind.NO_DATA:
            return _MISSING
        case VerdictKind.DATA_AGAIN:
            return _AGAIN
        case VerdictKind.QUIET:
            return _STILL if item.firing else _RESOLVED
        case _:
            assert_never(item.kind)
