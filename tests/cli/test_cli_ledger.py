"""The ledger as its user meets it: what was sent stays known, what was not is never forgotten."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from digest.core.content import DeliveryKey, DeliveryKind, DeliveryState
from digest.sandbox.slack import SlackSandbox
from tests.support.cli import ROOT, SECRETS, config_of, start, write_config
from tests.support.commands import NOW
from tests.support.hostile_http import closed_port
from tests.support.smtp_acts import DROP, STALL, reply
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from digest.sandbox.server import PhaseSandbox
    from tests.support.cli import Terminal
    from tests.support.commands import Done

ANA, BOB = "ana@example.com", "bob@example.com"
RUN = ("run", "mail-only", "--now", NOW)
LATER = reply("451 4.7.1 greylisted")
NO_SUCH_USER = "550 5.1.1 no such user"
PASSWORD = "correct-horse-9"


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as made:
        yield made


def to_readers(
    folder: Path, phase: PhaseSandbox, port: int, *readers: str, **changes: Any
) -> dict[str, Any]:
    """Write a config in which `mail-only` goes to these readers; gives it."""
    config = config_of(phase.base_url, smtp=port, **changes)
    config["digests"]["mail-only"]["to"] = {"mail": list(readers)}
    write_config(folder, config)
    return config


def message_id(raw: bytes) -> str:
    found = re.search(rb"(?m)^Message-ID: (\S+)", raw)
    assert found is not None
    return found[1].decode()


def listed(terminal: Terminal, *options: str) -> list[dict[str, Any]]:
    """What `deliveries --json` has, the newest first."""
    said = terminal("deliveries", "--json", *options)
    assert (said.code, said.err) == (0, "")
    found: list[dict[str, Any]] = said.json
    return found


def states(terminal: Terminal) -> list[tuple[str, int, str]]:
    """Recipient, generation and state of each delivery, the oldest first."""
    return [
        (one["recipient"], one["generation"], one["state"]) for one in reversed(listed(terminal))
    ]


def one_sentence(said: Done, code: int) -> str:
    """What a refused command said, which is one line on stderr and nothing else."""
    assert (said.code, said.out) == (code, ""), said.said
    (line,) = said.err.splitlines()
    assert "internal error" not in line
    return line


def held(terminal: Terminal, folder: Path, phase: PhaseSandbox) -> tuple[str, SmtpServer]:
    """One delivery whose outcome nobody knows, held for a person; its id, and what took it."""
    with SmtpServer({"DOT": [DROP]}) as server:
        to_readers(folder, phase, server.port, ANA, delivery={"on_uncertain": "hold"})
        assert terminal(*RUN).code == 1
    (one,) = listed(terminal)
    assert (one["state"], one["uncertain"]) == ("held", 1)
    return one["id"], server


# A period is sent once ----------------------------------------------------------------------------


def test_a_period_that_was_sent_says_so_and_is_not_sent_again(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA)
    first = terminal(*RUN, "--json")
    assert (first.code, first.json["runs"][0]["already_done"]) == (0, False)
    asked = len(phase.requests)

    again, as_json = terminal(*RUN), terminal(*RUN, "--json")

    assert (again.code, as_json.code) == (0, 0)
    assert again.out.splitlines()[0] == (
        "mail-only 2026-W47: sent already; nothing was done now (--force sends it again)"
    )
    (made,) = as_json.json["runs"]
    assert (made["already_done"], made["state"], made["error"]) == (True, "sent", None)
    assert made["deliveries"] == first.json["runs"][0]["deliveries"]
    assert len(server.received) == 1
    assert len(phase.requests) == asked, "nothing is even asked for"


def test_force_sends_it_anew_as_a_new_generation_with_a_message_id_of_its_own(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA)
    terminal(*RUN)
    forced = terminal(*RUN, "--force", "--json")
    (made,) = forced.json["runs"]
    assert (forced.code, made["already_done"], made["state"]) == (0, False, "sent")
    assert states(terminal) == [(ANA, 0, "sent"), (ANA, 1, "sent")]
    sent = [message_id(one.raw) for one in server.accepted]
    assert len(set(sent)) == 2
    assert [one["message_id"] for one in reversed(listed(terminal))] == sent
    assert terminal(*RUN).out.count("sent already") == 1


def test_force_takes_the_place_of_what_was_left(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer({"RCPT": [None, LATER]}) as server:
        to_readers(tmp_path, phase, server.port, ANA, BOB)
        assert terminal(*RUN).code == 75
        assert terminal(*RUN, "--force").code == 0
        assert terminal(*RUN).code == 0
    assert states(terminal) == [
        (ANA, 0, "sent"), (BOB, 0, "skipped"), (ANA, 1, "sent"), (BOB, 1, "sent"),
    ]  # fmt: skip
    assert [one.recipients for one in server.accepted] == [(ANA,), (ANA,), (BOB,)]
    skipped = listed(terminal)[2]
    assert skipped["last_error"] == "superseded by a newer generation; was retry_wait"


def test_what_was_planned_is_sent_as_it_was_whatever_changed_meanwhile(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer({"DOT": [reply("451 4.3.0 not now")]}) as server, closed_port() as gone:
        config = to_readers(tmp_path, phase, server.port, ANA)
        assert terminal(*RUN).code == 75

        (tmp_path / "mine" / "email").mkdir(parents=True)
        (tmp_path / "mine" / "email" / "digest.subject.j2").write_text("Another subject")
        config["templates"] = "./mine"
        config["locale"] = "de"
        config["apps"]["shop"] |= {"title": "Renamed", "base_url": f"http://127.0.0.1:{gone}/v1"}
        config["channels"]["mail"]["from"] = "Someone else <digest@example.com>"
        config["digests"]["mail-only"] |= {"metrics": ["events"], "title": "Another title"}
        write_config(tmp_path, config)
        said = terminal(*RUN)

    assert (said.code, said.err) == (0, ""), "the API that is gone by now is not needed"
    refused, taken = server.received
    assert (refused.accepted, taken.accepted) == (False, True)
    assert taken.raw == refused.raw


def test_what_an_earlier_run_left_is_taken_up_and_nobody_gets_it_twice(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer({"RCPT": [None, LATER]}) as server:
        to_readers(tmp_path, phase, server.port, ANA, BOB)
        first = terminal(*RUN, "--json")
        assert (first.code, first.json["runs"][0]["state"]) == (75, "partly_sent")
        assert states(terminal) == [(ANA, 0, "sent"), (BOB, 0, "retry_wait")]
        asked = len(phase.requests)
        second = terminal(*RUN, "--json")
        assert (second.code, second.json["runs"][0]["state"]) == (0, "sent")
        assert second.json["runs"][0]["already_done"] is False, "something was done"
    assert [one.recipients for one in server.accepted] == [(ANA,), (BOB,)]
    assert len(phase.requests) == asked


def test_a_reader_who_is_taken_off_the_list_gets_nothing_any_more(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer({"RCPT": [LATER, LATER]}) as server:
        to_readers(tmp_path, phase, server.port, ANA, BOB)
        assert terminal(*RUN).code == 75
        to_readers(tmp_path, phase, server.port, BOB)
        said = terminal(*RUN)
    assert said.code == 0
    assert "skipped    mail: ana@example.com (the config no longer has this recipient" in said.out
    assert [one.recipients for one in server.accepted] == [(BOB,)]


def test_to_is_never_the_period_s_delivery_and_may_be_repeated(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA)
    tests = [terminal(*RUN, "--to", "me@example.com", "--json") for _ in range(2)]
    assert [(one.code, one.json["runs"][0]["already_done"]) for one in tests] == [(0, False)] * 2
    real = terminal(*RUN)
    assert (real.code, "sent already" in real.out) == (0, False)
    assert terminal(*RUN, "--to", "me@example.com").code == 0, "and after it"
    assert [one.recipients for one in server.accepted] == [
        ("me@example.com",), ("me@example.com",), (ANA,), ("me@example.com",),
    ]  # fmt: skip
    assert len({message_id(one.raw) for one in server.accepted}) == 4
    assert [one["kind"] for one in listed(terminal)] == ["test", "digest", "test", "test"]


def test_the_data_of_a_run_is_that_of_its_plan_and_a_dry_run_plans_nothing(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA)
    assert terminal(*RUN, "--dry-run").code == 0
    assert not (tmp_path / "state").exists(), "a dry run has no ledger"
    assert terminal("deliveries").out == ""
    assert terminal(*RUN).code == 0
    assert terminal(*RUN, "--dry-run", "--json").json["runs"][0]["state"] == "dry_run"
    assert states(terminal) == [(ANA, 0, "sent")]


# `status` -----------------------------------------------------------------------------------------


def test_before_anything_was_sent_all_is_well(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    to_readers(tmp_path, phase, 9, ANA)
    said = terminal("status")
    assert (said.code, said.out, said.err) == (0, "nothing was sent yet\n", "")
    assert terminal("status", "--json").json == {
        "ok": True, "runs": [], "deliveries": {}, "alerts": [], "channels": [], "needs_person": [],
        "missed": [], "waiting": [], "troubles": [],
    }  # fmt: skip
    assert not (tmp_path / "state").exists(), "looking makes no ledger"


def test_status_has_the_shapes_of_the_contract(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer({"RCPT": [None, LATER]}, refuse={"gone@example.com": NO_SUCH_USER}) as server:
        to_readers(tmp_path, phase, server.port, ANA, BOB, "gone@example.com")
        assert terminal(*RUN).code == 1
    said, text = terminal("status", "--json"), terminal("status")
    assert (said.code, text.code) == (1, 1), "somebody has to look at the unknown address"
    found = said.json
    assert found["ok"] is False
    assert found["deliveries"] == {"sent": 1, "retry_wait": 1, "failed": 1}
    assert (found["alerts"], found["channels"]) == ([], [])
    (run,) = found["runs"]
    assert (run["job"], run["kind"], run["period"]) == ("mail-only", "digest", "2026-W47")
    assert run["generation"] == 0
    assert run["deliveries"] == found["deliveries"]
    assert (run["planned_at"][:16], run["deadline"][:16]) == (NOW[:16], "2026-11-26T04:46")
    (need,) = found["needs_person"]
    failed = listed(terminal, "--failed")
    assert [need] == failed
    assert (need["recipient"], need["state"]) == ("gone@example.com", "failed")
    assert NO_SUCH_USER in need["last_error"]
    lines = text.out.splitlines()
    assert lines[0] == "mail-only 2026-W47: 1 failed, 1 retry_wait, 1 sent"
    assert lines[1] == "needs a person (1):"
    assert need["id"][:8] in lines[2]
    assert NO_SUCH_USER in lines[2]


def test_what_is_only_put_off_needs_nobody(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with closed_port() as port:
        to_readers(tmp_path, phase, port, ANA)
        assert terminal(*RUN).code == 75
    said = terminal("status", "--json")
    assert (said.code, said.json["ok"], said.json["needs_person"]) == (0, True, [])
    (channel,) = said.json["channels"]
    assert (channel["name"], channel["needs_person"]) == ("mail", False)
    assert "refused the connection" in channel["reason"]
    assert (channel["since"] < channel["until"]) is True
    assert "channel mail is left alone until 2026-11-23T04:47Z" in terminal("status").out


# `deliveries` -------------------------------------------------------------------------------------


def test_deliveries_are_listed_the_newest_first_and_all_of_them_on_demand(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    readers = [f"reader{number}@example.com" for number in range(52)]
    to_readers(tmp_path, phase, server.port, *readers)
    assert terminal(*RUN).code == 0
    some, everything = terminal("deliveries"), terminal("deliveries", "--all")
    assert (some.code, everything.code) == (0, 0)
    assert len(some.out.splitlines()) == 50
    assert some.err == "older ones: digest deliveries --all\n"
    assert len(everything.out.splitlines()) == 52
    assert everything.err == ""
    assert "reader51@example.com" in some.out.splitlines()[0]
    assert [one["recipient"] for one in listed(terminal)] == readers[::-1]
    line = everything.out.splitlines()[-1]
    assert re.fullmatch(
        r"[0-9a-f]{8}  2026-11-23T04:46Z  sent        "
        r"mail-only 2026-W47  mail: reader0@example\.com",
        line,
    )
    assert terminal("deliveries", "--failed").out == ""


def test_each_delivery_says_what_became_of_it(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer(refuse={BOB: NO_SUCH_USER}) as server:
        to_readers(tmp_path, phase, server.port, ANA, BOB)
        terminal(*RUN)
    failed, sent = listed(terminal)
    assert {"id", "job", "kind", "period", "channel", "recipient", "state", "attempts"} < set(sent)
    assert re.fullmatch("[0-9a-f]{32}", sent["id"])
    assert (sent["attempts"], sent["uncertain"], sent["last_error"]) == (1, 0, None)
    assert sent["message_id"] == message_id(server.accepted[0].raw)
    assert sent["updated_at"].startswith("2026-11-23T04:46:")
    assert (failed["state"], failed["attempts"]) == ("failed", 1)
    assert failed["last_error"].endswith("did not take the recipient: 550 5.1.1 no such user")
    assert terminal("deliveries", "--failed").out.count("\n") == 1
    assert {DeliveryState(one["state"]) for one in listed(terminal)}


# `deliveries resend` ------------------------------------------------------------------------------


def test_resend_sends_the_same_bytes_as_a_new_message(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA, BOB)
    terminal(*RUN)
    asked = len(phase.requests)
    _, ana = listed(terminal)
    said = terminal("deliveries", "resend", ana["id"][:6], "--json")
    assert said.code == 0
    (again,) = said.json
    assert (again["recipient"], again["generation"], again["state"]) == (ANA, 1, "sent")
    assert len(phase.requests) == asked
    first, _, second = server.accepted
    assert message_id(second.raw) == again["message_id"] != ana["message_id"]
    old, new = ana["message_id"].encode(), again["message_id"].encode()
    assert second.raw == first.raw.replace(old, new)
    assert terminal(*RUN).out.count("sent already") == 1


def test_resend_failed_sends_what_ended_badly_and_settles_it(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer(refuse={BOB: NO_SUCH_USER}) as server:
        to_readers(tmp_path, phase, server.port, ANA, BOB)
        assert terminal(*RUN).code == 1
    with SmtpServer() as server:
        to_readers(tmp_path, phase, server.port, ANA, BOB)
        said = terminal("deliveries", "resend", "--failed")
        assert said.code == 0
        assert "  sent        mail-only 2026-W47  mail: bob@example.com" in said.out
        nothing = terminal("deliveries", "resend", "--failed")
    assert (nothing.code, nothing.out) == (0, "there is nothing to send again\n")
    assert [one.recipients for one in server.accepted] == [(BOB,)]
    assert states(terminal) == [(ANA, 0, "sent"), (BOB, 0, "skipped"), (BOB, 1, "sent")]
    assert terminal("status").code == 0
    assert terminal(*RUN).code == 0


def test_what_is_sent_again_and_refused_again_still_needs_a_person(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer(refuse={ANA: NO_SUCH_USER}) as server:
        to_readers(tmp_path, phase, server.port, ANA)
        terminal(*RUN)
        assert terminal("deliveries", "resend", "--failed").code == 1
    assert states(terminal) == [(ANA, 0, "skipped"), (ANA, 1, "failed")]
    assert terminal("status").code == 1


NO_IDS = {
    ("resend", "0123abcd"): "there is no delivery 0123abcd; digest deliveries lists them",
    ("resend", "abc"): "'abc' is not an id; digest deliveries lists them",
    ("resend", "ab%d"): "'ab%d' is not an id; digest deliveries lists them",
    ("resend", "____"): "'____' is not an id; digest deliveries lists them",
    (
        "resolve",
        "0123abcd",
        "--sent",
    ): "there is no delivery 0123abcd; digest deliveries lists them",
    ("resolve", "", "--resend"): "'' is not an id; digest deliveries lists them",
    ("resolve", "ab", "--skip"): "'ab' is not an id; digest deliveries lists them",
}


def test_an_id_that_is_none_is_refused_with_one_sentence(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA)
    terminal(*RUN)
    for arguments, complaint in NO_IDS.items():
        assert one_sentence(terminal("deliveries", *arguments), 2) == f"digest: {complaint}"
    assert states(terminal) == [(ANA, 0, "sent")]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("resend",), "give either the ids of deliveries, or --failed"),
        (("resend", "0123abcd", "--failed"), "give either the ids of deliveries, or --failed"),
        (("resolve", "0123abcd"), "say what: --sent, --resend or --skip"),
        (("resolve",), "ID"),
        (("resened",), "resened"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_half_a_command_is_a_usage_error(
    terminal: Terminal,
    tmp_path: Path,
    phase: PhaseSandbox,
    arguments: tuple[str, ...],
    complaint: str,
) -> None:
    to_readers(tmp_path, phase, 9, ANA)
    said = terminal("deliveries", *arguments)
    assert (said.code, said.out) == (2, "")
    assert complaint in said.err


def two_alike(install: str) -> tuple[str, str, str]:
    """Two readers whose deliveries' ids begin alike, and the second one's id."""
    known: dict[str, str] = {}
    for number in itertools.count():
        reader = f"reader{number}@example.com"
        key = DeliveryKey(
            install=install,
            job="mail-only",
            kind=DeliveryKind.DIGEST,
            period="2026-W47",
            channel="mail",
            recipient=reader,
        ).digest
        if (other := known.setdefault(key[:4], reader)) != reader:
            return other, reader, key
    raise AssertionError


def test_the_beginning_of_two_ids_is_refused(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA)
    terminal("run", "files-only", "--now", NOW)
    install = json.loads((tmp_path / "state" / "instance.json").read_text())["install"]
    other, reader, key = two_alike(install)
    to_readers(tmp_path, phase, server.port, other, reader)
    terminal(*RUN)
    beginning = key[:4]
    complaint = f"{beginning} is the beginning of several ids; give more of it"
    assert complaint in one_sentence(terminal("deliveries", "resend", beginning), 2)
    assert complaint in one_sentence(terminal("deliveries", "resolve", beginning, "--sent"), 2)
    assert terminal("deliveries", "resend", key).code == 0
    assert [one.recipients for one in server.accepted] == [(other,), (reader,), (reader,)]


def test_what_digest_still_works_on_is_not_sent_again_by_hand(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with closed_port() as port:
        to_readers(tmp_path, phase, port, ANA)
        terminal(*RUN)
        (one,) = listed(terminal)
        short = one["id"][:8]
        assert one_sentence(terminal("deliveries", "resend", short), 2) == (
            f"digest: {short} is retry_wait: digest run mail-only --period 2026-W47 brings it to "
            "an end"
        )
        for verdict in ("--sent", "--skip", "--resend"):
            refused = one_sentence(terminal("deliveries", "resolve", short, verdict), 2)
            assert refused == f"digest: {short} is retry_wait; that can't be said of it"
    assert states(terminal) == [(ANA, 0, "retry_wait")]


# `deliveries resolve` -----------------------------------------------------------------------------


def test_a_held_delivery_waits_for_a_person(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    held(terminal, tmp_path, phase)
    config = to_readers(tmp_path, phase, server.port, ANA)
    config["delivery"] = {"on_uncertain": "hold"}
    write_config(tmp_path, config)
    for _ in range(2):
        assert terminal(*RUN).code == 1
    assert server.received == []
    assert "held, as on_uncertain says" in terminal("status").out


def test_resolve_sent_leaves_it_at_that(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    id_, server = held(terminal, tmp_path, phase)
    said = terminal("deliveries", "resolve", id_[:6], "--sent")
    assert (said.code, "  sent " in said.out) == (0, True)
    (one,) = listed(terminal)
    assert (one["state"], one["uncertain"]) == ("sent", 1)
    assert one["message_id"] == message_id(server.received[0].raw)
    assert terminal("status").code == 0
    assert terminal(*RUN).code == 0
    again = one_sentence(terminal("deliveries", "resolve", id_[:6], "--sent"), 2)
    assert again == f"digest: {id_[:8]} is sent; that can't be said of it"


def test_resolve_resend_sends_the_very_same_message_once_more(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    id_, first = held(terminal, tmp_path, phase)
    to_readers(tmp_path, phase, server.port, ANA, delivery={"on_uncertain": "hold"})
    said = terminal("deliveries", "resolve", id_, "--resend")
    assert (said.code, "  sent " in said.out) == (0, True)
    assert [one.raw for one in server.accepted] == [one.raw for one in first.received]
    (one,) = listed(terminal)
    assert (one["state"], one["attempts"], one["generation"]) == ("sent", 2, 0)


def test_resolve_skip_lets_it_be(terminal: Terminal, tmp_path: Path, phase: PhaseSandbox) -> None:
    id_, _ = held(terminal, tmp_path, phase)
    said = terminal("deliveries", "resolve", id_, "--skip")
    assert (said.code, "(a person let it be)" in said.out) == (0, True)
    assert states(terminal) == [(ANA, 0, "skipped")]
    assert (terminal("status").code, terminal(*RUN).code) == (0, 0)


def test_a_refused_delivery_can_be_let_be_or_sent_again_but_not_called_sent(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer(refuse={ANA: NO_SUCH_USER, BOB: NO_SUCH_USER}) as server:
        to_readers(tmp_path, phase, server.port, ANA, BOB)
        terminal(*RUN)
    bob, ana = (one["id"] for one in listed(terminal))
    refused = one_sentence(terminal("deliveries", "resolve", ana, "--sent"), 2)
    assert refused == f"digest: {ana[:8]} is failed; that can't be said of it"
    with SmtpServer() as server:
        to_readers(tmp_path, phase, server.port, ANA, BOB)
        assert terminal("deliveries", "resolve", ana, "--resend").code == 0
        assert terminal("deliveries", "resolve", bob, "--skip").code == 0
    assert [one.recipients for one in server.accepted] == [(ANA,)]
    assert states(terminal) == [(ANA, 0, "skipped"), (BOB, 0, "skipped"), (ANA, 1, "sent")]
    assert terminal("status").code == 0


def test_without_a_ledger_there_is_nothing_to_decide(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    to_readers(tmp_path, phase, 9, ANA)
    said = one_sentence(terminal("deliveries", "resolve", "0123abcd", "--sent"), 2)
    assert said == "digest: nothing was sent yet, so there is nothing to resolve"
    assert listed(terminal) == listed(terminal, "--failed") == []
    said = one_sentence(terminal("backup", "copy.db"), 78)
    assert said.startswith("digest: there is no ledger ")
    assert not (tmp_path / "copy.db").exists()


# Backups and going back ---------------------------------------------------------------------------


def test_a_backup_is_whole_while_another_process_sends(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer({"DOT": [None, STALL]}) as server:
        config = to_readers(tmp_path, phase, server.port, ANA, BOB, limits={})
        with start(*RUN, cwd=tmp_path) as running:
            while len(server.received) < 2:
                assert running.poll() is None
                time.sleep(0.01)
            said, seen = terminal("backup", "copy.db"), terminal("deliveries")
            assert running.poll() is None, "it was sending all the while"
            running.kill()
    assert said.code == 0, said.said
    assert re.fullmatch(r"copied [\d,]+ bytes to copy\.db\n", said.out)
    assert "at_risk" in seen.out
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    write_config(tmp_path, config | {"state": "sqlite:///./copy.db"}, "copied.yaml")
    copied = terminal("deliveries", "--json", "-c", "copied.yaml").json
    assert [(one["recipient"], one["state"]) for one in copied] == [(BOB, "at_risk"), (ANA, "sent")]


def test_a_backup_goes_into_a_folder_and_replaces_an_older_copy(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA)
    terminal(*RUN)
    (tmp_path / "copies").mkdir()
    assert terminal("backup", "copies").code == 0
    first = (tmp_path / "copies" / "digest.db").read_bytes()
    terminal(*RUN, "--force")
    assert terminal("backup", "copies").code == 0
    assert (tmp_path / "copies" / "digest.db").read_bytes() != first
    assert [path.name for path in (tmp_path / "copies").iterdir()] == ["digest.db"]
    refused = one_sentence(terminal("backup", "nowhere/copy.db"), 2)
    assert refused == "digest: nowhere/copy.db can't be written: No such file or directory"


def test_an_older_copy_is_noticed_and_accepted_only_by_order(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer({"RCPT": [LATER]}) as server:
        to_readers(tmp_path, phase, server.port, ANA)
        assert terminal(*RUN).code == 75
        assert terminal("backup", "copy.db").code == 0
        assert terminal(*RUN).code == 0
        assert terminal("run", "files-only", "--now", NOW).code == 0
        shutil.copy("copy.db", "state/digest.db")

        refused = one_sentence(terminal(*RUN), 78)
        assert "is older than it was: it knows of 0 sent messages, and 2 were recorded" in refused
        assert "digest recover --accept-older-db" in refused
        for command in (("purge",), ("deliveries", "resend", "--failed"), ("test", "files")):
            assert one_sentence(terminal(*command), 78) == refused
        assert len(server.accepted) == 1

        said = terminal("recover", "--accept-older-db")
        assert (said.code, said.err) == (0, "")
        assert said.out == (
            "going on with this ledger; 1 deliveries are held: digest deliveries --failed\n"
        )
        assert terminal(*RUN).code == 1, "what it had waiting may have been sent meanwhile"
        (one,) = listed(terminal, "--failed")
        assert one["state"] == "held"
        assert one["last_error"].startswith("an older ledger was put back")
        assert len(server.accepted) == 1
        assert terminal("deliveries", "resolve", one["id"], "--sent").code == 0
        assert terminal(*RUN).code == 0


def test_a_period_that_the_older_copy_does_not_know_is_sent_only_by_order(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    long_ago = ("run", "daily", "--now", "2020-01-02T08:00:00Z")
    to_readers(tmp_path, phase, server.port, ANA)
    assert terminal("run", "files-only", "--now", "2020-01-06T08:00:00Z").code == 0
    terminal("backup", "copy.db")
    assert terminal(*long_ago).code == 0
    shutil.rmtree(tmp_path / "out")
    shutil.copy("copy.db", "state/digest.db")
    assert terminal("recover", "--accept-older-db").code == 0

    said = terminal(*long_ago)
    assert (said.code, said.out) == (1, "")
    assert "so it is not known whether 2020-01-01 was sent; --force sends it" in said.err
    assert not (tmp_path / "out").exists()
    assert terminal(*long_ago, "--dry-run").code == 0
    assert terminal("run", "mail-only", "--to", "me@example.com", "--now", NOW).code == 0
    assert terminal(*long_ago, "--force").code == 0
    assert "sent already" in terminal(*long_ago).out


def test_a_ledger_that_is_gone_is_not_begun_anew_by_itself(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA)
    terminal(*RUN)
    (tmp_path / "state" / "digest.db").unlink()
    for command in (RUN, ("status",), ("deliveries",), ("purge",), ("test", "files")):
        refused = one_sentence(terminal(*command), 78)
        assert "is gone, though 1 messages were recorded in it" in refused
    assert not (tmp_path / "state" / "digest.db").exists()
    assert len(server.accepted) == 1

    assert terminal("recover", "--accept-older-db").code == 0
    assert terminal("status").out == "nothing was sent yet\n"
    assert len(server.accepted) == 1


@pytest.mark.parametrize(
    "found", [b"", b"not a database", b"\0" * 8192], ids=["empty", "text", "0"]
)
def test_what_is_no_ledger_is_refused_and_left_alone(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, found: bytes
) -> None:
    to_readers(tmp_path, phase, 9, ANA)
    ledger = tmp_path / "state" / "digest.db"
    ledger.parent.mkdir()
    ledger.write_bytes(found)
    for command in (
        RUN, ("status",), ("deliveries",), ("backup", "copy.db"), ("purge",), ("test", "files"),
        ("recover", "--accept-older-db"), ("deliveries", "resolve", "0123abcd", "--sent"),
    ):  # fmt: skip
        refused = one_sentence(terminal(*command), 78)
        assert "is damaged" in refused
        assert "Put back a copy made with `digest backup`" in refused
        assert ledger.read_bytes() == found
    assert not (tmp_path / "copy.db").exists()
    assert terminal("preview", "mail-only", "--out", "p", "--now", NOW).code == 0


def test_the_ledger_may_lie_in_a_folder_of_any_name(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    for name in ("a b", "a#b", "a?b", "a%41b", "a;b&c=d", "büro"):
        state = f"sqlite:///./{name}/digest.db"
        to_readers(tmp_path, phase, 9, ANA, state=state)
        assert terminal("test", "files").code == 0, name
        assert terminal("backup", f"{name}.db").code == 0
        assert terminal("status").out.endswith(": 1 sent\n")
        before = (tmp_path / name / "digest.db").read_bytes()
        assert len((tmp_path / f"{name}.db").read_bytes()) == len(before)
    assert not (tmp_path / "a").exists()


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """Another program's database where the ledger should be."""
    path = tmp_path / "state" / "digest.db"
    path.parent.mkdir()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
    other.close()
    return path


