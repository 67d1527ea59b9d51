"""SIGTERM and Ctrl-C: nothing new is risked, a due answer is waited for, twice means now.

Cases 8, 9 and 10 of the fault matrix. The limits are those of a real config: a mail server may
think for minutes, so whoever ends within seconds did not wait for it.
"""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from digest.sandbox.slack import Answer, SlackSandbox
from tests.support.cli import config_of, start, write_config
from tests.support.commands import NOW
from tests.support.hostile_http import HostileServer
from tests.support.slacking import HISTORY, count, posts
from tests.support.smtp_acts import STALL, Act
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

    from digest.sandbox.server import PhaseSandbox
    from tests.support.cli import Terminal

ANA, BOB = "ana@example.com", "bob@example.com"
RUN = ("run", "mail-only", "--now", NOW)
SLOW = Act(wait=1.0, text=b"250 2.0.0 taken\r\n")
ONCE_MORE = "digest: stopping; once more to leave at once\n"
PATIENCE = 20.0  # seconds, for a busy machine
SIGNALS = pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)


def configured(
    folder: Path, phase: str, *readers: str, port: int = 9, **changes: Any
) -> dict[str, Any]:
    config = config_of(phase, smtp=port, **{"limits": {}, **changes})
    config["digests"]["mail-only"]["to"] = {"mail": list(readers)}
    write_config(folder, config)
    return config


def eventually(happens: Any) -> None:
    until = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < until, "it never happened"
        time.sleep(0.01)


def ended(running: subprocess.Popen[str], *names: signal.Signals) -> tuple[int, str, str]:
    """Send the signals; the exit code and what was said."""
    try:
        for name in names:
            running.send_signal(name)
        out, err = running.communicate(timeout=PATIENCE)
    finally:
        running.kill()  # if it would not stop
    return running.returncode, out, err


def rows(terminal: Terminal) -> list[tuple[str, str, int, int]]:
    """Recipient, state, tries and unknown outcomes, the oldest first."""
    return [
        (one["recipient"], one["state"], one["attempts"], one["uncertain"])
        for one in reversed(terminal("deliveries", "--json").json)
    ]


@SIGNALS
def test_case_08_a_stop_before_the_dot_hands_back_and_leaves_no_doubt(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, name: signal.Signals
) -> None:
    with SmtpServer({"RCPT": [STALL]}) as server:
        configured(tmp_path, phase.base_url, ANA, BOB, port=server.port)
        with start(*RUN, cwd=tmp_path) as running:
            eventually(lambda: "RCPT" in server.verbs())
            code, out, err = ended(running, name)
        interrupted = name is signal.SIGINT
        assert code == (130 if interrupted else 75)
        assert err == ONCE_MORE + ("digest: stopped\n" if interrupted else "")
        assert out.splitlines() == [
            "mail-only 2026-W47: put off",
            "  planned    mail: ana@example.com",
            "  planned    mail: bob@example.com",
        ]
        assert rows(terminal) == [(ANA, "planned", 1, 0), (BOB, "planned", 0, 0)]
        assert server.received == []
        assert terminal(*RUN).code == 0
    assert [one.recipients for one in server.accepted] == [(ANA,), (BOB,)]
    assert rows(terminal) == [(ANA, "sent", 2, 0), (BOB, "sent", 1, 0)]


@SIGNALS
def test_case_09_a_stop_after_the_dot_waits_for_the_answer_and_records_it(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, name: signal.Signals
) -> None:
    with SmtpServer({"DOT": [SLOW]}) as server:
        configured(tmp_path, phase.base_url, ANA, port=server.port)
        with start(*RUN, cwd=tmp_path) as running:
            eventually(lambda: server.received)
            code, out, err = ended(running, name)
    assert (code, "sent       mail: ana@example.com" in out) == (
        (130, True) if name is signal.SIGINT else (0, True)
    )
    assert err.startswith(ONCE_MORE)
    assert rows(terminal) == [(ANA, "sent", 1, 0)]
    assert len(server.accepted) == 1


