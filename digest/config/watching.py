"""The models of how the daemon is watched: the ping that it sends out, and its web page."""

from datetime import timedelta
from typing import Annotated, Any, Final, TypeAlias

from pydantic import BeforeValidator, Field

from digest.config.durations import parse_duration
from digest.config.fields import DURATION, TEXT, URL, Reads, SecretUrl, Token, one_or_many
from digest.config.lists import each
from digest.config.problems import bad
from digest.config.strict import Strict
from digest.config.values import host, secret_url

SHORTEST_TOKEN: Final = 16
"""Characters; a shorter token can be guessed, which `digest check` says."""

_OFTEN: Final = timedelta(seconds=10)
_SELDOM: Final = timedelta(days=1)


def _pause(value: object) -> timedelta:
    pause = parse_duration(value)
    if not _OFTEN <= pause <= _SELDOM:
        raise bad("must be from 10s to 1d")
    return pause


def _hosts(value: object) -> tuple[str, ...]:
    return each(value, lambda text: host(text).lower().removesuffix("."))


class Heartbeat(Strict):
    """Where the daemon says that it is well, and how often."""

    url: SecretUrl = Field(
        description="Asked with GET while all is well: https://, or http:// on this machine. Best "
        "as ${NAME}, ${file:…} or ${credential:…} if it holds a secret."
    )
    every: Annotated[timedelta, Reads(_pause, DURATION)] = Field(
        default=timedelta(minutes=5),
        json_schema_extra={"default": "5m"},
        description="How often: from 10s to 1d.",
    )


def _heartbeat(value: object) -> object:
    """A URL alone stands for the mapping with it."""
    return value if isinstance(value, dict) else Heartbeat.model_construct(url=secret_url(value))


def or_url(schema: dict[str, Any]) -> None:
    """Let the schema of a heartbeat take a URL alone as well."""
    schema["anyOf"].insert(0, URL)


HeartbeatOrUrl: TypeAlias = Annotated[Heartbeat, BeforeValidator(_heartbeat)]


class Web(Strict):
    """The web page of `digest serve --web`."""

    token: Token | None = Field(
        default=None,
        description="What a browser on another machine must bring, best as ${NAME}, ${file:…} or "
        "${credential:…}; 16 characters or more.",
    )
    hosts: Annotated[tuple[str, ...], Reads(_hosts, one_or_many(TEXT))] = Field(
        default=(),
        description="Further host names that the page may be asked by, such as a proxy's.",
    )
