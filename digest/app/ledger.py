"""The config's ledger, opened for what a command does with it."""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, assert_never

from digest.app import utc_now
from digest.app.parts import open_channel, place_of
from digest.core.alert_round import GROUP
from digest.core.content import DeliveryKind
from digest.core.periods import PeriodKind
from digest.errors import DeliveryError, StateBusyError
from digest.outbox.handover import Handover
from digest.outbox.sending import Rules, Sender
from digest.store import opening, terms
from digest.store.lock import DAEMON, is_held

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from digest.config.models import Alert, Config, Digest
    from digest.core.content import Channel
    from digest.core.outbox import Delivery
    from digest.outbox.handover import Sends
    from digest.outbox.stopping import Stop
    from digest.store.opened import Store
    from digest.store.reading import Reading

_LATENESS = {PeriodKind.DAY: timedelta(hours=12)}
_USUAL_LATENESS = timedelta(hours=72)


def open_sender(config: Config, command: str, clock: Callable[[], datetime]) -> Store:
    """As the one who sends, or beside a daemon that does: then the store says `handed_over`.

    Raises StateRefusedError, and StateBusyError also when the daemon sends by another config.
    """
    try:
        return opening.open_sender(place_of(config), command=command, clock=clock, wall=utc_now)
    except StateBusyError as error:
        if not error.holder.startswith(DAEMON):
            raise
        store = open_deciding(config, clock)
        if store is None:
            raise
    if terms.known(store) not in {None, terms_of(config)}:
        store.close()
        raise StateBusyError(
            "digest serve sends by another config than this one; have it read its config again "
            "(digest serve --reload), then repeat this"
        )
    store.handed_over = True
    return store


def note_terms(config: Config, store: Store) -> None:
    """Have commands beside us know by which config we send."""
    terms.note(store, terms_of(config))


def terms_of(config: Config) -> str:
    """What a sender decides by, in short: the channels, the rules, who gets what."""
    rules = config.model_dump(mode="json", include={"channels", "delivery"})
    jobs = (config.digests, config.alerts)
    readers = [{name: job.to for name, job in some.items()} for some in jobs]
    said = json.dumps([rules, readers])  # secrets are dumped as asterisks
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def open_deciding(config: Config, clock: Callable[[], datetime]) -> Store | None:
    """For a person's look or decision, beside the one who sends; None when there is none yet."""
    return opening.open_deciding(place_of(config), clock=clock)


@contextmanager
def reading(config: Config) -> Iterator[Reading | None]:
    """To look into; None when there is none yet."""
    with opening.reading(place_of(config)) as found:
        yield found


def sender(
    config: Config,
    store: Store,
    stop: Stop,
    clock: Callable[[], datetime],
    progress: Callable[[str, int, int], None] = lambda _what, _done, _total: None,
    *,
    patient: bool = True,
) -> Sends:
    """What sends through the config's channels, by the config's rules."""
    if store.handed_over:
        return Handover(
            store=store,
            open_channel=lambda name: _open(config, name),
            stop=stop,
            clock=clock,
            monotonic=time.monotonic,
            daemon_lives=lambda: is_held(store.place),
            progress=progress,
        )
    return Sender(
        store=store,
        open_channel=lambda name: _open(config, name),
        rules=Rules(
            wanted=lambda held: is_wanted(config, held),
            policy=config.delivery.on_uncertain,
            look_again=config.delivery.look_again,
            patient=patient,
        ),
        stop=stop,
        clock=clock,
        monotonic=time.monotonic,
        progress=progress,
    )


def _open(config: Config, name: str) -> Channel:
    if name not in config.channels:
        raise DeliveryError(f"the config has no channel {name} any more")
    return open_channel(config, name)


def is_wanted(config: Config, held: Delivery) -> bool:
    """Whether the config still has this recipient for this job. Tests and notices: always.

    A message about several alerts is wanted by whoever gets any.
    """
    key = held.key
    jobs: Mapping[str, Digest | Alert]
    match key.kind:
        case DeliveryKind.DIGEST:
            jobs = config.digests
        case DeliveryKind.ALERT:
            jobs = config.alerts
        case DeliveryKind.OPS | DeliveryKind.TEST:
            return key.channel in config.channels
        case _:
            assert_never(key.kind)
    named = [jobs[key.job]] if key.job in jobs else []
    if key.kind is DeliveryKind.ALERT and key.job == GROUP:
        named = list(jobs.values())
    return any(key.recipient in job.to.get(key.channel, ()) for job in named)


def lateness(config: Config, digest: Digest) -> timedelta:
    """How long a run's deliveries are tried."""
    usual = digest.max_lateness or _LATENESS.get(digest.period, _USUAL_LATENESS)
    return config.delivery.deadline or usual
