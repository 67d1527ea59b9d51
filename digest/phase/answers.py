"""What the API answers, as strict pydantic models.

Extra keys are welcome, values are not converted, and a number that can't be right is refused.
All days are UTC days; percent is 0 to 100; durations are seconds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

    from digest.phase.models import BreakdownRows

MOST = 10**15  # beyond this a count is damage, and floats stop being exact soon after
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NO_COUNTRY = frozenset({"", "unknown"})


@dataclass(frozen=True, slots=True, repr=False)
class UntrustedChange:
    """A change as the API reports it. Never show it and never compute with it.

    One version of the server gives differences, another percent, a third both by turns, and
    nothing in the answer says which; deltas are computed from time series instead. So that it
    can't slip into a text, it prints without its value.
    """

    raw: float

    def __repr__(self) -> str:
        return "<untrusted change>"


def _day(value: object) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise PydanticCustomError("utc_day", "should be a day such as 2026-11-22")


def _instant(value: object) -> datetime:
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
            if found.tzinfo is not None:
                return found.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
    raise PydanticCustomError("instant", "should be an instant with a zone, as in ISO 8601")


def _change(value: object) -> UntrustedChange:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MOST:
        return UntrustedChange(float(value))
    raise PydanticCustomError("change", "should be a finite number")


Count = Annotated[int, Field(strict=True, ge=0, le=MOST)]
Percent = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False)]
Seconds = Annotated[float, Field(strict=True, ge=0, le=MOST, allow_inf_nan=False)]
Change = Annotated[UntrustedChange, BeforeValidator(_change)]
UtcDay = Annotated[date, BeforeValidator(_day)]
Instant = Annotated[datetime, BeforeValidator(_instant)]


class _Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore", strict=True)


class Meta(_Wire):
    """What every answer carries; `generated_at` is the server's now, UTC."""

    generated_at: Instant


class Answer(_Wire):
    """Any good answer."""

    meta: Meta

    @property
    def generated_at(self) -> datetime:
        """The server's now when it answered, UTC."""
        return self.meta.generated_at


class DayRow(_Wire):
    """One UTC day of a time series; an answer sets the one metric that was asked for."""

    date: UtcDay
    event_count: Count | None = None
    session_count: Count | None = None
    avg_session_duration: Seconds | None = None
    bounce_rate: Percent | None = None
    active_users: Count | None = None
    total_users: Count | None = None
    new_users: Count | None = None

    def value(self, metric: str) -> float | None:
        """The value of a metric named as in the API (`bounceRate`), None if it is not there."""
        name = _FIELDS.get(metric)
        return None if name is None else getattr(self, name)


_FIELDS = {to_camel(name): name for name in DayRow.model_fields if name != "date"}


class TimeSeriesAnswer(Answer):
    """`…/timeseries`."""

    data: list[DayRow]


class CountRow(_Wire):
    """One row of a breakdown; `country` comes with cities only."""

    value: Annotated[str, Field(strict=True)]
    count: Count
    country: str | None = None

    @property
    def label(self) -> str:
        """The value; a city with the country that tells it from its namesakes, `Paris, FR`."""
        known = self.country is not None and self.country not in _NO_COUNTRY
        return f"{self.value}, {self.country}" if known else self.value


class BreakdownAnswer(Answer):
    """`…/breakdown`."""

    dimension: str | None = None
    rows: list[CountRow]


class EventsOverview(Answer):
    """`events/overview`: all-time total and the last 24 hours before `generated_at`."""

    total_events: Count
    total_events_change_24h: Change | None = Field(default=None, alias="totalEventsChange24h")
    events_24h: Count = Field(alias="events24h")
    events_24h_change: Change | None = Field(default=None, alias="events24hChange")


class SessionsOverview(Answer):
    """`sessions/overview`: all-time, but for the last 24 hours where the name says so.

    `average_session_duration` is None when there are no sessions at all.
    """

    total_sessions: Count
    total_sessions_change_24h: Change | None = Field(default=None, alias="totalSessionsChange24h")
    active_sessions_24h: Count = Field(alias="activeSessions24h")
    active_sessions_24h_change: Change | None = Field(default=None, alias="activeSessions24hChange")
    average_session_duration: Seconds | None
    bounce_rate: Percent


class CityCount(_Wire):
    """A city of `users/overview`."""

    count: Count
    country: str | None = None


class UsersOverview(Answer):
    """`users/overview`: all-time, but for the last 24 hours where the name says so.

    The server loses counts in `platform_stats` and leaves users without a country out of
    `country_stats`: for numbers to show, ask for the breakdown. `city_stats` is None on servers
    that know no cities.
    """

    total_users: Count
    total_users_change_24h: Change | None = Field(default=None, alias="totalUsersChange24h")
    active_users_24h: Count = Field(alias="activeUsers24h")
    active_users_24h_change: Change | None = Field(default=None, alias="activeUsers24hChange")
    new_users_24h: Count = Field(alias="newUsers24h")
    new_users_24h_change: Change | None = Field(default=None, alias="newUsers24hChange")
    platform_stats: dict[str, Count] = Field(default_factory=dict)
    country_stats: dict[str, Count] = Field(default_factory=dict)
    city_stats: dict[str, CityCount] | None = None


_MODELS: tuple[type[BaseModel], ...] = (
    *(Meta, DayRow, TimeSeriesAnswer, CountRow, BreakdownAnswer),
    *(EventsOverview, SessionsOverview, CityCount, UsersOverview),
)
DECLARED_NAMES = frozenset(
    info.alias or name for model in _MODELS for name, info in model.model_fields.items()
)


def merged(rows: Iterable[CountRow]) -> BreakdownRows:
    """The rows with equal labels added up, largest first, equal counts by label."""
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.label] = counts.get(row.label, 0) + row.count
    return tuple(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def describe(error: ErrorDetails) -> str:
    """One pydantic error in words, without anything that the answer said: place and rule only."""
    place = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part if part in DECLARED_NAMES else '…'}"
        for part in error["loc"]
    )
    return f"{place.removeprefix('.') or 'the answer'}: {error['msg']}"
