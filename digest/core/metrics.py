"""The catalogue of metrics: where each comes from, how its days add up, which way is good."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


class Metric(StrEnum):
    """A metric's name, as in the configuration and in `report.json`."""

    SESSIONS = "sessions"
    BOUNCE_RATE = "bounce_rate"
    SESSION_DURATION = "session_duration"
    ACTIVE_USERS = "active_users"
    NEW_USERS = "new_users"
    TOTAL_USERS = "total_users"
    EVENTS = "events"
    EVENTS_PER_SESSION = "events_per_session"
    SESSIONS_PER_USER = "sessions_per_user"


class Unit(StrEnum):
    """What a value counts. A change of a PERCENT is in points (pp)."""

    COUNT = "count"
    PERCENT = "percent"
    DURATION = "duration"
    RATIO = "ratio"


class Rollup(StrEnum):
    """How the days of a period become one value."""

    SUM = "sum"
    WEIGHTED_MEAN = "mean weighted by the day's sessions"
    MEAN = "mean of days"
    LAST = "last day"
    RATIO = "ratio of two sums"


class Good(StrEnum):
    """Which direction is good news."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricInfo:
    """One entry of the catalogue.

    `report` and `field` name the Phase time series; derived metrics have `parts` (numerator,
    denominator) instead. `weight` is the metric whose daily values weigh the mean. `pulse` are
    the metrics that tell a true zero from no data: where one of them counted something, a period
    full of zeros of this one is really zero. `day_title` and `day_definition` are for a single
    day, where they differ.
    """

    metric: Metric
    title: str
    unit: Unit
    rollup: Rollup
    good: Good
    definition: str
    report: str | None = None
    field: str | None = None
    weight: Metric | None = None
    parts: tuple[Metric, Metric] | None = None
    pulse: tuple[Metric, ...] = ()
    day_title: str | None = None
    day_definition: str | None = None

    @property
    def needs(self) -> tuple[Metric, ...]:
        """The plain metrics whose days are needed to compute this one."""
        if self.parts is not None:
            return self.parts
        return (self.metric,) if self.weight is None else (self.metric, self.weight)

    @property
    def basis(self) -> tuple[Metric, ...]:
        """The plain metrics that count what this one is made of; without them there is no data."""
        if self.parts is not None:
            return self.parts
        return (self.weight or self.metric,)

    @property
    def of_a_day(self) -> MetricInfo:
        """The same entry, worded for a period of a single day."""
        return replace(
            self,
            title=self.day_title or self.title,
            definition=self.day_definition or self.definition,
        )


_ENTRIES = (
    MetricInfo(
        metric=Metric.SESSIONS,
        title="Sessions",
        unit=Unit.COUNT,
        rollup=Rollup.SUM,
        good=Good.UP,
        report="sessions",
        field="sessionCount",
        definition="Sessions that started in the period, added up over its days.",
    ),
    MetricInfo(
        metric=Metric.BOUNCE_RATE,
        title="Bounce rate",
        unit=Unit.PERCENT,
        rollup=Rollup.WEIGHTED_MEAN,
        good=Good.DOWN,
        report="sessions",
        field="bounceRate",
        weight=Metric.SESSIONS,
        definition="Share of very short sessions; days are weighted by their sessions.",
    ),
    MetricInfo(
        metric=Metric.SESSION_DURATION,
        title="Session duration",
        unit=Unit.DURATION,
        rollup=Rollup.WEIGHTED_MEAN,
        good=Good.UP,
        report="sessions",
        field="avgSessionDuration",
        weight=Metric.SESSIONS,
        definition="Average length of a session; days are weighted by their sessions.",
    ),
    MetricInfo(
        metric=Metric.ACTIVE_USERS,
        title="Average daily active users",
        unit=Unit.COUNT,
        rollup=Rollup.MEAN,
        good=Good.UP,
        report="users",
        field="activeUsers",
        day_title="Active users",
        day_definition="Users whose last activity in a session was on this day.",
        definition="Mean of the days' active users. Not the distinct users of the whole period.",
    ),
    MetricInfo(
        metric=Metric.NEW_USERS,
        title="New users",
        unit=Unit.COUNT,
        rollup=Rollup.SUM,
        good=Good.UP,
        report="users",
        field="newUsers",
        pulse=(Metric.SESSIONS,),
        definition="Users seen for the first time, added up over the days.",
    ),
    MetricInfo(
        metric=Metric.TOTAL_USERS,
        title="Total users",
        unit=Unit.COUNT,
        rollup=Rollup.LAST,
        good=Good.UP,
        report="users",
        field="totalUsers",
        definition="All users known by the end of the period's last day.",
    ),
    MetricInfo(
        metric=Metric.EVENTS,
        title="Events",
        unit=Unit.COUNT,
        rollup=Rollup.SUM,
        good=Good.UP,
        report="events",
        field="eventCount",
        definition="Events and screen views, added up over the days.",
    ),
    MetricInfo(
        metric=Metric.EVENTS_PER_SESSION,
        title="Events per session",
        unit=Unit.RATIO,
        rollup=Rollup.RATIO,
        good=Good.UP,
        parts=(Metric.EVENTS, Metric.SESSIONS),
        definition="Events of the period divided by its sessions.",
    ),
    MetricInfo(
        metric=Metric.SESSIONS_PER_USER,
        title="Sessions per daily active user",
        unit=Unit.RATIO,
        rollup=Rollup.RATIO,
        good=Good.UP,
        parts=(Metric.SESSIONS, Metric.ACTIVE_USERS),
        definition="Sessions of the period divided by the sum of its daily active users.",
    ),
)

CATALOGUE: dict[Metric, MetricInfo] = {entry.metric: entry for entry in _ENTRIES}

PLAIN_METRICS: tuple[Metric, ...] = tuple(entry.metric for entry in _ENTRIES if entry.parts is None)


class Dimension(StrEnum):
    """A breakdown, named as in the configuration: `report.dimension`."""

    EVENTS_EVENT_NAME = "events.eventName"
    EVENTS_SCREEN_NAME = "events.screenName"
    SESSIONS_PLATFORM = "sessions.platform"
    SESSIONS_COUNTRY = "sessions.country"
    SESSIONS_CITY = "sessions.city"
    USERS_PLATFORM = "users.platform"
    USERS_COUNTRY = "users.country"
    USERS_CITY = "users.city"

    @property
    def report(self) -> str:
        """`events`, `sessions` or `users`."""
        return self.value.partition(".")[0]

    @property
    def field(self) -> str:
        """The API's `dimension` parameter."""
        return self.value.partition(".")[2]

    @property
    def cap(self) -> int:
        """The most rows that the API gives: 10 for events whatever `limit` says, else 50."""
        return 10 if self.report == "events" else 50

    @property
    def has_total(self) -> bool:
        """Whether a true total exists, so that shares and "other" can be shown."""
        return self.report != "events"

    @property
    def dated(self) -> bool:
        """Whether the API counts it over a period; users' breakdowns are all-time."""
        return self.report != "users"

    @property
    def heading(self) -> str:
        """The section's heading."""
        return _DIMENSION_HEADINGS[self]


_DIMENSION_HEADINGS = {
    Dimension.EVENTS_EVENT_NAME: "Top events",
    Dimension.EVENTS_SCREEN_NAME: "Top screens",
    Dimension.SESSIONS_PLATFORM: "Sessions by platform",
    Dimension.SESSIONS_COUNTRY: "Sessions by country",
    Dimension.SESSIONS_CITY: "Sessions by city",
    Dimension.USERS_PLATFORM: "All users by platform",
    Dimension.USERS_COUNTRY: "All users by country",
    Dimension.USERS_CITY: "All users by city",
}

STANDARD_BREAKDOWNS: tuple[Dimension, ...] = (
    Dimension.EVENTS_EVENT_NAME,
    Dimension.EVENTS_SCREEN_NAME,
    Dimension.SESSIONS_COUNTRY,
    Dimension.USERS_PLATFORM,
)