def test_a_database_of_another_program_is_refused_and_left_alone(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, songs: Path
) -> None:
    to_readers(tmp_path, phase, 9, ANA)
    before = songs.read_bytes()
    for command in (RUN, ("recover", "--accept-older-db"), ("purge",), ("deliveries",)):
        assert "can't be used" in one_sentence(terminal(*command), 78)
    said = one_sentence(terminal("status"), 78)
    assert said == f"digest: {songs} can't be used: it has other tables than digest's"
    assert songs.read_bytes() == before


def test_purge_deletes_what_is_old_but_not_that_it_was_sent(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA)
    old = ("run", "mail-only", "--period", "2019-W52", "--now", "2020-01-06T08:00:00Z")
    assert terminal(*old).code == 0
    assert terminal("purge").out == "deleted 1 deliveries with their messages\n"
    assert terminal("deliveries").out == ""
    assert terminal("status").out == "mail-only 2019-W52: purged\n"
    again, as_json = terminal(*old), terminal(*old, "--json")
    assert (again.code, as_json.code) == (0, 0)
    assert "mail-only 2019-W52: sent already" in again.out
    assert as_json.json["runs"][0]["already_done"] is True
    assert len(server.accepted) == 1
    assert terminal("purge").out == "deleted 0 deliveries with their messages\n"


