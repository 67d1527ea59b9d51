"""A proxy before a PostgreSQL server that loses the answer to a COMMIT, or keeps the server away.

    with PostgresProxy(url) as proxy:
        proxy.lose_commits(1)      # the next COMMIT is done, and its answer never comes
        proxy.down = True          # nobody is let in any more

It listens on loopback and speaks to the server's socket, whichever kind that is.
"""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from typing import Self

from sqlalchemy import make_url

_CHUNK = 64 * 1024
_GLANCE = 0.05
_COMMIT = b"COMMIT\0"


class PostgresProxy:
    """Context manager. `url` is where to connect instead; `lost` counts the answers lost."""

    def __init__(self, url: str) -> None:
        self._target = make_url(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_GLANCE)
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._to_pass, self._to_lose = 0, 0
        self._holding = False
        self.down = False
        self.lost = 0
        port = self._listener.getsockname()[1]
        here = self._target.set(host="127.0.0.1", port=port, query={"sslmode": "disable"})
        self.url = here.render_as_string(hide_password=False)

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    def lose_commits(self, number: int, *, after: int = 0, unseen: bool = False) -> None:
        """Lose the answers to so many COMMITs, after letting some through.

        `unseen`: the server does not get the COMMIT either, and keeps the transaction open.
        """
        self._to_pass, self._to_lose, self._holding = after, number, unseen

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            if self.down:
                _reset(client)
                continue
            self._start(self._serve, client)

    def _connected(self) -> socket.socket:
        host, port = self._target.host or self._target.query.get("host"), self._target.port or 5432
        assert isinstance(host, str)
        if host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(f"{host}/.s.PGSQL.{port}")
            return server
        return socket.create_connection((host, port))

    def _serve(self, client: socket.socket) -> None:
        held: socket.socket | None = None
        with contextlib.suppress(OSError), client, self._connected() as server:
            while not self._stopped.is_set() and not self.down:
                ready, _, _ = select.select([client, server], [], [], _GLANCE)
                for source in ready:
                    data = source.recv(_CHUNK)
                    if not data:
                        return None
                    if source is client and _COMMIT in data and self._is_lost():
                        if self._holding:
                            held = server.dup()
                        else:
                            server.sendall(data)
                            server.recv(_CHUNK)  # it is done
                        _reset(client)
                        return self._hold(held)
                    (server if source is client else client).sendall(data)
            _reset(client)
        return None

    def _hold(self, held: socket.socket | None) -> None:
        """The server goes on believing in the connection, until it ends it itself."""
        if held is None:
            return
        with contextlib.suppress(OSError), held:
            held.settimeout(_GLANCE)
            while not self._stopped.is_set():
                with contextlib.suppress(TimeoutError):
                    if not held.recv(_CHUNK):
                        return

    def _is_lost(self) -> bool:
        if self._to_pass:
            self._to_pass -= 1
            return False
        if not self._to_lose:
            return False
        self._to_lose -= 1
        self.lost += 1
        return True


def _reset(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        sock.close()
