"""A TCP proxy on loopback that cuts, half-closes, delays or swallows, at a byte or on command.

    with Proxy(server.port, Fault(way=Way.BACK, after=100, deed=Deed.CUT)) as proxy:
        ...  # the first connection is reset after 100 bytes of the server's

Each fault is for one connection, in the order in which they come; None and all later ones pass.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_CHUNK = 64 * 1024
_GLANCE = 0.05


class Way(StrEnum):
    """Which way bytes go: forth to the server, or back to the client."""

    FORTH = "forth"
    BACK = "back"


class Deed(StrEnum):
    """What a fault does.

    CUT resets both sides, HALF_CLOSE ends this way with FIN and lets the other one go on, DELAY
    waits once, SWALLOW keeps the connection and passes nothing more this way.
    """

    CUT = "cut"
    HALF_CLOSE = "half_close"
    DELAY = "delay"
    SWALLOW = "swallow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A deed once `after` bytes have passed one way, and before the next one does."""

    deed: Deed
    way: Way = Way.FORTH
    after: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class _Pair:
    """One connection: both sockets, and the faults that were asked for."""

    client: socket.socket
    server: socket.socket
    fault: Fault | None
    commands: dict[Way, Fault] = field(default_factory=dict)

    def ends(self, way: Way) -> tuple[socket.socket, socket.socket]:
        """From where to where."""
        return (self.client, self.server) if way is Way.FORTH else (self.server, self.client)

    def cut(self) -> None:
        """Reset both sides; at the latest a glance later, when the readers let go of them."""
        for sock in (self.client, self.server):
            with contextlib.suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()


class Proxy:
    """Context manager. `port` is where to connect; `passed` counts the bytes of each way."""

    def __init__(self, target: int, *faults: Fault | None) -> None:
        self.passed = dict.fromkeys(Way, 0)
        self.connections = 0
        self._target = target
        self._faults = list(faults)
        self._pairs: list[_Pair] = []
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_GLANCE)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        with self._lock:
            threads, pairs = list(self._threads), list(self._pairs)
        for thread in threads:
            thread.join(5)
        for pair in pairs:
            pair.client.close()
            pair.server.close()
        self._listener.close()

    def now(self, deed: Deed, *, way: Way = Way.FORTH, seconds: float = 0.0) -> None:
        """Do it to every open connection, before its next byte of that way."""
        with self._lock:
            for pair in self._pairs:
                if deed is Deed.CUT:
                    pair.cut()
                pair.commands[way] = Fault(deed=deed, way=way, seconds=seconds)

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        with self._lock:
            self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                client.close()
                continue
            with self._lock:
                fault = self._faults.pop(0) if self._faults else None
                pair = _Pair(client, server, fault)
                self._pairs.append(pair)
                self.connections += 1
            for way in Way:
                self._start(partial(self._pump, pair, way))

    def _pump(self, pair: _Pair, way: Way) -> None:
        source, sink = pair.ends(way)
        passed = 0
        fault = pair.fault if pair.fault is not None and pair.fault.way is way else None
        try:
            source.settimeout(_GLANCE)
            while not self._stopped.is_set():
                fault = pair.commands.pop(way, None) or fault
                if fault is not None and passed >= fault.after:
                    if not self._do(pair, fault):
                        return
                    fault = None
                room = _CHUNK if fault is None else fault.after - passed
                try:
                    data = source.recv(min(room, _CHUNK))
                except TimeoutError:
                    continue
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return
                if (late := pair.commands.pop(way, None)) is not None and not self._do(pair, late):
                    return
                sink.sendall(data)
                passed += len(data)
                with self._lock:
                    self.passed[way] += len(data)
        except OSError:
            pair.cut()

    def _do(self, pair: _Pair, fault: Fault) -> bool:
        """Do it; whether bytes pass after it."""
        match fault.deed:
            case Deed.CUT:
                pair.cut()
                return False
            case Deed.HALF_CLOSE:
                pair.ends(fault.way)[1].shutdown(socket.SHUT_WR)
                return False
            case Deed.DELAY:
                return not self._stopped.wait(fault.seconds)
            case Deed.SWALLOW:
                source = pair.ends(fault.way)[0]
                while not self._stopped.is_set():
                    with contextlib.suppress(TimeoutError):
                        if not source.recv(_CHUNK):
                            return False
                return False
