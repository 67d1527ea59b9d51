"""What the process may use of the machine."""

from __future__ import annotations

import resource
from contextlib import suppress

WANTED = 4096
"""Open files: connections, the ledger and its journal, charts; a shell's 256 would be short."""


def allow_many_files() -> None:
    """Raise the soft limit of open files towards the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):  # then it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
