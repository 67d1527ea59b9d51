"""How much alerts ask of a server, and when `digest check` says that it is too much."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from digest.app.alert_load import overload
from tests.support.configs import config_of

if TYPE_CHECKING:
    from digest.config.models import Config

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
BOUNCES = "metric: bounce_rate, when: {above: 60}"
SESSIONS = "metric: sessions, when: {above: 5000}"


def config(apps: int, *rules: str, per_minute: int = 10) -> Config:
    """So many apps, each with these alerts; a rule has a schedule and may have a window."""
    names = range(apps)
    return config_of(
        "\n".join(
            [
                f"limits: {{requests_per_minute: {per_minute}}}",
                "channels: {files: {type: folder, path: out}}",
                "apps:",
                *(
                    f'  a{n}: {{app_id: "{n}", api_key: "k", base_url: "https://x.example"}}'
                    for n in names
                ),
                "alerts:",
                *(
                    f"  alert-{n}-{k}: {{app: a{n}, {rule}, to: {{files: [x]}}}}"
                    for n in names
                    for k, rule in enumerate(rules)
                ),
                "",
            ]
        ),
    )


@pytest.mark.parametrize(
    ("apps", "rules", "asked"),
    [
        (75, [f"{BOUNCES}, schedule: every 15m"], None),
        (76, [f"{BOUNCES}, schedule: every 15m"], 608),
        (76, [f"{BOUNCES}, schedule: every 15m", f"{SESSIONS}, schedule: every 15m"], 608),
        (76, [f"{BOUNCES}, schedule: every 15m, window: day"], None),
        (76, [f"{BOUNCES}, schedule: every 15m, enabled: false"], None),
        (11, [f"{SESSIONS}, schedule: every 1m"], 660),
    ],
    ids=["just allowed", "too much", "shared", "closed days", "switched off", "every minute"],
)
def test_more_than_the_limit_allows_in_an_hour_is_said(
    apps: int, rules: list[str], asked: int | None
) -> None:
    found = list(overload(config(apps, *rules), NOON))

    assert len(found) == (asked is not None)
    for sentence in found:
        assert f"x.example {asked} times an hour, and at most 600 are allowed" in sentence
