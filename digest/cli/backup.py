"""`digest backup`: a copy of the ledger."""

from __future__ import annotations

from pathlib import Path

import click

from digest.cli.options import config_option, open_config

EXAMPLES = """\b
Example:
  digest backup /var/backups/digest.db
"""


@click.command("backup", epilog=EXAMPLES)
@click.argument("to", metavar="FILE", type=click.Path(path_type=Path))
@config_option
@click.pass_context
def command(ctx: click.Context, to: Path, config_path: str | None) -> None:
    """Copy the ledger to FILE.

    The copy is consistent, also while digest is sending.
    """
    from digest.app import deciding  # noqa: PLC0415 — heavy

    copy, size = deciding.backup(open_config(ctx, config_path), to)
    click.echo(f"copied {size:,} bytes to {copy}")
