"""The model of a digest. Alerts are in `digest.config.alerts`."""

from datetime import timedelta
from typing import Annotated, Final

from pydantic import Field, ValidationInfo, field_validator

from digest.config import job_values
from digest.config.fields import (
    TEXT,
    ZONE,
    Days,
    Duration,
    JsonSchema,
    Reads,
    Routes,
    Tags,
    Text,
    one_of,
    one_or_many,
)
from digest.config.job_values import Chart
from digest.config.problems import bad
from digest.config.schedule import Schedule
from digest.config.strict import Named
from digest.core.agenda import CatchUp
from digest.core.metrics import PLAIN_METRICS, STANDARD_BREAKDOWNS, Dimension, Metric
from digest.core.periods import BaselineKind, BaselineRule, PeriodKind

LONGEST_SETTLE: Final = timedelta(days=7)

METRIC: Final[JsonSchema] = {"enum": [member.value for member in Metric]}
_DIMENSION: Final[JsonSchema] = {"enum": [member.value for member in Dimension]}
_AT: Final[JsonSchema] = {
    **TEXT,
    "examples": ["mon 08:00", "mon-fri 09:00", "every day 07:30", "1st 07:30", "0 8 * * mon"],
}
SCHEDULE: Final[JsonSchema] = {
    "anyOf": [
        _AT,
        {
            "type": "object",
            "properties": {"at": _AT, "timezone": ZONE},
            "required": ["at"],
            "additionalProperties": False,
        },
    ]
}
_BASELINE: Final[JsonSchema] = {
    "anyOf": [
        {"enum": ["previous", "same_weekday", "year"]},
        {
            "type": "object",
            "properties": {
                "trailing": {"type": "integer", "minimum": 1, "maximum": job_values.MOST_TRAILING}
            },
            "required": ["trailing"],
            "additionalProperties": False,
        },
    ]
}


def checked_settle(settle: timedelta) -> timedelta:
    """The time itself if it is not too long. Raises BadValueError."""
    if settle > LONGEST_SETTLE:
        raise bad("must be at most 7d")
    return settle


class Digest(Named):
    """A digest: one app's period, when, and to whom."""

    app: Annotated[str, Reads(job_values.app_name, TEXT, around=True)] = Field(
        description="The app, by its name in `apps`."
    )
    period: Annotated[PeriodKind, one_of(PeriodKind, "period")] = Field(
        description="What it covers: the last complete UTC day, ISO week or month."
    )
    schedule: Annotated[Schedule, Reads(job_values.schedule, SCHEDULE, around=True)] = Field(
        description="When it is sent: a phrase, a five-field cron line, or {at, timezone}. The "
        "zone is the config's unless it is said here."
    )
    to: Routes = Field(description="Channel name → who gets it there, one or a list.")
    title: Text | None = Field(
        default=None, description="The headline. Default: made from the app's title and the period."
    )
    enabled: bool = Field(default=True, description="`false` switches the schedule off.")
    metrics: Annotated[tuple[Metric, ...], Reads(job_values.metrics, one_or_many(METRIC))] = Field(
        default=PLAIN_METRICS, description="The numbers, in order. Default: all plain ones."
    )
    breakdowns: Annotated[
        tuple[Dimension, ...], Reads(job_values.breakdowns, one_or_many(_DIMENSION))
    ] = Field(default=STANDARD_BREAKDOWNS, description="The top lists, in order.")
    charts: Annotated[
        tuple[Chart, ...],
        Reads(job_values.charts, one_or_many({"anyOf": [METRIC, _DIMENSION]}), around=True),
    ] = Field(
        default_factory=job_values.usual_charts,
        description="Which metrics and breakdowns are drawn. Default: sessions, bounce_rate, "
        "sessions.country and events.eventName for a week or month, none for a day.",
    )
    baseline: Annotated[BaselineRule, Reads(job_values.baseline, _BASELINE)] = Field(
        default=BaselineRule(),
        json_schema_extra={"default": "previous"},
        description="What it is compared with: the period before (`previous`), the `same_weekday` "
        "a week before (days only), a `year` before, or the mean of {trailing: N} periods.",
    )
    settle: Duration = Field(
        default=timedelta(hours=2),
        json_schema_extra={"default": "2h"},
        description="How long after the period's end (UTC) late data is waited for.",
    )
    skip_dates: Days = Field(default=(), description="Local days on which nothing is sent.")
    tags: Tags = Field(default=(), description="Labels to choose jobs by.")
    catch_up: Annotated[CatchUp, one_of(CatchUp, "catch_up")] = Field(
        default=CatchUp.LAST, description="Which missed periods are made up for."
    )
    max_lateness: Duration | None = Field(
        default=None, description="How late it may be sent. Default: 12h for days, else 72h."
    )

    @property
    def timezone(self) -> str:
        """The zone it fires in."""
        return self.schedule.timezone

    @field_validator("baseline")
    @classmethod
    def _weekdays_are_days(cls, baseline: BaselineRule, info: ValidationInfo) -> BaselineRule:
        period = info.data.get("period")
        if baseline.kind is BaselineKind.SAME_WEEKDAY and period not in {None, PeriodKind.DAY}:
            raise bad("same_weekday is for digests of a day; use previous or year")
        return baseline

    @field_validator("settle")
    @classmethod
    def _settle_ends(cls, settle: timedelta) -> timedelta:
        return checked_settle(settle)
