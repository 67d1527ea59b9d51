"""Log lines: their fields, what they never show, and streams that can't be written."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
import pty
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from digest.config.redaction import secrets_of
from digest.errors import PhaseError, StoreError
from digest.service.logs import STABLE, LogForm, configure, is_journal, run_context
from digest.service.redaction import Redactor, address_mark
from tests.support.configs import changed, config_of
from tests.support.deliveries import envelope
from tests.support.hostile_http import HostileServer, text_answer
from tests.support.mailing import channel
from tests.support.passages import sent
from tests.support.phase_clients import scaled_client
from tests.support.smtp_server import SmtpServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from digest.service.logs import Log

ours = logging.getLogger("digest.phase.asking")
THEN = 1_795_417_203.12  # 2026-11-23 07:00:03.120 UTC


class Caught:
    """What was logged inside `logging_to`, by then or until now."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def only(self) -> dict[str, Any]:
        (line,) = self.lines
        return line


@contextmanager
def logging_as(form: LogForm = LogForm.JSON, *secrets: str, **others: Any) -> Iterator[Caught]:
    caught = Caught()
    with configure(form, secrets, caught.stream, env={}, **others):
        yield caught


def at_then(message: str, level: int = logging.INFO, **facts: object) -> logging.LogRecord:
    record = ours.makeRecord(ours.name, level, __file__, 1, message, (), None, extra=facts)
    record.created = THEN
    return record


def test_a_json_line_has_its_stable_fields_first_and_then_the_facts() -> None:
    with logging_as() as caught:
        ours.handle(at_then("it went out", action="sent", channel="mail", wait=1.5))

    assert list(caught.only)[:5] == list(STABLE)
    assert caught.only == {
        "time": "2026-11-23T07:00:03.120Z",
        "level": "info",
        "action": "sent",
        "message": "it went out",
        "logger": "digest.phase.asking",
        "channel": "mail",
        "wait": 1.5,
    }


def test_a_line_without_an_action_has_one() -> None:
    with logging_as() as caught:
        ours.info("plain")
    assert caught.only["action"] == "log"


def test_facts_never_replace_stable_fields() -> None:
    with logging_as() as caught:
        ours.info("true", extra={"time": "x", "level": "y", "logger": "z", "event": "sign_up"})
    assert (caught.only["message"], caught.only["level"]) == ("true", "info")
    assert [caught.only[name] for name in ("time_", "level_", "logger_", "event")] == [
        "x", "y", "z", "sign_up",
    ]  # fmt: skip


def test_every_line_inside_a_run_s_context_has_its_facts() -> None:
    with logging_as() as caught:
        with run_context(job="monday-email", period="2026-W47", key="ab12"):
            ours.warning("phase will be asked again", extra={"action": "again"})
            ours.info("posted", extra={"key": "its own"})
        ours.info("after")

    asked, posted, after = caught.lines
    assert [asked[name] for name in ("job", "period", "key")] == [
        "monday-email",
        "2026-W47",
        "ab12",
    ]
    assert (posted["job"], posted["key"]) == ("monday-email", "its own")
    assert not after.keys() - set(STABLE)


def test_the_phase_client_s_lines_have_them_too() -> None:
    refusing = text_answer(500, "SELECT key FROM keys")
    with HostileServer(refusing) as server, scaled_client(server.url) as client:  # noqa: SIM117
        with logging_as() as caught, run_context(job="weekly", key="ab12"):
            with pytest.raises(PhaseError):
                client.timeseries(
                    "sessions", "sessionCount", date(2026, 11, 16), date(2026, 11, 17)
                )
    assert {line["action"] for line in caught.lines} >= {"phase_report_failed"}
    assert {(line["job"], line["key"]) for line in caught.lines} == {("weekly", "ab12")}


def test_lines_of_mail_connections_that_work_at_once_have_them_too() -> None:
    people = [envelope(f"p{number}@example.com") for number in range(6)]
    with SmtpServer() as server, logging_as() as caught, run_context(job="weekly", key="ab12"):
        sent(channel(server, connections=2), *people)
    handled = [line for line in caught.lines if line["action"] == "mail_sent"]
    assert [(line["job"], line["key"]) for line in handled] == [("weekly", "ab12")] * 6


def test_any_fact_becomes_json() -> None:
    looped: list[object] = []
    looped.append(looped)
    facts = {
        "when": timedelta(minutes=1), "raw": b"abc", "odd": float("nan"), "many": {"a": (1, None)},
        "path": Path("/x"), "surrogate": "\udc80", "looped": looped,
    }  # fmt: skip
    with logging_as() as caught:
        ours.info("facts", extra=facts)

    line = caught.only
    assert (line["when"], line["raw"], line["odd"]) == (60.0, "3 bytes", "nan")
    assert (line["many"], line["path"]) == ({"a": [1, None]}, "/x")


