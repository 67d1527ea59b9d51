"""`digest run --due`: what the daemon does all the time, done once, for people who have a timer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from werkzeug.wrappers import Response

from tests.support.endless_phase import EndlessPhase
from tests.support.serving import ANA, BOB, Place
from tests.support.smtp_acts import CLOSE
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.runner import Starter
    from tests.support.commands import Done

FIRST = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DUE = datetime(2026, 11, 24, 7, 30, tzinfo=UTC)
AT_HALF_PAST_SEVEN = {"schedule": "every day 07:30"}
LATE = datetime(2027, 1, 1, tzinfo=UTC)  # so late that every day is over by the API's clock
MINUTE = timedelta(minutes=1)
PERIOD = "2026-11-23"
SENT = f"daily {PERIOD}: sent\n  sent       mail: {ANA}\n"


def due(place: Place, now: datetime, *more: str) -> Done:
    return place.run("run", "--due", "--now", now.isoformat(), *more)


def made(folder: Path, starter: Starter, **parts: Any) -> Place:
    return Place(
        folder=folder,
        starter=starter,
        phase=EndlessPhase(clock=lambda: LATE, **parts.pop("api", {})),
        **parts,
    )


@pytest.fixture
def place(tmp_path: Path, starter: Starter) -> Iterator[Place]:
    with made(tmp_path, starter) as begun:
        begun.configure({"daily": AT_HALF_PAST_SEVEN, "nightly": {"schedule": "every day 22:00"}})
        first = due(begun, FIRST)
        assert (first.code, first.said) == (0, ""), "the first call only begins to count"
        yield begun


def test_it_sends_what_is_due_and_nothing_else_and_each_period_once(place: Place) -> None:
    assert due(place, DUE - MINUTE).said.splitlines() == [
        "nightly 2026-11-22: sent",
        f"  sent       mail: {ANA}",
    ]
    assert due(place, DUE).said == SENT
    assert (due(place, DUE + MINUTE).code, due(place, DUE + MINUTE).said) == (0, "")
    assert len(place.mail.accepted) == 2


def test_two_calls_at_once_send_one_copy(place: Place) -> None:
    running = [place.start("run", "--due", "--now", DUE.isoformat(), "--json") for _ in range(2)]
    assert {one.wait().code for one in running} <= {0, 75}
    assert len(place.mail.accepted) == 2
    assert {state for *_, state in place.rows()} == {"sent"}


@pytest.mark.parametrize(
    "arguments",
    [
        ("run",),
        ("run", "daily", "--due"),
        ("run", "--due", "--period", PERIOD),
        ("run", "--due", "--to", BOB),
        ("run", "--due", "--dry-run"),
        ("run", "--due", "--force"),
    ],
)
def test_it_decides_itself_what_is_due(place: Place, arguments: tuple[str, ...]) -> None:
    done = place.run(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "say which digests, or --due alone" in done.err
    assert place.mail.accepted == []


def test_what_the_api_puts_off_is_taken_up_by_a_later_call(
    tmp_path: Path, starter: Starter
) -> None:
    down = [True]
    api = {"answer_with": lambda _request: Response(status=503) if down[0] else None}
    with made(tmp_path, starter, api=api) as place:
        place.configure({"daily": AT_HALF_PAST_SEVEN})
        due(place, FIRST)
        first = due(place, DUE)
        assert (first.code, first.out) == (75, "")
        assert first.err.startswith(f"daily {PERIOD}: ")
        down[0] = False
        soon = due(place, DUE + MINUTE / 2)
        assert (soon.code, "next try at 07:31 UTC" in soon.err) == (75, True)
        assert due(place, DUE + 2 * MINUTE).said == SENT
    assert len(place.mail.accepted) == 1


def test_a_mail_server_that_is_down_is_tried_again_by_a_later_call(
    tmp_path: Path, starter: Starter
) -> None:
    with made(tmp_path, starter, mail=SmtpServer({"GREETING": [CLOSE]})) as place:
        place.configure({"daily": AT_HALF_PAST_SEVEN})
        due(place, FIRST)
        assert due(place, DUE).code == 75
        assert (due(place, DUE + 15 * MINUTE).code, len(place.mail.accepted)) == (0, 1)


def test_the_operator_hears_once_what_was_not_delivered_and_what_was_missed(
    tmp_path: Path, starter: Starter
) -> None:
    mail = SmtpServer(refuse={ANA: "550 5.1.1 no such user"})
    api = {"answer_with": lambda request: _refused(request.path)}
    with made(tmp_path, starter, mail=mail, api=api) as place:
        one = {"app_id": "1", "api_key": "${PHASE_KEY}", "base_url": place.phase.base_url}
        place.configure(
            {"daily": AT_HALF_PAST_SEVEN, "other": {**AT_HALF_PAST_SEVEN, "app": "gone"}},
            apps={"shop": one, "gone": {**one, "app_id": "2"}},
            ops={"files": ["ops"]},
        )
        due(place, FIRST)
        first = due(place, DUE)
        assert first.code == 1
        assert f"daily {PERIOD}: failed" in first.out
        assert f"other {PERIOD}: " in first.err
        (notice,) = notices(tmp_path)
        assert f"daily {PERIOD} to {ANA} over mail: failed" in notice
        due(place, DUE + timedelta(hours=12))
        due(place, DUE + timedelta(hours=12, minutes=1))
        _, missed = notices(tmp_path)
        assert f"other was not sent for {PERIOD}" in missed
        assert "It could not be built before 2026-11-24 19:30 UTC" in missed


def notices(folder: Path) -> list[str]:
    files = folder.glob("out/ops/**/email.txt")
    return [file.read_text("utf-8") for file in sorted(files, key=lambda one: one.stat().st_mtime)]


def _refused(path: str) -> Response | None:
    return Response('{"code": "NO_ACCESS"}', 403) if "/apps/2/" in path else None


def test_a_schedule_that_was_missed_for_days_is_made_up_for_as_the_config_says(
    place: Place, tmp_path: Path
) -> None:
    place.configure({"daily": AT_HALF_PAST_SEVEN}, ops={"files": ["ops"]})
    done = due(place, DUE + timedelta(days=3))
    assert done.said == SENT.replace(PERIOD, "2026-11-26")
    (notice,) = notices(tmp_path)
    assert "daily was not sent for 2026-11-23, 2026-11-24, 2026-11-25" in notice


def test_a_clock_that_is_days_behind_plans_nothing(place: Place) -> None:
    assert due(place, DUE).code == 0
    done = due(place, DUE - timedelta(days=3))
    assert (done.code, done.out) == (75, "")
    assert "nothing is planned until it is right" in done.err
