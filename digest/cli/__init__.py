"""The commands, and the one place where an error becomes a sentence and an exit code.

Command modules import only click and this package when they are loaded, so that `--help` stays
quick; everything heavy is imported inside the command that needs it.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import click

from digest.cli.group import Commands
from digest.errors import ConfigError, DigestError, ExitCode

if TYPE_CHECKING:
    from collections.abc import Sequence

EXAMPLES = """\b
Examples:
  digest demo                          see it work: no account, no server, no key
  digest init && digest check          write a starter config, then validate it
  digest preview monday-email --out p  build the mail and look at it; sends nothing
  digest run monday-email              build it and send it now
  digest jobs --next 5                 when each digest runs next, and what it covers
"""


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXAMPLES,
)
@click.version_option(message="digest %(version)s", package_name="phase-digest")
@click.option(
    "-c",
    "--config",
    "config_path",
    metavar="PATH",
    help="The config file (default: $DIGEST_CONFIG, ./config.yaml, "
    "~/.config/digest/config.yaml, /etc/digest/config.yaml).",
)
@click.option("-v", "--verbose", is_flag=True, help="Log what happens, to stderr.")
@click.option("--debug", is_flag=True, help="Show where an internal error came from.")
@click.pass_context
def cli(ctx: click.Context, config_path: str | None, *, verbose: bool, debug: bool) -> None:
    """Honest digests of Phase analytics, by e-mail and Slack."""
    import logging  # noqa: PLC0415 — `--help` does without

    ctx.obj = {"config_path": config_path, "debug": debug}
    logging.basicConfig(
        level=logging.INFO if verbose or debug else logging.ERROR,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
        force=True,
    )


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command line; gives the exit code. Only `--debug` ever shows a traceback."""
    try:
        outcome = cli.main(list(arguments), prog_name="digest", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE if isinstance(error, click.UsageError) else ExitCode.FAILED
    except ConfigError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    except DigestError as error:
        click.echo(f"digest: {error}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("digest: stopped", err=True)
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader has gone; without this, the interpreter complains again while it leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except Exception as error:  # noqa: BLE001 — a user gets one sentence, whatever broke
        _tell_internal(error, arguments)
        return ExitCode.FAILED
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _tell_internal(error: Exception, arguments: Sequence[str]) -> None:
    """One sentence about a defect of ours; the message itself may hold anything, so it is kept."""
    if "--debug" in arguments:
        import traceback  # noqa: PLC0415 — only now

        traceback.print_exception(error)
    click.echo(
        f"digest: internal error ({type(error).__name__}); this is a defect of digest, nothing "
        "is known to be lost. Run `digest --debug …` and report what it prints.",
        err=True,
    )
