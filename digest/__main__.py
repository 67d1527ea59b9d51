"""Start here: `digest …` and `python -m digest …`."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress

from digest import __version__

INTERRUPTED = (130, 143)  # 128 + SIGINT and 128 + SIGTERM, as shells say it


def main() -> None:
    """Run the command line and leave with its exit code."""
    if sys.argv[1:] == ["--version"]:  # answered before anything is imported: it costs nothing
        sys.stdout.write(f"digest {__version__}\n")
        return
    from digest.cli import run_command_line  # noqa: PLC0415 — see above

    code = run_command_line(sys.argv[1:])
    if code in INTERRUPTED or threading.active_count() > 1:
        # a thread that waits for a server's answer, perhaps for minutes, must not hold up a stop;
        # one of a pool does, even when it is a daemon
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    main()
