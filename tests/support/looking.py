"""Looking at a daemon of a simulation through its own web server."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from digest.service.watched import watched
from digest.web.address import listen_at

if TYPE_CHECKING:
    from contextlib import ExitStack

    from digest.service.life import Daemon
    from digest.web.server import WebServer


class Looking:
    """Watches a daemon as `--web` does."""

    def __init__(self, listen: str = "127.0.0.1:0") -> None:
        self._listen = listen
        self.server: WebServer | None = None

    def __call__(self, daemon: Daemon, closing: ExitStack) -> None:
        self.server = watched(daemon, listen_at(self._listen), closing)

    def get(self, path: str) -> tuple[int, str]:
        assert self.server is not None
        try:
            with urllib.request.urlopen(self.server.origin + path, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def standing(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get("/status.json")[1])
        return found
