"""What alerting should say, worked out anew from the whole list of looks each time.

It was written from the rules in words, before `digest.core.alerts` was read, and in the opposite
style: nothing is carried from one look to the next. What is true is read off the list of looks,
what readers believe is read off the list of messages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from digest.core.alert_model import (
    Hush,
    HushKind,
    Look,
    Missing,
    Phase,
    Policy,
    Seen,
    Span,
    VerdictKind,
)

Heard = tuple[Look, Hush | None]
"""A look, and what held messages back then."""

OPENING_OR_CLOSING = (VerdictKind.FIRE, VerdictKind.RESOLVE)
OF_AN_EPISODE = (VerdictKind.FIRE, VerdictKind.REPEAT, VerdictKind.RESOLVE)
COOLED = (VerdictKind.FIRE, VerdictKind.SUMMARY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message: which, after which bucket, of which episode, making up for how many.

    `since` is when the first of the episodes that it is about began, `until` when the last of
    them was over, `worst` the worst value in them.
    """

    kind: VerdictKind
    bucket: str
    at: datetime
    episode: int = 0
    held: int = 0
    since: datetime | None = None
    until: datetime | None = None
    worst: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Episode:
    """A stretch of firing, as positions in the list of looks.

    `first` is the first breach of those that made it fire at `began`; `clear` the first look of
    those that made it be over at `ended`.
    """

    first: int
    began: int
    clear: int | None = None
    ended: int | None = None


def messages(policy: Policy, heard: list[Heard]) -> list[Said]:
    """Everything that is said, in order; nothing is said after most looks."""
    new = new_ones(heard)
    said: list[Said] = []
    for count in range(1, len(new) + 1):
        said += says(policy, new[:count], said)
    return said


def phase(policy: Policy, heard: list[Heard]) -> Phase:
    """Where the rule stands after these looks."""
    looks = [look for look, _ in new_ones(heard)]
    if looks and looks[-1].seen is Seen.MISSING:
        return Phase.NO_DATA
    return truth(policy, looks)


def operator_hears(policy: Policy, heard: list[Heard]) -> list[str]:
    """The buckets at which the operator is told that there is nothing to judge by."""
    new = new_ones(heard)
    return [
        new[place][0].bucket
        for place in range(len(new))
        if policy.missing is Missing.KEEP
        and missing_in_a_row(new[: place + 1]) == policy.missing_after
    ]


def new_ones(heard: list[Heard]) -> list[Heard]:
    """Without the looks at a bucket that is not newer than all before it."""
    return [
        one
        for place, one in enumerate(heard)
        if all(before.ends_at < one[0].ends_at for before, _ in heard[:place])
    ]


# What is true


def truth(policy: Policy, looks: list[Look]) -> Phase:
    """The phase by the newest look that could be judged."""
    if any(one.ended is None for one in episodes(policy, looks)):
        return Phase.FIRING
    judged = [look for look in looks if can_be_judged(look)]
    return Phase.PENDING if judged and judged[-1].seen is Seen.BREACH else Phase.OK


def can_be_judged(look: Look) -> bool:
    return look.seen in (Seen.BREACH, Seen.BETWEEN, Seen.CLEAR)


def episodes(policy: Policy, looks: list[Look]) -> list[Episode]:
    """Every episode so far, found one after the other."""
    found: list[Episode] = []
    start = 0
    while (row := filled(policy.hold, looks, start, Seen.BREACH)) is not None:
        episode = Episode(first=row[0], began=row[-1])
        later = [n for n in range(row[-1] + 1, len(looks)) if can_be_judged(looks[n])]
        if not policy.lasting and later:
            episode = replace(episode, clear=later[0], ended=later[0])
            start = later[0]
        elif policy.lasting and (row := filled(policy.keep, looks, row[-1] + 1, Seen.CLEAR)):
            episode = replace(episode, clear=row[0], ended=row[-1])
            start = row[-1] + 1
        found.append(episode)
        if episode.ended is None:
            break
    return found


def filled(span: Span, looks: list[Look], start: int, seen: Seen) -> list[int] | None:
    """The first places, from `start` on, whose looks saw `seen` in a row for long enough."""
    row: list[int] = []
    for place in range(start, len(looks)):
        if not can_be_judged(looks[place]):
            continue
        row = [*row, place] if looks[place].seen is seen else []
        if len(row) >= max(span.looks, 1):
            time = looks[row[-1]].ends_at - looks[row[0]].ends_at
            if time >= span.time:
                return row
    return None


# What is said


def says(policy: Policy, new: list[Heard], said: list[Said]) -> list[Said]:
    """What the newest look adds to what was said before: one message or none."""
    look, hush = new[-1]
    kind = on_missing(policy, new, said)
    if look.seen is not Seen.MISSING:
        kind = on_data(policy, new, said)
        if kind is None and hush is None and believe_in_no_data(said):
            kind = VerdictKind.DATA_AGAIN
    if kind is None:
        return []
    message = Said(kind=kind, bucket=look.bucket, at=look.at)
    if kind in COOLED:
        message = replace(message, held=len(untold(policy, new, said)))
    if kind in OF_AN_EPISODE or kind is VerdictKind.SUMMARY:
        message = with_facts(policy, new, said, message)
    return [message]


