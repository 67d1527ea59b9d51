"""The lab's fork server, whose children may also be a daemon with a clock of its own.

The arguments `soak-serve` start `tests.soak.launcher`; any others are the command line's.
"""

from __future__ import annotations

import os
import socket
import sys

from digest.__main__ import main as run
from tests.lab.forkserver import READY, become, preload, serve
from tests.soak import launcher

SERVE = "soak-serve"


def main() -> None:
    """Serve; in a child do what was ordered and leave with its exit code."""
    preload()
    orders = socket.socket(fileno=int(sys.argv[1]))
    orders.send(READY)
    ordered = serve(orders)
    if ordered is None:
        return
    order, out, err = ordered
    become(order, out, err)
    if order.arguments == (SERVE,):
        code = launcher.serve(os.environ)
        sys.stderr.flush()
        os._exit(code)  # as the command line leaves: a thread that hangs must not hold it up
    run()


if __name__ == "__main__":
    main()
