"""The model of an alert: a rule, when it is looked at, how it behaves, and who hears of it."""

from datetime import timedelta
from typing import Annotated, Any, Final, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from digest.config import alert_values, job_values
from digest.config.alert_fit import misfits
from digest.config.conditions import (
    Condition,
    bad_value,
    clear_schema,
    clearing,
    condition,
    when_schema,
)
from digest.config.fields import (
    DURATION,
    TEXT,
    Duration,
    JsonSchema,
    Reads,
    Routes,
    Tags,
    Text,
    one_of,
    one_or_many,
)
from digest.config.job_values import Window
from digest.config.jobs import METRIC, SCHEDULE, checked_settle
from digest.config.problems import BadValueError
from digest.config.schedule import Schedule
from digest.config.strict import Named
from digest.core.alert_model import Missing, Policy, Severity, Span
from digest.core.hushing import QuietHours
from digest.core.metrics import Dimension, Metric, Unit
from digest.core.periods import Period, PeriodKind
from digest.core.rules.reading import Rule, Scope
from digest.core.rules.writing import About, RuleError

USUAL_SESSIONS: Final = 30
"""Sessions that a rate, an average or a share must rest on, where nothing else is said."""

_FLAPPING: Final = {
    Window.TODAY: timedelta(days=1),
    Window.DAY: timedelta(days=14),
    Window.WEEK: timedelta(days=84),
    Window.MONTH: timedelta(days=365),
}
_SPAN: Final[JsonSchema] = {
    "anyOf": [
        {"type": "integer", "minimum": 1, "maximum": alert_values.MOST_LOOKS},
        {"type": "string", "pattern": r"^\s*[0-9]", "examples": ["30m", "3h"]},
    ]
}
_HOURS: Final[JsonSchema] = {
    "type": "string",
    "pattern": r"^\s*\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}\s*$",
    "examples": ["22:00-07:00"],
}
_URL: Final[JsonSchema] = {"type": "string", "pattern": r"^(https?://|.*\$\{)"}


