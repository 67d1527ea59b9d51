"""One round of alerts: what each comes to, and which messages that makes. Pure.

Whatever looks at alerts goes through here: the daemon with an app's alerts that are due, the
back-test with each day of the past.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from digest.core.alert_model import Hush, HushKind, Phase, Policy, Severity, VerdictKind
from digest.core.alerts import judge
from digest.core.hushing import QuietHours, hush_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from digest.core.alert_model import AlertState, Look, Verdict
    from digest.core.hushing import Silence

GROUP = "alerts"
"""The job under which a message about several alerts is planned."""

Readers = dict[str, tuple[str, ...]]
"""Channel name → recipients."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """A rule as the chain needs it: how it behaves, who hears of it, and what holds it back."""

    name: str
    app: str
    policy: Policy
    to: Mapping[str, tuple[str, ...]]
    zone: ZoneInfo
    severity: Severity = Severity.WARNING
    quiet: QuietHours | None = None
    hushed_by: tuple[str, ...] = ()
    grouped: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A rule with what is remembered of it and what was seen now."""

    rule: Watched
    state: AlertState
    look: Look


@dataclass(frozen=True, slots=True)
class Thread:
    """The message that told of a firing: the job and period that it was planned under."""

    job: str
    period: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A rule, what was seen, and what it comes to."""

    rule: Watched
    before: AlertState
    look: Look
    verdict: Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: which alerts it is about, who gets it, and what it belongs to.

    `job` and `period` are what it is planned under. `thread` is the message of the firing that is
    told again or over, where somebody was told of that.
    """

    kind: VerdictKind
    job: str
    period: str
    about: tuple[Judged, ...]
    to: Mapping[str, tuple[str, ...]]
    thread: Thread | None = None

    @property
    def own_thread(self) -> Thread:
        """Itself, for what comes after it."""
        return Thread(self.job, self.period)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What a round comes to."""

    judged: tuple[Judged, ...]
    messages: tuple[Message, ...]

    @property
    def capped(self) -> tuple[Judged, ...]:
        """What the cap holds back."""
        return tuple(
            one
            for one in self.judged
            if one.verdict.hush is not None and one.verdict.hush.kind is HushKind.CAP
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What else a round depends on.

    `firing` are the alerts that fire by what was known before, `threads` the message by which
    readers were told of each. `room` is how many more messages the cap allows in this hour.
    """

    silences: Sequence[Silence] = ()
    firing: frozenset[str] = frozenset()
    threads: Mapping[str, Thread] = field(default_factory=dict)
    room: int = 20


def play(entries: Sequence[Entry], around: Around) -> Round:
    """Judge each alert and group what is said; alerts that hush others are judged before them."""
    judged = _judged(entries, around, capped={})
    messages = list(_messages(judged, around.threads))
    beyond = _beyond(messages, around.room)
    if beyond:
        judged = _judged(entries, around, capped=beyond)
        messages = list(_messages(judged, around.threads))
    return Round(judged=tuple(judged), messages=tuple(messages))


def _judged(entries: Sequence[Entry], around: Around, capped: Mapping[str, Hush]) -> list[Judged]:
    firing = set(around.firing)
    found = []
    for entry in in_order(entries):
        rule, look = entry.rule, entry.look
        quiet = None if rule.quiet is None else rule.quiet.until(look.at, rule.zone)
        hush = hush_of(
            rule.name,
            look.at,
            severity=rule.severity,
            quiet_until=quiet,
            silences=around.silences,
            hushed_by=rule.hushed_by,
            firing=firing,
        )
        verdict = judge(rule.policy, entry.state, look, hush or capped.get(rule.name))
        (firing.add if verdict.state.truth is Phase.FIRING else firing.discard)(rule.name)
        found.append(Judged(rule=rule, before=entry.state, look=look, verdict=verdict))
    return found


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Whoever hushes others comes before them, else by name."""
    left = {entry.rule.name: entry for entry in sorted(entries, key=lambda one: one.rule.name)}
    found: list[Entry] = []
    while left:
        free = [e for e in left.values() if not any(o in left for o in e.rule.hushed_by)]
        found.extend(left.pop(entry.rule.name) for entry in free or list(left.values()))
    return found


def _messages(judged: Sequence[Judged], threads: Mapping[str, Thread]) -> Iterator[Message]:
    """What is said now, in as few messages as have the same readers and belong together."""
    groups: dict[object, list[Judged]] = defaultdict(list)
    for one in judged:
        if one.verdict.kind is not VerdictKind.QUIET:
            groups[_together(one, threads)].append(one)
    for about in groups.values():
        kinds = [one.verdict.kind for one in about]
        kind = next(kind for kind in VerdictKind if kind in kinds)
        first = about[0]
        yield Message(
            kind=kind,
            job=first.rule.name if len(about) == 1 else GROUP,
            period=_period(kind, about),
            about=tuple(about),
            to=first.rule.to,
            thread=threads.get(first.rule.name) if kind in _FOLLOWING else None,
        )


_FOLLOWING = frozenset({VerdictKind.REPEAT, VerdictKind.RESOLVE})


def _together(one: Judged, threads: Mapping[str, Thread]) -> object:
    """What a verdict shares a message by."""
    rule, kind = one.rule, one.verdict.kind
    thread = threads.get(rule.name) or rule.name
    if kind is VerdictKind.RESOLVE:
        return kind, thread
    to = frozenset((channel, frozenset(readers)) for channel, readers in rule.to.items())
    if kind is VerdictKind.REPEAT:
        return kind, thread, to
    if not rule.grouped:
        return rule.name
    return kind is VerdictKind.DATA_AGAIN, rule.app, to


_WORDS = {
    VerdictKind.FIRE: "firing",
    VerdictKind.REPEAT: "repeat",
    VerdictKind.RESOLVE: "resolved",
    VerdictKind.SUMMARY: "summary",
    VerdictKind.NO_DATA: "no-data",
    VerdictKind.DATA_AGAIN: "data-again",
}


def _period(kind: VerdictKind, about: Sequence[Judged]) -> str:
    """What a message is planned under: what it says and of which bucket; of several, which ones."""
    words, first = _WORDS[kind], about[0]
    if len(about) == 1:
        return f"{words}-{first.look.bucket}"
    names = "\0".join(f"{one.rule.name}\0{one.look.bucket}" for one in about)
    return f"{words}-{first.look.bucket}-{hashlib.sha256(names.encode()).hexdigest()[:6]}"


def is_capped(kind: VerdictKind) -> bool:
    """Whether the cap counts such a message: that something is over is always said."""
    return kind not in {VerdictKind.RESOLVE, VerdictKind.DATA_AGAIN, VerdictKind.QUIET}


def _beyond(messages: Sequence[Message], room: int) -> dict[str, Hush]:
    """The alerts whose messages there is no room for; what is critical always has room.

    What is only told again makes room for the rest, which else might never be told.
    """
    counted = [message for message in messages if is_capped(message.kind)]
    critical = [m for m in counted if any(_is_critical(one) for one in m.about)]
    others = [message for message in counted if message not in critical]
    others.sort(key=lambda message: message.kind is VerdictKind.REPEAT)
    left = max(room - len(critical), 0)
    hush = Hush(kind=HushKind.CAP, reason="this hour has had as many alert messages as it may")
    return {one.rule.name: hush for message in others[left:] for one in message.about}


def _is_critical(one: Judged) -> bool:
    return one.rule.severity is Severity.CRITICAL


def moment(at: datetime) -> str:
    """The bucket of a look at the day so far: `2026-11-23T09:15Z`."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%MZ}"
