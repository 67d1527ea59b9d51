"""The page, served by a thread of its own from the moment it is made until it is closed."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from digest.web.address import bracketed, listener
from digest.web.connections import Server
from digest.web.guard import Doorkeeper, HostCheck
from digest.web.pages import Pages

if TYPE_CHECKING:
    from collections.abc import Callable

    from digest.web.address import Listen
    from digest.web.guard import Access
    from digest.web.pages import Sources
    from digest.web.rendering import StatusPage

_POLL = 0.25  # seconds between two looks for connections that take too long


class WebServer:
    """Listens at an address and answers from `sources`. `monotonic` gives seconds.

    Raises UsageError when the address can't be used, or can be reached from other machines and
    there is no token.
    """

    def __init__(
        self,
        at: Listen,
        *,
        sources: Sources,
        access: Access,
        page: StatusPage,
        monotonic: Callable[[], float],
    ) -> None:
        door = Doorkeeper(access.token, monotonic)
        with listener(at, guarded=access.token is not None) as opened:
            self.port = int(opened.getsockname()[1])
            hosts = HostCheck(at.host, self.port, access.hosts)
            self._server = Server(Pages(sources, page, hosts, door), opened, monotonic)
        self.origin = f"http://{bracketed(at.host)}:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": _POLL},
            name="web",
            daemon=True,
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering and end open connections; a second time does nothing."""
        with suppress(OSError):  # wakes the thread at once; closed already the second time
            self._server.socket.shutdown(socket.SHUT_RDWR)
        self._server.shutdown()
        self._server.end_older_than(0)
        self._thread.join()
