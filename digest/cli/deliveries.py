"""`digest deliveries`: the ledger, and what a person decides about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digest.cli.options import config_option, json_option, open_config, utc_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from digest.core.outbox import Delivery

EXAMPLES = """\b
Examples:
  digest deliveries --failed
  digest deliveries resend --failed
  digest deliveries resolve 3f9c2a --sent
"""
_MOST_SHOWN = 50


@click.group("deliveries", epilog=EXAMPLES, invoke_without_command=True)
@click.option("--failed", is_flag=True, help="Only those that need a person.")
@click.option("--all", "everything", is_flag=True, help=f"Not only the newest {_MOST_SHOWN}.")
@json_option
@config_option
@click.pass_context
def command(
    ctx: click.Context, config_path: str | None, *, failed: bool, everything: bool, as_json: bool
) -> None:
    """List what was sent to whom; send again; settle.

    The newest come first.

    With --json every delivery is listed.
    """
    if config_path is not None:
        ctx.find_root().obj["config_path"] = config_path
    if ctx.invoked_subcommand is not None:
        return
    import json  # noqa: PLC0415 — `--help` does without

    from digest.app import deciding  # noqa: PLC0415 — heavy
    from digest.cli.shapes import delivery_json  # noqa: PLC0415 — only for `--json`

    config = open_config(ctx, config_path)
    limited = not (as_json or everything)
    found = deciding.listed(config, failed=failed, most=_MOST_SHOWN + 1 if limited else None)
    if as_json:
        click.echo(json.dumps([delivery_json(held) for held in found], indent=2))
        return
    _tell(found[:_MOST_SHOWN] if limited else found)
    if limited and len(found) > _MOST_SHOWN:
        click.echo("older ones: digest deliveries --all", err=True)


@command.command("resend")
@click.argument("ids", nargs=-1, metavar="ID…")
@click.option("--failed", is_flag=True, help="Everything that ended badly.")
@json_option
@config_option
@click.pass_context
def resend(
    ctx: click.Context,
    *,
    ids: tuple[str, ...],
    config_path: str | None,
    failed: bool,
    as_json: bool,
) -> int:
    """Send deliveries again: the same bytes as a new message.

    An ID may be cut to its first letters.
    """
    if bool(ids) == failed:
        raise click.UsageError("give either the ids of deliveries, or --failed", ctx)
    import json  # noqa: PLC0415 — `--help` does without

    from digest.app import deciding  # noqa: PLC0415 — heavy
    from digest.cli.shapes import delivery_json  # noqa: PLC0415 — only for `--json`
    from digest.cli.signals import stoppable  # noqa: PLC0415 — only for those who send

    config = open_config(ctx, config_path)
    with stoppable() as stop:
        sent = deciding.resend(config, ids, failed=failed, stop=stop)
    if as_json:
        click.echo(json.dumps([delivery_json(held) for held in sent], indent=2))
    elif sent:
        _tell(sent)
    else:
        click.echo("there is nothing to send again")
    return _exit_code(sent)


@command.command("resolve")
@click.argument("id_", metavar="ID")
@click.option("--sent", "verdict", flag_value="sent", help="It arrived: leave it at that.")
@click.option("--resend", "verdict", flag_value="resend", help="It did not: send it again.")
@click.option("--skip", "verdict", flag_value="skip", help="Let it be: it is not sent any more.")
@config_option
@click.pass_context
def resolve(ctx: click.Context, id_: str, verdict: str | None, config_path: str | None) -> int:
    """Say what is to become of a delivery that needs a person.

    An ID may be cut to its first letters.
    """
    if verdict is None:
        raise click.UsageError("say what: --sent, --resend or --skip", ctx)
    from digest.app import deciding  # noqa: PLC0415 — heavy
    from digest.cli.signals import stoppable  # noqa: PLC0415 — only for those who send

    config = open_config(ctx, config_path)
    with stoppable() as stop:
        held = deciding.resolve(config, id_, deciding.Verdict(verdict), stop)
    _tell([held])
    return _exit_code([held])


def _tell(found: Iterable[Delivery]) -> None:
    for held in found:
        key = held.key
        why = f"  ({held.last_error})" if held.last_error else ""
        click.echo(
            f"{key.digest[:8]}  {utc_text(held.updated_at)[:16]}Z  {held.state:<10}  "
            f"{key.job} {key.period}  {key.channel}: {key.recipient}{why}"
        )


def _exit_code(found: Iterable[Delivery]) -> int:
    from digest.pipeline import RunResult  # noqa: PLC0415 — heavy

    return RunResult(job="", period="", deliveries=tuple(found)).exit_code
