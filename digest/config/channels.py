"""The channels' models: where messages go out. What they do is in `digest.channels`."""

from enum import StrEnum
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    Field,
    ValidationInfo,
    field_validator,
)

from digest.config.fields import (
    ExistingFile,
    Host,
    MailboxText,
    Secret,
    TargetFolder,
    Text,
    Token,
    Url,
    one_of,
)
from digest.config.problems import bad
from digest.config.strict import Named
from digest.config.values import is_loopback


class Security(StrEnum):
    """How an SMTP connection is encrypted."""

    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


_PORTS: Final = {Security.STARTTLS: 587, Security.TLS: 465, Security.NONE: 25}
_TLS_PORT: Final = 465


def _usual_port(data: dict[str, Any]) -> int:
    return _PORTS[data["security"]]


class SmtpChannel(Named):
    """A mail server."""

    type: Literal["smtp"] = Field(description="Mail, by SMTP.")
    host: Host = Field(description="The mail server's name or IP address.")
    allow_plain: bool = Field(
        default=False,
        description="Allow `security: none` to another machine: mail and password go unencrypted.",
    )
    security: Annotated[Security, one_of(Security, "security")] = Field(
        default=Security.STARTTLS,
        description="`starttls` (the default), `tls` from the first byte, or `none`, which is for "
        "this machine only unless `allow_plain` is true.",
    )
    port: int = Field(
        default_factory=_usual_port,
        ge=1,
        le=65535,
        description="Default: 587 for starttls, 465 for tls, 25 for none.",
    )
    username: Text | None = Field(default=None, description="The login's name, if there is one.")
    password: Secret | None = Field(
        default=None,
        validate_default=True,
        description="The login's password, best as ${NAME}, ${file:…} or ${credential:…}.",
    )
    sender: MailboxText = Field(
        alias="from", description="Who the mail is from: `Acme Analytics <digest@example.com>`."
    )
    reply_to: MailboxText | None = Field(default=None, description="Where answers go.")
    ca_file: ExistingFile | None = Field(
        default=None,
        description="A PEM file of certificate authorities to trust instead of the system's.",
    )
    connections: int = Field(
        default=1, ge=1, le=16, description="How many connections to use at once."
    )

    @field_validator("security")
    @classmethod
    def _plain_only_here(cls, security: Security, info: ValidationInfo) -> Security:
        host, allowed = info.data.get("host"), info.data.get("allow_plain", True)
        if security is Security.NONE and host and not allowed and not is_loopback(host):
            raise bad(
                "none sends mail and password unencrypted, so it is only for this machine; "
                "use starttls or tls, or say allow_plain: true"
            )
        return security

    @field_validator("port")
    @classmethod
    def _port_fits(cls, port: int, info: ValidationInfo) -> int:
        if port == _TLS_PORT and info.data.get("security") is Security.STARTTLS:
            raise bad("on port 465 servers speak TLS from the first byte; say security: tls")
        return port

    @field_validator("password")
    @classmethod
    def _login_is_whole(cls, password: Secret | None, info: ValidationInfo) -> Secret | None:
        if "username" not in info.data:
            return password
        if password is None and info.data["username"] is not None:
            raise bad("is missing, but there is a username")
        if password is not None and info.data["username"] is None:
            raise bad("is of no use without a username")
        return password


def _with_slash(url: str) -> str:
    return f"{url}/"


class SlackChannel(Named):
    """A Slack workspace, as a bot."""

    type: Literal["slack"] = Field(description="Slack, by a bot token.")
    token: Token = Field(
        description="The bot token (xoxb-…), with the scopes chat:write and files:write; best as "
        "${NAME}, ${file:…} or ${credential:…}."
    )
    base_url: Annotated[Url, AfterValidator(_with_slash)] = Field(
        default="https://slack.com/api/", description="Another Slack-compatible API."
    )


class FolderChannel(Named):
    """A folder that everything is written to as files."""

    type: Literal["folder"] = Field(description="Files in a folder.")
    path: TargetFolder = Field(description="The folder; it is made when first needed.")


Channel: TypeAlias = Annotated[
    SmtpChannel | SlackChannel | FolderChannel, Field(discriminator="type")
]
KINDS: Final[dict[str, type[Named]]] = {
    "smtp": SmtpChannel,
    "slack": SlackChannel,
    "folder": FolderChannel,
}