def on_missing(policy: Policy, new: list[Heard], said: list[Said]) -> VerdictKind | None:
    enough = missing_in_a_row(new) >= policy.missing_after
    wanted = policy.missing is Missing.ALERT and enough and not believe_in_no_data(said)
    return VerdictKind.NO_DATA if wanted and new[-1][1] is None else None


def missing_in_a_row(new: list[Heard]) -> int:
    count = 0
    while count < len(new) and new[-1 - count][0].seen is Seen.MISSING:
        count += 1
    return count


def believe_in_no_data(said: list[Said]) -> bool:
    """Whether that there is no data is the last that readers heard."""
    return bool(said) and said[-1].kind is VerdictKind.NO_DATA


def on_data(policy: Policy, new: list[Heard], said: list[Said]) -> VerdictKind | None:
    look, hush = new[-1]
    alarming = look.seen in (Seen.BREACH, Seen.BETWEEN)
    cool = hush is None and is_cool(policy, look.at, said)
    match truth(policy, [one for one, _ in new]), knowing(policy, said) is not None:
        case Phase.FIRING, False:
            return VerdictKind.FIRE if alarming and cool else None
        case Phase.FIRING, True:
            due = alarming and hush is None and is_due_again(policy, look.at, said)
            return VerdictKind.REPEAT if due else None
        case Phase.OK, True:
            at_night = hush is not None and hush.kind is HushKind.QUIET_HOURS
            return None if at_night else VerdictKind.RESOLVE
        case Phase.OK, False:
            return VerdictKind.SUMMARY if cool and untold(policy, new, said) else None
        case _:
            return None


def knowing(policy: Policy, said: list[Said]) -> Said | None:
    """The message by which readers believe that it fires; nobody believes that of news."""
    turns = [one for one in said if one.kind in OPENING_OR_CLOSING]
    if not policy.lasting or not turns or turns[-1].kind is VerdictKind.RESOLVE:
        return None
    return turns[-1]


def is_cool(policy: Policy, at: datetime, said: list[Said]) -> bool:
    return all(is_over(policy.cooldown, one.at, at) for one in said if one.kind in COOLED)


def is_due_again(policy: Policy, at: datetime, said: list[Said]) -> bool:
    if policy.repeat is None:
        return False
    opened = max(place for place, one in enumerate(said) if one.kind is VerdictKind.FIRE)
    heard = [one for one in said[opened:] if one.kind in OF_AN_EPISODE]
    wait = min(policy.repeat * 2 ** (len(heard) - 1), max(policy.repeat_most, policy.repeat))
    return is_over(wait, heard[-1].at, at)


def is_over(wait: timedelta, since: datetime, at: datetime) -> bool:
    """Looks come a little late, then less late: a twentieth or five minutes may be missing."""
    early = min(wait / 20, timedelta(minutes=5))
    return since + wait - early <= at


def own_episodes(policy: Policy, new: list[Heard], said: list[Said]) -> list[Episode]:
    """The episodes but those that began while readers still believed that one before went on."""
    found = []
    for episode in episodes(policy, [look for look, _ in new]):
        earlier = {look.bucket for look, _ in new[: episode.began]}
        if knowing(policy, [one for one in said if one.bucket in earlier]) is None:
            found.append(episode)
    return found


def untold(policy: Policy, new: list[Heard], said: list[Said]) -> list[Episode]:
    """The whole episodes that ended before readers heard of them, or of a later one."""
    buckets = [look.bucket for look, _ in new]
    told = [buckets.index(one.bucket) for one in said if one.kind in COOLED]
    over = [one for one in own_episodes(policy, new, said) if one.ended is not None]
    return [one for one in over if all(place < one.began for place in told)]


def with_facts(policy: Policy, new: list[Heard], said: list[Said], message: Said) -> Said:
    """The message with what it says of the episodes that it is about."""
    looks = [look for look, _ in new]
    if message.kind is VerdictKind.SUMMARY:
        about = untold(policy, new, said)
        first, clear = about[0].first, about[-1].clear
        breaches = [breach for one in about for breach in breaches_of(one, looks)]
    else:
        own = own_episodes(policy, new, said)
        message = replace(message, episode=len(own))
        first = own[-1].first
        clear = episodes(policy, looks)[-1].clear
        breaches = [look for look in looks[first:] if look.seen is Seen.BREACH]
    return replace(
        message,
        since=looks[first].begins_at,
        until=None if clear is None else looks[clear].begins_at,
        worst=max(breaches, key=lambda look: look.excess).value,
    )


def breaches_of(episode: Episode, looks: list[Look]) -> list[Look]:
    return [look for look in looks[episode.first : episode.ended] if look.seen is Seen.BREACH]