@pytest.mark.parametrize(
    ("level", "shown"),
    [(logging.INFO, ["info"]), (logging.DEBUG, ["debug", "info"]), (logging.ERROR, [])],
)
def test_the_level_is_that_of_our_own_loggers(level: int, shown: list[str]) -> None:
    with logging_as(level=level) as caught:
        ours.debug("fetched")
        ours.info("sent")
    assert [line["level"] for line in caught.lines] == shown


def test_other_libraries_warn_without_their_words() -> None:
    other = logging.getLogger("urllib3.connectionpool")
    with logging_as() as caught:
        other.info("GET /x")
        other.warning("Authorization: %s", "Bearer abc", extra={"headers": "Cookie"})

    assert caught.only["action"] == "library_warning"
    assert caught.only["message"] == "urllib3.connectionpool warned of something"
    assert "abc" not in caught.text
    assert "Cookie" not in caught.text


def test_whoever_wrote_the_log_before_does_not_write_it_too() -> None:
    before = io.StringIO()
    handlers = [logging.StreamHandler(before), logging.StreamHandler(before)]
    both = (logging.getLogger(), logging.getLogger("digest"))
    for logger, handler in zip(both, handlers, strict=True):
        logger.addHandler(handler)
    try:
        with logging_as() as caught:
            ours.error("to ana@example.com")
            logging.getLogger("urllib3").error("to ana@example.com")
    finally:
        for logger, handler in zip(both, handlers, strict=True):
            logger.removeHandler(handler)
    assert len(caught.lines) == 2
    assert before.getvalue() == ""


# what is never shown


def test_a_config_s_secrets_are_hidden_wherever_they_turn_up() -> None:
    text = changed("host: smtp.example.com, ", "host: h, username: u, password: 'pa\"ss\\wörd', ")
    config = config_of(
        text + "state: postgresql://me:db-p%40ss@db/digest\n"
        "heartbeat: https://hc.example/ping/0123456789abcdef?k=v\nweb: {token: web-t0ken}\n"
    )
    canaries = [
        "phase_public_k3y", "xoxb-1-2-three", 'pa"ss\\wörd', "db-p%40ss", "db-p@ss", "web-t0ken",
        "https://hc.example/ping/0123456789abcdef?k=v", "/ping/0123456789abcdef",
        "0123456789abcdef", "pa%22ss%5Cw%C3%B6rd",
    ]  # fmt: skip
    for form in LogForm:
        with logging_as(form, *secrets_of(config)) as caught:
            for canary in canaries:
                ours.info("m %s.", canary, extra={"action": canary, "a": [{canary: f"x{canary}y"}]})
                ours.info("m %r", canary, extra={canary: 1})
        for canary in canaries:
            assert canary not in caught.text
            assert json.dumps(canary)[1:-1] not in caught.text
        assert caught.text.count("[secret]") >= 6 * len(canaries)


def test_secrets_shorter_than_four_characters_are_left_alone() -> None:
    assert Redactor(["abc", "abcd", ""]).text("abc abcd abcde") == "abc [secret] [secret]e"


def test_the_longest_secret_is_hidden_whole() -> None:
    assert Redactor(["key-1", "key-1-long", "1-lo"]).text("key-1-long key-1") == "[secret] [secret]"


def test_ten_thousand_secrets_cost_a_line_no_more_than_one() -> None:
    many = Redactor([f"phase_public_{number:032}" for number in range(10_000)])
    one = Redactor(["phase_public_x"])
    line = "posted phase_public_but no more to Ana " * 20
    costs = []
    for redactor in (one, many):
        started = time.process_time()
        for _ in range(100):
            redactor.text(line)
        costs.append(time.process_time() - started)
    assert costs[1] < 5 * costs[0] + 0.05


def test_a_reload_changes_the_secrets() -> None:
    caught = Caught()
    with configure(LogForm.JSON, ["old-key"], caught.stream, env={}) as log:
        log.hide(["new-key"])
        ours.info("old-key new-key")
    assert caught.only["message"] == "old-key [secret]"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("to ana@example.com.", "to {ana}."),
        ("to Ana <ANA@Example.com>,", "to Ana <{ana}>,"),
        ("rfc822;ana@example.com refused", "rfc822;{ana} refused"),
        ("mailto:ana@example.com", "mailto:{ana}"),
        ("root@localhost and ü@exämple.com", "{root} and {ü}"),
        ("at 3 @ 4 and @here", "at 3 @ 4 and @here"),
        (f"<{'0a' * 16}@example.com>", f"<{'0a' * 16}@example.com>"),  # our own Message-ID
    ],
)
def test_an_address_is_shown_as_the_same_mark_each_time(text: str, shown: str) -> None:
    marks = {
        name: address_mark(address)
        for name, address in {
            "ana": "ana@example.com", "root": "root@localhost", "ü": "ü@exämple.com",
        }.items()
    }  # fmt: skip
    assert Redactor().text(text) == shown.format(**marks)


