"""Cases 15, 16, 90, 91, 93, 94, 95 and 96 of the fault matrix: the daemon's own troubles.

Case 92 is in `test_matrix_templates.py`; what a running daemon makes of it is here.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from alembic import command
from alembic.config import Config as Scripts
from werkzeug.wrappers import Request, Response

from digest.app import deciding, open_config
from digest.core.agenda import DueState
from digest.core.steps import Step
from digest.render.templates import TEXT
from digest.sandbox.loopback import Loopback
from digest.service.life import Daemon
from digest.service.standing import Reporter
from digest.store import identity, schema, sqlite
from tests.lab.launcher import Trap
from tests.support.children import put
from tests.support.serving import ANA, BOB, KEY, Place, eventually
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

    from tests.lab.runner import Starter
    from tests.support.daemons import Simulation
    from tests.support.works import Works

BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 3, 2, 12, tzinfo=BERLIN)  # a Monday
SIX = NOON.replace(hour=6)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
MORNING = {"period": "day", "schedule": "every day 07:30"}
OPS = {"files": ["ops"]}


@pytest.fixture
def place(tmp_path: Path, starter: Starter) -> Iterator[Place]:
    with Place(folder=tmp_path, starter=starter) as made:
        yield made


def notices(folder: Path) -> list[str]:
    """What the operator has in the folder channel, the oldest first."""
    files = folder.glob("out/ops/**/email.txt")
    return [file.read_text("utf-8") for file in sorted(files, key=lambda one: one.stat().st_mtime)]


def dues(daemon: Simulation) -> dict[str, tuple[DueState, str]]:
    return {due.job: (due.state, due.reason) for due in daemon.daemon.loop.store.agenda.recent(50)}


def states(daemon: Simulation) -> dict[tuple[str, str], tuple[str, str]]:
    """Job and recipient → state and what was last said about it."""
    held = daemon.daemon.loop.store.ledger.all_deliveries()
    return {(h.key.job, h.key.recipient): (str(h.state), h.last_error) for h in held}


# 15, 16: what hangs, what breaks ------------------------------------------------------------------


@contextmanager
def living(place: Place, watch: Callable[[Daemon, ExitStack], None]) -> Iterator[Daemon]:
    """A daemon in a thread, in real time."""
    daemon = Daemon(path=place.config, env=place.environment, watch=watch)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        yield daemon
    finally:
        daemon.asked.stops = 1
        daemon.wake.ring()
        thread.join(30)
        assert not thread.is_alive()


def test_case_15_a_build_that_hangs_is_given_up_and_makes_no_other_late(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    released = threading.Event()

    def hang(request: Request) -> None:
        if "/apps/2/" in request.path:
            released.wait(30)

    place.phase.answer_with = hang
    app = {"app_id": "1", "api_key": "${PHASE_KEY}", "base_url": place.phase.base_url}
    place.configure(
        {"hangs": {"app": "slow"}, "well": {}, "better": {}},
        apps={"shop": app, "slow": {**app, "app_id": "2"}},
        limits={"read": 60, "try": 120, "call": 240},
        state=f"sqlite:///{place.folder}/state/digest.db",
    )
    place.due("hangs", "well", "better")

    def impatient(daemon: Daemon, _closing: object) -> None:
        daemon.loop.builders.longest = 3.0

    begun = time.monotonic()
    with living(place, impatient) as daemon:
        eventually(lambda: len(place.mail.accepted) == 2)
        assert time.monotonic() - begun < 5
        eventually(lambda: [one.tries for one in daemon.loop.store.agenda.waiting()] == [1])
        (given_up,) = daemon.loop.store.agenda.waiting()
        assert given_up.job == "hangs"
        assert "took more than" in given_up.reason
        released.set()
    assert {job for job, *_ in place.rows()} == {"well", "better"}, "it came too late to count"


def test_case_16_an_exception_in_a_round_is_said_and_the_next_round_goes_on(
    works: Works, caplog: pytest.LogCaptureFixture
) -> None:
    breaks = [False]
    health = []

    def watch(daemon: Daemon, _closing: object) -> None:
        def after(*_about: object) -> None:
            health.append(Reporter(daemon).health())
            if breaks[0]:
                raise ZeroDivisionError

        daemon.telling.after = after

    with pings() as pinged:
        works.configure({"daily": MORNING}, heartbeat={"url": pinged.url, "every": "1m"})
        with caplog.at_level(logging.INFO), works.daemon(SIX, watch=watch) as daemon:
            daemon.until(SIX + HOUR)
            assert pinged.settled(daemon) > 0
            breaks[0] = True
            daemon.until(SIX + 2 * HOUR)
            silent = pinged.settled(daemon)
            daemon.until(SIX + 2 * HOUR + MINUTE)
            broken = Reporter(daemon.daemon).health()
            breaks[0] = False
            daemon.until(SIX + 3 * HOUR)
            assert pinged.settled(daemon) > silent
            assert Reporter(daemon.daemon).health().ready
    assert not broken.ready
    assert "internal error (ZeroDivisionError); this is a defect of digest" in broken.reasons
    said = [
        one.getMessage() for one in caplog.records if one.__dict__.get("action") == "round_broke"
    ]
    assert said == ["internal error (ZeroDivisionError); this is a defect of digest"]
    assert len(works.sent()) == 1, "what was due meanwhile went out all the same"


# 90: a reload -------------------------------------------------------------------------------------


BAD = [
    pytest.param("digests: {", "config.yaml:", id="YAML error"),
    pytest.param("${PHASE_KEY}", "MISSING_NAME", id="missing environment variable"),
    pytest.param("timezone: UTC", "colour", id="unknown key"),
]


def spoilt(text: str, what: str) -> str:
    """The config with that in it."""
    if what == "digests: {":
        return f"{text}\n{what}"
    if what == "timezone: UTC":
        return f"{text}\ncolour: red\n"
    return text.replace(what, "${MISSING_NAME}")


@pytest.mark.parametrize(("what", "said"), BAD)
def test_case_90_a_broken_config_is_refused_and_the_old_one_stays_in_use(
    place: Place, what: str, said: str
) -> None:
    place.configure({"daily": {}}, ops=OPS)
    place.due("daily", after=2.0)
    good = place.config.read_text("utf-8")
    with place.serve("--log-format", "json") as daemon:
        place.config.write_text(spoilt(good, what), encoding="utf-8")
        asked = place.run("serve", "--reload")
        assert (asked.code, asked.out) == (78, "")
        assert said in asked.err
        assert "Traceback" not in asked.err
        daemon.listening.until("READY=1", 2)
        eventually(lambda: place.mail.accepted)
        eventually(lambda: notices(place.folder))
        place.config.write_text(good, encoding="utf-8")
        status = place.run("status")
        assert any("could not be reloaded" in line for line in daemon.listening.lines)
        assert place.run("serve", "--reload").out == "reloaded\n"
        after = place.run("status")
        done = daemon.end()
    assert "The config was not reloaded, the old one is in use" in status.out
    assert "was not reloaded" not in after.out
    (notice,) = notices(place.folder)
    assert said in notice
    assert '"reload_refused"' in done.err
    assert KEY not in done.err + notice + status.said + asked.said
    assert done.code == 0


def test_case_90_a_good_reload_takes_effect_also_by_sighup(place: Place) -> None:
    config = place.configure({"daily": {}})
    with place.serve() as daemon:
        config["digests"]["daily"]["to"] = {"mail": [BOB]}
        config["digests"]["more"] = config["digests"]["daily"]
        place.config.write_text(yaml.safe_dump(config), encoding="utf-8")
        daemon.reload()
        assert any(line.startswith("STATUS=2 digests") for line in daemon.listening.lines)
        assert place.run("run", "more").code == 0
        assert daemon.end().code == 0
    assert [one.recipients for one in place.mail.accepted] == [(BOB,)]


def test_case_90_another_ledger_needs_a_restart(place: Place) -> None:
    place.configure({"daily": {}})
    with place.serve() as daemon:
        place.configure({"daily": {}}, state="sqlite:///./elsewhere/digest.db")
        daemon.reload()
        done = daemon.end()
    assert "`state` can't change while digest serve runs; restart it" in done.err
    assert done.code == 0


def test_case_90_a_daemon_that_is_killed_in_the_middle_of_a_reload_has_lost_nothing(
    place: Place,
) -> None:
    place.configure({"daily": {}})
    place.due("daily", after=3.0)
    key = place.folder / "key"
    with place.serve("--log-format", "json") as daemon:
        config = place.configure({"daily": {}})
        config["apps"]["shop"]["api_key"] = "${file:./key}"
        place.config.write_text(yaml.safe_dump(config), encoding="utf-8")
        os.mkfifo(key)
        daemon.signal(signal.SIGHUP)
        writing = os.open(key, os.O_WRONLY)  # returns when the daemon has opened it to read
        daemon.end(signal.SIGKILL)
        os.close(writing)
    key.unlink()
    key.write_text(KEY, encoding="utf-8")
    with place.serve() as daemon:
        eventually(lambda: place.mail.accepted)
        assert daemon.end().code == 0
    assert len(place.mail.accepted) == 1


# 91: what a reload takes away ---------------------------------------------------------------------


def test_case_91_what_a_reload_removes_is_skipped_with_a_reason_and_nothing_else_is(
    works: Works,
) -> None:
    def refuse(request: Request) -> Response | None:
        return Response(status=503) if "/apps/2/" in request.path else None

    works.phase.answer_with = refuse
    shop = {"app_id": "1", "api_key": "KEY_SHOP", "base_url": works.phase.base_url}
    dark = {
        "type": "smtp",
        "host": "127.0.0.1",
        "port": 9,
        "security": "none",
        "from": "a@example.com",
    }
    mail = {**dark, "port": works.inbox.port}
    more: dict[str, Any] = {
        "apps": {"shop": shop, "down": {**shop, "app_id": "2"}},
        "channels": {"mail": mail, "dark": dark, "files": {"type": "folder", "path": "./out"}},
    }
    kept: dict[str, dict[str, Any]] = {
        "daily": MORNING,
        "dark": {**MORNING, "to": {"dark": [ANA, BOB]}},
    }
    gone: dict[str, dict[str, Any]] = {
        "waits": {**MORNING, "app": "down"},
        "unsent": {**MORNING, "to": {"dark": [ANA]}},
        "renamed": {**MORNING, "app": "down"},
    }
    works.configure({**kept, **gone}, **more)
    start = datetime(2026, 3, 2, 7, tzinfo=BERLIN)
    with works.daemon(start, tick=5 * MINUTE) as daemon:
        daemon.until(start + timedelta(minutes=35))
        assert dues(daemon)["waits"][0] is dues(daemon)["renamed"][0] is DueState.WAITING
        assert states(daemon)["unsent", ANA][0] == "retry_wait"
        kept["dark"] = {**MORNING, "to": {"dark": [BOB]}}
        works.configure({**kept, "new-name": gone["renamed"]}, **more)
        daemon.reload()
        daemon.until(start + 2 * HOUR)
        after, found = dues(daemon), states(daemon)
        for job in ("waits", "renamed"):
            assert after[job] == (
                DueState.SKIPPED,
                "the config does not run this digest any more",
            )
        for removed in (("unsent", ANA), ("dark", ANA)):
            assert found[removed] == (
                "skipped",
                "the config no longer has this recipient for this digest",
            )
        assert found["dark", BOB][0] == "retry_wait", "who is still on the list is still tried"
        assert found["daily", "ana@example.com"][0] == "sent"
        assert "new-name" not in after, "a new name begins anew, and sends no past period"
        assert daemon.daemon.loop.calendar.next_of("new-name") is not None
    assert len(works.sent()) == 1


def test_case_91_a_channel_that_a_reload_removes_takes_its_deliveries_along(works: Works) -> None:
    dark = {
        "type": "smtp",
        "host": "127.0.0.1",
        "port": 9,
        "security": "none",
        "from": "a@example.com",
    }
    mail = {**dark, "port": works.inbox.port}
    works.configure(
        {"daily": {**MORNING, "to": {"mail": [ANA], "dark": [BOB]}}},
        channels={"mail": mail, "dark": dark},
    )
    start = datetime(2026, 3, 2, 7, tzinfo=BERLIN)
    with works.daemon(start, tick=5 * MINUTE) as daemon:
        daemon.until(start + timedelta(minutes=35))
        assert states(daemon)["daily", BOB][0] == "retry_wait"
        works.configure({"daily": MORNING}, channels={"mail": mail})
        daemon.reload()
        daemon.until(start + 2 * HOUR)
        assert states(daemon)["daily", BOB][0] == "skipped"
        assert daemon.daemon.loop.store.ledger.open_runs() == ()


# 92: templates, in a daemon that runs -------------------------------------------------------------


def test_case_92_a_template_that_breaks_while_the_daemon_runs_is_told_once_and_when_it_is_over(
    works: Works,
) -> None:
    template = put(works.folder / "mine", "{{ app }}", TEXT)
    works.configure({"daily": MORNING}, templates="./mine", ops=OPS)
    with works.daemon(NOON) as daemon:
        template.write_text("{{ appp }}", encoding="utf-8")
        daemon.until(NOON + 2 * DAY)
        troubles = daemon.daemon.loop.store.troubles
        (trouble,) = troubles.now()
        assert trouble.name == "template daily"
        template.write_text("{{ app }} is well", encoding="utf-8")
        daemon.until(NOON + 3 * DAY)
        assert troubles.now() == []
    built_in = [b"failed, so this is the built-in form" in one.data for one in works.inbox.messages]
    assert built_in == [True, True, False]
    (notice,) = notices(works.folder)
    assert "daily has the built-in form, because a template failed" in notice


# 93: the operator's own channel -------------------------------------------------------------------


class Pings:
    """Where the heartbeat goes."""

    def __init__(self, url: str, times: list[float]) -> None:
        self.url = url
        self._times = times

    def settled(self, daemon: Simulation) -> int:
        """How many came, with the one that is on its way."""
        assert daemon.daemon.heartbeat is not None
        daemon.daemon.heartbeat.wait(5)
        return len(self._times)


@contextmanager
def pings() -> Iterator[Pings]:
    times: list[float] = []

    @Request.application
    def application(_request: Request) -> Response:
        times.append(time.monotonic())
        return Response("ok")

    with closing(Loopback(application)) as server:
        yield Pings(f"{server.origin}/ping", times)


def test_case_93_trouble_with_one_channel_is_told_over_the_next(works: Works) -> None:
    dark = {
        "type": "smtp",
        "host": "127.0.0.1",
        "port": 9,
        "security": "none",
        "from": "a@example.com",
    }
    ops = {"dark": ["ops@example.com"], **OPS}
    files = {"type": "folder", "path": "./out"}
    with pings() as pinged:
        works.configure(
            {"daily": {**MORNING, "to": {"dark": [ANA]}}},
            channels={"dark": dark, "files": files},
            ops=ops,
            heartbeat={"url": pinged.url, "every": "5m"},
        )
        with works.daemon(SIX, tick=5 * MINUTE) as daemon:
            daemon.until(SIX + 3 * HOUR)
            before = pinged.settled(daemon)
            daemon.until(SIX + 4 * HOUR)
            assert pinged.settled(daemon) > before, "the operator was reached"
            ops_states = [v for (job, _), (v, _) in states(daemon).items() if job == "ops"]
            assert ops_states == ["sent"]
    assert "Channel dark, since" in notices(works.folder)[0]


def test_case_93_when_no_channel_reaches_the_operator_the_heartbeat_falls_silent(
    works: Works, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    ops = "ops@example.com"
    refuse = {ANA: "550 5.1.1 no such user", ops: "550 5.1.1 nor this one"}
    with pings() as pinged, SmtpServer(refuse=refuse) as server:
        mail = {"type": "smtp", "host": "127.0.0.1", "port": server.port, "security": "none"}
        config = works.configure(
            {"daily": MORNING},
            channels={"mail": {**mail, "from": "digest@example.com"}},
            state=f"sqlite:///{works.folder}/state/digest.db",
            ops={"mail": [ops]},
            heartbeat={"url": pinged.url, "every": "5m"},
        )
        with caplog.at_level(logging.INFO), works.daemon(SIX, tick=5 * MINUTE) as daemon:
            daemon.until(SIX + HOUR)
            assert pinged.settled(daemon) > 0
            daemon.until(SIX + 2 * HOUR)  # the refusal came at 07:30
            silent = pinged.settled(daemon)
            daemon.until(SIX + 4 * HOUR)
            assert pinged.settled(daemon) == silent, "somebody else has to notice now"
            (failed,) = [
                h for h in daemon.daemon.loop.store.ledger.all_deliveries() if h.key.job == "ops"
            ]
            assert str(failed.state) == "failed"
            monkeypatch.chdir(works.folder)
            deciding._decide(open_config(config, {}), failed.key.digest, deciding.Verdict.SKIP)
            daemon.until(SIX + 5 * HOUR)
            assert pinged.settled(daemon) > silent
    actions = [one.__dict__.get("action") for one in caplog.records]
    assert actions.count("delivery_failed") == 2, "no notice about the notice"


# 94: the watchdog ---------------------------------------------------------------------------------


WATCHED = {"WATCHDOG_USEC": "800000"}
LIFE = "WATCHDOG=1"


def test_case_94_signs_of_life_come_while_it_is_idle_and_stop_when_it_is_stuck(
    place: Place,
) -> None:
    place.configure({"daily": {}})
    with place.serve(env=WATCHED) as daemon:
        assert daemon.listening.within(1.0).count(LIFE) >= 3
        daemon.signal(signal.SIGSTOP)
        time.sleep(0.1)
        assert daemon.listening.within(1.0).count(LIFE) == 0
        daemon.signal(signal.SIGCONT)
        daemon.listening.until(LIFE, daemon.listening.count(LIFE) + 2)
        daemon.end()
        lines = daemon.listening.lines
    assert lines.index("READY=1") < lines.index(LIFE)
    assert lines.index("STOPPING=1") > max(n for n, line in enumerate(lines) if line == LIFE)


def test_case_94_a_build_that_hangs_is_not_the_loop(place: Place) -> None:
    released = threading.Event()

    def hang(_request: Request) -> None:
        released.wait(30)

    place.phase.answer_with = hang
    place.configure({"daily": {}}, limits={"read": 60, "try": 120, "call": 240})
    place.due("daily")
    with place.serve(env=WATCHED) as daemon:
        eventually(lambda: any("building daily" in line for line in daemon.listening.lines))
        assert daemon.listening.within(1.0).count(LIFE) >= 3
        released.set()
        eventually(lambda: place.mail.accepted)
        daemon.end()


def test_case_94_a_loop_that_hangs_gives_no_sign_of_life(place: Place) -> None:
    config = place.configure({"daily": {}})
    config["apps"]["shop"]["api_key"] = "${file:./key}"
    with place.serve(env=WATCHED) as daemon:
        place.config.write_text(yaml.safe_dump(config), encoding="utf-8")
        os.mkfifo(place.folder / "key")
        daemon.signal(signal.SIGHUP)
        daemon.listening.until("RELOADING=1")
        writing = os.open(place.folder / "key", os.O_WRONLY)
        assert daemon.listening.within(1.0).count(LIFE) == 0
        os.write(writing, KEY.encode())
        os.close(writing)
        daemon.listening.until("READY=1", 2)
        daemon.listening.until(LIFE, daemon.listening.count(LIFE) + 1)
        assert daemon.end().code == 0


@pytest.mark.parametrize("what", ["config", "ledger"])
def test_case_94_it_is_not_ready_before_config_and_ledger_are_good(place: Place, what: str) -> None:
    place.configure({"daily": {}})
    if what == "config":
        place.config.write_text("digests: {", encoding="utf-8")
    else:
        place.due("daily")
        assert place.ledger.path is not None
        place.ledger.path.write_bytes(b"this is no database")
    with place.serve(ready=False) as daemon:
        done = daemon.wait()
        assert daemon.listening.lines == []
    assert done.code == 78


# 95: clean, again and again, backwards ------------------------------------------------------------


def test_case_95_a_clean_install_begins_with_an_empty_private_ledger(place: Place) -> None:
    place.configure({"daily": {}})
    with place.serve() as daemon:
        assert place.run("status").code == 0
        assert daemon.end().code == 0
    folder = place.folder / "state"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {one.name for one in folder.iterdir()} == {
        "digest.db",
        "digest.lock",
        "instance.json",
        "serve.json",
    }
    assert {one.stat().st_mode & 0o777 for one in folder.iterdir()} == {0o600}


def test_case_95_ten_kills_in_a_row_lose_nothing_and_bound_the_copies(place: Place) -> None:
    place.configure({"daily": {}, "other": {"to": {"files": ["."]}}})
    place.due("daily", "other", after=0.5)
    for n in range(10):
        with place.serve() as daemon:
            time.sleep(0.03 * n)
            daemon.end(signal.SIGKILL)
    with place.serve() as daemon:
        eventually(lambda: {state for *_, state in place.rows()} <= {"sent", "held"})
        eventually(lambda: {job for job, *_ in place.rows()} == {"daily", "other"})
        assert daemon.end().code == 0
    (mailed,) = [o for o in place.run("deliveries", "--json").json if o["job"] == "daily"]
    assert 1 <= len(place.mail.received) <= 1 + mailed["uncertain"] <= 2


def test_case_95_a_ledger_of_a_newer_digest_is_refused_and_left_as_it_is(place: Place) -> None:
    place.configure({"daily": {}})
    place.due("daily")
    assert place.ledger.path is not None
    with closing(sqlite3.connect(place.ledger.path)) as ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '9999'")
        ledger.commit()
    before = place.ledger.path.read_bytes()
    for _ in range(2):
        with place.serve(ready=False) as daemon:
            done = daemon.wait()
            assert daemon.listening.lines == []
        assert (done.code, "written by a newer digest (schema 9999)" in done.err) == (78, True)
        assert "install that version again" in done.err
    assert place.ledger.path.read_bytes() == before
    assert (place.mail.commands, place.phase.asked) == ([], [])


# 96: an upgrade -----------------------------------------------------------------------------------


READERS = {name: f"{name}@example.com" for name in ("planned", "leased", "sending", "at_risk")}


def make_old(place: Place) -> Path:
    """A ledger of schema 0001, as a process left it that was killed while it sent."""
    killed = {**place.environment, **Trap(step=Step.PLAN_POST).variables()}
    assert place.starter.start(["run", "daily"], place.folder, killed).wait().code == -9
    assert place.ledger.path is not None
    new = place.ledger.path.rename(place.ledger.path.with_name("new.db"))
    engine = sqlite.engine_of(place.ledger.path)
    with engine.connect() as connection:
        scripts = Scripts()
        scripts.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
        scripts.attributes["connection"] = connection
        command.upgrade(scripts, "0001")
        identity.first_rows(connection)
        connection.commit()
    engine.dispose()
    with closing(sqlite3.connect(place.ledger.path)) as old:
        old.execute("ATTACH ? AS new", (str(new),))
        for table in ("runs", "contents", "deliveries", "attempts"):
            names = ", ".join(f'"{row[1]}"' for row in old.execute(f"PRAGMA table_info({table})"))
            old.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM new.{table}")
        old.execute(
            "UPDATE meta SET value = (SELECT value FROM new.meta WHERE name = 'install') "
            "WHERE name = 'install'"
        )
        for state, reader in READERS.items():
            owner = None if state == "planned" else "sender"
            armed = int(time.time() * 1_000_000) if state == "at_risk" else None
            old.execute(
                "UPDATE deliveries SET state = ?, owner = ?, armed_at = ?, fence = 1 "
                "WHERE recipient = ?",
                (state, owner, armed, reader),
            )
        old.commit()
    new.unlink()
    return place.ledger.path


@pytest.mark.parametrize(("policy", "end"), [("resend", "sent"), ("hold", "held")])
def test_case_96_what_an_older_version_had_under_way_is_taken_up_by_the_daemon(
    place: Place, policy: str, end: str
) -> None:
    place.configure(
        {"daily": {"to": {"mail": list(READERS.values())}}}, delivery={"on_uncertain": policy}
    )
    path = make_old(place)
    before = shutil.copy(path, place.folder / "before.db")
    wanted = {**dict.fromkeys(READERS.values(), "sent"), READERS["at_risk"]: end}
    with place.serve() as daemon:
        eventually(lambda: {who: state for _, who, state in place.rows()} == wanted)
        assert daemon.end().code == 0
    counted = {o["recipient"]: o["uncertain"] for o in place.run("deliveries", "--json").json}
    assert counted == {who: int(who == READERS["at_risk"]) for who in READERS.values()}
    expected = {who for who, state in wanted.items() if state == "sent"}
    assert sorted(r for one in place.mail.accepted for r in one.recipients) == sorted(expected)
    copy = path.with_name("digest.db.schema-0001")
    with closing(sqlite3.connect(copy)) as kept, closing(sqlite3.connect(before)) as old:
        asked = "SELECT recipient, state FROM deliveries ORDER BY id"
        assert kept.execute(asked).fetchall() == old.execute(asked).fetchall()
        assert kept.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
