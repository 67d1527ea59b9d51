"""The message to the operator: what did not get where, why, and what to do about it. Pure."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from digest.core.content import (
    Content,
    DeliveryState,
    EmailContent,
    SlackContent,
    SlackMessage,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from digest.core.agenda import Due
    from digest.core.outbox import Delivery
    from digest.store.rows import Hold
    from digest.store.troubles import OwnTrouble

_MOST_ITEMS = 20
_MOST_LABELS = 6
_HEADER = 140  # characters of Slack's 150
_SECTION = 2900  # characters of Slack's 3,000
_DO = {
    DeliveryState.HELD: "Look whether it arrived, then: digest deliveries resolve {id} --sent "
    "(or --resend)",
    DeliveryState.FAILED: "Put right what the answer says, then: digest deliveries resend {id}",
    DeliveryState.DEAD: "Once the server works again: digest deliveries resend {id}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    what: str
    why: str
    do: str


def notice(
    deliveries: Sequence[Delivery],
    holds: Sequence[Hold],
    dues: Sequence[Due] = (),
    own: Sequence[OwnTrouble] = (),
) -> Content:
    """One message about all of it, in every form."""
    items = [
        *map(_about_own, own),
        *map(_about_hold, holds),
        *_about_dues(dues),
        *map(_about, deliveries),
    ]
    shown = items[:_MOST_ITEMS]
    more = len(items) - len(shown)
    rest = f"And {more} more: digest status" if more else ""
    title = _title(deliveries, holds, dues, own)
    return Content(
        email=EmailContent(
            subject=f"digest: {title}",
            html=_page(title, shown, rest),
            text=_text(title, shown, rest),
        ),
        slack=SlackContent(messages=(_post(title, shown, rest),)),
    )


def held_back(alerts: Sequence[tuple[str, str]], most: int) -> Content:
    """The one message an hour about alerts (name, reason) that the cap keeps back."""
    one = len(alerts) == 1
    title = f"{len(alerts)} alert{'' if one else 's'} held back"
    items = [
        _Item(what=name, why=reason, do=f"Look at it: digest alerts check {name}")
        for name, reason in alerts[:_MOST_ITEMS]
    ]
    more = len(alerts) - len(items)
    rest = f"At most {most} messages about alerts are sent an hour (alerting.most_per_hour)."
    if more:
        rest = f"And {more} more: digest alerts. {rest}"
    return Content(
        email=EmailContent(
            subject=f"digest: {title}",
            html=_page(title, items, rest),
            text=_text(title, items, rest),
        ),
        slack=SlackContent(messages=(_post(title, items, rest),)),
    )


def _title(
    deliveries: Sequence[Delivery],
    holds: Sequence[Hold],
    dues: Sequence[Due],
    own: Sequence[OwnTrouble],
) -> str:
    said = []
    if len(deliveries) == 1:
        said.append("a message was not delivered")
    elif deliveries:
        said.append(f"{len(deliveries)} messages were not delivered")
    if holds:
        said.append(f"the channel {', '.join(hold.channel for hold in holds)} can't be used")
    if dues:
        said.append("a digest was left out" if len(dues) == 1 else f"{len(dues)} were left out")
    if own and not said:
        said.append(own[0].sentence if len(own) == 1 else f"{len(own)} things need a look")
    title = "; ".join(said)
    return title[:1].upper() + title[1:]


def _about(one: Delivery) -> _Item:
    key = one.key
    return _Item(
        what=f"{key.job} {key.period} to {key.recipient} over {key.channel}: {one.state}",
        why=one.last_error or "No reason is known.",
        do=_DO[one.state].format(id=key.digest[:8]) if one.state in _DO else "",
    )


def advice(held: Delivery) -> tuple[str, str, tuple[str, ...]]:
    """What a delivery that needs a person is, what to do about it, and the commands for that."""
    key = held.key
    what = f"{key.job} {key.period} to {key.recipient} over {key.channel}: {held.state}"
    todo, _, command = _DO.get(held.state, "").format(id=key.digest[:8]).partition(": ")
    commands = [command.removesuffix(" (or --resend)")] if command else []
    if held.state is DeliveryState.HELD:
        commands.append(f"digest deliveries resolve {key.digest[:8]} --resend")
    return what, f"{todo}." if todo else "", tuple(commands)


def _about_own(one: OwnTrouble) -> _Item:
    return _Item(what=one.sentence, why=f"Since {one.since:%Y-%m-%d %H:%M} UTC", do="")


def _about_dues(dues: Sequence[Due]) -> list[_Item]:
    """One item for each job and reason, however many periods."""
    groups: dict[tuple[str, str], list[Due]] = {}
    for due in dues:
        groups.setdefault((due.job, due.reason), []).append(due)
    return [_about_group(job, reason, found) for (job, reason), found in groups.items()]


def _about_group(job: str, reason: str, found: Sequence[Due]) -> _Item:
    labels = [due.period for due in found]
    if len(labels) > _MOST_LABELS:
        labels = [*labels[:1], f"… ({len(labels) - 2} more)", *labels[-1:]]
    return _Item(
        what=f"{job} was not sent for {', '.join(labels)}",
        why=reason[:1].upper() + reason[1:],
        do=f"If it is still wanted: digest run {job} --period {found[-1].period}",
    )


def _about_hold(hold: Hold) -> _Item:
    cure = (
        "It is tried again by itself; look at the server if this goes on."
        if hold.passing
        else "Nobody gets anything over it before that is put right. Then: digest run"
    )
    return _Item(
        what=f"Channel {hold.channel}, since {hold.since:%Y-%m-%d %H:%M} UTC",
        why=hold.reason,
        do=cure,
    )


def _text(title: str, items: Sequence[_Item], rest: str) -> str:
    parts = [title, *("\n".join(_lines(item)) for item in items)]
    return "\n\n".join([*parts, rest] if rest else parts) + "\n"


def _lines(item: _Item) -> list[str]:
    return [line for line in (item.what, item.why, item.do) if line]


def _page(title: str, items: Sequence[_Item], rest: str) -> str:
    rows = "".join(
        '<tr><td style="padding: 12px 0; border-top: 1px solid #8884">'
        f"<strong>{html.escape(item.what)}</strong>"
        f'<br>{html.escape(item.why)}<br><span style="font-size: 14px">'
        f"{html.escape(item.do)}</span></td></tr>"
        for item in items
    )
    ending = f"<p>{html.escape(rest)}</p>" if rest else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        '<meta name="color-scheme" content="light dark">'
        f"<title>{html.escape(title)}</title></head>"
        '<body style="font-family: Helvetica, Arial, sans-serif; font-size: 16px; '
        'line-height: 24px; padding: 24px; max-width: 600px; overflow-wrap: anywhere">'
        f'<h1 style="font-size: 20px; line-height: 28px; margin: 0 0 16px">{html.escape(title)}'
        '</h1><table role="presentation" style="border-collapse: collapse; width: 100%">'
        f"{rows}</table>{ending}</body></html>"
    )


def _post(title: str, items: Sequence[_Item], rest: str) -> SlackMessage:
    blocks: list[dict[str, Any]] = [{"type": "header", "text": _plain(title[:_HEADER])}]
    blocks += [
        {"type": "section", "text": _plain("\n".join(_lines(item))[:_SECTION])} for item in items
    ]
    if rest:
        blocks.append({"type": "section", "text": _plain(rest)})
    return SlackMessage(text=title, blocks=tuple(blocks))


def _plain(text: str) -> dict[str, str]:
    """Words of servers and names of people are shown as they are, never as mentions or links."""
    return {"type": "plain_text", "text": text}
