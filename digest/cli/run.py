"""`digest run`: build what is new, send what is left, and say what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.options import Progress, config_option, json_option, now_option, open_config

if TYPE_CHECKING:
    from datetime import datetime

    from digest.pipeline import RunResult

EXAMPLES = """\b
Examples:
  digest run monday-email
  digest run monday-email --period 2026-W47 --to me@example.com
  digest run monday-email daily-slack --dry-run
  digest run --due
"""


@click.command("run", epilog=EXAMPLES)
@click.argument("names", nargs=-1, metavar="NAME…")
@click.option("--due", is_flag=True, help="Build and send whatever is due now, for a timer.")
@click.option("--period", metavar="P", help="2026-W47, 2026-11-22 or 2026-11 (default: the last).")
@click.option("--dry-run", is_flag=True, help="Build everything, send nothing.")
@click.option("--force", is_flag=True, help="Build and send again what was sent already.")
@click.option(
    "--to", metavar="ADDRESS", help="Send only to this address or Slack channel, as a test."
)
@json_option
@now_option
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    names: tuple[str, ...],
    period: str | None,
    to: str | None,
    now: datetime | None,
    config_path: str | None,
    due: bool,
    dry_run: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Build digests and deliver them now.

    A period that was sent already is not sent again; what an earlier run of it left unfinished is
    taken up. Each reader gets it once. With --due it does once what digest serve does all the
    time; the first such call only begins to count, and sends no past period.
    """
    import json  # noqa: PLC0415 — `--help` does without

    from digest import pipeline  # noqa: PLC0415 — heavy
    from digest.cli.signals import stoppable  # noqa: PLC0415 — only for those who send

    if bool(names) == due or (due and (period or to or dry_run or force)):
        raise click.UsageError(
            "say which digests, or --due alone (with --now and --json if you like)"
        )
    config = open_config(ctx, config_path)
    results = []
    unheard: OSError | None = None
    with stoppable() as stop, Progress() as progress:
        if due:
            from digest.service import once  # noqa: PLC0415 — heavy

            found = once.run_due(config, now, progress, stop)
        else:
            from digest.app import orders, runs  # noqa: PLC0415 — heavy

            order = orders.Order(
                names=names, period=period, now=now, to=to, dry_run=dry_run, force=force
            )
            found = runs.run(config, order, progress, stop)
        for result in found:
            results.append(result)
            try:
                progress.clear()
                _tell_trouble(result)
                if not as_json:
                    _tell(result)
            except OSError as error:  # nobody can hear it; the digests after it go out all the same
                unheard = error
    if unheard is not None:
        raise unheard
    if as_json:
        click.echo(json.dumps({"runs": [_run_json(r) for r in results]}, indent=2))
    return pipeline.worst(result.exit_code for result in results)


def _tell_trouble(result: RunResult) -> None:
    """Why there is no digest, or what it lacks."""
    for sentence in (result.error, *result.warnings):
        if sentence is not None:
            click.echo(f"{result.job} {result.period}: {sentence}", err=True)


def _tell(result: RunResult) -> None:
    """One line for the run, one for each delivery."""
    if not result.deliveries and not result.before:
        return
    state = result.state.replace("_", " ")
    if result.before and state == "sent":
        state = "sent already; nothing was done now (--force sends it again)"
    elif result.before:
        state += "; what is missing needs you: digest deliveries --failed"
    click.echo(f"{result.job} {result.period}: {state}")
    for held in result.deliveries:
        why = f" ({held.last_error})" if held.last_error else ""
        click.echo(f"  {held.state:<10} {held.key.channel}: {held.key.recipient}{why}")
        for remark in held.remarks:
            click.echo(f"             note: {remark}")


def _run_json(result: RunResult) -> dict[str, Any]:
    from digest.cli.shapes import delivery_json  # noqa: PLC0415 — only for `--json`

    return {
        "job": result.job,
        "period": result.period,
        "state": result.state,
        "already_done": result.before,
        "error": str(result.error) if result.error else None,
        "warnings": list(result.warnings),
        "deliveries": [delivery_json(held) for held in result.deliveries],
    }