def test_the_mark_is_what_an_operator_can_compute() -> None:
    sha = hashlib.sha256(b"ana@example.com").hexdigest()
    assert address_mark("Ana@Example.COM") == f"address:{sha[:8]}"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://u:p@h.example/x/y?key=1#z", "https://h.example/x/y?…"),
        ("postgresql://me:p@ss@db:5432/digest failed", "postgresql://db:5432/digest failed"),
        ("url: /ping?token=abc (caused by", "url: /ping?… (caused by"),
        ("is it so? yes=no", "is it so? yes=no"),
        ("https://docs.example/a", "https://docs.example/a"),
    ],
)
def test_urls_lose_query_and_user(text: str, shown: str) -> None:
    assert Redactor().text(text) == shown


@pytest.mark.parametrize(
    "text", ["a" * 15_990 + "@", "a" * 50_000, "@" * 50_000, "x://" * 20_000, "?" * 50_000]
)
def test_hostile_text_is_cut_and_costs_little(text: str) -> None:
    started = time.process_time()
    assert len(Redactor(["secret"]).text(text)) <= 16_001
    assert time.process_time() - started < 0.4


def broken() -> None:
    hidden = "a local"
    raise ValueError(f"the body of ana@example.com says k3y-k3y {len(hidden)}")


def full() -> None:
    raise StoreError("the ledger is full")


def log_broken(what: Callable[[], None] = broken) -> None:
    try:
        what()
    except (ValueError, StoreError):
        ours.exception("a channel broke", extra={"action": "channel_broke"})


def test_of_an_exception_only_its_type_and_place_are_shown() -> None:
    with logging_as() as caught:
        log_broken()
    assert caught.only["error"] == "ValueError"
    assert caught.only["place"].startswith("test_logs.py:")
    assert "body" not in caught.text


def test_of_our_own_errors_the_sentence_is_shown() -> None:
    with logging_as() as caught:
        log_broken(full)
    assert caught.only["error"] == "StoreError: the ledger is full"


@pytest.mark.parametrize("form", LogForm)
def test_a_traceback_is_shown_when_debugging_redacted_and_without_locals(form: LogForm) -> None:
    with logging_as(form, "k3y-k3y", level=logging.DEBUG) as caught:
        log_broken()
    assert "Traceback (most recent call last)" in caught.text
    assert f"the body of {address_mark('ana@example.com')} says [secret] 7" in caught.text
    assert "k3y-k3y" not in caught.text.replace("says k3y-k3y {len", "")  # the source's own line
    assert "a local" not in caught.text.replace('hidden = "a local"', "")


# for people


def test_the_console_form_is_one_line_for_people() -> None:
    with logging_as(LogForm.CONSOLE, zone=ZoneInfo("Europe/Berlin")) as caught:
        with run_context(job="monday-email", period="2026-W47"):
            ours.handle(at_then("taken", action="sent", channel="mail", tries=1, note="a b"))
        ours.handle(at_then("late", logging.WARNING))
    assert caught.text == (
        '08:00:03 info  sent             monday-email 2026-W47 mail taken tries=1 note="a b"\n'
        "08:00:03 warn  log              late\n"
    )


def test_no_text_can_begin_a_line_or_speak_to_the_terminal() -> None:
    with logging_as(LogForm.CONSOLE) as caught:
        ours.info("a\n12:00:00 info  forged\x1b[2J", extra={"x": "b\rc", "k\n": "d\u2028e"})
    assert len(caught.text.splitlines()) == 1
    assert "\x1b" not in caught.text


