"""What an alert looks at and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from digest.app import open_config
from digest.config.buckets import due_buckets, looked_at, next_look
from digest.core.periods import parse_period

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from digest.config.alerts import Alert

    MakesAlert = Callable[..., Alert]

HOUR = timedelta(hours=1)


@pytest.fixture
def alert(tmp_path: Path) -> MakesAlert:
    def made(**more: Any) -> Alert:
        config = {
            "apps": {"shop": {"app_id": "1", "api_key": "KEY_1"}},
            "channels": {"files": {"type": "folder", "path": "./out"}},
            "alerts": {
                "spike": {
                    "app": "shop",
                    "metric": "bounce_rate",
                    "when": {"above": 60},
                    "to": {"files": ["alerts"]},
                    **more,
                    "schedule": {"at": more["schedule"], "timezone": "UTC"},
                }
            },
        }
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(config), encoding="utf-8")
        return open_config(path, {}).alerts["spike"]

    return made


def at(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def test_only_days_that_have_settled_are_due_however_long_that_takes(alert: MakesAlert) -> None:
    slow = alert(window="day", schedule="every day 09:00", settle="3d")

    assert [one.label for one in due_buckets(slow, None, at(10, 9))] == ["2026-03-06"]
    assert [one.label for one in due_buckets(slow, at(6), at(10, 9))] == ["2026-03-06"]
    assert next_look(slow, at(10, 9)) == at(11), "2026-03-07 has settled then"


def test_the_day_so_far_is_looked_at_once_for_each_fire_however_late_that_was(
    alert: MakesAlert,
) -> None:
    hourly = alert(window="today", schedule="every 1h")
    late = at(10, 10, 40)

    (look,) = due_buckets(hourly, at(10, 9), late)
    assert look.ends_at == late
    assert due_buckets(hourly, late, at(10, 10, 50)) == []
    (look,) = due_buckets(hourly, late, at(10, 11))
    assert look.ends_at == at(10, 11)


def test_in_quiet_hours_a_closed_day_waits_for_the_morning(alert: MakesAlert) -> None:
    night = alert(window="day", schedule="every day 03:00", quiet_hours="22:00-07:00")

    assert due_buckets(night, at(9), at(10, 3)) == []
    assert next_look(night, at(10, 3)) == at(10, 7)
    assert [one.label for one in due_buckets(night, at(9), at(10, 7))] == ["2026-03-09"]
    assert looked_at(night, parse_period("2026-03-09")) == at(10, 7)
    assert [one.label for one in due_buckets(night, at(9), at(10, 3), by_night=True)] == [
        "2026-03-09"
    ]


def test_in_quiet_hours_the_day_so_far_is_looked_at_all_the_same(alert: MakesAlert) -> None:
    hourly = alert(window="today", schedule="every 1h", quiet_hours="22:00-07:00")

    assert [one.label for one in due_buckets(hourly, at(10, 2), at(10, 3))] == ["2026-03-10T03:00Z"]
    assert next_look(hourly, at(10, 3)) == at(10, 4)
