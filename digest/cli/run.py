"""`digest run`: build and deliver now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from digest.cli.options import (
    Progress,
    config_option,
    json_option,
    now_option,
    open_config,
    utc_text,
)

if TYPE_CHECKING:
    from datetime import datetime

    from digest.core.content import Receipt
    from digest.pipeline import RunResult

NO_LEDGER = "note: there is no ledger yet, so each `digest run` sends again"


EXAMPLES = """\b
Examples:
  digest run monday-email
  digest run monday-email --period 2026-W47 --to me@example.com
  digest run monday-email daily-slack --dry-run
"""


@click.command("run", epilog=EXAMPLES)
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--period", metavar="P", help="2026-W47, 2026-11-22 or 2026-11 (default: the last).")
@click.option("--dry-run", is_flag=True, help="Build everything, send nothing.")
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
    dry_run: bool,
    as_json: bool,
) -> int:
    """Build digests and deliver them now.

    There is no ledger yet: every run sends again.
    """
    import json  # noqa: PLC0415 — `--help` does without

    from digest import pipeline  # noqa: PLC0415 — heavy
    from digest.app import orders, runs  # noqa: PLC0415 — heavy

    config = open_config(ctx, config_path)
    order = orders.Order(names=names, period=period, now=now, to=to, dry_run=dry_run)
    results = []
    with Progress() as progress:
        for result in runs.run(config, order, progress):
            progress.clear()
            _tell_trouble(result)
            if not as_json:
                _tell(result)
            results.append(result)
    if as_json:
        click.echo(json.dumps({"runs": [_run_json(r) for r in results]}, indent=2))
    if any(result.receipts and not result.dry for result in results):
        click.echo(NO_LEDGER, err=True)
    return pipeline.worst(result.exit_code for result in results)


def _tell_trouble(result: RunResult) -> None:
    """Why there is no digest, or what it lacks."""
    for sentence in (result.error, *result.warnings):
        if sentence is not None:
            click.echo(f"{result.job} {result.period}: {sentence}", err=True)


def _tell(result: RunResult) -> None:
    """One line for the run, one for each delivery."""
    if result.error is not None:
        return
    click.echo(f"{result.job} {result.period}: {result.state.replace('_', ' ')}")
    for receipt in result.receipts:
        why = f" ({receipt.detail})" if receipt.detail else ""
        click.echo(f"  {receipt.state:<10} {receipt.key.channel}: {receipt.key.recipient}{why}")
        for remark in receipt.remarks:
            click.echo(f"             note: {remark}")


def _run_json(result: RunResult) -> dict[str, Any]:
    return {
        "job": result.job,
        "period": result.period,
        "state": result.state,
        "error": str(result.error) if result.error else None,
        "warnings": list(result.warnings),
        "deliveries": [_delivery_json(receipt, result) for receipt in result.receipts],
    }


def _delivery_json(receipt: Receipt, result: RunResult) -> dict[str, Any]:
    key = receipt.key
    return {
        "id": key.digest,
        "job": key.job,
        "kind": key.kind,
        "period": key.period,
        "channel": key.channel,
        "recipient": key.recipient,
        "state": receipt.state,
        "attempts": 0 if result.dry else 1,
        "uncertain": int(receipt.state == "uncertain"),
        "message_id": receipt.reference,
        "last_error": receipt.detail or None,
        "updated_at": utc_text(result.ended_at) if result.ended_at else None,
        "remarks": list(receipt.remarks),
    }
