"""`to:`, the channels that a job goes to and who gets it there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from digest.config.addresses import (
    folder_recipient,
    mail_recipient,
    parse_mailbox,
    slack_recipient,
)
from digest.config.lists import each
from digest.config.problems import BadValueError, Fault, bad, did_you_mean
from digest.config.surroundings import around

if TYPE_CHECKING:
    from pydantic import ValidationInfo

_NOBODY: Final = {
    "smtp": "lists nobody; give one address or more",
    "slack": 'lists no channel; in YAML a # begins a comment, so write "#name" in quotes',
}


def routes(value: object, info: ValidationInfo) -> dict[str, tuple[str, ...]]:
    """Channel name → recipients in their canonical form. Raises BadValueError."""
    if not isinstance(value, dict):
        raise bad("must be a mapping of a channel's name to who gets it there")
    if not value:
        raise bad("names no channel")
    channels = around(info).channels
    found: dict[str, tuple[str, ...]] = {}
    faults: list[Fault] = []
    for name, held in value.items():
        if name not in channels:
            faults.append(_unknown(name, tuple(channels)))
            continue
        try:
            found[name] = recipients(channels[name], held)
        except BadValueError as error:
            faults += (
                Fault(template=f.template, parts=f.parts, at=(name, *f.at)) for f in error.faults
            )
    if faults:
        raise BadValueError(*faults)
    return found


def recipients(kind: str | None, held: Any) -> tuple[str, ...]:
    """The recipients of a channel of that kind; of none if the kind is itself wrong."""
    match kind:
        case "smtp":
            found = each(held, mail_recipient, _inbox)
        case "slack":
            found = each(held, slack_recipient)
        case "folder":
            return each(held, folder_recipient) or (".",)
        case _:
            return ()
    if not found:
        raise bad(_NOBODY[kind])
    return found


def _inbox(mailbox: str) -> str:
    return parse_mailbox(mailbox).address.lower()


def _unknown(name: str, known: tuple[str, ...]) -> Fault:
    return Fault(
        template="unknown channel {value}{hint}",
        parts={"value": name, "hint": did_you_mean(name, known)},
        at=(name,),
        on_key=True,
    )
