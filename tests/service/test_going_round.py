"""The daemon goes round: what is due is fetched ahead, sent at its time, and told about."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from email import message_from_bytes
from email.policy import default
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from werkzeug.wrappers import Response

if TYPE_CHECKING:
    import pytest

    from digest.sandbox.inbox import ReceivedMail
    from tests.support.works import Works

BERLIN = ZoneInfo("Europe/Berlin")
DAILY = {"period": "day", "schedule": "every day 07:30"}
WEEKLY = {"period": "week", "schedule": "mon 08:00"}


def at(day: int, hour: int, minute: int = 0, *, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BERLIN)


def text_of(mail: ReceivedMail) -> str:
    """The text part, with its line ends as they were meant."""
    body = message_from_bytes(mail.data, policy=default).get_body(["plain"])
    assert body is not None
    return str(body.get_content())


def test_every_period_goes_out_once_at_its_time(works: Works) -> None:
    works.configure({"daily": DAILY, "weekly": WEEKLY})

    with works.daemon(at(26, 12)) as daemon:
        daemon.until(at(31, 12))

    sent = [parsedate_to_datetime(date).astimezone(BERLIN) for _, date in works.sent()]
    dailies = [at(day, 7, 30) for day in range(27, 32)]
    assert sorted(sent) == sorted([*dailies, at(30, 8)])


def test_numbers_are_fetched_ahead_and_each_question_once(works: Works) -> None:
    works.configure({"daily": DAILY, "same": DAILY})

    with works.daemon(at(10, 12)) as daemon:
        daemon.until(at(11, 7, 30) - timedelta(milliseconds=100))
        planned = len(works.phase.asked)
        arrived = len(works.inbox.messages)
        daemon.until(at(11, 7, 30))

    assert (planned, arrived) == (1, 0)
    assert len(works.phase.asked) == 1
    assert len(works.inbox.messages) == 2


def test_a_server_that_is_down_is_tried_again_and_the_digest_comes_late(works: Works) -> None:
    works.configure({"daily": DAILY})
    down_until = at(11, 8)
    works.phase.answer_with = lambda _request: (
        Response("down", 503) if works.now() < down_until else None
    )

    with works.daemon(at(10, 12)) as daemon:
        daemon.until(at(11, 12))

    assert len(works.sent()) == 1
    assert all(asked.status == 503 for asked in works.phase.asked[:-1])


def test_what_can_t_be_built_in_time_is_missed_and_told_once(works: Works) -> None:
    works.configure({"daily": DAILY}, ops={"mail": ["ops@example.com"]})
    works.phase.answer_with = lambda _request: Response("no", 403)

    with works.daemon(at(10, 12)) as daemon:
        daemon.until(at(11, 23))

    waits, missed = map(text_of, works.inbox.messages)
    assert "the key for app 1 was refused" in waits
    assert "was not sent for 2026-03-10" in missed
    assert len(works.phase.asked) <= 16  # a key that was refused is not asked with often


def test_two_digests_of_one_period_do_not_wait_for_each_other(works: Works) -> None:
    apps = {
        name: {"app_id": name, "api_key": "KEY", "base_url": works.phase.base_url}
        for name in ("shop", "other")
    }
    works.configure({"bad": {**DAILY, "app": "other"}, "good": DAILY}, apps=apps)
    works.phase.answer_with = lambda request: (
        Response("no", 500) if "/apps/other/" in request.path else None
    )

    with works.daemon(at(10, 12)) as daemon:
        daemon.until(at(11, 7, 30) + timedelta(seconds=1))

    assert len(works.sent()) == 1


def test_what_becomes_due_while_the_ledger_is_held_is_not_forgotten(
    works: Works, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("digest.store.sqlite._PATIENCE", 0.05)
    works.configure({"daily": DAILY})

    with works.daemon(at(11, 7, 25)) as daemon:  # its plan keeps for ten minutes
        daemon.until(at(11, 7, 30) - timedelta(seconds=30))
        with closing(sqlite3.connect(works.folder / "state/digest.db")) as other:
            other.execute("BEGIN EXCLUSIVE")
            daemon.until(at(11, 7, 30) + timedelta(seconds=30))
            other.rollback()
        assert works.sent() == []
        daemon.until(at(11, 7, 32))

    assert len(works.sent()) == 1


def test_a_period_that_waits_and_is_to_come_by_a_changed_schedule_is_sent_once(
    works: Works,
) -> None:
    early, late = ({"period": "day", "schedule": f"every day {at}"} for at in ("07:30", "12:00"))
    works.configure({"daily": early})
    works.phase.answer_with = lambda _request: Response("", 503)
    with works.daemon(at(2, 6)) as daemon:
        daemon.until(at(2, 8))
        works.configure({"daily": late})
        daemon.reload()
        assert daemon.daemon.broken == ""
        works.phase.answer_with = lambda _request: None
        daemon.until(at(2, 11))
        assert works.periods("daily") == ["2026-03-01"]
        daemon.until(at(3, 13))

    assert works.periods("daily") == ["2026-03-01", "2026-03-02"]
