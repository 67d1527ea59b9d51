"""The command group: every module of this package that offers a `command`, with suggestions."""

from __future__ import annotations

import importlib

import click

COMMANDS = (
    "check",
    "preview",
    "run",
    "serve",
    "jobs",
    "status",
    "deliveries",
    "alerts",
    "test",
    "schema",
    "init",
    "backup",
    "purge",
    "recover",
    "sandbox",
    "demo",
)


class Commands(click.Group):
    """Loads `digest.cli.NAME` when command NAME is asked for, and suggests the nearest name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The commands in the order in which a new user meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"digest.cli.{cmd_name}")
        command = module.command
        assert isinstance(command, click.Command)  # noqa: S101 — narrows a looked-up name
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with `did you mean` for a misspelt command."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib  # noqa: PLC0415 — only when something is misspelt

            near = difflib.get_close_matches(args[0], COMMANDS, n=1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise click.UsageError(f"there is no command {args[0]!r}{hint}", ctx)
        return super().resolve_command(ctx, args)
