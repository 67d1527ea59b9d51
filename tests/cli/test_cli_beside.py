"""Commands beside a running `digest serve`: it does the sending, and they say what they always say.

Case 18 of the fault matrix, for a run beside the daemon.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import time
from contextlib import closing
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

from tests.support.serving import ANA, BOB, Place, eventually, utc_now
from tests.support.smtp_acts import CLOSE, STALL, Act, reply
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.runner import Starter

TWO = {"daily": {"to": {"mail": [ANA, BOB]}}}
HOLD = {"on_uncertain": "hold"}


def subjects(place: Place) -> list[str]:
    """Of the mails that were taken."""
    found = [message_from_bytes(mail.data, policy=default) for mail in place.mail.accepted]
    return [str(mail["Subject"]) for mail in found]


def yesterday(place: Place) -> str:
    (period,) = {one["period"] for one in place.run("deliveries", "--json").json}
    return str(period)


def test_a_run_has_the_daemon_send_and_says_what_it_says_without_one(place: Place) -> None:
    place.configure(TWO)
    with place.serve() as daemon:
        done = place.run("run", "daily")
        period = yesterday(place)
        assert (done.code, done.err) == (0, "")
        assert done.out.splitlines() == [
            f"daily {period}: sent",
            f"  sent       mail: {ANA}",
            f"  sent       mail: {BOB}",
        ]
        again = place.run("run", "daily")
        assert (again.code, again.err) == (0, "")
        assert again.out.startswith(f"daily {period}: sent already")
        assert daemon.end().err.count("delivery_sent") == 2
    assert [one.recipients for one in place.mail.accepted] == [(ANA,), (BOB,)]
    assert place.run("run", "daily").out == again.out, "without a daemon it says the same"


def test_a_run_to_one_s_own_address_is_a_test_that_the_daemon_sends(place: Place) -> None:
    place.configure({"daily": {}})
    with place.serve() as daemon:
        done = place.run("run", "daily", "--to", BOB, "--json")
        assert daemon.end().err.count("delivery_sent") == 1
    (run,) = done.json["runs"]
    assert (done.code, run["state"], run["deliveries"][0]["recipient"]) == (0, "sent", BOB)
    assert [line.startswith("[test] ") for line in subjects(place)] == [True]


def test_a_channel_is_tried_through_the_daemon(place: Place) -> None:
    place.configure({"daily": {}})
    with place.serve() as daemon:
        done = place.run("test", "mail", "--to", BOB)
        assert daemon.end().err.count("delivery_sent") == 1
    assert (done.code, done.err) == (0, "")
    assert "sent" in done.out
    assert subjects(place) == ["[test] digest reaches you (mail)"]


def test_a_reader_who_is_refused_is_said_with_exit_code_1(tmp_path: Path, starter: Starter) -> None:
    mail = SmtpServer(refuse={BOB: "550 5.1.1 no such user"})
    with Place(folder=tmp_path, starter=starter, mail=mail) as place:
        place.configure(TWO)
        with place.serve():
            done = place.run("run", "daily")
            status = place.run("status")
    assert done.code == status.code == 1
    assert "partly sent" in done.out
    assert f"  failed     mail: {BOB} (" in done.out
    assert "no such user" in done.out
    assert BOB in status.out


def test_what_failed_is_resent_and_what_is_held_is_resolved_through_the_daemon(
    tmp_path: Path, starter: Starter
) -> None:
    mail = SmtpServer({"RCPT": [reply("550 5.1.1 not yet"), None, None], "DOT": [CLOSE]})
    with Place(folder=tmp_path, starter=starter, mail=mail) as place:
        place.configure(TWO, delivery=HOLD)
        with place.serve() as daemon:
            assert place.run("run", "daily").code == 1
            states = {row[1]: row[2] for row in place.rows()}
            assert states == {ANA: "failed", BOB: "held"}
            ids = {one["recipient"]: one["id"] for one in place.run("deliveries", "--json").json}

            resent = place.run("deliveries", "resend", ids[ANA])
            resolved = place.run("deliveries", "resolve", ids[BOB], "--resend")

            assert (resent.code, resent.err, resolved.code, resolved.err) == (0, "", 0, "")
            assert "sent" in resent.out
            assert "sent" in resolved.out
            assert place.run("status").code == 0
            assert daemon.end().code == 0
    assert [one.recipients for one in place.mail.accepted] == [(BOB,), (ANA,), (BOB,)]


def test_looking_purging_and_copying_work_beside_it(place: Place, tmp_path: Path) -> None:
    place.configure({"daily": {}})
    place.due("daily")
    with place.serve() as daemon:
        eventually(lambda: place.rows() == [("daily", ANA, "sent")])
        status, jobs = place.run("status"), place.run("jobs", "--json")
        purged, copied = place.run("purge"), place.run("backup", "copy.db")
        assert daemon.end().code == 0
    assert [one.code for one in (status, jobs, purged, copied)] == [0, 0, 0, 0]
    assert "daily" in status.out
    assert json.loads(jobs.out)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT recipient, state FROM deliveries").fetchall() == [(ANA, "sent")]


def test_case_18_three_runs_and_the_daemon_send_the_same_period_once(place: Place) -> None:
    place.configure(TWO)
    place.due("daily", after=0.5)
    with place.serve() as daemon:
        running = [place.start("run", "daily") for _ in range(3)]
        done = [one.wait() for one in running]
        eventually(lambda: len(place.mail.accepted) == 2)
        time.sleep(0.5)
        assert daemon.end().code == 0
    assert {one.code for one in done} == {0}, [one.said for one in done]
    assert [one.recipients for one in place.mail.accepted] == [(ANA,), (BOB,)]
    assert {state for *_, state in place.rows()} == {"sent"}


def test_a_person_s_order_passes_over_a_hold_as_it_does_without_a_daemon(
    tmp_path: Path, starter: Starter
) -> None:
    mail = SmtpServer({"GREETING": [reply("421 4.3.2 come back later")]})
    with Place(folder=tmp_path, starter=starter, mail=mail) as place:
        place.configure({"daily": {}})
        with place.serve() as daemon:
            first = place.run("run", "daily")
            assert (first.code, "come back later" in first.said) == (75, True)
            begun = time.monotonic()
            second = place.run("run", "daily")
            assert (second.code, second.err) == (0, "")
            assert time.monotonic() - begun < 10
            assert daemon.end().code == 0
    assert len(place.mail.accepted) == 1


def test_a_daemon_that_is_killed_meanwhile_is_said_in_one_sentence(
    tmp_path: Path, starter: Starter
) -> None:
    with Place(folder=tmp_path, starter=starter, mail=SmtpServer({"RCPT": [STALL]})) as place:
        place.configure({"daily": {}})
        with place.serve() as daemon:
            running = place.start("run", "daily")
            eventually(lambda: "RCPT" in place.mail.verbs())
            daemon.end(signal.SIGKILL)
            done = running.wait()
        period = yesterday(place)
        assert done.code == 75
        assert done.err == (
            f"daily {period}: digest serve has ended meanwhile; run the command again\n"
        )
        again = place.run("run", "daily")
        assert (again.code, again.err) == (0, "")
    assert len(place.mail.accepted) == 1


def test_a_command_that_is_stopped_leaves_the_sending_to_the_daemon(
    tmp_path: Path, starter: Starter
) -> None:
    slow = Act(wait=1.0, text=b"250 2.0.0 taken\r\n")
    with Place(folder=tmp_path, starter=starter, mail=SmtpServer({"DOT": [slow]})) as place:
        place.configure({"daily": {}})
        with place.serve() as daemon:
            running = place.start("run", "daily")
            eventually(lambda: place.mail.received)
            running.signal(signal.SIGTERM)
            done = running.wait()
            assert (done.code, done.out, done.err) == (143, "", "digest: stopped\n")
            eventually(lambda: place.rows() == [("daily", ANA, "sent")])
            assert daemon.end().code == 0
    assert len(place.mail.accepted) == 1


def test_a_config_that_the_daemon_has_not_read_yet_is_said_before_anything_is_planned(
    place: Place,
) -> None:
    config = place.configure({"daily": {}})
    channels = {**config["channels"], "new": place.mail_channel(place.mail.port)}
    with place.serve() as daemon:
        place.configure(TWO, channels=channels)
        for command in (("test", "new", "--to", BOB), ("run", "daily")):
            done = place.run(*command)
            assert (done.code, done.out) == (75, "")
            assert done.err == (
                "digest: digest serve sends by another config than this one; have it read its "
                "config again (digest serve --reload), then repeat this\n"
            )
        assert place.rows() == []
        assert place.run("serve", "--reload").out == "reloaded\n"
        assert place.run("test", "new", "--to", BOB).code == 0
        assert place.run("run", "daily").code == 0
        assert daemon.end().code == 0
    assert [one.recipients for one in place.mail.accepted] == [(BOB,), (ANA,), (BOB,)]


def test_a_config_that_differs_in_what_is_not_sent_by_is_no_hindrance(place: Place) -> None:
    place.configure({"daily": {}})
    with place.serve():
        place.configure({"daily": {"schedule": "every day 09:00", "title": "Another"}})
        assert place.run("run", "daily").code == 0
    assert len(place.mail.accepted) == 1


def test_the_timer_form_is_refused_because_the_daemon_does_it(place: Place) -> None:
    place.configure({"daily": {}})
    with place.serve():
        done = place.run("run", "--due", "--now", f"{utc_now():%Y-%m-%dT%H:%M:%SZ}")
    assert (done.code, done.out) == (75, "")
    assert done.err == "digest: digest serve is running and does what is due\n"
