"""What check says of a config that is valid."""

from __future__ import annotations

import pytest

from digest.config.remarks import inactive_keys, warnings
from tests.support.configs import SMALL, changed, config_of


def test_an_ordinary_config_has_no_remarks() -> None:
    assert warnings(config_of(SMALL)) == []
    assert inactive_keys(config_of(SMALL)) == []


def test_keys_without_their_part_are_said_to_do_nothing() -> None:
    text = changed("host: smtp.example.com", "host: smtp.example.com, connections: 2")
    text = changed(
        "period: week",
        "period: week, skip_dates: [2026-12-25], catch_up: all, max_lateness: 1d, tags: a",
        text,
    )
    text += (
        "state: sqlite:///x.db\ndelivery: {on_uncertain: hold, retention: 30d}\n"
        "ops: {slack: '#o'}\n"
        "alerts:\n  high: {app: shop, metric: events, schedule: every 15m, when: {above: 5}, "
        "tags: a, "
        "to: {slack: '#a'}}\n"
    )

    assert inactive_keys(config_of(text)) == [
        "digests.weekly.tags is not active yet: no command chooses by tags",
        "alerts.high.tags is not active yet: no command chooses by tags",
    ]


def test_literal_secrets_are_warned_of_without_showing_them() -> None:
    config = config_of(changed('"${PHASE_SHOP_KEY}"', "hunter2"))
    assert warnings(config) == [
        "apps.shop.api_key stands in the file itself; better write ${NAME} or ${file:/path}"
    ]


def test_unencrypted_mail_is_warned_of() -> None:
    text = changed("host: smtp.example.com", "host: relay, security: none, allow_plain: true")
    assert warnings(config_of(text)) == ["channels.mail: mail goes unencrypted to relay"]


def test_a_config_that_sends_nothing_is_warned_of() -> None:
    assert warnings(config_of("locale: de")) == ["there are no digests, so nothing will be sent"]


@pytest.mark.parametrize(
    ("period", "schedule", "warning"),
    [
        (
            "week",
            "{at: mon 08:00, timezone: Asia/Tokyo}",
            (
                "digests.weekly: at Mon 08:00 (Asia/Tokyo) its week is not over in UTC and settled "
                "for 2 h; digest serve waits up to 3 h longer, digest run exits 75 until then"
            ),
        ),
        (
            "week",
            "{at: mon 02:30, timezone: Europe/Berlin}",  # late enough in winter, not in summer
            (
                "digests.weekly: at Mon 02:30 (Europe/Berlin) its week is not over in UTC and "
                "settled "
                "for 2 h; digest serve waits up to 1.5 h longer, digest run exits 75 until then"
            ),
        ),
        (
            "month",
            "{at: 1st 00:00, timezone: UTC}, settle: 30m",
            (
                "digests.weekly: at 00:00 (UTC) its month is not over in UTC and settled for "
                "0.5 h; "
                "digest serve waits up to 0.5 h longer, digest run exits 75 until then"
            ),
        ),
        (
            "week",
            "every day 07:30",
            "digests.weekly: fires more than once for the same week; one digest is sent",
        ),
    ],
    ids=["Tokyo", "Berlin", "the first", "daily"],
)
def test_schedules_that_don_t_fit_their_period_are_warned_of(
    period: str, schedule: str, warning: str
) -> None:
    text = changed("period: week, schedule: mon 08:00", f"period: {period}, schedule: {schedule}")
    assert warnings(config_of(text)) == [warning]


@pytest.mark.parametrize(
    ("period", "schedule"),
    [
        ("week", "{at: mon 11:00, timezone: Asia/Tokyo}"),
        ("week", "{at: mon 04:00, timezone: Europe/Berlin}"),
        ("week", "{at: mon 00:00, timezone: America/New_York}"),
        ("day", "mon-fri 09:00"),
        ("month", "1st 07:30"),
        ("week", "mon 02:00, settle: 0"),
    ],
)
def test_schedules_that_fit_are_not(period: str, schedule: str) -> None:
    text = changed("period: week, schedule: mon 08:00", f"period: {period}, schedule: {schedule}")
    assert warnings(config_of(text)) == []
