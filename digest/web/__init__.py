"""The web page of the daemon: how things stand, for its operator. It changes nothing."""

from __future__ import annotations

from digest.web.address import Listen, listen_at
from digest.web.guard import Access
from digest.web.pages import Sources
from digest.web.rendering import StatusPage
from digest.web.server import WebServer
from digest.web.standing import Health, Standing

__all__ = [
    "Access",
    "Health",
    "Listen",
    "Sources",
    "Standing",
    "StatusPage",
    "WebServer",
    "listen_at",
]
