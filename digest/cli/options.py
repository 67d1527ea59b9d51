"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.config.models import Config

# Baselines reach back from here, schedules look ahead; neither may leave the calendar.
FIRST_YEAR, LAST_YEAR = 1980, 9000
_CLEAR = "\r\033[K"
Decorated = TypeVar("Decorated", bound="Callable[..., Any]")


class Instant(click.ParamType[datetime]):
    """An ISO 8601 instant with its zone, such as 2026-11-23T08:00:00Z."""

    name = "instant"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The aware instant, in UTC."""
        if isinstance(value, datetime):
            return value
        try:
            instant = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not an instant like 2026-11-23T08:00:00Z", param, ctx)
        if instant.tzinfo is None:
            self.fail(f"{value!r} needs a zone, such as the Z in 2026-11-23T08:00:00Z", param, ctx)
        if not FIRST_YEAR <= instant.year <= LAST_YEAR:
            self.fail(f"{value!r} is not between {FIRST_YEAR} and {LAST_YEAR}", param, ctx)
        return instant.astimezone(UTC)


def utc_text(instant: datetime) -> str:
    """`2026-11-23T08:00:00Z`."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def config_option(function: Decorated) -> Decorated:
    """Add `-c/--config PATH` to a command."""
    return click.option(
        "-c",
        "--config",
        "config_path",
        metavar="PATH",
        help="The config file (default: $DIGEST_CONFIG, ./config.yaml, …).",
    )(function)


def now_option(function: Decorated) -> Decorated:
    """Add `--now INSTANT`, the clock of this call, to a command."""
    return click.option(
        "--now",
        type=Instant(),
        metavar="INSTANT",
        help="Act as if it were this instant, e.g. 2026-11-23T08:00:00Z.",
    )(function)


def json_option(function: Decorated) -> Decorated:
    """Add `--json` to a command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON to stdout.")(function)


def chosen_path(ctx: click.Context, config_path: str | None) -> Path | None:
    """The config file that was named after the command or before it."""
    named = config_path or ctx.find_root().obj["config_path"]
    return Path(named) if named else None


def open_config(ctx: click.Context, config_path: str | None) -> Config:
    """The validated config. Raises ConfigError with every problem."""
    from digest import app  # noqa: PLC0415 — pydantic and yaml are for commands that need them

    return app.open_config(chosen_path(ctx, config_path))


class Progress:
    """A progress line on a terminal's stderr while the `with` block lasts; silent in a pipe."""

    def __init__(self) -> None:
        self._shows = sys.stderr is not None and sys.stderr.isatty()  # there may be none

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.clear()

    def __call__(self, what: str, done: int, total: int) -> None:
        """Show the step that is being done."""
        if self._shows:
            with suppress(OSError, ValueError):  # the terminal may have gone; the work goes on
                click.echo(f"{_CLEAR}{what} {done}/{total}", nl=False, err=True)

    def clear(self) -> None:
        """Take the line away, so that something else can be said."""
        if self._shows:
            click.echo(_CLEAR, nl=False, err=True)