def test_case_09_what_comes_after_that_answer_is_left_for_the_next_run(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SmtpServer({"DOT": [SLOW]}) as server:
        configured(tmp_path, phase.base_url, ANA, BOB, port=server.port)
        with start("run", "mail-only", "files-only", "--now", NOW, cwd=tmp_path) as running:
            eventually(lambda: server.received)
            code, out, err = ended(running, signal.SIGTERM)
        assert code == 75
        assert "mail-only 2026-W47: partly sent" in out
        assert err == f"{ONCE_MORE}files-only 2026-W47: digest was told to stop; run it again\n"
        assert rows(terminal) == [(ANA, "sent", 1, 0), (BOB, "planned", 0, 0)]
        assert not (tmp_path / "out").exists()
        assert terminal("run", "mail-only", "files-only", "--now", NOW).code == 0
    assert [one.recipients for one in server.accepted] == [(ANA,), (BOB,)]


@SIGNALS
def test_case_10_a_second_signal_leaves_at_once_and_the_outcome_counts_as_unknown(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox, name: signal.Signals
) -> None:
    with SmtpServer({"DOT": [STALL]}) as server:
        config = configured(tmp_path, phase.base_url, ANA, BOB, port=server.port)
        with start(*RUN, cwd=tmp_path) as running:
            eventually(lambda: server.received)
            running.send_signal(name)
            time.sleep(0.5)
            assert running.poll() is None, "once is not enough while an answer is due"
            second = time.monotonic()
            code, _, err = ended(running, name)
            assert time.monotonic() - second < 3.0, "two seconds, and what a busy machine adds"
        assert code != 0
        assert err.startswith(ONCE_MORE)
        config["delivery"] = {"on_uncertain": "hold"}
        write_config(tmp_path, config)
        assert terminal(*RUN).code == 1
        assert rows(terminal) == [(ANA, "held", 1, 1), (BOB, "sent", 1, 0)]
    assert [one.recipients for one in server.received] == [(ANA,), (BOB,)]


def test_a_stop_while_the_api_is_silent_ends_the_run_before_anything_is_planned(
    terminal: Terminal, tmp_path: Path
) -> None:
    with HostileServer() as server:
        configured(tmp_path, server.url, ANA)
        with start(*RUN, cwd=tmp_path) as running:
            eventually(lambda: server.requests)
            code, out, err = ended(running, signal.SIGTERM)
    assert code > 128
    assert (out, err) == ("", "digest: stopped\n")
    assert rows(terminal) == []
    assert terminal("status").code == 0


def test_a_stop_between_two_looks_for_a_message_does_not_wait_for_the_second(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    with SlackSandbox(script=posts(Answer(status=500))) as slack:
        config = configured(
            tmp_path, phase.base_url, ANA, slack=slack.base_url, delivery={"look_again": 60}
        )
        config["digests"]["small"]["to"] = {"slack": ["C0123456789"]}
        write_config(tmp_path, config)
        run = ("run", "small", "--now", NOW)
        with start(*run, cwd=tmp_path) as running:
            eventually(lambda: count(slack, HISTORY))
            time.sleep(0.5)
            code, out, _ = ended(running, signal.SIGTERM)
        assert (code, "uncertain  slack: C0123456789" in out) == (75, True)
        write_config(tmp_path, config | {"delivery": {"look_again": 1}})
        assert terminal(*run[:-1], "2026-11-23T05:46:04Z").code == 0
    assert rows(terminal) == [("C0123456789", "sent", 2, 1)]
    assert len(slack.posts) == 1


def test_case_09_holds_when_nobody_reads_what_is_said(
    terminal: Terminal, tmp_path: Path, phase: PhaseSandbox
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with SmtpServer({"DOT": [SLOW]}) as server:
        configured(tmp_path, phase.base_url, ANA, port=server.port)
        with start(*RUN, cwd=tmp_path, stderr=writing) as running:
            os.close(writing)
            eventually(lambda: server.received)
            ended(running, signal.SIGTERM)
    assert rows(terminal) == [(ANA, "sent", 1, 0)]
