"""Cases 65 to 79 of the fault matrix, whole: the command line, the ledger and a mail server.

What each answer of a server means is in `tests/channels`; here it is what becomes of a delivery
over several runs, and how many copies each reader has in the end.
"""

from __future__ import annotations

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from digest.sandbox.flavour import Flavour
from digest.sandbox.server import PhaseSandbox
from tests.support.cli import SECRETS, Terminal, config_of, write_config
from tests.support.commands import CLOCK
from tests.support.hostile_http import closed_port
from tests.support.recorded import recorded_rows
from tests.support.smtp_acts import DROP, STALL, Act, reply
from tests.support.smtp_server import CA_FILE, SmtpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tests.support.commands import Done

A, B, C = "a@example.com", "b@example.com", "c@example.com"
START = datetime.fromisoformat("2026-11-23T08:00:00Z")
PASSWORD = "correct-horse-9"
LOGIN = {"username": "mailer", "password": "${SMTP_PASSWORD}"}
LATER = reply("451 4.7.1 greylisted")
SHORT = {"connect": 2, "read": 0.5, "try": 3, "call": 5, "tries": 1}
"""Limits for a run that meets a silent server and has nothing to ask of Phase."""


@pytest.fixture(scope="module")
def phase() -> Iterator[PhaseSandbox]:
    rows = recorded_rows()
    with PhaseSandbox(rows, api=Flavour.CURRENT, clock=lambda: CLOCK, rate_limit=0) as box:
        yield box


