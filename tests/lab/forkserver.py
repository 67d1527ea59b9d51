"""A process that has imported digest and forks for each run, so that a start costs milliseconds.

Each run is a process of its own, a child of this one with streams, environment and folder of its
own, and with no other open file; it then does what `tests.lab.launcher` does. Orders come as JSON
over the socket whose number is the only argument (it says when it is ready), with three
descriptors each: stdout, stderr, and a socket that gets the child's number with a pidfd, so that
nobody kills a stranger, and in the end its exit status.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import sys
from dataclasses import dataclass
from typing import Any

import digest
from digest.__main__ import main as run
from digest.render.renderer import Renderer
from tests.lab.launcher import prepare

READY = b"ready"
_LONGEST_ORDER = 256 * 1024
_ALSO = (
    "alembic.command",
    "css_inline",
    "html.entities",
    "slack_sdk.web.client",
    "sqlalchemy.dialects.sqlite.pysqlite",
)
"""What digest imports only when it needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One run. `halted` makes it stop itself before it begins, until somebody sends SIGCONT."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    folder: str
    halted: bool = False

    @classmethod
    def read(cls, data: bytes) -> Order:
        """From what came over the socket."""
        found: dict[str, Any] = json.loads(data)
        return cls(**(found | {"arguments": tuple(found["arguments"])}))


def preload() -> None:
    """Import and compile everything that a run may need."""
    for module in pkgutil.walk_packages(digest.__path__, "digest."):
        if ".migrations" not in module.name:  # Alembic runs these as scripts
            importlib.import_module(module.name)
    for name in _ALSO:
        importlib.import_module(name)
    Renderer(None).check()  # compiles the templates that ship with digest
    gc.collect()
    gc.freeze()
    if len(os.listdir("/proc/self/task")) > 1:  # noqa: PTH208 - a number is all that is wanted
        sys.exit("the fork server must have one thread only")


def serve(orders: socket.socket) -> tuple[Order, int, int] | None:
    """Fork for each order. In a child it gives the order and its streams, in the end None."""
    with selectors.DefaultSelector() as selector:
        selector.register(orders, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is not orders:
                    selector.unregister(key.fileobj)
                    _report(int(key.fd), key.data)
                    continue
                data, (out, err, to), _, _ = _receive(orders)
                if not data:
                    return None
                child = os.fork()
                if child == 0:
                    return Order.read(data), out, err
                client = socket.socket(fileno=to)
                handle = os.pidfd_open(child)
                socket.send_fds(client, [str(child).encode()], [handle])
                selector.register(handle, selectors.EVENT_READ, client)
                os.close(out)
                os.close(err)


def _receive(orders: socket.socket) -> tuple[bytes, list[int], int, Any]:
    data, files, flags, address = socket.recv_fds(orders, _LONGEST_ORDER, 3)
    return data, files or [-1, -1, -1], flags, address


def _report(handle: int, client: socket.socket) -> None:
    ended = os.waitid(os.P_PIDFD, handle, os.WEXITED)
    os.close(handle)
    assert ended is not None
    status = ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status
    with client:
        try:
            client.send(str(status).encode())
        except OSError:
            return  # nobody waits for it any more


def become(order: Order, out: int, err: int) -> None:
    """Make this child the process that was ordered."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for file, number in ((nothing, 0), (out, 1), (err, 2)):
        os.dup2(file, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(order.environment)
    os.chdir(order.folder)
    sys.argv = ["digest", *order.arguments]
    if order.halted:
        os.kill(os.getpid(), signal.SIGSTOP)


def main() -> None:
    """Serve; in a child run the command line and leave with its exit code."""
    preload()
    orders = socket.socket(fileno=int(sys.argv[1]))
    orders.send(READY)
    ordered = serve(orders)
    if ordered is None:
        return
    become(*ordered)
    prepare(os.environ)
    run()


if __name__ == "__main__":
    main()
