"""A limit for a rule that never fires, or fires too often: by what its numbers really were.

A limit is suggested that would have fired on one or two of the days, rounded as far as that
allows: 35 %, not 34.872 %. A suggestion is no judgement: a limit that never fires may be right.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from digest.core.metrics import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from digest.core.wording import Wording

LEAST_DAYS = 28
_FIRINGS = 2
_LONGEST = 7
_DURATIONS = (86_400, 43_200, 21_600, 10_800, 3600, 1800, 900, 600, 300, 120, 60, 30, 15, 10, 5, 1)


class Extremes(NamedTuple):
    """The lowest and the highest value that was seen of a day; of a closed day the same."""

    day: date
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A better limit in the rule's unit, or how many days in a row a breach should last.

    Either or both may be None; `sentence` says what is suggested and why, or why nothing is.
    """

    limit: float | None = None
    days: int | None = None
    sentence: str


def suggest(
    seen: Sequence[Extremes],
    *,
    above: bool,
    limit: float,
    unit: Unit,
    words: Wording,
    flaps: bool = False,
) -> Suggestion:
    """What would have fired on one or two of the days that were seen, each day once.

    `above` is whether the rule fires above its limit, else it fires below. `flaps` asks for less
    than the rule does now, with the present limit and a longer `for` as another way; without it
    the rule never fired. Nothing is suggested with fewer than 28 days.
    """
    days = sorted(seen)
    if len(days) < LEAST_DAYS:
        return Suggestion(
            sentence=f"Too little history to suggest a limit: {_days(len(days))} of {LEAST_DAYS}."
        )
    case = _Case(days=tuple(days), above=above, limit=limit, unit=unit, words=words)
    return case.calmer() if flaps else case.livelier()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A rule and the days that it is held against."""

    days: tuple[Extremes, ...]
    above: bool
    limit: float
    unit: Unit
    words: Wording

    def livelier(self) -> Suggestion:
        """For a rule that never fired."""
        breached = self._fires(self.limit)
        if breached:
            return Suggestion(
                sentence=f"In {_days(len(self.days))} it was {self._side(self.limit)} on"
                f" {_days(breached)}, so it isn't the limit that kept it quiet."
            )
        start = f"In {_days(len(self.days))} it was never {self._side(self._furthest)}"
        start += f", and the limit is {self._say(self.limit)}"
        found = self._round_limit()
        if found is None:
            return Suggestion(
                sentence=f"{start}: no round limit would have fired on just one or two days."
            )
        return Suggestion(limit=found, sentence=f"{start}: {self._would_have(found)}.")

    def calmer(self) -> Suggestion:
        """For a rule that fires too often."""
        found, lasting = self._round_limit(), self._lasting()
        breached = self._fires(self.limit)
        start = f"In {_days(len(self.days))} it was {self._side(self.limit)} on {_days(breached)}"
        if found is not None and breached <= _FIRINGS:
            found = None  # it flaps within these few days: no limit between them is better
        ways = [] if found is None else [self._would_have(found)]
        if lasting is not None:
            length, times = lasting
            ways.append(
                f"lasting {_days(length)} in a row, {self._side(self.limit)} would have fired"
                f" {'once' if times == 1 else 'twice'}"
            )
        if not ways:
            return Suggestion(
                sentence=f"{start}; no other limit, nor a longer `for`, would have fired just once"
                " or twice."
            )
        return Suggestion(
            limit=found,
            days=None if lasting is None else lasting[0],
            sentence=f"{start}: {'; or '.join(ways)}.",
        )

    @property
    def _values(self) -> list[float]:
        """The days' values that matter, the furthest out first."""
        if self.above:
            return sorted((one.highest for one in self.days), reverse=True)
        return sorted(one.lowest for one in self.days)

    @property
    def _furthest(self) -> float:
        return self._values[0]

    def _beyond(self, value: float, limit: float) -> bool:
        return value > limit if self.above else value < limit

    def _fires(self, limit: float) -> int:
        """On how many of the days."""
        return sum(self._beyond(value, limit) for value in self._values)

    def _round_limit(self) -> float | None:
        """The roundest limit that would have fired on one or two days.

        Of equally round ones that with two: the very furthest day may have been an accident.
        """
        values = self._values
        for step in _steps(max(abs(values[0]), abs(values[_FIRINGS])), self.unit):
            for count in range(_FIRINGS, 0, -1):
                found = self._between(values[count], values[count - 1], step)
                if found is not None:
                    return found
        return None

    def _between(self, inner: float, outer: float, step: float) -> float | None:
        """The multiple nearest to the middle that `outer` is beyond and `inner` is not."""
        places = max(0, -math.floor(math.log10(step)))
        middle = round((inner + outer) / 2 / step)
        for near in (middle, middle - 1, middle + 1):
            found = round(near * step, places)
            if self._beyond(outer, found) and not self._beyond(inner, found):
                return found
        return None

    def _lasting(self) -> tuple[int, int] | None:
        """The shortest run of days that the present limit was passed just once or twice.

        Only days that were beyond the limit all the time count as a run.
        """
        runs = self._runs()
        for length in range(2, _LONGEST + 1):
            times = sum(run >= length for run in runs)
            if 1 <= times <= _FIRINGS:
                return length, times
        return None

    def _runs(self) -> list[int]:
        """Lengths of the runs of days in a row that were beyond the limit all day."""
        runs: list[int] = []
        last = None
        for one in self.days:
            if not self._beyond(one.lowest if self.above else one.highest, self.limit):
                continue
            if last is not None and (one.day - last).days == 1:
                runs[-1] += 1
            else:
                runs.append(1)
            last = one.day
        return runs

    def _would_have(self, limit: float) -> str:
        return f"{self._side(limit)} would have fired on {_days(self._fires(limit))}"

    def _side(self, limit: float) -> str:
        return f"{'above' if self.above else 'below'} {self._say(limit)}"

    def _say(self, limit: float) -> str:
        """A whole percent as people write a limit: `60 %`."""
        if self.unit is Unit.PERCENT and limit == round(limit):
            return self.words.percent(limit, 0)
        return self.words.value(self.unit, limit)


def _steps(largest: float, unit: Unit) -> Iterator[float]:
    """What limits are multiples of, the coarsest first, down to what the unit shows."""
    finest = {Unit.COUNT: 1.0, Unit.PERCENT: 0.1, Unit.RATIO: 0.01, Unit.DURATION: 1.0}[unit]
    if unit is Unit.DURATION:
        yield from (float(step) for step in _DURATIONS if step <= largest)
        return
    exponent = math.floor(math.log10(largest)) if largest > 0 else 0
    last = round(math.log10(finest))
    for power in range(exponent, last - 1, -1):
        yield 10.0**power
        if power > last:
            yield 5 * 10.0 ** (power - 1)


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"
