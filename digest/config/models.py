"""The config as a whole. Every model is frozen; secrets are `SecretStr` and never print."""

from datetime import timedelta
from typing import Annotated, Final, TypeVar

from pydantic import Field, PrivateAttr, field_validator

from digest.config.alert_fit import circles
from digest.config.alerts import Alert
from digest.config.channels import (
    KINDS,
    Channel,
    FolderChannel,
    Security,
    SlackChannel,
    SmtpChannel,
)
from digest.config.fields import (
    Duration,
    ExistingFolder,
    Identifier,
    LocaleName,
    Name,
    Routes,
    Seconds,
    StateUrl,
    Text,
    Token,
    Url,
    Zone,
    one_of,
)
from digest.config.job_values import Chart, Window
from digest.config.jobs import Digest
from digest.config.problems import BadValueError
from digest.config.strict import Named, Strict
from digest.config.watching import Heartbeat, HeartbeatOrUrl, Web, or_url
from digest.core.agenda import CatchUp
from digest.core.outbox import LOOK_AGAIN, OnUncertain

__all__ = [
    "KINDS",
    "Alert",
    "Alerting",
    "App",
    "CatchUp",
    "Channel",
    "Chart",
    "Config",
    "Delivery",
    "Digest",
    "FolderChannel",
    "Heartbeat",
    "Limits",
    "OnUncertain",
    "Security",
    "SlackChannel",
    "SmtpChannel",
    "Web",
    "Window",
]

MIB: Final = 1024 * 1024
AnyNamed = TypeVar("AnyNamed", bound=Named)


class App(Named):
    """One app in Phase."""

    title: Text = Field(default="", description="How readers know it. Default: its name here.")
    app_id: Identifier = Field(description="Its id in Phase, best in quotes.")
    api_key: Token = Field(
        description="A read-only Phase key, best as ${NAME}, ${file:…} or ${credential:…}."
    )
    base_url: Url = Field(
        default="https://api.phase.sh/public-api/v1",
        description="The API to ask: https://, or http:// on this machine.",
    )


class Limits(Strict):
    """How long, how often and how much. Times in seconds (or `90s`, `2m`), sizes in bytes."""

    connect: Seconds = Field(default=5.0, gt=0, le=60, description="Connecting to one address.")
    read: Seconds = Field(
        default=20.0, gt=0, le=300, description="The gap between two pieces of an answer."
    )
    try_: Seconds = Field(
        default=60.0, alias="try", gt=0, le=600, description="One request to the Phase API, whole."
    )
    call: Seconds = Field(
        default=180.0, gt=0, le=3600, description="All tries of one request, with the waits."
    )
    tries: int = Field(default=4, ge=1, le=10, description="Tries of one request.")
    max_body: int = Field(
        default=10 * MIB, ge=1, le=100 * MIB, description="The largest answer, on the wire."
    )
    requests_per_minute: int = Field(
        default=200,
        ge=1,
        le=300,
        description="Requests to the Phase API a minute and key; it refuses more than 300.",
    )

    @property
    def smtp_connect(self) -> float:
        """Seconds for connecting to a mail server: `connect` where it was said, else 30."""
        return self.connect if "connect" in self.model_fields_set else 30.0

    @property
    def smtp_reply(self) -> float:
        """Seconds for one reply of a mail server: `read` where it was said, else 300.

        Mail servers may think for minutes (RFC 5321, 4.5.3.2), so the default is theirs.
        """
        return self.read if "read" in self.model_fields_set else 300.0

    @property
    def slack_call(self) -> float:
        """Seconds for one call to Slack: `read` where it was said, else 30."""
        return self.read if "read" in self.model_fields_set else 30.0


class Delivery(Strict):
    """What the delivery ledger promises."""

    on_uncertain: Annotated[OnUncertain, one_of(OnUncertain, "on_uncertain")] = Field(
        default=OnUncertain.RESEND,
        description="When it is unknown whether a message arrived: send it again, or hold it.",
    )
    deadline: Duration | None = Field(
        default=None, description="How long a delivery is tried. Default: the job's max_lateness."
    )
    retention: Duration = Field(
        default=timedelta(days=400),
        json_schema_extra={"default": "400d"},
        description="How long what was sent stays in the ledger.",
    )
    look_again: Duration = Field(
        default=LOOK_AGAIN,
        json_schema_extra={"default": "30s"},
        description="How long after a first look in Slack for a message whose answer got lost "
        "the second one comes.",
    )


class Alerting(Strict):
    """What holds for all alerts together."""

    most_per_hour: int = Field(
        default=20,
        ge=1,
        le=1000,
        description="Messages about alerts an hour; what is critical or over is always told.",
    )


class Config(Strict):
    """The config of digest: what is read, where it goes, and when."""

    timezone: Zone = Field(
        default="UTC", description="The zone of schedules and of dates that are shown."
    )
    locale: LocaleName = Field(default="en", description="How numbers and dates are written.")
    templates: ExistingFolder | None = Field(
        default=None, description="A folder of your own templates; ours are used for the rest."
    )
    state: StateUrl | None = Field(
        default=None,
        description="The ledger's database: sqlite:///PATH or postgresql://…. Default: "
        "$STATE_DIRECTORY/digest.db, or the user's state folder.",
    )
    limits: Limits = Field(default_factory=Limits, description="Timeouts and sizes.")
    delivery: Delivery = Field(default_factory=Delivery, description="The delivery ledger.")
    apps: dict[Name, App] = Field(default={}, description="Name → an app in Phase.")
    channels: dict[Name, Channel] = Field(default={}, description="Name → a way to send.")
    digests: dict[Name, Digest] = Field(default={}, description="Name → a digest.")
    alerts: dict[Name, Alert] = Field(default={}, description="Name → an alert rule.")
    alerting: Alerting = Field(default_factory=Alerting, description="All alerts together.")
    ops: Routes = Field(default={}, description="Where the operator hears about trouble.")
    heartbeat: HeartbeatOrUrl | None = Field(
        default=None,
        json_schema_extra=or_url,
        description="A URL that digest serve asks every five minutes while all is well, or "
        "{url, every}: whoever is behind it notices when that stops.",
    )
    web: Web = Field(default_factory=Web, description="The web page of digest serve.")

    _literal_secrets: tuple[str, ...] = PrivateAttr(default=())

    @property
    def literal_secrets(self) -> tuple[str, ...]:
        """Paths of the secrets that stand in the file itself, such as `apps.shop.api_key`."""
        return self._literal_secrets

    def take_literal_secrets(self, paths: tuple[str, ...]) -> None:
        """Called once, by the loader, which saw the file."""
        self._literal_secrets = paths

    @field_validator("apps")
    @classmethod
    def _name_apps(cls, apps: dict[str, App]) -> dict[str, App]:
        titled = {
            name: app if app.title else app.model_copy(update={"title": name})
            for name, app in apps.items()
        }
        return _named(titled)

    @field_validator("alerts")
    @classmethod
    def _hush_in_order(cls, alerts: dict[str, Alert]) -> dict[str, Alert]:
        if faults := circles(alerts):
            raise BadValueError(*faults)
        return alerts

    @field_validator("channels", "digests", "alerts")
    @classmethod
    def _name_others(cls, held: dict[str, AnyNamed]) -> dict[str, AnyNamed]:
        return _named(held)


def _named(held: dict[str, AnyNamed]) -> dict[str, AnyNamed]:
    for name, model in held.items():
        model.take_name(name)
    return held
