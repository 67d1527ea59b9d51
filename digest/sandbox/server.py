"""The Phase sandbox: a server that answers as the real one does, over rows of one's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

from digest.sandbox.limiter import RateLimiter
from digest.sandbox.loopback import Loopback
from digest.sandbox.phase_web import DEFAULT_LIMIT, PREFIX, PhaseWeb

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from digest.sandbox.flavour import Flavour
    from digest.sandbox.phase_web import Seen
    from digest.sandbox.rows import Rows


class PhaseSandbox:
    """A Phase server on loopback over the given rows, from now until `close`.

    `clock` gives the data's time (it may stand still), `monotonic` seconds for the rate windows;
    `rate_limit` is requests a minute for each key and each address, 0 is off. `port` 0 picks a
    free one. Raises UsageError when the port is taken or no key is active.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        api: Flavour,
        clock: Callable[[], datetime],
        rate_limit: int = DEFAULT_LIMIT,
        port: int = 0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._key = rows.first_key(clock())
        self._app = PhaseWeb(rows, api, clock, RateLimiter(rate_limit, monotonic))
        try:
            self._server = Loopback(self._app, port)
        except BaseException:
            self._app.store.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    @property
    def base_url(self) -> str:
        """`http://127.0.0.1:PORT/public-api/v1`."""
        return self._server.origin + PREFIX

    @property
    def app_id(self) -> str:
        """The app that `api_key` opens."""
        return self._key.app_id

    @property
    def api_key(self) -> str:
        """The first active key."""
        return self._key.name

    @property
    def requests(self) -> tuple[Seen, ...]:
        """The requests answered so far, in order (the latest hundred thousand)."""
        return self._app.requests

    def add(self, rows: Rows) -> None:
        """More rows, while it runs; their keys are left aside. Raises UsageError."""
        self._app.store.add(rows)

    def wait(self) -> None:
        """Block until the sandbox is closed."""
        self._server.wait()

    def close(self) -> None:
        """Stop answering and forget the rows."""
        self._server.close()
        self._app.store.close()
