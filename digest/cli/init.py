"""`digest init`: write a commented starter config."""

from __future__ import annotations

from pathlib import Path

import click

from digest.errors import UsageError

EXAMPLES = """\b
Example:
  digest init && $EDITOR config.yaml && digest check
"""


@click.command("init", epilog=EXAMPLES)
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path), default="config.yaml")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
def command(path: Path, *, force: bool) -> None:
    """Write a commented starter config.

    It goes to PATH, by default ./config.yaml.
    """
    from digest.config.loader import starter  # noqa: PLC0415 — only this command needs it

    try:
        with path.open("w" if force else "x", encoding="utf-8") as file:
            file.write(starter())
    except FileExistsError:
        raise UsageError(f"{path} is already there; use --force to write over it") from None
    except OSError as error:
        raise UsageError(f"{path} can't be written: {error.strerror}") from error
    click.echo(f"wrote {path}; edit it, set the variables that it names, then: digest check")
