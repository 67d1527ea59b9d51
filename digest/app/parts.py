"""Settings → the real parts: Phase clients that share a session and a budget, and channels."""

from __future__ import annotations

import os
import random
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self, assert_never

from digest import channels
from digest.config.models import FolderChannel, SlackChannel, SmtpChannel
from digest.errors import PhaseUnavailableError
from digest.phase.budget import Budget
from digest.phase.client import PhaseClient
from digest.phase.limits import PhaseLimits
from digest.phase.watchdog import open_session
from digest.pipeline import SharedSource
from digest.store.places import state_place

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from digest.config.models import App, Config, Limits
    from digest.core.content import Channel
    from digest.phase.transport import Outcome
    from digest.report import Source
    from digest.store.places import StatePlace


def place_of(config: Config) -> StatePlace:
    """Where the ledger is."""
    url = None if config.state is None else config.state.get_secret_value()
    return state_place(url, os.environ)


class Sources:
    """The source of each app: one budget for all, and nothing is asked twice in one run.

    Once a server can't be reached, no other app of that server is tried; `of` then raises the
    same PhaseUnavailableError.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._clients: dict[str, PhaseClient] = {}
        self._shared: dict[str, SharedSource] = {}
        self._closing = ExitStack()
        self._budget = Budget(time.monotonic, config.limits.requests_per_minute)
        self._session = self._closing.enter_context(open_session())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._closing.close()

    def of(self, app: str) -> Source:
        """The source of the app of that name in the config."""
        settings = self._config.apps[app]
        for name, client in self._clients.items():
            same_server = self._config.apps[name].base_url == settings.base_url
            if same_server and isinstance(client.stopped, PhaseUnavailableError):
                raise client.stopped
        if app not in self._shared:
            self._clients[app] = phase_client(
                settings, self._config.limits, self._budget, self._session
            )
            self._shared[app] = SharedSource(self._clients[app])
        return self._shared[app]


def phase_client(
    app: App,
    limits: Limits,
    budget: Budget,
    session: requests.Session,
    *,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    on_try: Callable[[Outcome], None] = lambda _outcome: None,
) -> PhaseClient:
    """A client of an app, for one run."""
    return PhaseClient(
        app.base_url,
        app.app_id,
        app.api_key,
        phase_limits(limits),
        budget,
        session=session,
        clock=monotonic,
        sleep=sleep,
        rng=random.Random(),  # noqa: S311 — spreads retries, keeps no secret
        on_try=on_try,
    )


def phase_limits(limits: Limits) -> PhaseLimits:
    """The config's `limits` as the Phase client takes them."""
    usual = PhaseLimits()
    return PhaseLimits(
        connect=limits.connect,
        read=limits.read,
        try_=limits.try_,
        call=limits.call,
        tries=limits.tries,
        max_wait=min(usual.max_wait, limits.call),
        max_body=limits.max_body,
        max_decoded=2 * limits.max_body,
    )


def open_channel(config: Config, name: str) -> Channel:
    """The channel of that name in the config; nothing is connected yet.

    Raises DeliveryError for settings that can't work.
    """
    settings = config.channels[name]
    outside = channels.Outside(monotonic=time.monotonic, sleep=time.sleep)
    build = channels.build(settings.type)
    match settings:
        case SmtpChannel():
            return build(name, _smtp(settings, config.limits), outside)
        case SlackChannel():
            return build(name, _slack(settings, config.limits), outside)
        case FolderChannel():
            from digest.channels.folder import FolderSettings  # noqa: PLC0415 — one kind at a time

            return build(name, FolderSettings(path=settings.path), outside)
        case _:
            assert_never(settings)


def _smtp(settings: SmtpChannel, limits: Limits) -> object:
    from digest.channels.smtp import Security, SmtpSettings  # noqa: PLC0415 — as above

    return SmtpSettings(
        host=settings.host,
        port=settings.port,
        sender=settings.sender,
        security=Security(settings.security),
        username=settings.username,
        password=settings.password,
        reply_to=settings.reply_to,
        ca_file=settings.ca_file,
        connections=settings.connections,
        connect_timeout=limits.smtp_connect,
        reply_timeout=limits.smtp_reply,
        message_timeout=3 * limits.smtp_reply,
        # the answer to the final dot may take twice as long as any other (RFC 5321, 4.5.3.2.6)
        end_timeout=2 * limits.smtp_reply,
    )


def _slack(settings: SlackChannel, limits: Limits) -> object:
    from digest.channels.slack import SlackSettings  # noqa: PLC0415 — as above

    usual = SlackSettings(token=settings.token)
    return SlackSettings(
        token=settings.token,
        base_url=settings.base_url,
        timeout=limits.slack_call,
        max_wait=min(usual.max_wait, limits.call),
        file_wait=min(usual.file_wait, limits.call),
    )
