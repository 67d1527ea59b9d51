"""`new_value: sessions.country`: a country, screen or event that was not there before.

It tells news, so nothing resolves. Phase gives only the largest values: where the list of the days
before is cut, a value that is not on it may have been there all the same, and the words say so. It
had at most as many as the list's last then, so only what is clearly more than that is news: by more
than three standard deviations of a count that is rare (its variance is its mean, as Poisson's).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.core.alert_model import Seen
from digest.core.metrics import Dimension, Metric, Unit
from digest.core.rules import sides
from digest.core.rules.reading import Known, ListWant, Observation, Scope, Wants
from digest.core.rules.writing import About, Kind, RuleError, closed, dimension, whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from digest.core.breakdowns import Listing
    from digest.core.series import Series
    from digest.core.wording import Wording

MOST_NAMED = 5
MOST_DAYS = 365

_NOUNS = {
    Dimension.EVENTS_EVENT_NAME: ("event", "events"),
    Dimension.EVENTS_SCREEN_NAME: ("screen", "screens"),
    Dimension.SESSIONS_PLATFORM: ("platform", "platforms"),
    Dimension.SESSIONS_COUNTRY: ("country", "countries"),
    Dimension.SESSIONS_CITY: ("city", "cities"),
}
_UNKNOWN = frozenset({"", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewValue:
    """A value of a breakdown's list is not on that of the days before."""

    dimension: Dimension
    days: int = 90

    @property
    def lasting(self) -> bool:
        """It tells news."""
        return False

    @property
    def metric(self) -> Metric | None:
        """No metric."""
        return None

    @property
    def unit(self) -> Unit:
        """Counts."""
        return Unit.COUNT

    def title(self) -> str:
        """`New country`."""
        return f"New {_NOUNS[self.dimension][0]}"

    def bound(self, words: Wording) -> str:
        """`a country that was not there in the 90 days before`."""
        noun = _NOUNS[self.dimension][0]
        article = "an" if noun == "event" else "a"
        return f"{article} {noun} that was not there in the {words.count(self.days)} days before"

    def wants(self, scope: Scope) -> Wants:
        """The bucket's list and that of the days before."""
        now, before = self._lists(scope)
        return Wants(
            series=sides.series_wants((), scope) if scope.min_sessions else frozenset(),
            lists=frozenset({now, before}),
        )

    def observe(self, scope: Scope, known: Known, words: Wording) -> Observation:
        """What is new, largest first."""
        side = sides.side_of(known, scope.period.days)
        sessions = sides.total(Metric.SESSIONS, side)
        seen = Observation(
            seen=Seen.MISSING,
            unit=self.unit,
            reason="",
            bound=self.bound(words),
            sessions=sessions,
        )
        now, before = (known.lists.get(want) for want in self._lists(scope))
        nouns = _NOUNS[self.dimension][1]
        if now is None or before is None:
            return replace(seen, reason=f"the list of {nouns} is not known")
        if not self._values(before):
            back = f"the {words.count(self.days)} days before"
            return replace(seen, reason=f"there are no {nouns} in {back} to compare with")
        few = sides.too_few(scope, words, sessions=sessions, count=scope.min_count, thing=nouns)
        if few is not None:
            return replace(seen, seen=few[0], reason=few[1])
        news = [pair for pair in self._news(now, before) if pair[1] > self._usual(before, scope)]
        return self._found(seen, news, before, scope, words)

    def daily(self, known: Known, days: tuple[date, ...]) -> Series | None:
        """There is no such series."""
        del known, days
        return None

    def _lists(self, scope: Scope) -> tuple[ListWant, ListWant]:
        start, end = scope.period.start, scope.period.end
        return (
            ListWant(self.dimension, start, end),
            ListWant(self.dimension, start - timedelta(days=self.days), start),
        )

    def _values(self, listing: Listing) -> dict[str, float]:
        """What has a name; of sessions `unknown` is none."""
        unnamed = _UNKNOWN if self.dimension.report == "sessions" else {""}
        return {v: count for v, count in listing.counts.items() if v not in unnamed and count > 0}

    def _news(self, now: Listing, before: Listing) -> list[tuple[str, float]]:
        old = before.counts
        news = [(v, count) for v, count in self._values(now).items() if v not in old]
        return sorted(news, key=lambda pair: (-pair[1], pair[0]))

    def _usual(self, before: Listing, scope: Scope) -> float:
        """What a value beyond the end of a cut list may come to in the bucket and be no news."""
        if before.complete:
            return 0.0
        mean = min(before.counts.values()) * scope.period.length / self.days
        return mean + 3 * math.sqrt(mean) + 1

    def _found(
        self,
        seen: Observation,
        news: list[tuple[str, float]],
        before: Listing,
        scope: Scope,
        words: Wording,
    ) -> Observation:
        noun, nouns = _NOUNS[self.dimension]
        enough = [pair for pair in news if pair[1] >= scope.min_count]
        days = f"the {words.count(self.days)} days before"
        if not news:
            top = f"{noun} stands out that was not among the top {self.dimension.cap} of {days}"
            why = f"no new {noun} in {days}" if before.complete else f"no {top}"
            return replace(seen, seen=Seen.CLEAR, value=0.0, reason=why)
        if not enough:
            least = words.count(scope.min_count)
            why = f"{_counted(news, words)}: too few of a new {noun}, {least} are asked for"
            return replace(seen, seen=Seen.TOO_FEW, value=news[0][1], reason=why)
        one = len(enough) == 1
        if before.complete:
            new = f"{'was' if one else 'were'} not there in {days}"
        else:
            top = f"the top {self.dimension.cap} of {days}"
            new = f"{'was' if one else 'were'} not among {top}"
        return replace(
            seen,
            seen=Seen.BREACH,
            value=enough[0][1],
            excess=enough[0][1],
            subject=_listed([value for value, _ in enough]),
            measured=_counted(enough, words),
            reason=f"{noun if one else nouns} {_counted(enough, words)} {new}",
        )


def _counted(pairs: list[tuple[str, float]], words: Wording) -> str:
    """`FI (23), SE (4)`."""
    return _listed([f"{value} ({words.count(count)})" for value, count in pairs])


def _listed(names: list[str]) -> str:
    """The first five, and how many more."""
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


@dataclass(frozen=True, slots=True)
class Watched:
    """The settings as they are written."""

    dimension: Dimension
    days: int


def _read(held: Mapping[str, object]) -> Watched:
    return Watched(
        dimension(held, "new_value", _NOUNS),
        whole(held, "days", default=90, least=1, most=MOST_DAYS),
    )


def _build(about: About, when: Watched, clear: None) -> NewValue:
    del clear
    about.refuse_metric("new_value")
    if about.partial:
        raise RuleError(
            "new_value would tell the same value at each look of the day; use window: day", "window"
        )
    return NewValue(dimension=when.dimension, days=when.days)


KIND: Kind[Watched, None] = Kind(
    marks=("new_value",),
    keys=("new_value", "days"),
    schemas=(
        closed(
            {"new_value": {"enum": [one.value for one in _NOUNS]}},
            days={"type": "integer", "minimum": 1, "maximum": MOST_DAYS},
        ),
    ),
    read=_read,
    build=_build,
    no_clear="what is new is told once and does not end",
)
