"""`digest purge`: delete what is older than it has to be kept."""

from __future__ import annotations

import click

from digest.cli.options import config_option, open_config

EXAMPLES = """\b
Example:
  digest purge
"""


@click.command("purge", epilog=EXAMPLES)
@config_option
@click.pass_context
def command(ctx: click.Context, config_path: str | None) -> None:
    """Delete from the ledger what is old.

    Deliveries that ended longer ago than `delivery.retention` go, with their messages.

    That a period was sent stays known, so nothing is sent again for it.
    """
    from digest.app import deciding  # noqa: PLC0415 — heavy

    gone = deciding.purge(open_config(ctx, config_path))
    click.echo(f"deleted {gone:,} deliveries with their messages")
