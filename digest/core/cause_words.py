"""The sentences about what moved with a number."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from digest.core.metrics import CATALOGUE, Dimension, Metric, Unit
from digest.core.periods import PeriodKind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.core.moves import Move, Shift, Whole
    from digest.core.wording import Wording

_UNKNOWN = "unknown"
_ALL = 100
_KINDS = {
    Dimension.SESSIONS_PLATFORM: "platform",
    Dimension.SESSIONS_COUNTRY: "country",
    Dimension.EVENTS_EVENT_NAME: "event",
    Dimension.EVENTS_SCREEN_NAME: "screen",
}
_COUNTED = {
    Dimension.SESSIONS_PLATFORM: "sessions",
    Dimension.SESSIONS_COUNTRY: "sessions",
    Dimension.EVENTS_EVENT_NAME: "events",
    Dimension.EVENTS_SCREEN_NAME: "views",
}


class Tail(NamedTuple):
    """What a sentence ends with: the metric that Phase does not tell by group, in its period."""

    metric: Metric
    kind: PeriodKind

    @property
    def title(self) -> str:
        """`bounce rate`, in the middle of a sentence."""
        info = CATALOGUE[self.metric]
        title = info.of_a_day.title if self.kind is PeriodKind.DAY else info.title
        return title[0].lower() + title[1:]


def explained(move: Move, part: float, whole: Whole, unit: Unit, words: Wording) -> str:
    """A part of the whole change: `ios explains 71 % of the drop: 310 → 120 sessions.`.

    Where a count is not known: `The event “share” explains at least 40 % of the rise: …`.
    """
    drop = "drop" if (whole.change or 0) < 0 else "rise"
    name = _capital(_named(move.dimension, move.value))
    much = _how_much(part, drop, words, at_least=not move.is_known)
    counts = _counts(move, whole, unit, words)
    return f"{name} explains {much}: {counts}{_others(part, move, whole, unit, words)}."


def moved(move: Move, words: Wording) -> str:
    """Where there is no whole to compare with: `Sessions from ios fell from 310 to 120.`."""
    verb = "rose" if move.change > 0 else "fell"
    before, now = _at_most(move, words.count(move.before), words.count(move.now))
    name = _named(move.dimension, move.value)
    if move.dimension.report == "sessions":
        return f"Sessions from {name} {verb} from {before} to {now}."
    return f"{_capital(name)} {verb} from {before} to {now} {_COUNTED[move.dimension]}."


def shifted(shift: Shift, tail: Tail, words: Wording) -> str:
    """`Sessions from android rose from 86 to 301 (34 % → 71 % of sessions) at the same time. …`.

    It ends with what Phase can't tell.
    """
    name, verb = _named(shift.dimension, shift.value), "rose" if shift.change > 0 else "fell"
    return (
        f"Sessions from {name} {verb} from {words.count(shift.before)} to {words.count(shift.now)}"
        f" ({_shares(shift, words)} of sessions) at the same time."
        f" Phase does not tell {tail.title} by {_KINDS[shift.dimension]}."
    )


def still(shift: Shift, words: Wording) -> str:
    """Of a period that is not over: only shares can be compared."""
    before, now = words.percent(shift.share_before, 0), words.percent(shift.share_now, 0)
    return (
        f"Of the sessions so far {now} are from {_named(shift.dimension, shift.value)}"
        f" ({words.count(shift.now)} of {words.count(shift.sessions_now)}); before it was {before}."
    )


def spread(
    dimensions: Sequence[Dimension],
    *,
    complete: bool = True,
    examples: Sequence[Shift] = (),
    words: Wording | None = None,
) -> str:
    """`No single event or screen explains it.`, or that no share of sessions clearly changed."""
    kinds = " or ".join(_KINDS[dimension] for dimension in dimensions)
    if words is None:
        listed = "" if complete else " of those that Phase lists"
        return f"No single {kinds}{listed} explains it."
    shares = ", ".join(
        f"{_named(one.dimension, one.value)} {_shares(one, words)}" for one in examples
    )
    return f"No {kinds} clearly changed its share of sessions{f' ({shares})' if shares else ''}."


def _named(dimension: Dimension, value: str) -> str:
    kind = _KINDS[dimension]
    if dimension.report == "events":
        return f"the {kind} “{value}”"
    return f"an unknown {kind}" if value == _UNKNOWN else value


def _capital(text: str) -> str:
    """A sentence begins with a capital, but a value is written as Phase writes it."""
    return text[0].upper() + text[1:] if text.startswith(("the ", "an ")) else text


def _shares(shift: Shift, words: Wording) -> str:
    return f"{words.percent(shift.share_before, 0)} → {words.percent(shift.share_now, 0)}"


def _how_much(part: float, drop: str, words: Wording, *, at_least: bool) -> str:
    shown = words.percent(part, 0)
    if at_least:
        return f"at least {shown} of the {drop}" if part < _ALL else f"all of the {drop} or more"
    if round(part) == _ALL:
        return f"all of the {drop}"
    return (
        f"{shown} of the {drop}" if part < _ALL else f"more than the whole {drop} ({shown} of it)"
    )


def _counts(move: Move, whole: Whole, unit: Unit, words: Wording) -> str:
    before, now = _at_most(move, *(words.value(unit, count) for count in whole.shown(move)))
    counted = "per session" if unit is Unit.RATIO else _COUNTED[move.dimension]
    return f"{before} → {now} {counted}"


def _at_most(move: Move, before: str, now: str) -> tuple[str, str]:
    """The two counts, marked where they are only known to be no more."""
    return (
        f"at most {before}" if move.before_at_most else before,
        f"at most {now}" if move.now_at_most else now,
    )


def _others(part: float, move: Move, whole: Whole, unit: Unit, words: Wording) -> str:
    """What the others did, where they went the other way."""
    if round(part) <= _ALL or not move.is_known or whole.change is None:
        return ""
    before, now = whole.shown(move)
    rest = whole.change - (now - before)
    verb = "rose" if rest > 0 else "fell"
    return f", while all others together {verb} by {words.value(unit, abs(rest))}"
