"""`digest test`: a short, marked message without a number in it, through one channel."""

from __future__ import annotations

import html
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from digest import pipeline
from digest.app import ledger, utc_now
from digest.app.orders import recipient
from digest.config.models import SlackChannel, SmtpChannel
from digest.config.problems import did_you_mean, quoted
from digest.core.content import Content, DeliveryKind, EmailContent, SlackContent, SlackMessage
from digest.errors import StoreError, UsageError
from digest.outbox.planning import Mailing, frozen
from digest.outbox.stopping import Stop
from digest.store.planned import NewRun
from digest.store.reading import Scope

if TYPE_CHECKING:
    from datetime import datetime

    from digest.config.models import Config
    from digest.pipeline import RunResult

_JOB = "test"
_TRIED_FOR = timedelta(hours=1)


def send_test(config: Config, name: str, to: str | None, stop: Stop | None = None) -> RunResult:
    """Send a marked test message through one channel.

    Raises UsageError when there is no such channel or nobody to send to, StoreError when there
    is no ledger to use.
    """
    known = config.channels
    if name not in known:
        raise UsageError(
            f"there is no channel {quoted(name)}{did_you_mean(name, known)}; "
            f"the config has: {', '.join(known) or 'none'}"
        )
    reader = recipient(config, name, to) if to is not None else _operator(config, name)
    now = utc_now()
    period = now.date().isoformat()
    with ledger.open_sender(config, f"digest test {name}", utc_now) as store:
        sender = ledger.sender(config, store, stop or Stop(), utc_now)
        before = store.ledger.run(_JOB, DeliveryKind.TEST, period)
        new = NewRun(
            job=_JOB,
            kind=DeliveryKind.TEST,
            period=period,
            app="",
            planned_at=now,
            deadline=now + _TRIED_FOR,
            generation=0 if before is None else before.generation + 1,
        )
        mailing = Mailing(
            install=store.ledger.install,
            job=_JOB,
            kind=DeliveryKind.TEST,
            period=period,
            generation=new.generation,
            content=trial_content(name, now),
            date=now,
            to={name: (reader,)},
        )
        planned = store.ledger.plan(new, frozen(mailing, sender.channel))
        if planned is None:
            raise StoreError("another test is being sent just now; try again")
        scope = Scope(runs=(planned.row,), early=True)
        sender.send(scope)
        result = pipeline.RunResult(job=_JOB, period=period)
        return replace(result, deliveries=tuple(store.ledger.deliveries(scope)))


def _operator(config: Config, name: str) -> str:
    """Who hears about trouble there; for mail else the sender, for a folder the folder itself."""
    if config.ops.get(name):
        return config.ops[name][0]
    channel = config.channels[name]
    if isinstance(channel, SmtpChannel):
        return channel.sender
    if isinstance(channel, SlackChannel):
        raise UsageError(f"say where to: digest test {name} --to '#channel' (or set `ops`)")
    return "."


def trial_content(channel: str, now: datetime) -> Content:
    """A test message for the channel of that name, in every form."""
    said = (
        f"This is a test message of digest through the channel {channel}, sent "
        f"{now:%Y-%m-%d %H:%M} UTC. If you can read it, the channel works."
    )
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark"><title>Test</title></head>'
        '<body style="font-family: Helvetica, Arial, sans-serif; font-size: 16px; '
        f'line-height: 24px; padding: 24px"><p>{html.escape(said)}</p></body></html>'
    )
    block = {"type": "section", "text": {"type": "plain_text", "text": said}}
    return Content(
        email=EmailContent(subject=f"digest reaches you ({channel})", html=page, text=said + "\n"),
        slack=SlackContent(messages=(SlackMessage(text=said, blocks=(block,)),)),
    )
