"""Messages about alerts → what is written into the ledger: who gets them, in which thread."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from digest.app.notice import held_back
from digest.core.alert_model import VerdictKind
from digest.core.alert_round import GROUP, Thread
from digest.core.content import DeliveryKind, DeliveryState, Follows
from digest.outbox.planning import Mailing, frozen
from digest.store.alerts import NewNotice
from digest.store.planned import NewRun
from digest.store.reading import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from digest.app.alert_messages import Said
    from digest.config.models import Config
    from digest.core.alert_round import Round
    from digest.core.content import Channel
    from digest.core.outbox import Delivery
    from digest.store.alerts import StoredAlert
    from digest.store.opened import Store

TRIED_FOR = timedelta(hours=24)
"""How long a message about an alert is tried: after that it is no news any more."""

NOT_ACCEPTED = frozenset({DeliveryState.FAILED, DeliveryState.DEAD, DeliveryState.SKIPPED})
"""Whoever is known not to have heard that it fires need not hear that it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """Plans messages by a config and what the ledger has of earlier ones."""

    config: Config
    store: Store
    channel: Callable[[str], Channel]

    def threads(self, held: Mapping[str, StoredAlert]) -> dict[str, Thread]:
        """The message by which readers were told of each firing that they believe in."""
        found = {}
        for name, one in held.items():
            told = one.state.told
            episode = None if told is None else self.store.alerts.episode(name, told.episode)
            if episode is not None and episode.run_job and episode.run_period:
                found[name] = Thread(episode.run_job, episode.run_period)
        return found

    def notices(self, said: Iterable[Said], now: datetime) -> list[NewNotice]:
        """The runs with their deliveries' bytes; a message that nobody is left for is none."""
        found = []
        for one in said:
            to, follows = self._readers(one)
            if not to:
                continue
            message = one.message
            new = NewRun(
                job=message.job,
                kind=DeliveryKind.ALERT,
                period=message.period,
                app=message.about[0].rule.app,
                planned_at=now,
                deadline=now + (self.config.delivery.deadline or TRIED_FOR),
                warnings=one.warnings,
            )
            mailing = Mailing(
                install=self.store.ledger.install,
                job=message.job,
                kind=DeliveryKind.ALERT,
                period=message.period,
                generation=0,
                content=one.content,
                date=now,
                to=to,
                follows=follows,
            )
            found.append(NewNotice(new=new, batch=frozen(mailing, self.channel)))
        return found

    def overflow(self, played: Round, now: datetime) -> list[NewNotice]:
        """One message an hour that says what the cap holds back, to those whom it is kept from."""
        if not played.capped:
            return []
        period = f"held-{now:%Y-%m-%dT%HZ}"
        if self.store.ledger.run(GROUP, DeliveryKind.ALERT, period) is not None:
            return []
        to: dict[str, tuple[str, ...]] = {}
        for one in played.capped:
            for channel, readers in one.rule.to.items():
                to[channel] = tuple(dict.fromkeys((*to.get(channel, ()), *readers)))
        new = NewRun(
            job=GROUP,
            kind=DeliveryKind.ALERT,
            period=period,
            app=played.capped[0].rule.app,
            planned_at=now,
            deadline=now + (self.config.delivery.deadline or TRIED_FOR),
        )
        mailing = Mailing(
            install=self.store.ledger.install,
            job=GROUP,
            kind=DeliveryKind.ALERT,
            period=period,
            generation=0,
            content=held_back(
                [(one.rule.name, one.verdict.reason) for one in played.capped],
                self.config.alerting.most_per_hour,
            ),
            date=now,
            to=to,
        )
        return [NewNotice(new=new, batch=frozen(mailing, self.channel))]

    def _readers(
        self, said: Said
    ) -> tuple[Mapping[str, tuple[str, ...]], dict[tuple[str, str], Follows]]:
        """Who gets it, and which earlier message it belongs to for each."""
        message = said.message
        earlier = [] if message.thread is None else self._deliveries(message.thread)
        follows = {
            (one.key.channel, one.key.recipient): Follows(
                key=one.key,
                reference=one.reference,
                place=one.place,
                edits=message.kind is VerdictKind.RESOLVE,
            )
            for one in earlier
        }
        if message.kind is not VerdictKind.RESOLVE:
            return message.to, follows
        to: dict[str, tuple[str, ...]] = {}
        for one in earlier:
            channel, reader = one.key.channel, one.key.recipient
            if one.state not in NOT_ACCEPTED and channel in self.config.channels:
                to[channel] = (*to.get(channel, ()), reader)
        return (to if earlier else message.to), follows

    def _deliveries(self, thread: Thread) -> list[Delivery]:
        """The deliveries of the message that told of a firing."""
        run = self.store.ledger.run(thread.job, DeliveryKind.ALERT, thread.period)
        return [] if run is None else self.store.ledger.deliveries(Scope(runs=(run.row,)))
