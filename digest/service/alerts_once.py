"""Looking at the alerts that are due, once, without a daemon."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from digest.app.alert_changes import for_operator
from digest.app.alert_rounds import rounds_of
from digest.config.buckets import due_buckets
from digest.errors import DigestError, StoreError
from digest.service.judging import said_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from digest.app.alert_rounds import Outcome
    from digest.app.sources import LastingSources
    from digest.config.models import Config
    from digest.store.opened import Store

logger = logging.getLogger(__name__)


def look_once(
    config: Config, store: Store, sources: LastingSources, clock: Callable[[], datetime]
) -> Iterator[tuple[str, DigestError]]:
    """Look at every app's alerts that are due; gives those that could not be looked at, and why.

    What is to be said is planned. Raises StoreError when the ledger can't be used.
    """
    rounds = rounds_of(config, store, clock)
    for app, names in _due(config, store, clock()).items():
        try:
            with sources.of(config.apps[app], shared=False) as source:
                outcome = rounds.look(app, names, source)
        except StoreError:
            raise
        except Exception as error:
            logger.debug("a look ended here", exc_info=error)
            yield from ((name, _as_ours(error)) for name in names)
            continue
        yield from ((name, _as_ours(error)) for name, error in outcome.failed.items())
        _tell(app, outcome, store, clock())


def _due(config: Config, store: Store, now: datetime) -> dict[str, list[str]]:
    """The alerts that are due, by app. What the config has no more is forgotten."""
    held = store.alerts.states()
    watched = {name: alert for name, alert in config.alerts.items() if alert.enabled}
    gone = [name for name, one in held.items() if name not in watched and one.looked_at]
    if gone:
        store.alerts.forget(gone, now)
    due: dict[str, list[str]] = {}
    for name, alert in watched.items():
        judged = held[name].state.judged if name in held else None
        if due_buckets(alert, judged, now):
            due.setdefault(alert.app, []).append(name)
    return due


def _tell(app: str, outcome: Outcome, store: Store, now: datetime) -> None:
    """Write down what the operator should hear of."""
    for sentence in outcome.troubles:
        store.troubles.begin(f"template {app} alerts", sentence, now)
    if outcome.told and not outcome.troubles:
        store.troubles.end(f"template {app} alerts", now)
    for one in outcome.judged:
        said = for_operator(one)
        if said:
            store.troubles.begin(f"alert {one.rule.name}", said, now)
        elif not one.verdict.state.missing_told:
            store.troubles.end(f"alert {one.rule.name}", now)


def _as_ours(error: Exception) -> DigestError:
    return error if isinstance(error, DigestError) else DigestError(said_of(error))
