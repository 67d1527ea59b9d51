"""`digest serve` as a process: it starts, sends in time, stops in order, and says what it does.

Cases 8, 9, 10 and 17 of the fault matrix, for the daemon.
"""

from __future__ import annotations

import json
import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.serving import ANA, BOB, KEY, Place, eventually
from tests.support.smtp_acts import STALL, Act, reply
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.runner import Starter
    from tests.support.smtp_acts import Act as Happening

SLOW = Act(wait=1.0, text=b"250 2.0.0 taken\r\n")
SIGNALS = pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
TWO = {"daily": {"to": {"mail": [ANA, BOB]}}}


def place_with(folder: Path, starter: Starter, script: dict[str, list[Happening | None]]) -> Place:
    """A place whose mail server does this."""
    return Place(folder=folder, starter=starter, mail=SmtpServer(script))


def standing(place: Place) -> list[tuple[str, str, int, int]]:
    """Recipient, state, tries and unknown outcomes, the oldest first."""
    listed = place.run("deliveries", "--json").json
    return [(o["recipient"], o["state"], o["attempts"], o["uncertain"]) for o in reversed(listed)]


# In time ------------------------------------------------------------------------------------------


def test_what_is_due_in_two_seconds_is_built_before_and_sent_then(place: Place) -> None:
    place.configure({"daily": {}})
    due = time.monotonic() + 2.0
    place.due("daily", after=2.0)
    with place.serve() as daemon:
        eventually(lambda: place.mail.accepted)
        took = time.monotonic() - due
        assert 0 <= took < 5
        eventually(lambda: place.rows() == [("daily", ANA, "sent")])
        assert daemon.end().code == 0


def test_what_became_due_while_it_was_down_is_sent_within_ten_seconds_of_the_start(
    place: Place,
) -> None:
    place.configure({"daily": {}})
    place.due("daily", after=-60)
    begun = time.monotonic()
    with place.serve() as daemon:
        eventually(lambda: place.mail.accepted)
        assert time.monotonic() - begun < 10
        daemon.end()
    assert place.phase.asked


def test_a_first_start_sends_no_past_period(place: Place) -> None:
    place.configure({"daily": {"schedule": "every day 00:00"}})
    with place.serve() as daemon:
        time.sleep(0.5)
        assert daemon.end().code == 0
    assert (place.mail.commands, place.phase.asked) == ([], [])


# Stopping -----------------------------------------------------------------------------------------


@SIGNALS
def test_an_idle_daemon_leaves_at_once_with_exit_code_0(place: Place, name: signal.Signals) -> None:
    place.configure({"daily": {}})
    with place.serve() as daemon:
        begun = time.monotonic()
        done = daemon.end(name)
        assert (done.code, done.out) == (0, "")
        assert time.monotonic() - begun < 2
        assert "STOPPING=1" in daemon.listening.lines
    assert [line.split()[2] for line in done.err.splitlines()] == [
        "service_started",
        "service_stopped",
    ]


@SIGNALS
def test_case_08_a_stop_before_the_dot_hands_back_and_the_next_start_sends(
    tmp_path: Path, starter: Starter, name: signal.Signals
) -> None:
    with place_with(tmp_path, starter, {"RCPT": [STALL]}) as place:
        place.configure(TWO, limits={})
        place.due("daily")
        with place.serve() as daemon:
            eventually(lambda: "RCPT" in place.mail.verbs())
            begun = time.monotonic()
            done = daemon.end(name)
            assert time.monotonic() - begun < 5
        assert done.code == 0
        assert standing(place) == [(ANA, "planned", 1, 0), (BOB, "planned", 0, 0)]
        assert place.mail.received == []
        with place.serve() as daemon:
            eventually(lambda: len(place.mail.accepted) == 2)
            daemon.end()
        assert standing(place) == [(ANA, "sent", 2, 0), (BOB, "sent", 1, 0)]


def test_case_09_a_stop_after_the_dot_waits_for_the_answer_and_records_it(
    tmp_path: Path, starter: Starter
) -> None:
    with place_with(tmp_path, starter, {"DOT": [SLOW]}) as place:
        place.configure(TWO)
        place.due("daily")
        with place.serve() as daemon:
            eventually(lambda: place.mail.received)
            assert daemon.end().code == 0
        assert standing(place) == [(ANA, "sent", 1, 0), (BOB, "planned", 0, 0)]
        assert len(place.mail.accepted) == 1


@SIGNALS
def test_case_10_a_second_signal_leaves_at_once_and_the_outcome_counts_as_unknown(
    tmp_path: Path, starter: Starter, name: signal.Signals
) -> None:
    with place_with(tmp_path, starter, {"DOT": [STALL]}) as place:
        place.configure(TWO, limits={}, delivery={"on_uncertain": "hold"})
        place.due("daily")
        with place.serve() as daemon:
            eventually(lambda: place.mail.received)
            daemon.signal(name)
            daemon.listening.until("STOPPING=1")
            time.sleep(0.3)
            second = time.monotonic()
            done = daemon.end(name)
            assert time.monotonic() - second < 3, "two seconds, and what a busy machine adds"
        assert done.code in {0, 128 + name}
        with place.serve() as daemon:
            eventually(lambda: standing(place) == [(ANA, "held", 1, 1), (BOB, "sent", 1, 0)])
            daemon.end()
        assert [one.recipients for one in place.mail.received] == [(ANA,), (BOB,)]


