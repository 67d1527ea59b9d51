"""Telling the operator, once, what ended badly: over a channel that is not the broken one."""

from __future__ import annotations

import html
import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.core.content import (
    Content,
    DeliveryKind,
    DeliveryState,
    EmailContent,
    SlackContent,
    SlackMessage,
)
from digest.outbox.planning import Mailing, frozen
from digest.store.ledger import NewRun
from digest.store.reading import Scope

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from digest.config.models import Config
    from digest.core.outbox import Delivery
    from digest.outbox.sending import Sender
    from digest.store.opening import Store
    from digest.store.rows import Hold

_JOB = "ops"
_MOST_LINES = 20
_TRIED_FOR = timedelta(hours=72)
_SLACK_LINE = 140
_DO = {
    DeliveryState.HELD: "look whether it arrived; digest deliveries resolve ID --sent (--resend)",
    DeliveryState.FAILED: "put right what the answer says, then: digest deliveries resend ID",
    DeliveryState.DEAD: "once the server works again: digest deliveries resend ID",
}

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """What nobody was told of yet: deliveries that ended badly, and channels in trouble."""

    deliveries: tuple[Delivery, ...]
    holds: tuple[Hold, ...]

    @property
    def broken(self) -> frozenset[str]:
        """The channels that a notice should not go through."""
        dead = {one.key.channel for one in self.deliveries if one.state is DeliveryState.DEAD}
        return frozenset(dead | {hold.channel for hold in self.holds})


def tell_operator(config: Config, store: Store, sender: Sender) -> None:
    """Plan and send one notice about everything that is untold, if there is anything.

    That it was told is written in the transaction that plans the notice, so it is told once. The
    notices' own deliveries that an earlier process left are sent, too.
    """
    ledger, now = store.ledger, sender.clock()
    trouble = Trouble(
        deliveries=tuple(ledger.untold()),
        holds=tuple(hold for hold in ledger.holds() if _is_news(hold)),
    )
    period = now.date().isoformat()
    known = ledger.run(_JOB, DeliveryKind.OPS, period)
    scope = None if known is None else Scope(runs=(known.row,))
    if config.ops and (trouble.deliveries or trouble.holds):
        new = NewRun(
            job=_JOB,
            kind=DeliveryKind.OPS,
            period=period,
            app="",
            planned_at=now,
            deadline=now + _TRIED_FOR,
            generation=0 if known is None else known.generation + 1,
        )
        mailing = Mailing(
            install=ledger.install,
            job=_JOB,
            kind=DeliveryKind.OPS,
            period=period,
            generation=new.generation,
            content=notice(trouble),
            date=now,
            to=routes(config.ops, trouble.broken | _held(ledger.holds())),
        )
        planned = ledger.plan(
            new,
            frozen(mailing, sender.channel),
            reports=[one.row for one in trouble.deliveries],
            told=[hold.channel for hold in trouble.holds],
        )
        scope = None if planned is None else Scope(runs=(planned.row,), early=True)
    if scope is not None:
        sender.send(scope)


def _is_news(hold: Hold) -> bool:
    """Trouble that can pass is told when it has not passed by itself."""
    return not hold.reported and (not hold.passing or hold.times > 1)


def _held(holds: Sequence[Hold]) -> frozenset[str]:
    return frozenset(hold.channel for hold in holds)


def routes(
    ops: Mapping[str, tuple[str, ...]], broken: frozenset[str]
) -> Mapping[str, tuple[str, ...]]:
    """Where a notice goes: over every channel of `ops` that is not broken, if there is one."""
    working = {name: to for name, to in ops.items() if name not in broken}
    return working or ops


def notice(trouble: Trouble) -> Content:
    """The message: what did not get where, why, and what to do about it."""
    lines = [_about_hold(hold) for hold in trouble.holds]
    lines += [_about(one) for one in trouble.deliveries]
    shown = lines[:_MOST_LINES]
    if len(lines) > len(shown):
        shown.append(f"… and {len(lines) - len(shown)} more: digest deliveries --failed")
    title = _title(trouble)
    states = sorted({one.state for one in trouble.deliveries})
    todo = [f"{state}: {_DO[state]}" for state in states if state in _DO]
    text = "\n".join([title, "", *(f"- {line}" for line in shown), "", *todo, ""])
    return Content(
        email=EmailContent(subject=f"digest: {title}", html=_page(title, shown, todo), text=text),
        slack=SlackContent(messages=(_post(title, shown, todo),)),
    )


def _title(trouble: Trouble) -> str:
    count = len(trouble.deliveries)
    said = []
    if count:
        said.append(f"{count} {'message was' if count == 1 else 'messages were'} not delivered")
    if trouble.holds:
        said.append(f"{', '.join(hold.channel for hold in trouble.holds)} can't be used")
    return "; ".join(said)


def _about(one: Delivery) -> str:
    key = one.key
    why = one.last_error or "no reason is known"
    return (
        f"{key.job} {key.period} to {key.recipient} over {key.channel}: {one.state} "
        f"({why}) [{key.digest[:8]}]"
    )


def _about_hold(hold: Hold) -> str:
    return f"channel {hold.channel} since {hold.since:%Y-%m-%d %H:%M} UTC: {hold.reason}"


def _page(title: str, lines: Sequence[str], todo: Sequence[str]) -> str:
    items = "".join(f'<li style="margin: 0 0 8px">{html.escape(line)}</li>' for line in lines)
    ways = "".join(f'<p style="margin: 0 0 8px">{html.escape(one)}</p>' for one in todo)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(title)}</title></head>"
        '<body style="font-family: Helvetica, Arial, sans-serif; font-size: 16px; '
        'line-height: 24px; padding: 24px; max-width: 640px">'
        f'<h1 style="font-size: 20px; line-height: 28px">{html.escape(title)}</h1>'
        f'<ul style="padding-left: 20px">{items}</ul>{ways}</body></html>'
    )


def _post(title: str, lines: Sequence[str], todo: Sequence[str]) -> SlackMessage:
    body = "\n".join([*(f"• {line}" for line in lines), *todo])
    parts = [body[start : start + 2900] for start in range(0, len(body), 2900)]
    blocks: list[dict[str, object]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:_SLACK_LINE]}}
    ]
    blocks += [{"type": "section", "text": {"type": "plain_text", "text": part}} for part in parts]
    return SlackMessage(text=title, blocks=tuple(blocks))
