"""`digest serve`: the daemon, and asking a running one to read its config again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from digest.cli.options import chosen_path, config_option
from digest.errors import ExitCode

if TYPE_CHECKING:
    from contextlib import ExitStack

    from digest.service.life import Daemon

EXAMPLES = """\b
Examples:
  digest serve
  digest serve --web 127.0.0.1:8080
  digest serve --reload
"""


@click.command("serve", epilog=EXAMPLES)
@click.option("--web", metavar="HOST:PORT", help="Serve the status page and /metrics there, too.")
@click.option("--reload", is_flag=True, help="Ask the running daemon to read its config again.")
@click.option(
    "--log-format",
    type=click.Choice(["console", "json"]),
    default="console",
    show_default=True,
    help="How log lines look.",
)
@config_option
@click.pass_context
def command(
    ctx: click.Context,
    *,
    web: str | None,
    log_format: str,
    config_path: str | None,
    reload: bool,
) -> int:
    """Send every digest at its time.

    It builds and sends until SIGTERM, which finishes or hands back what is under way.

    SIGHUP, or `digest serve --reload`, reads the config again; a broken one is refused with exit
    code 78, and the old one stays in use.
    """
    path = chosen_path(ctx, config_path)
    if reload:
        from digest.service.asking import ask_to_reload  # noqa: PLC0415 — heavy

        problems = ask_to_reload(path)
        for problem in problems:
            click.echo(problem, err=True)
        if not problems:
            click.echo("reloaded")
        return ExitCode.CONFIG if problems else ExitCode.OK

    import faulthandler  # noqa: PLC0415 — `--help` does without
    import logging  # noqa: PLC0415 — as above
    import os  # noqa: PLC0415 — as above
    import sys  # noqa: PLC0415 — as above
    from contextlib import suppress  # noqa: PLC0415 — as above

    from digest.service.allocator import give_back  # noqa: PLC0415 — as above
    from digest.service.life import Daemon  # noqa: PLC0415 — heavy
    from digest.service.logs import LogForm, configure  # noqa: PLC0415 — heavy
    from digest.web.address import listen_at  # noqa: PLC0415 — heavy

    at = None if web is None else listen_at(web)
    with suppress(OSError, RuntimeError, ValueError):  # there may be no stderr
        faulthandler.enable()  # when systemd's watchdog ends us, the journal has what hung

    def watch(daemon: Daemon, closing: ExitStack) -> None:
        if at is None:
            return
        from digest.service.watched import watched  # noqa: PLC0415 — heavy

        server = watched(daemon, at, closing)
        logging.getLogger(__name__).info(
            "the status page is at %s", server.origin, extra={"action": "page_served"}
        )

    level = logging.DEBUG if ctx.find_root().params.get("debug") else logging.INFO
    give_back()
    with configure(LogForm(log_format), (), sys.stderr, env=os.environ, level=level) as log:
        Daemon(path=path, env=os.environ, log=log, watch=watch).run()
    return ExitCode.OK
