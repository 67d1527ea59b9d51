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

COMPLETION = "_DIGEST_COMPLETE"  # click writes a shell's completion when this is set
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
    # our own records only: other libraries' hold addresses, headers and bodies
    logging.getLogger("digest").setLevel(logging.DEBUG if debug else logging.NOTSET)


def run_command_line(arguments: Sequence[str]) -> int:
    """Run one command line; gives the exit code. Only `--debug` ever shows a traceback."""
    try:
        return _invoke(arguments)
    except click.ClickException as error:
        error.show()
        return ExitCode.USAGE if isinstance(error, click.UsageError) else ExitCode.FAILED
    except ConfigError as error:
        click.echo(str(error), err=True)
        return error.exit_code
    except DigestError as error:
        click.echo(f"digest: {error}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        click.echo("digest: stopped", err=True)
        by = error.args[0] if isinstance(error, KeyboardInterrupt) and error.args else signal.SIGINT
        return 128 + int(by)  # __main__ then leaves without waiting for threads
    except BrokenPipeError:
        # The reader has gone; without this, the interpreter complains again while it leaves.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        _tell_system_error(error, arguments)
        return ExitCode.FAILED
    except Exception as error:  # noqa: BLE001 — a user gets one sentence, whatever broke
        _tell_internal(error, arguments)
        return ExitCode.FAILED


def _invoke(arguments: Sequence[str]) -> int:
    """As `cli.main` does, which would have its own say on a stop and on a pipe that is closed."""
    if COMPLETION in os.environ:
        cli.main(list(arguments), prog_name="digest", complete_var=COMPLETION)
    try:
        with cli.make_context("digest", list(arguments)) as ctx:
            outcome = cli.invoke(ctx)
    except click.exceptions.Exit as done:  # after --help and --version
        return done.exit_code
    return outcome if isinstance(outcome, int) else ExitCode.OK


def _tell_system_error(error: OSError, arguments: Sequence[str]) -> None:
    """What the system refused, such as a full disk, a folder that can't be written."""
    _tell_traceback(error, arguments)
    where = f"{error.filename}: " if error.filename else ""
    click.echo(f"digest: {where}{error.strerror or type(error).__name__}", err=True)


def _tell_traceback(error: Exception, arguments: Sequence[str]) -> None:
    if "--debug" in arguments:
        import traceback  # noqa: PLC0415 — only now

        traceback.print_exception(error)


def _tell_internal(error: Exception, arguments: Sequence[str]) -> None:
    """One sentence about a defect of ours; the message itself may hold anything, so it is kept."""
    _tell_traceback(error, arguments)
    click.echo(
        f"digest: internal error ({type(error).__name__}); this is a defect of digest, nothing "
        "is known to be lost. Run `digest --debug …` and report what it prints.",
        err=True,
    )
