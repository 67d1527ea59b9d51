"""Start here: `digest …` and `python -m digest …`."""

from __future__ import annotations

import sys

from digest import __version__


def main() -> None:
    """Run the command line and leave with its exit code."""
    if sys.argv[1:] == ["--version"]:  # answered before anything is imported: it costs nothing
        sys.stdout.write(f"digest {__version__}\n")
        return
    from digest.cli import run_command_line  # noqa: PLC0415 — see above

    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
