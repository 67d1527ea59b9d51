"""Alerts on the past: every closed bucket through the whole chain, as the daemon would have it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from digest.app import ledger, utc_now
from digest.app.alert_check import chosen
from digest.app.alert_looks import sight, wants_of, watched_of
from digest.app.parts import Sources
from digest.config.buckets import MOST_LATE, closed, looked_at
from digest.config.job_values import Window
from digest.core.alert_model import AlertState, Phase, VerdictKind
from digest.core.alert_round import Around, Entry, Thread, is_capped, play
from digest.core.periods import PeriodKind, last_complete
from digest.core.rules.reading import Wants
from digest.core.wording import Wording
from digest.report.looking import look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from digest.app.alert_looks import Sight
    from digest.config.alerts import Alert
    from digest.config.buckets import Bucket
    from digest.config.models import Config
    from digest.core.alert_round import Judged, Message
    from digest.core.rules.reading import Known
    from digest.store.alerts import Silence

    Progress = Callable[[str, int, int], None]

HOUR = timedelta(hours=1)
DAYS = 90
"""How far back a back-test goes unless it is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that would have been sent, and when."""

    at: datetime
    message: Message

    @property
    def readers(self) -> list[tuple[str, str]]:
        """Who would have got it: (channel, recipient)."""
        return [(channel, one) for channel, to in self.message.to.items() for one in to]


@dataclass(slots=True, kw_only=True)
class Replay:
    """What alerts would have said over some days.

    `judged` has every look in order, with what was seen. `sights` are the same by alert.
    """

    alerts: tuple[Alert, ...]
    days: int
    judged: list[tuple[datetime, Judged]] = field(default_factory=list)
    sights: dict[str, list[Sight]] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    requests: int = 0
    by_day: bool = False

    @property
    def by_reader(self) -> dict[tuple[str, str], int]:
        """How many messages each reader would have got."""
        return dict(Counter(reader for sent in self.sent for reader in sent.readers))


def backtest(
    config: Config,
    names: Sequence[str],
    days: int,
    now: datetime | None,
    progress: Progress,
) -> Replay:
    """Replay the closed buckets of the last `days` UTC days.

    An alert on the day so far is replayed with whole days, one look a day: what a day was like at
    noon is not known any more. Raises PhaseError when the numbers can't be fetched, UsageError
    for an alert that isn't there.
    """
    at = now or utc_now()
    alerts = chosen(config, names)
    replay = Replay(
        alerts=tuple(alerts),
        days=days,
        by_day=any(alert.window is Window.TODAY for alert in alerts),
    )
    looks = [look for alert in alerts for look in _looks(alert, days, at)]
    words = Wording(config.locale)
    _fetch(config, looks, replay, progress)
    rounds: dict[tuple[datetime, str], list[tuple[Alert, Bucket]]] = defaultdict(list)
    for when, alert, bucket in looks:
        rounds[when, alert.app].append((alert, bucket))
    chain = _Chain(config=config, replay=replay, words=words, silences=_silences(config))
    for (when, app), pairs in sorted(rounds.items(), key=lambda item: item[0]):
        chain.round(when, app, pairs)
    return replay


def _looks(alert: Alert, days: int, now: datetime) -> Iterator[tuple[datetime, Alert, Bucket]]:
    """Each closed period with the instant at which it would have been looked at, oldest first.

    Of those that one look is about, only as many as the daemon judges.
    """
    kind = PeriodKind.DAY if alert.window is Window.TODAY else PeriodKind(alert.window)
    period, found = last_complete(kind, now), []
    together: Counter[datetime] = Counter()
    oldest = (now - timedelta(days=days)).date()
    while period.start >= oldest:
        when = looked_at(alert, period)
        if when is not None and when <= now and together[when] < MOST_LATE:
            together[when] += 1
            found.append((when, alert, closed(alert, period)))
        period = period.previous()
    yield from reversed(found)


def _fetch(
    config: Config,
    looks: Sequence[tuple[datetime, Alert, Bucket]],
    replay: Replay,
    progress: Progress,
) -> None:
    with Sources(config) as sources:
        for app in dict.fromkeys(alert.app for _, alert, _ in looks):
            wants = Wants()
            for _, alert, bucket in looks:
                if alert.app == app:
                    wants |= wants_of([(alert, bucket)])
            looked = look_up(wants, sources.of(app), progress)
            for error in looked.failed.values():
                raise error
            replay.known[app] = looked.known
            replay.requests += looked.requests


def _silences(config: Config) -> list[Silence]:
    with ledger.reading(config) as held:
        return [] if held is None else held.alerts.all_silences(1000)


@dataclass(slots=True, kw_only=True)
class _Chain:
    """The chain from looks to messages, with its memory."""

    config: Config
    replay: Replay
    words: Wording
    silences: Sequence[Silence]
    states: dict[str, AlertState] = field(default_factory=dict)
    threads: dict[str, Thread] = field(default_factory=dict)

    def round(self, at: datetime, app: str, pairs: Sequence[tuple[Alert, Bucket]]) -> None:
        """Everything of an app that is looked at at one instant, bucket after bucket."""
        by_alert: dict[str, list[tuple[Alert, Bucket]]] = defaultdict(list)
        for alert, bucket in pairs:
            by_alert[alert.name].append((alert, bucket))
        for turn in range(max(map(len, by_alert.values()))):
            step = [found[turn] for found in by_alert.values() if len(found) > turn]
            self._step(at, app, step)

    def _step(self, at: datetime, app: str, step: Sequence[tuple[Alert, Bucket]]) -> None:
        known = self.replay.known[app]
        entries = []
        for alert, bucket in step:
            seen = sight(alert, bucket, known, at, self.words)
            self.replay.sights.setdefault(alert.name, []).append(seen)
            state = self.states.get(alert.name, AlertState())
            entries.append(Entry(rule=watched_of(alert), state=state, look=seen.look))
        played = play(entries, self._around(at))
        for one in played.judged:
            self.states[one.rule.name] = one.verdict.state
            self.replay.judged.append((at, one))
        for message in played.messages:
            self.replay.sent.append(Sent(at=at, message=message))
            for one in message.about:
                if one.verdict.kind is VerdictKind.FIRE:
                    self.threads[one.rule.name] = message.own_thread

    def _around(self, at: datetime) -> Around:
        recent = [
            sent
            for sent in self.replay.sent
            if sent.at >= at - HOUR and is_capped(sent.message.kind)
        ]
        return Around(
            silences=[one for one in self.silences if _held(one, at)],
            firing=frozenset(
                name for name, state in self.states.items() if state.truth is Phase.FIRING
            ),
            threads=self._threads(),
            room=self.config.alerting.most_per_hour - len(recent),
        )

    def _threads(self) -> Mapping[str, Thread]:
        told = {name for name, state in self.states.items() if state.told is not None}
        return {name: thread for name, thread in self.threads.items() if name in told}


def _held(silence: Silence, at: datetime) -> bool:
    """Whether a silence was in force."""
    ended = silence.until if silence.ended_at is None else min(silence.until, silence.ended_at)
    return silence.created_at <= at < ended