def test_a_stop_while_the_api_is_silent_leaves_the_period_to_the_next_start(
    tmp_path: Path, starter: Starter
) -> None:
    with Place(folder=tmp_path, starter=starter) as place:
        hangs = {"hang": True}

        def silent(_request: object) -> None:
            eventually(lambda: not hangs["hang"])

        place.phase.answer_with = silent
        place.configure({"daily": {}}, limits={})
        place.due("daily")
        with place.serve() as daemon:
            eventually(lambda: any("building daily" in line for line in daemon.listening.lines))
            begun = time.monotonic()
            assert daemon.end().code == 0
            assert time.monotonic() - begun < 5
        hangs["hang"] = False
        with place.serve() as daemon:
            eventually(lambda: place.mail.accepted)
            daemon.end()
        assert len(place.mail.accepted) == 1


# Not starting -------------------------------------------------------------------------------------


def test_case_17_a_second_daemon_is_refused_and_told_who_has_the_ledger(place: Place) -> None:
    place.configure({"daily": {}})
    with place.serve() as daemon:
        begun = time.monotonic()
        with place.serve(ready=False) as second:
            done = second.wait()
            assert time.monotonic() - begun < 5
            assert second.listening.lines == []
        assert done.code == 75
        assert f"process {daemon.pid} (digest serve)" in done.err
        assert "Traceback" not in done.err
        assert daemon.end().code == 0


def test_a_broken_config_ends_it_with_every_problem_before_it_is_ready(place: Place) -> None:
    config = place.configure({"daily": {"schedule": "every moon"}})
    config["channel"] = {}
    place.config.write_text(json.dumps(config), encoding="utf-8")
    with place.serve(ready=False) as daemon:
        done = daemon.wait()
        assert daemon.listening.lines == []
    assert done.code == 78
    assert "every moon" in done.err
    assert "channel" in done.err
    assert len(done.err.splitlines()) == 2
    assert not (place.folder / "state").exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("address", "said"),
    [("nonsense", "nonsense"), ("127.0.0.1:99999", "99999"), ("0.0.0.0:0", "token")],
)
def test_a_web_address_that_can_t_be_used_is_a_usage_error(
    place: Place, address: str, said: str
) -> None:
    place.configure({"daily": {}})
    with place.serve("--web", address, ready=False) as daemon:
        done = daemon.wait()
        assert "READY=1" not in daemon.listening.lines
    assert (done.code, "Traceback" in done.err) == (2, False)
    assert said in done.err


def test_a_web_address_that_another_program_has_is_a_usage_error(place: Place) -> None:
    place.configure({"daily": {}})
    with place.serve("--web", f"127.0.0.1:{place.mail.port}", ready=False) as daemon:
        done = daemon.wait()
    assert (done.code, "Traceback" in done.err) == (2, False)
    assert str(place.mail.port) in done.err


def test_the_help_says_how_it_is_stopped_reloaded_and_looked_at(place: Place) -> None:
    said = " ".join(place.run("serve", "--help").out.split())
    for word in ("SIGTERM", "SIGHUP", "--reload", "--web HOST:PORT", "--log-format", "78"):
        assert word in said


# Logs ---------------------------------------------------------------------------------------------


def test_json_logs_are_json_line_by_line_with_an_action_and_nothing_secret(
    tmp_path: Path, starter: Starter
) -> None:
    mail = SmtpServer(refuse={BOB: "550 5.1.1 no such user"})
    with Place(folder=tmp_path, starter=starter, mail=mail) as place:
        place.configure(TWO)
        place.due("daily")
        with place.serve("--log-format", "json", "--web", "127.0.0.1:0") as daemon:
            eventually(lambda: len(place.mail.accepted) == 1)
            eventually(lambda: ("daily", BOB, "failed") in place.rows())
            daemon.listening.until("READY=1")
            time.sleep(0.3)
            done = daemon.end()
    lines = [json.loads(line) for line in done.err.splitlines()]
    actions = [line["action"] for line in lines]
    assert done.out == ""
    assert {"service_started", "run_planned", "delivery_sent", "delivery_failed"} <= set(actions)
    assert (actions[-1], "run_partly_sent" in actions) == ("service_stopped", True)
    sent = next(line for line in lines if line["action"] == "delivery_sent")
    assert (sent["job"], sent["channel"]) == ("daily", "mail")
    assert re.fullmatch(r"[0-9a-f]{8}", sent["key"])
    assert not [word for word in (KEY, ANA, BOB, "Traceback") if word in done.err]


def test_console_logs_hide_the_same(tmp_path: Path, starter: Starter) -> None:
    with place_with(tmp_path, starter, {"RCPT": [reply(f"550 no {ANA} here, {KEY}")]}) as place:
        place.configure({"daily": {}})
        place.due("daily")
        with place.serve() as daemon:
            eventually(lambda: place.rows() == [("daily", ANA, "failed")])
            time.sleep(0.3)
            done = daemon.end()
    assert "delivery_failed" in done.err
    assert not [word for word in (KEY, ANA, "Traceback") if word in done.err]
