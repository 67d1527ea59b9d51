"""Many apps due at one instant are fetched ahead, under the server's limit, and sent in time."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from digest.app import forecast, open_config
from tests.support.endless_phase import EndlessPhase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.works import Works

APPS = 40
LIMIT, OURS = 32, 30
DUE = datetime(2026, 3, 2, 9, tzinfo=UTC)
NIGHT = DUE - timedelta(hours=4)
JOBS = [*range(APPS), 7, 7]  # the eighth app has three digests


@pytest.fixture
def crowded(works: Works) -> Iterator[Works]:
    """Forty apps on a server that takes fewer requests a minute than they need."""

    def now() -> datetime:
        return works.now()  # that of the daemon, once there is one

    def monotonic() -> float:
        return (now() - DUE).total_seconds()

    with EndlessPhase(clock=now, limit=LIMIT, monotonic=monotonic) as phase:
        works.phase = phase
        works.configure(
            {
                f"digest-{n}": {
                    "app": f"app-{app}",
                    "period": "week",
                    "schedule": {"at": "mon 09:00", "timezone": "UTC"},
                    "to": {"files": ["all"]},
                }
                for n, app in enumerate(JOBS)
            },
            apps={
                f"app-{n}": {"app_id": f"{n}", "api_key": "KEY", "base_url": phase.base_url}
                for n in range(APPS)
            },
            limits={"requests_per_minute": OURS},
        )
        yield works


def test_a_wave_is_fetched_ahead_as_planned_and_sent_at_its_instant(crowded: Works) -> None:
    config = open_config(crowded.folder / "config.yaml", {})
    (wave,) = forecast.outlook(config, NIGHT, 1).next
    sent = "SELECT count(*) FROM deliveries WHERE state = 'sent'"

    with crowded.daemon(NIGHT) as daemon:
        daemon.until(DUE - timedelta(milliseconds=1))
        before = crowded.rows(sent)
        daemon.until(DUE)
        after = crowded.rows(sent)

    asked = sorted(crowded.phase.asked, key=lambda one: one.at)
    instants = [DUE + timedelta(seconds=one.at) for one in asked]
    assert [one.status for one in asked] == [200] * wave.requests
    assert set(Counter(one.app for one in asked).values()) == {1}
    assert abs(instants[0] - wave.start_at) < timedelta(seconds=1)
    assert instants[-1] < DUE
    gaps = [later - earlier for earlier, later in pairwise(instants)]
    assert max(gaps) < 2 * timedelta(minutes=1) / OURS
    assert (before, after) == ([(0,)], [(len(JOBS),)])