class Alert(Named):
    """An alert: a rule about an app's numbers, and who hears when it is broken."""

    app: Annotated[str, Reads(job_values.app_name, TEXT, around=True)] = Field(
        description="The app, by its name in `apps`."
    )
    metric: Annotated[Metric | None, Reads(job_values.metric, METRIC)] = Field(
        default=None,
        description="The number that is watched; not for share and new_value, and no_data goes by "
        "the sessions.",
    )
    schedule: Annotated[Schedule, Reads(job_values.schedule, SCHEDULE, around=True)] = Field(
        description="When it is looked at, such as `every 15m`."
    )
    window: Annotated[Window, one_of(Window, "window")] = Field(
        default=Window.TODAY,
        description="The day so far (`today`), or the last complete day, week or month (UTC).",
    )
    when: Annotated[Condition, Reads(condition, when_schema)] = Field(
        description="When it fires: {above: 60}, {below: 50}, {rises_by: 30%}, {falls_by: 5pp}, "
        "{deviates: 3}, {share: sessions.platform, of: iOS, above: 40}, "
        "{new_value: sessions.country} or no_data."
    )
    clear: Annotated[Any, Reads(clearing, clear_schema, around=True)] = Field(
        default=None,
        description="When it is over again, with some room to `when`. Default: 10 % of the limit "
        "back towards fine.",
    )
    for_: Annotated[Span, Reads(alert_values.span, _SPAN)] = Field(
        default=Span(),
        alias="for",
        json_schema_extra={"default": 1},
        description="How long it must be broken to fire: looks in a row (`3`), or a time (`30m`).",
    )
    keep_for: Annotated[Span, Reads(alert_values.span, _SPAN)] = Field(
        default=Span(),
        json_schema_extra={"default": 1},
        description="How long it must be clear to be over: looks in a row, or a time.",
    )
    min_sessions: int | None = Field(
        default=None,
        ge=0,
        description="With fewer sessions in the window nothing is judged. Default: 30 for rates, "
        "averages, ratios and shares of sessions, 0 for counts.",
    )
    min_count: int = Field(
        default=0,
        ge=0,
        description="With fewer of the counted thing itself in the window nothing is judged.",
    )
    severity: Annotated[Severity, one_of(Severity, "severity")] = Field(
        default=Severity.WARNING,
        description="How much it matters; what is critical is not held back at night.",
    )
    owner: Text | None = Field(default=None, description="Who looks after it.")
    action: Text | None = Field(default=None, description="What to do when it fires.")
    link: Annotated[str | None, Reads(alert_values.link, _URL)] = Field(
        default=None, description="Where to read on, such as a runbook: https:// or http://."
    )
    cooldown: Duration = Field(
        default=timedelta(hours=6),
        json_schema_extra={"default": "6h"},
        description="The least time from one firing that was told to the next.",
    )
    repeat: Annotated[
        timedelta | None,
        Reads(alert_values.repeat, {"anyOf": [{"const": "never"}, *DURATION["anyOf"]]}),
    ] = Field(
        default=timedelta(days=1),
        json_schema_extra={"default": "1d"},
        description="After how long what still fires is told again, doubled each time up to 7d; "
        "or `never`.",
    )
    quiet_hours: Annotated[QuietHours | None, Reads(alert_values.quiet_hours, _HOURS)] = Field(
        default=None,
        description="Local hours in which messages wait, in the schedule's zone: 22:00-07:00.",
    )
    hushed_by: Annotated[
        tuple[str, ...], Reads(alert_values.alert_names, one_or_many(TEXT), around=True)
    ] = Field(default=(), description="Alerts that speak for this one while they fire.")
    no_data: Annotated[Missing, one_of(Missing, "no_data")] = Field(
        default=Missing.KEEP,
        description="Who hears when there is nothing to judge by for two looks: the operator "
        "(`keep`), the readers (`alert`) or nobody (`ignore`). The alert stays as it is.",
    )
    settle: Duration = Field(
        default=timedelta(hours=2),
        json_schema_extra={"default": "2h"},
        description="How long after a closed window's end (UTC) late data is waited for.",
    )
    group: bool = Field(
        default=True, description="Whether what fires together comes in one message."
    )
    to: Routes = Field(description="Channel name → who is told there, one or a list.")
    title: Text | None = Field(default=None, description="The headline.")
    enabled: bool = Field(default=True, description="`false` switches it off.")
    tags: Tags = Field(default=(), description="Labels to choose jobs by.")

    _rule: Rule | None = PrivateAttr(default=None)

    @property
    def timezone(self) -> str:
        """The zone of its schedule and quiet hours."""
        return self.schedule.timezone

    @property
    def kind(self) -> PeriodKind:
        """What it looks at; the day so far is a day."""
        return PeriodKind.DAY if self.is_partial else PeriodKind(self.window)

    @property
    def is_partial(self) -> bool:
        """Whether it looks at the day so far."""
        return self.window is Window.TODAY

    @property
    def rule(self) -> Rule:
        """What makes it fire."""
        if self._rule is None:
            raise TypeError("an alert that was not validated has no rule")
        return self._rule

    @property
    def policy(self) -> Policy:
        """How it behaves."""
        return Policy(
            hold=self.for_,
            keep=self.keep_for,
            cooldown=self.cooldown,
            repeat=self.repeat,
            missing=self.no_data,
            lasting=self.rule.lasting,
            flap_within=_FLAPPING[self.window],
        )

    @property
    def least_sessions(self) -> int:
        """How many sessions it takes to judge: what was said, else by the rule."""
        if self.min_sessions is not None:
            return self.min_sessions
        dimension: Dimension | None = self.rule.dimension
        of_users = dimension is not None and not dimension.dated
        return 0 if self.rule.unit is Unit.COUNT or of_users else USUAL_SESSIONS

    def scope(self, period: Period, *, partial: bool = False) -> Scope:
        """What the rule looks at."""
        return Scope(
            period=period,
            partial=partial,
            min_sessions=self.least_sessions,
            min_count=self.min_count,
        )

    @field_validator("settle")
    @classmethod
    def _settle_ends(cls, settle: timedelta) -> timedelta:
        return checked_settle(settle)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        about = About(metric=self.metric, kind=self.kind, partial=self.is_partial)
        try:
            self._rule = self.when.kind.build(about, self.when.settings, self.clear)
        except RuleError as error:
            raise bad_value(error) from None
        faults = misfits(self)
        if faults:
            raise BadValueError(*faults)
        return self
