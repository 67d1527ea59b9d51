"""Letting others look at a running daemon: the status page, health checks and metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from digest import __version__
from digest.render.loader import shipped_root
from digest.service.metrics import Metrics
from digest.service.standing import Reporter
from digest.web.guard import Access
from digest.web.pages import Sources
from digest.web.rendering import StatusPage
from digest.web.server import WebServer

if TYPE_CHECKING:
    from contextlib import ExitStack

    from digest.service.life import Daemon
    from digest.web.address import Listen


def watched(daemon: Daemon, at: Listen, closing: ExitStack) -> WebServer:
    """Serve the page from now on, until `closing` ends.

    Raises UsageError when the address can't be used.
    """
    reporter = Reporter(daemon)
    metrics = Metrics(
        version=__version__,
        read_ledger=reporter.reading,
        budget=reporter.budget_used,
        log_lines_dropped=lambda: 0 if daemon.log is None else daemon.log.dropped,
    )
    daemon.telling.metrics = metrics
    for job, when in reporter.last_successes().items():
        metrics.succeeded(job, when)
    token = daemon.config.web.token
    server = WebServer(
        at,
        sources=Sources(
            standing=reporter.standing, health=reporter.health, metrics=metrics.exposition
        ),
        access=Access(
            token=None if token is None else token.get_secret_value(),
            hosts=daemon.config.web.hosts,
        ),
        page=StatusPage(shipped_root()),
        monotonic=daemon.outside.monotonic,
    )
    closing.callback(server.close)
    return server
