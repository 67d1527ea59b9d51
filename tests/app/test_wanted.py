"""Who still gets what waits, by the config as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from digest.app import open_config
from digest.app.ledger import is_wanted, terms_of
from digest.core.alert_round import GROUP
from digest.core.content import DeliveryKind
from tests.support.ledgers import delivery, key

if TYPE_CHECKING:
    from pathlib import Path

    from digest.config.models import Config

SPIKE = {
    "app": "shop",
    "metric": "bounce_rate",
    "schedule": "every 15m",
    "when": {"above": 60},
    "clear": {"below": 50},
    "to": {"files": ["alerts"]},
}
CONFIG: dict[str, Any] = {
    "apps": {"shop": {"app_id": "1", "api_key": "KEY_1"}},
    "channels": {"files": {"type": "folder", "path": "./out"}},
    "digests": {
        "daily": {
            "app": "shop",
            "period": "day",
            "schedule": "every day 09:00",
            "to": {"files": ["digests"]},
        }
    },
    "alerts": {"spike": SPIKE, "other": {**SPIKE, "to": {"files": ["others"]}}},
}


def opened(folder: Path, **more: Any) -> Config:
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({**CONFIG, **more}))
    return open_config(path)


@pytest.mark.parametrize(
    ("kind", "job", "reader", "wanted"),
    [
        (DeliveryKind.DIGEST, "daily", "digests", True),
        (DeliveryKind.DIGEST, "daily", "alerts", False),
        (DeliveryKind.DIGEST, "spike", "alerts", False),
        (DeliveryKind.ALERT, "spike", "alerts", True),
        (DeliveryKind.ALERT, "spike", "others", False),
        (DeliveryKind.ALERT, "gone", "alerts", False),
        (DeliveryKind.ALERT, GROUP, "alerts", True),
        (DeliveryKind.ALERT, GROUP, "others", True),
        (DeliveryKind.ALERT, GROUP, "digests", False),
        (DeliveryKind.OPS, "ops", "anybody", True),
        (DeliveryKind.TEST, "daily", "anybody", True),
    ],
)
def test_what_waits_is_wanted_while_the_config_has_its_reader(
    tmp_path: Path, kind: DeliveryKind, job: str, reader: str, *, wanted: bool
) -> None:
    held = delivery(key=key(reader, kind=kind, job=job, channel="files"))
    assert is_wanted(opened(tmp_path), held) is wanted


@pytest.mark.parametrize("kind", DeliveryKind)
def test_nothing_is_wanted_over_a_channel_that_is_gone(tmp_path: Path, kind: DeliveryKind) -> None:
    held = delivery(key=key("alerts", kind=kind, job="spike", channel="mail"))
    assert not is_wanted(opened(tmp_path), held)


def test_the_readers_of_alerts_are_among_the_terms_of_the_sender(tmp_path: Path) -> None:
    before = terms_of(opened(tmp_path))
    assert terms_of(opened(tmp_path)) == before
    fewer = {"spike": SPIKE}
    assert terms_of(opened(tmp_path, alerts=fewer)) != before
