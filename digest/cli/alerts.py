"""`digest alerts`: how alerts stand, what they see now, silences, and a look at the past."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from digest.cli.options import (
    Progress,
    config_option,
    json_option,
    now_option,
    open_config,
)
from digest.errors import ExitCode

if TYPE_CHECKING:
    from datetime import datetime

    from digest.app.backtest import Replay

EXAMPLES = """\b
Examples:
  digest alerts
  digest alerts check bounce-rate-spike
  digest alerts silence bounce-rate-spike --for 4h --why "release 2.3"
  digest alerts backtest bounce-rate-spike --days 90
"""


@click.group("alerts", epilog=EXAMPLES, invoke_without_command=True)
@json_option
@config_option
@click.pass_context
def command(ctx: click.Context, config_path: str | None, *, as_json: bool) -> None:
    """List alerts and how they stand; try them out; silence them."""
    if config_path is not None:
        ctx.find_root().obj["config_path"] = config_path
    if ctx.invoked_subcommand is not None:
        return
    from digest.app import silencing  # noqa: PLC0415 — heavy
    from digest.cli import alert_shapes  # noqa: PLC0415 — as above

    found = silencing.standings(open_config(ctx, config_path))
    alert_shapes.tell_standings(found, as_json=as_json)


@command.command("check")
@click.argument("names", nargs=-1, metavar="[NAME…]")
@json_option
@now_option
@config_option
@click.pass_context
def check(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    as_json: bool,
    now: datetime | None,
    config_path: str | None,
) -> int:
    """Look at alerts now and explain what they see.

    Nothing is sent or written. Without a name every alert that is switched on is looked at.
    """
    from digest.app import alert_check  # noqa: PLC0415 — heavy
    from digest.cli import alert_shapes  # noqa: PLC0415 — as above
    from digest.pipeline import worst  # noqa: PLC0415 — as above

    config = open_config(ctx, config_path)
    with Progress() as progress:
        found = alert_check.check(config, names, now, progress)
    alert_shapes.tell_checked(found, as_json=as_json)
    return worst(one.error.exit_code for one in found if one.error is not None)


@command.command("silence")
@click.argument("name")
@click.option("--for", "lasting", required=True, metavar="TIME", help="How long: 30m, 4h or 2d.")
@click.option("--why", required=True, metavar="TEXT", help="The reason, for whoever looks.")
@click.option("--by", metavar="NAME", help="Who says so (default: your login name).")
@config_option
@click.pass_context
def silence(
    ctx: click.Context,
    *,
    name: str,
    lasting: str,
    why: str,
    by: str | None,
    config_path: str | None,
) -> None:
    """Don't hear of an alert for a while ('*': of any). It is still looked at."""
    import getpass  # noqa: PLC0415 — `--help` does without

    from digest.app import silencing  # noqa: PLC0415 — heavy
    from digest.config.durations import parse_duration  # noqa: PLC0415 — as above

    if not why.strip():
        raise click.UsageError("--why must say something", ctx)
    try:
        span = parse_duration(lasting)
    except ValueError as error:
        raise click.UsageError(f"--for {lasting!r}: {error}", ctx) from None
    if not span:
        raise click.UsageError("--for must be longer than nothing", ctx)
    config = open_config(ctx, config_path)
    try:
        author = by or getpass.getuser()
    except (KeyError, OSError):  # in a container a user may have no name
        raise click.UsageError("your login name is not known; say --by NAME", ctx) from None
    made = silencing.silence(config, name, span, why=" ".join(why.split()), author=author)
    click.echo(f"{name} is silenced until {made.until:%Y-%m-%d %H:%M} UTC by {made.author}")


@command.command("unsilence")
@click.argument("name")
@config_option
@click.pass_context
def unsilence(ctx: click.Context, *, name: str, config_path: str | None) -> None:
    """End an alert's silence."""
    from digest.app import silencing  # noqa: PLC0415 — heavy

    ended = silencing.unsilence(open_config(ctx, config_path), name)
    click.echo(f"{name} is heard again" if ended else f"{name} was not silenced")


@command.command("backtest")
@click.argument("names", nargs=-1, metavar="[NAME…]")
@click.option("--days", type=click.IntRange(1, 365), default=90, show_default=True)
@click.option(
    "--max-messages",
    type=click.IntRange(0),
    metavar="N",
    help="Exit with 1 if any reader would have got more than N messages.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Also draw each alert's days into this folder.",
)
@json_option
@now_option
@config_option
@click.pass_context
def backtest(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    days: int,
    max_messages: int | None,
    out: Path | None,
    as_json: bool,
    now: datetime | None,
    config_path: str | None,
) -> int:
    """Replay the past: who would have got what, and when.

    Without a name every alert that is switched on is replayed. Rule, for, cooldown, grouping,
    silences and quiet hours are those of the config. Nothing is sent or written.
    """
    from digest.app import backtest as replaying  # noqa: PLC0415 — heavy
    from digest.cli import alert_shapes  # noqa: PLC0415 — as above

    config = open_config(ctx, config_path)
    with Progress() as progress:
        replay = replaying.backtest(config, names, days, now, progress)
    alert_shapes.tell_replay(replay, as_json=as_json)
    if out is not None:
        _draw(replay, out, config.locale)
    most = max(replay.by_reader.values(), default=0)
    if max_messages is not None and most > max_messages:
        click.echo(f"a reader would have got {most} messages, more than {max_messages}", err=True)
        return ExitCode.FAILED
    return ExitCode.OK


def _draw(replay: Replay, folder: Path, locale: str) -> None:
    from digest.app.backtest_charts import draw  # noqa: PLC0415 — heavy

    for path in draw(replay, folder, locale):
        click.echo(str(path), err=True)
