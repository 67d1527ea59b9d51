"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from digest.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.config.models import Config

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
        return instant.astimezone(UTC)


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


def on_terminal() -> bool:
    """Whether a person is watching stderr."""
    return sys.stderr.isatty()


def progress() -> Callable[[str, int, int], None]:
    """A progress line on a terminal's stderr; silent in a pipe."""
    if not on_terminal():
        return lambda _what, _done, _total: None

    def show(what: str, done: int, total: int) -> None:
        end = "\r\033[K" if done >= total else ""
        click.echo(f"\r\033[K{what} {done}/{total}{end}", nl=False, err=True)

    return show


def unknown_digest(name: str, known: list[str]) -> UsageError:
    """The error for a digest that the config doesn't have."""
    import difflib  # noqa: PLC0415 — only when something is misspelt

    near = difflib.get_close_matches(name, known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return UsageError(f"there is no digest {name!r}{hint}; the config has: {', '.join(known)}")