class Mailroom:
    """A digest for some readers, and a way to run it at any time."""

    def __init__(self, folder: Path, phase: PhaseSandbox, terminal: Terminal) -> None:
        self.folder, self._phase, self.terminal = folder, phase, terminal
        self.config: dict[str, Any] = {}

    def set(
        self, port: int, *readers: str, login: bool = False, host: str = "127.0.0.1", **changes: Any
    ) -> dict[str, Any]:
        """Write the config: `mail-only` goes to these readers through this server."""
        self.config = config_of(self._phase.base_url, smtp=port, **changes)
        self.config["channels"]["mail"] |= {"host": host, **(LOGIN if login else {})}
        self.config["digests"]["mail-only"]["to"] = {"mail": list(readers)}
        self.write()
        return self.config

    def write(self) -> None:
        write_config(self.folder, self.config)

    def run(self, *options: str, after: float = 0.0, name: str = "mail-only") -> Done:
        """Run it so many minutes after the first time."""
        now = (START + timedelta(minutes=after)).isoformat()
        return self.terminal("run", name, "--period", "2026-W47", "--now", now, *options)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every delivery, oldest first."""
        found: list[dict[str, Any]] = self.terminal("deliveries", "--json").json
        return found[::-1]

    @property
    def states(self) -> dict[str, str]:
        return {row["recipient"]: row["state"] for row in self.rows}

    @property
    def uncertain(self) -> int:
        return sum(row["uncertain"] for row in self.rows)


@pytest.fixture
def room(
    tmp_path: Path,
    phase: PhaseSandbox,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Mailroom:
    monkeypatch.chdir(tmp_path)
    for name, value in {**SECRETS, "SMTP_PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(name, value)
    return Mailroom(tmp_path, phase, Terminal(capsys))


def copies(server: SmtpServer) -> Counter[str]:
    """How many copies of anything each reader has."""
    return Counter(reader for one in server.accepted for reader in one.recipients)


# Before the dot -----------------------------------------------------------------------------------

OF_THE_CHANNEL = ("GREETING", "EHLO", "AUTH")


@pytest.mark.parametrize("verb", [*OF_THE_CHANNEL, "MAIL", "RCPT", "DATA"])
def test_case_65_trouble_before_the_dot_is_tried_again_and_never_in_doubt(
    room: Mailroom, verb: str
) -> None:
    refused = reply("421 4.3.2 not now" if verb == "GREETING" else "451 4.3.0 not now")
    with SmtpServer({verb: [refused, DROP, STALL]}, users={"mailer": PASSWORD}) as server:
        room.set(server.port, A, login=True)
        for turn in range(3):
            assert room.run(after=60 * turn).code == 75
            (row,) = room.rows
            assert (row["state"], row["uncertain"]) == ("retry_wait", 0)
            assert row["attempts"] == (0 if verb in OF_THE_CHANNEL else turn + 1)
            if turn == 1:
                room.set(server.port, A, login=True, limits=SHORT)
        assert server.received == []
        assert room.run(after=180).code == 0
    assert copies(server) == {A: 1}
    assert (room.states, room.uncertain) == ({A: "sent"}, 0)


def test_case_66_mixed_answers_are_three_people_s_own_affairs(room: Mailroom) -> None:
    script = {"RCPT": [None, LATER, LATER]}
    with SmtpServer(script, refuse={B: "550 5.1.1 no such user"}) as server:
        room.set(server.port, A, B, C)
        codes, seen = [], []
        for turn in range(3):
            codes.append(room.run(after=10 * turn).code)
            seen.append(room.states)
    assert codes == [1, 1, 1], "somebody has to look at B, whatever becomes of C"
    assert seen == [
        {A: "sent", B: "failed", C: "retry_wait"},
        {A: "sent", B: "failed", C: "retry_wait"},
        {A: "sent", B: "failed", C: "sent"},
    ]
    assert copies(server) == {A: 1, C: 1}
    asked = [line.split("<")[1][0] for line in server.commands if line.startswith("RCPT")]
    assert asked == ["a", "b", "c", "c", "c"], "B is not tried again, C alone is"
    assert [row["attempts"] for row in room.rows] == [1, 1, 3]


# After the dot ------------------------------------------------------------------------------------


def test_case_67_put_off_and_then_refused_has_failed_without_a_copy(room: Mailroom) -> None:
    script = {"DOT": [reply("451 4.3.0 not now"), reply("554 5.7.1 spam")]}
    with SmtpServer(script) as server:
        room.set(server.port, A)
        assert room.run().code == 75
        assert room.states == {A: "retry_wait"}
        assert room.run(after=10).code == 1
        assert room.run(after=20).code == 1
    assert (room.states, room.uncertain) == ({A: "failed"}, 0)
    assert server.accepted == []
    first, second = server.received
    assert first.raw == second.raw


def test_case_68_an_answer_that_is_lost_means_one_more_of_the_same_bytes(room: Mailroom) -> None:
    with SmtpServer({"DOT": [DROP]}) as server:
        room.set(server.port, A, B)
        assert room.run().code == 0, "one run settles it"
        assert room.run().code == 0
    assert copies(server) == {A: 2, B: 1}
    assert len({one.raw for one in server.accepted if one.recipients == (A,)}) == 1
    assert [(row["state"], row["uncertain"]) for row in room.rows] == [("sent", 1), ("sent", 0)]


def test_case_68_with_hold_there_is_never_a_second_copy(room: Mailroom) -> None:
    with SmtpServer({"DOT": [DROP]}) as server:
        room.set(server.port, A, B, delivery={"on_uncertain": "hold"})
        for turn in range(3):
            assert room.run(after=60 * turn).code == 1
    assert copies(server) == {A: 1, B: 1}
    assert room.states == {A: "held", B: "sent"}
    assert room.uncertain == 1


def test_case_68_lost_twice_is_held_and_no_third_copy_is_made(room: Mailroom) -> None:
    with SmtpServer({"DOT": [DROP, DROP]}) as server:
        room.set(server.port, A)
        assert room.run().code == 1
        assert room.run(after=60).code == 1
    assert (copies(server), room.states, room.uncertain) == ({A: 2}, {A: "held"}, 2)
    assert "unknown 2 times" in room.rows[0]["last_error"]


def test_case_69_the_answer_to_the_dot_may_take_twice_as_long_as_any_other(room: Mailroom) -> None:
    slow = Act(wait=1.4, text=b"250 2.0.0 taken\r\n")
    with closed_port() as port:
        room.set(port, A, B)
        assert room.run().code == 75
    with SmtpServer({"DOT": [slow, STALL]}) as server:
        limits = SHORT | {"read": 1.0}
        room.set(server.port, A, B, limits=limits, delivery={"on_uncertain": "hold"})
        assert room.run().code == 1
    assert room.states == {A: "sent", B: "held"}
    assert copies(server) == {A: 1, B: 1}


BYE = Act(text=b"421 4.3.2 closing\r\n", close=True)


@pytest.mark.parametrize(
    ("script", "connections"),
    [
        ({"MAIL": [None, BYE]}, 2),
        ({"DOT": [Act(text=b"250 2.0.0 taken\r\n", close=True)]}, 2),
        ({"QUIT": [DROP]}, 1),
        ({"QUIT": [BYE]}, 1),
    ],
    ids=["421 between two mails", "gone between two mails", "dropped at QUIT", "421 at QUIT"],
)
def test_case_70_a_connection_that_ends_is_opened_anew(
    room: Mailroom, script: dict[str, Sequence[Act | None]], connections: int
) -> None:
    with SmtpServer(script) as server:
        room.set(server.port, A, B)
        assert room.run().code == 0
        assert server.connections == connections
    assert copies(server) == {A: 1, B: 1}
    assert [(row["state"], row["attempts"]) for row in room.rows] == [("sent", 1), ("sent", 1)]


def test_case_70_a_goodbye_in_mid_message_puts_off_that_message_alone(room: Mailroom) -> None:
    with SmtpServer({"RCPT": [None, BYE]}) as server:
        room.set(server.port, A, B, C)
        assert room.run().code == 75
        assert room.states == {A: "sent", B: "retry_wait", C: "sent"}
        assert room.run(after=1).code == 0
    assert copies(server) == {A: 1, B: 1, C: 1}
    assert room.uncertain == 0


# The way there ------------------------------------------------------------------------------------

SLIPPED_IN = Act(text=b"220 go ahead\r\n250 slipped in\r\n")


@pytest.mark.parametrize(
    ("certificate", "script", "trusted", "code", "said"),
    [
        (None, {}, True, 1, "does not offer STARTTLS, and without encryption nothing is sent"),
        ("server.pem", {"STARTTLS": [reply("454 4.7.0 not now")] * 2}, True, 75, "454 4.7.0"),
        ("server.pem", {"STARTTLS": [SLIPPED_IN] * 2}, True, 75, "text was slipped in"),
        ("wrong-name.pem", {}, True, 1, "its certificate was not accepted"),
        ("expired.pem", {}, True, 1, "its certificate was not accepted (certificate has expired)"),
        ("server.pem", {}, False, 1, "its certificate was not accepted"),
    ],
    ids=["not offered", "refused", "slipped in", "another's name", "expired", "not trusted"],
)
def test_case_71_without_trusted_encryption_nothing_is_said(  # noqa: PLR0917 — one row of a table
    room: Mailroom,
    certificate: str | None,
    script: dict[str, Sequence[Act | None]],
    trusted: bool,  # noqa: FBT001 — as above
    code: int,
    said: str,
) -> None:
    with SmtpServer(script, certificate=certificate, users={"mailer": PASSWORD}) as server:
        config = room.set(
            server.port, A, B, login=True, host="localhost", ops={"files": ["operator"]}
        )
        secure = {"security": "starttls", **({"ca_file": str(CA_FILE)} if trusted else {})}
        config["channels"]["mail"] |= secure
        room.write()
        codes = [room.run(after=60 * turn).code for turn in range(2)]
        assert not {"AUTH", "MAIL"} & set(server.verbs())
    assert codes == [code, code]
    assert [(row["state"], row["attempts"]) for row in room.rows[:2]] == [("retry_wait", 0)] * 2
    assert all(said in row["last_error"] for row in room.rows[:2])
    (notice,) = room.folder.glob("out/operator/ops/*/email.txt")
    assert said in " ".join(notice.read_text().split())
    assert PASSWORD not in notice.read_text()


def test_case_72_a_login_that_is_refused_is_tried_once_and_blames_no_reader(
    room: Mailroom,
) -> None:
    with SmtpServer(users={"mailer": "another one"}) as server:
        config = room.set(server.port, A, B, login=True)
        config["channels"]["mail"]["connections"] = 2
        config["digests"]["other"] = config["digests"]["mail-only"] | {"to": {"mail": [C]}}
        room.write()
        said = room.terminal(
            "--debug", "run", "mail-only", "other", "--period", "2026-W47", "--now",
            START.isoformat(),
        )  # fmt: skip
        assert server.verbs().count("AUTH") == 1, "for two digests, three readers, two connections"
        assert not {"MAIL", "RCPT"} & set(server.verbs())
    assert said.code == 1
    assert [(row["attempts"], row["uncertain"]) for row in room.rows] == [(0, 0)] * 3
    assert set(room.states.values()) <= {"retry_wait", "planned"}
    status = room.terminal("status", "--json")
    assert status.code == 1
    (channel,) = status.json["channels"]
    assert (channel["name"], channel["needs_person"]) == ("mail", True)
    assert "535" in channel["reason"]
    assert "check username and password" in channel["reason"]
    told = said.said + status.said + room.terminal("deliveries", "--json").out
    assert PASSWORD not in told
    for path in (room.folder / "state").iterdir():
        assert PASSWORD.encode() not in path.read_bytes()

    with SmtpServer(users={"mailer": PASSWORD}) as server:
        room.config["channels"]["mail"]["port"] = server.port
        room.write()
        assert room.run(after=1).code == 0
        assert room.run(after=1, name="other").code == 0
    assert copies(server) == {A: 1, B: 1, C: 1}
    assert room.terminal("status").code == 0, "a message was taken, so the trouble is over"


# What is too large, late or slow ------------------------------------------------------------------


def test_case_73_what_is_too_large_goes_without_its_charts_or_not_at_all(room: Mailroom) -> None:
    too_large = reply("552 5.3.4 too large")
    with SmtpServer({"DOT": [too_large]}) as server:
        config = room.set(server.port, A)
        config["digests"]["mail-only"]["charts"] = ["sessions"]
        room.write()
        said = room.run("--json")
        assert said.code == 0, "one run settles it"
    whole, small = (one.raw for one in server.received)
    assert (b"image/png" in whole, b"image/png" in small) == (True, False)
    assert b"The charts were left out" in small
    (made,) = said.json["runs"][0]["deliveries"]
    assert (made["state"], made["attempts"], made["uncertain"]) == ("sent", 2, 0)
    assert made["remarks"] == [
        "the charts were left out: the mail server takes only smaller messages"
    ]

    announced = (len(whole) + len(small)) // 2
    with SmtpServer(extensions=("8BITMIME", f"SIZE {announced}")) as server:
        room.config["channels"]["mail"]["port"] = server.port
        room.write()
        assert room.run("--force").code == 0
        assert server.verbs().count("MAIL") == 1, "what is too large is not even offered"
    assert [b"image/png" in one.raw for one in server.accepted] == [False]

    with SmtpServer(extensions=("8BITMIME", "SIZE 1000")) as server:
        room.config["channels"]["mail"]["port"] = server.port
        room.write()
        assert room.run("--force").code == 1
        assert "MAIL" not in server.verbs()
    assert room.rows[-1]["state"] == "failed"
    assert "even without charts" in room.rows[-1]["last_error"]


def test_case_73_refused_for_its_size_twice_it_has_failed(room: Mailroom) -> None:
    too_large = reply("552 5.3.4 too large")
    with SmtpServer({"DOT": [too_large, too_large]}) as server:
        room.set(server.port, A)
        assert room.run().code == 1
        assert room.run(after=60).code == 1
    assert (len(server.received), server.accepted) == (2, [])
    assert (room.states, room.rows[0]["attempts"]) == ({A: "failed"}, 2)


def test_case_74_letters_that_a_server_can_t_carry_are_one_person_s_failure(
    room: Mailroom,
) -> None:
    with SmtpServer(extensions=("8BITMIME",)) as server:
        room.set(server.port, "jürgen@example.com", "info@bücher.example", A)
        said = room.run()
    assert said.code == 1
    assert "can't carry the letters before the @ of jürgen@example.com" in said.out
    assert copies(server) == {"info@xn--bcher-kva.example": 1, A: 1}
    assert list(room.states.values()) == ["failed", "sent", "sent"]


def test_case_76_a_greylisted_reader_gets_it_once_within_the_deadline(room: Mailroom) -> None:
    with SmtpServer({"RCPT": [LATER] * 4}) as server:
        room.set(server.port, A)
        waits = []
        for minutes in (0, 1, 6, 21):
            assert room.run(after=minutes).code == 75
            due = datetime.fromisoformat(room.rows[0]["due_at"])
            waits.append(round((due - START).total_seconds() / 60) - minutes)
        assert room.run(after=51).code == 0
        assert room.run(after=52).code == 0
    assert waits == [1, 5, 15, 30]
    assert copies(server) == {A: 1}
    (row,) = room.rows
    assert (row["state"], row["attempts"], row["uncertain"]) == ("sent", 5, 0)


def test_case_77_what_is_put_off_past_its_deadline_is_given_up_and_never_sent(
    room: Mailroom,
) -> None:
    with closed_port() as port:
        room.set(port, A, delivery={"deadline": "2h"}, ops={"files": ["operator"]})
        room.config["digests"]["mail-only"]["to"]["files"] = ["board"]
        room.write()
        assert room.run().code == 75
        assert room.run(after=119).code == 75
        assert room.run(after=121).code == 1
    assert room.states[A] == "dead"
    assert room.states["board"] == "sent", "one channel's end is not another's"
    told = [path.read_text() for path in room.folder.glob("out/operator/ops/*/email.txt")]
    assert sum("to a@example.com over mail: dead" in one for one in told) == 1
    assert room.terminal("status").code == 1
    with SmtpServer() as server:
        room.config["channels"]["mail"]["port"] = server.port
        room.write()
        assert room.run(after=122).code == 1
        assert server.received == []


class Gate(SmtpServer):
    """Has `wait` called before it greets anybody."""

    def __init__(self, wait: Callable[[], object]) -> None:
        super().__init__({"GREETING": [reply("421 4.3.2 not now")]})
        self._wait = wait

    def _next(self, point: str) -> Act | None:
        if point == "GREETING":
            self._wait()
        return super()._next(point)


def test_case_78_one_dead_host_delays_nobody_else(room: Mailroom) -> None:
    readers = [f"reader{number}@example.com" for number in range(60)]
    reached: list[int] = []

    def until_the_others_have_it() -> None:
        until = time.monotonic() + 20
        while len(good.accepted) < len(readers) and time.monotonic() < until:
            time.sleep(0.01)
        reached.append(len(good.accepted))

    with SmtpServer() as good, Gate(until_the_others_have_it) as hole:
        config = room.set(good.port, *readers, limits={})
        config["channels"]["dark"] = config["channels"]["mail"] | {"port": hole.port}
        config["digests"]["mail-only"]["to"] = {"dark": readers, "mail": readers}
        room.write()
        assert room.run().code == 75
    assert reached == [60], "everybody else had it while the silent one was still silent"
    assert Counter(row["state"] for row in room.rows if row["channel"] == "mail") == {"sent": 60}
    silent = [row for row in room.rows if row["channel"] == "dark"]
    assert {(row["state"], row["attempts"]) for row in silent} == {("retry_wait", 0)}
    assert hole.connections == 1, "it is not asked again for each reader"


def test_case_79_who_is_taken_off_the_list_is_skipped_and_nobody_else(room: Mailroom) -> None:
    with SmtpServer({"RCPT": [LATER] * 3}) as server:
        room.set(server.port, A, B, C)
        assert room.run().code == 75
        room.set(server.port, A, C)
        assert room.run(after=1).code == 0
        assert room.states == {A: "sent", B: "skipped", C: "sent"}
        room.set(server.port, A, B, C)
        assert room.run(after=2).code == 0, "back on the list, for the next period"
    assert copies(server) == {A: 1, C: 1}
