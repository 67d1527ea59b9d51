"""Trying every key, login and token without sending anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.app import utc_now
from digest.app.parts import Sources, open_channel
from digest.errors import DigestError, ExitCode

if TYPE_CHECKING:
    from datetime import date

    from digest.config.models import Config


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one online check found; `exit_code` is OK when it went well."""

    what: str
    sentence: str
    exit_code: ExitCode = ExitCode.OK


def probe(config: Config) -> list[Finding]:
    """Try every Phase key, login and token without sending anything."""
    yesterday = utc_now().date() - timedelta(days=1)
    with Sources(config) as sources:
        found = [_probe_app(sources, name, yesterday) for name in config.apps]
    return found + [_probe_channel(config, name) for name in config.channels]


def _probe_app(sources: Sources, name: str, day: date) -> Finding:
    what = f"app {name}"
    try:
        sources.of(name).timeseries("sessions", "sessionCount", day, day + timedelta(days=1))
    except DigestError as error:
        return Finding(what=what, sentence=str(error), exit_code=error.exit_code)
    return Finding(what=what, sentence="the key opens the app")


def _probe_channel(config: Config, name: str) -> Finding:
    what = f"channel {name}"
    try:
        return Finding(what=what, sentence=open_channel(config, name).probe())
    except DigestError as error:
        return Finding(what=what, sentence=str(error), exit_code=error.exit_code)
