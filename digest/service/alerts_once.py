"""Looking at the alerts that are due, once, without a daemon."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from digest.app.alert_rounds import rounds_of
from digest.config.buckets import due_buckets
from digest.errors import DigestError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

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
    held = store.alerts.states()
    due: dict[str, list[str]] = {}
    for name, alert in config.alerts.items():
        judged = held[name].state.judged if name in held else None
        if alert.enabled and due_buckets(alert, judged, clock()):
            due.setdefault(alert.app, []).append(name)
    for app, names in due.items():
        try:
            with sources.of(config.apps[app], shared=False) as source:
                outcome = rounds.look(app, names, source)
        except StoreError:
            raise
        except DigestError as error:
            yield from ((name, error) for name in names)
            continue
        yield from ((name, _said(error)) for name, error in outcome.failed.items())
        for sentence in outcome.troubles:
            store.troubles.begin(f"template {app} alerts", sentence, clock())
        for one in outcome.judged:
            name = f"alert {one.rule.name}"
            if one.verdict.operator:
                store.troubles.begin(name, f"{one.rule.name}: {one.verdict.operator}", clock())
            elif not one.verdict.state.missing_told:
                store.troubles.end(name, clock())


def _said(error: Exception) -> DigestError:
    """A defect of ours as an error with a sentence."""
    if isinstance(error, DigestError):
        return error
    return DigestError(f"internal error ({type(error).__name__}); this is a defect of digest")