@pytest.mark.parametrize(
    ("env", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_colours_are_for_terminals_that_want_them(env: dict[str, str], *, coloured: bool) -> None:
    ours_end, its_end = pty.openpty()
    with os.fdopen(its_end, "w") as terminal:
        with configure(LogForm.CONSOLE, (), terminal, env=env):
            ours.error("broken")
        text = os.read(ours_end, 1000)
    os.close(ours_end)
    assert (b"\x1b[31m" in text) is coloured


def piped(log: Any, env: dict[str, str] | None = None) -> tuple[str, str]:
    """What arrives in a real pipe, and the pipe's name as systemd would say it."""
    reads, writes = os.pipe()
    status = os.fstat(writes)
    named = f"{status.st_dev}:{status.st_ino}"
    with os.fdopen(writes, "w") as stream:
        settings = {name: value.format(named) for name, value in (env or {}).items()}
        with configure(LogForm.CONSOLE, (), stream, env=settings, level=logging.DEBUG):
            log()
    with os.fdopen(reads) as stream:
        return stream.read(), named


def test_a_pipe_gets_no_colours() -> None:
    text, _ = piped(lambda: ours.error("broken"))
    assert "\x1b" not in text
    assert text.endswith("error log              broken\n")


def test_the_journal_gets_priorities_and_no_times_on_every_line() -> None:
    text, _ = piped(log_broken, {"JOURNAL_STREAM": "{}"})
    lines = text.splitlines()
    assert lines[0].startswith("<3>error channel_broke    a channel broke")
    assert len(lines) > 3
    assert all(line.startswith("<3>") for line in lines)


def test_another_process_s_journal_is_not_ours() -> None:
    text, named = piped(lambda: ours.info("x"), {"JOURNAL_STREAM": "1:1"})
    assert not text.startswith("<")
    assert not is_journal(None, named)
    assert not is_journal(io.StringIO(), named)


# streams that can't be written


def hundred_lines(stream: Any) -> Log:
    with configure(LogForm.JSON, (), stream, env={}) as log:
        for number in range(100):
            ours.info("line %s", number)
    return log


def test_a_full_disk_costs_lines_only(capfd: pytest.CaptureFixture[str]) -> None:
    with open("/dev/full", "w") as stream:  # noqa: PTH123 — a device
        assert hundred_lines(stream).dropped == 100
    assert capfd.readouterr() == ("", "")


def test_a_reader_that_is_gone_costs_lines_only(capfd: pytest.CaptureFixture[str]) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    with os.fdopen(writes, "w") as stream:
        assert hundred_lines(stream).dropped == 100
    assert capfd.readouterr() == ("", "")


def test_a_stream_that_is_closed_or_was_never_there_costs_lines_only(tmp_path: Path) -> None:
    stream = (tmp_path / "log").open("w")
    stream.close()
    assert hundred_lines(stream).dropped == 100
    assert hundred_lines(None).dropped == 100


def test_a_reader_that_is_stuck_is_waited_for_once() -> None:
    reads, writes = os.pipe()
    started = time.monotonic()
    with os.fdopen(writes, "w") as stream:
        with configure(LogForm.JSON, (), stream, env={}) as log:
            for _ in range(2000):
                if time.monotonic() - started > 5:
                    break
                ours.info("x" * 9000)  # longer than a pipe takes at once, so one is torn
            took, lost = time.monotonic() - started, log.dropped
            arrived = os.read(reads, 1 << 20)
            ours.info("again")
            assert log.dropped == lost
        arrived += os.read(reads, 1 << 20)
    os.close(reads)
    assert lost > 1900
    assert 1 <= took < 5
    *_, torn, last = arrived.splitlines()
    assert not torn.endswith(b"}")
    assert json.loads(last)["message"] == "again"


def test_a_record_that_can_t_be_rendered_is_counted() -> None:
    class Rude:
        def __str__(self) -> str:
            raise RuntimeError("no")

    caught = Caught()
    with configure(LogForm.JSON, (), caught.stream, env={}) as log:
        ours.info("%s %s", 1)
        ours.info("rude", extra={"x": Rude()})
        ours.info("fine")
    assert log.dropped == 2
    assert caught.only["message"] == "fine"


def test_closing_puts_the_loggers_back() -> None:
    def state() -> list[object]:
        both = (logging.getLogger(), logging.getLogger("digest"))
        return [(each.level, each.propagate, list(each.handlers)) for each in both]

    before = state()
    with logging_as():
        assert state() != before
    assert state() == before


PROGRAM = """
import logging, sys
from digest.service.logs import LogForm, configure
log = configure(LogForm.JSON, (), sys.stderr, env={})
for _ in range(1000):
    logging.getLogger("digest.x").info("y" * 100)
logging.getLogger("other").error("z")
print(log.dropped)
"""


@pytest.mark.parametrize(
    ("redirection", "dropped"),
    [("2>/dev/full", "1001"), ("2>&-", "1001"), ("2>/dev/null", "0")],
)
def test_a_process_ends_well_whatever_its_stderr_is(redirection: str, dropped: str) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -c "$1" {redirection}', sys.executable, PROGRAM],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, dropped, "")
