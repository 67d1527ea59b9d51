"""A round of alerts: an app's alerts that are due are looked at, judged and told together.

The states and the messages that tell of them are written in one transaction; where another
machine has judged one of the buckets meanwhile, nothing of ours is.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.app.alert_changes import changes_of, failures_of, firing_of, state_of
from digest.app.alert_looks import sight, too_early, wants_of, watched_of
from digest.app.alert_messages import Messenger, Scene
from digest.app.alert_plans import Plans
from digest.app.parts import open_channel
from digest.app.rendering import fallback_of, renderer_of
from digest.config.buckets import due_buckets
from digest.core.alert_round import Around, Entry, Thread, play
from digest.core.wording import Wording
from digest.errors import PhaseError, StoreError
from digest.report.looking import look_up

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from digest.config.buckets import Bucket
    from digest.config.models import Config
    from digest.core.alert_round import Judged, Message
    from digest.core.content import Channel
    from digest.report.fetching import Source
    from digest.report.looking import Looked
    from digest.store.alerts import StoredAlert
    from digest.store.opened import Store

HOUR = timedelta(hours=1)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a round came to, by alert: verdicts and failures, and what the operator should know.

    A PeriodNotOverError in `failed` only puts a look off. `told` are the messages that were
    planned. `lost` says that another machine was faster.
    """

    judged: tuple[Judged, ...] = ()
    failed: Mapping[str, Exception] = field(default_factory=dict)
    told: tuple[Message, ...] = ()
    troubles: tuple[str, ...] = ()
    lost: bool = False

    def and_then(self, other: Outcome) -> Outcome:
        """Both, the other one later."""
        return Outcome(
            judged=(*self.judged, *other.judged),
            failed={**self.failed, **other.failed},
            told=(*self.told, *other.told),
            troubles=(*self.troubles, *other.troubles),
            lost=self.lost or other.lost,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """Looks at alerts by one config. May be used by several threads, each with its own apps.

    `neighbours` are each app's alerts and those of other apps that may hush them. `turn` is held
    for what takes the processor.
    """

    config: Config
    store: Store
    messenger: Messenger
    clock: Callable[[], datetime]
    neighbours: Mapping[str, Sequence[str]]
    channel: Callable[[str], Channel]
    turn: Callable[[], AbstractContextManager[None]] = nullcontext

    def look(
        self,
        app: str,
        names: Sequence[str],
        source: Source,
        is_over: Callable[[], bool] = lambda: False,
    ) -> Outcome:
        """Judge what is due of these alerts of an app; nothing is written when `is_over` by then.

        Raises PhaseError when nothing could be fetched: that is counted for each of them. Raises
        StoreError when the ledger can't be used.
        """
        now = self.clock()
        stored = self.store.alerts.states(names)
        due = {
            name: due_buckets(self.config.alerts[name], state_of(stored.get(name)).judged, now)
            for name in names
        }
        due = {name: buckets for name, buckets in due.items() if buckets}
        if not due:
            return Outcome()
        looks = {
            name: [(self.config.alerts[name], b) for b in found] for name, found in due.items()
        }
        try:
            looked = look_up(wants_of(pair for found in looks.values() for pair in found), source)
        except PhaseError:
            self._count_failures(due, stored, now)
            raise
        early = too_early(due, looked)
        failed = {
            name: error
            for name, found in looks.items()
            if name not in early and (error := looked.error_of(wants_of(found))) is not None
        }
        self._count_failures(failed, stored, now)
        outcome = Outcome(failed={**early, **failed})
        for turn in range(max(map(len, due.values()))):
            step = {
                name: buckets[turn]
                for name, buckets in due.items()
                if len(buckets) > turn and name not in outcome.failed
            }
            if step and not outcome.lost:
                outcome = outcome.and_then(self._apart(app, step, looked, source, is_over))
        return outcome

    def _apart(
        self,
        app: str,
        step: Mapping[str, Bucket],
        looked: Looked,
        source: Source,
        is_over: Callable[[], bool],
    ) -> Outcome:
        """One bucket of each; where one alert breaks it, each is judged and written by itself."""
        try:
            return self._step(app, step, looked, source, is_over)
        except StoreError:
            raise
        except Exception as error:
            if len(step) == 1:
                (name,) = step
                self._count_failures(step, self.store.alerts.states(step), self.clock())
                logger.debug("%s broke here", name, exc_info=error)
                return Outcome(failed={name: error})
        outcome = Outcome()
        for name, bucket in step.items():
            outcome = outcome.and_then(self._apart(app, {name: bucket}, looked, source, is_over))
        return outcome

    def _step(
        self,
        app: str,
        step: Mapping[str, Bucket],
        looked: Looked,
        source: Source,
        is_over: Callable[[], bool],
    ) -> Outcome:
        """One bucket of each, judged and written together."""
        now = self.clock()
        stored = self.store.alerts.states(self.neighbours[app])
        words = Wording(self.config.locale)
        sights = {
            name: sight(self.config.alerts[name], bucket, looked.known, now, words)
            for name, bucket in step.items()
        }
        entries = [
            Entry(rule=watched_of(seen.alert), state=state_of(stored.get(name)), look=seen.look)
            for name, seen in sights.items()
        ]
        plans = Plans(config=self.config, store=self.store, channel=self.channel)
        alerts = self.config.alerts
        mine = {name: held for name, held in stored.items() if alerts[name].app == app}
        around = self._around(stored, plans.threads(mine), now)
        played = play(entries, around)
        scene = Scene(
            app=app,
            sights=sights,
            looked=looked,
            source=source,
            states={name: one.state for name, one in stored.items()}
            | {one.rule.name: one.verdict.state for one in played.judged},
            threads=around.threads,
        )
        said = self.messenger.say(played, scene, self.turn)
        if is_over():
            return Outcome()
        notices = [*plans.notices(said, now), *plans.overflow(played, now)]
        planned = {(one.new.job, one.new.period) for one in notices}
        told = tuple(one for one in played.messages if (one.job, one.period) in planned)
        if not self.store.alerts.commit(changes_of(played, told, stored, now), notices, now):
            logger.info("judged elsewhere", extra={"action": "alerts_lost", "app": app})
            return Outcome(lost=True)
        return Outcome(
            judged=played.judged,
            told=told,
            troubles=tuple(trouble for one in said for trouble in one.troubles),
        )

    def _around(
        self, stored: Mapping[str, StoredAlert], threads: Mapping[str, Thread], now: datetime
    ) -> Around:
        alerts = self.store.alerts
        return Around(
            silences=alerts.silences(now),
            firing=firing_of(self.config, stored),
            threads=threads,
            room=self.config.alerting.most_per_hour - alerts.told_since(now - HOUR),
        )

    def _count_failures(
        self, names: Collection[str], stored: Mapping[str, StoredAlert], now: datetime
    ) -> None:
        if names:
            self.store.alerts.commit(failures_of(self.config, names, stored, now), (), now)


def rounds_of(
    config: Config,
    store: Store,
    clock: Callable[[], datetime],
    turn: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Rounds:
    """Rounds by a config, with its templates and channels."""
    channels: dict[str, Channel] = {}

    def channel(name: str) -> Channel:
        if name not in channels:
            channels[name] = open_channel(config, name)
        return channels[name]

    messenger = Messenger(config=config, renderer=renderer_of(config), fallback=fallback_of(config))
    return Rounds(
        config=config,
        store=store,
        messenger=messenger,
        clock=clock,
        neighbours=_neighbours(config),
        channel=channel,
        turn=turn,
    )


def _neighbours(config: Config) -> dict[str, list[str]]:
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for name, alert in config.alerts.items():
        found[alert.app] |= dict.fromkeys((name, *alert.hushed_by))
    return {app: list(names) for app, names in found.items()}