def test_purge_never_deletes_what_waits_for_somebody(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    old = ("run", "mail-only", "--period", "2019-W52", "--now", "2020-01-06T08:00:00Z")
    with SmtpServer({"DOT": [DROP], "RCPT": [None, LATER]}) as server:
        to_readers(tmp_path, phase, server.port, ANA, BOB, delivery={"on_uncertain": "hold"})
        assert terminal(*old).code == 1
    assert states(terminal) == [(ANA, 0, "held"), (BOB, 0, "retry_wait")]
    assert terminal("purge").out == "deleted 0 deliveries with their messages\n"
    assert states(terminal) == [(ANA, 0, "held"), (BOB, 0, "retry_wait")]


# Where everything is ------------------------------------------------------------------------------


def test_the_config_may_be_named_after_the_command_or_before_it(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    config = to_readers(tmp_path, phase, 9, ANA)
    config["digests"]["mail-only"]["to"] = {"files": ["."]}
    (tmp_path / "elsewhere").mkdir()
    path = write_config(tmp_path / "elsewhere", config)
    (tmp_path / "config.yaml").write_text("nonsense: true")
    for command in (
        RUN,
        ("status",),
        ("deliveries",),
        ("deliveries", "resend", "--failed"),
        ("backup", "copy.db"),
        ("purge",),
        ("recover", "--accept-older-db"),
        ("test", "files"),
    ):
        after, before = terminal(*command, "-c", path), terminal("-c", path, *command)
        assert (after.code, before.code) == (0, 0), after.err + before.err
        assert terminal(*command).code == 78, "the one in the current folder is another one"
    assert (tmp_path / "elsewhere" / "state" / "digest.db").is_file()
    assert not (tmp_path / "state").exists()


def test_the_config_may_stand_between_deliveries_and_what_to_do(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    config = to_readers(tmp_path, phase, 9, ANA)
    path = write_config(tmp_path, config, "other.yaml")
    (tmp_path / "config.yaml").unlink()
    assert terminal("deliveries", "-c", path, "resend", "--failed").code == 0
    said = one_sentence(terminal("deliveries", "-c", path, "resolve", "0123abcd", "--skip"), 2)
    assert said.startswith("digest: there is no delivery 0123abcd")


NOISY = (
    ("--debug", "run", "small", "--now", NOW),
    ("-v", "run", "small", "--now", NOW, "--json"),
    ("--debug", "status", "--json"),
    ("--debug", "deliveries", "--json"),
    ("--debug", "deliveries", "resend", "--failed", "--json"),
    ("--debug", "backup", "copy.db"),
    ("--debug", "check", "--online"),
)


def test_no_secret_is_in_any_output_nor_in_the_state_folder(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", PASSWORD)
    told: list[str] = []
    with (
        SmtpServer(users={"mailer": "another one"}) as locked_out,
        SmtpServer(users={"mailer": PASSWORD}, refuse={ANA: f"550 no {PASSWORD}"}) as refusing,
        SmtpServer() as operator,
        SlackSandbox() as slack,
    ):
        for port in (locked_out.port, refusing.port, refusing.port):
            config = config_of(phase.base_url, smtp=port, slack=slack.base_url)
            mail = config["channels"]["mail"]
            config["channels"]["operator"] = mail | {"port": operator.port}
            mail |= {"username": "mailer", "password": "${SMTP_PASSWORD}"}
            config["digests"]["small"]["to"]["mail"] = [ANA]
            config["ops"] = {"operator": ["ops@example.com"]}
            write_config(tmp_path, config)
            told += [terminal(*command).said for command in NOISY]
    assert "check username and password" in told[0]
    assert "550 no [redacted]" in "".join(told)
    assert operator.accepted, "the operator was told"
    kept = [path.read_bytes() for path in (tmp_path / "state").iterdir()]
    kept += [(tmp_path / "copy.db").read_bytes(), *(mail.raw for mail in operator.accepted)]
    for secret in (PASSWORD, *SECRETS.values()):
        assert secret not in "".join(told)
        assert not any(secret.encode() in one for one in kept)


def test_the_state_folder_is_its_user_s_alone(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, server: SmtpServer
) -> None:
    to_readers(tmp_path, phase, server.port, ANA)
    terminal(*RUN)
    state = tmp_path / "state"
    assert state.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in state.iterdir()} == {"digest.db", "digest.lock", "instance.json"}
    assert {path.stat().st_mode & 0o777 for path in state.iterdir()} == {0o600}
    assert json.loads((state / "instance.json").read_text())["sent"] == 1


# What each command leaves out of the memory after a whole run of it; no ledger is there.
LEAN = """
import sys
from digest.cli import run_command_line
commands = [
    ["check"], ["jobs"], ["schema"], ["preview", "files-only", "--out", "p", "--now", sys.argv[1]],
]
for command in commands:
    code = run_command_line(command)
    heavy = {"sqlalchemy", "alembic"} & set(sys.modules)
    print(command[0], code, *heavy, file=sys.stderr)
"""


def test_who_needs_no_ledger_does_not_pay_for_one(tmp_path: Path, phase: PhaseSandbox) -> None:
    to_readers(tmp_path, phase, 9, ANA)
    done = subprocess.run(
        [sys.executable, "-c", LEAN, NOW],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": "", **SECRETS},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr.splitlines() == [
        f"{command} 0" for command in ("check", "jobs", "schema", "preview")
    ]
    assert not (tmp_path / "state").exists()
