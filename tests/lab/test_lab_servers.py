"""The lab's own servers: they journal before they answer, and misbehave as they were told."""

from __future__ import annotations

import smtplib
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from digest.sandbox.slack import TOKEN
from tests.lab.journal import Journal, read_journal
from tests.lab.slack_sink import BROKEN, LOST, NO_HISTORY, Late, SlackSink
from tests.lab.smtp_sink import At, Forget, Slow, SmtpSink
from tests.support.slacking import POST, UPDATE, posts, updates
from tests.support.smtp_acts import CLOSE, DROP, Act, reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAIL = "Message-ID: <k@example.com>\r\n\r\nhello\r\n.dots\r\n"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal.jsonl") as made:
        yield made


def send(port: int, *readers: str) -> None:
    """One mail for each reader, over one connection."""
    with smtplib.SMTP("127.0.0.1", port, timeout=5) as client:
        for reader in readers:
            client.sendmail("digest@example.com", [reader], MAIL)


def events(journal: Journal) -> list[tuple[str, str]]:
    return [(entry["event"], entry["recipient"]) for entry in journal.entries("mail")]


def test_a_journal_is_read_up_to_its_last_whole_line(journal: Journal) -> None:
    journal.write("mail", event="accepted", recipient="ä@example.com")
    with journal.path.open("a", encoding="utf-8") as file:
        file.write('{"kind": "ma')

    assert [entry["recipient"] for entry in read_journal(journal.path)] == ["ä@example.com"]


def test_a_mail_is_in_the_journal_before_its_answer(journal: Journal) -> None:
    seen: list[int] = []

    def before_the_answer(at: At) -> Act | None:
        if at.point == "DOT":
            assert journal.entries() == []
        if at.point == "ANSWERING":
            seen.append(len(journal.entries("mail", event="accepted")))
        return None

    with SmtpSink(journal, on_point=before_the_answer) as sink:
        send(sink.port, "a@example.com")

    (entry,) = journal.entries("mail")
    assert seen == [1]
    assert (entry["message_id"], entry["recipient"]) == ("<k@example.com>", "a@example.com")
    assert len(entry["sha256"]) == 64


def test_replies_for_one_reader_are_used_up(journal: Journal) -> None:
    with SmtpSink(journal, refuse_first={"a@example.com": ["451 later", "550 no"]}) as sink:
        for code in (451, 550):
            with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
                send(sink.port, "a@example.com")
            assert refused.value.recipients["a@example.com"][0] == code
        send(sink.port, "a@example.com", "b@example.com")

    assert events(journal) == [("accepted", "a@example.com"), ("accepted", "b@example.com")]


@pytest.mark.parametrize(
    ("act", "event"),
    [
        (DROP, "accepted"),
        (CLOSE, "accepted"),
        (Forget(reset=True), "refused"),
        (Forget(close=True), "refused"),
        (reply("451 4.3.0 not now"), "refused"),
    ],
)
def test_what_happens_after_the_dot_is_told_apart(journal: Journal, act: Act, event: str) -> None:
    with (
        SmtpSink(journal, {"DOT": [act]}) as sink,
        pytest.raises((smtplib.SMTPException, OSError)),
    ):
        send(sink.port, "a@example.com")

    assert events(journal) == [(event, "a@example.com")]


def test_a_mail_without_its_dot_is_kept_as_partial(journal: Journal) -> None:
    with SmtpSink(journal) as sink:
        client = smtplib.SMTP("127.0.0.1", sink.port, timeout=5)
        client.ehlo()
        client.mail("digest@example.com")
        client.rcpt("a@example.com")
        client.docmd("DATA")
        client.send(b"Message-ID: <k@example.com>\r\n\r\nhalf of it")
        client.close()
        sink.hung_up.wait(5)
        for _ in range(100):
            if sink.received:
                break
            time.sleep(0.01)

    assert events(journal) == [("partial", "a@example.com")]
    assert sink.accepted == []


def test_an_answer_can_come_late(journal: Journal) -> None:
    act = Slow(wait=0.3, text=b"250 ok\r\n")
    begun = time.monotonic()

    with SmtpSink(journal, {"DOT": [act]}) as sink:
        send(sink.port, "a@example.com")

    assert time.monotonic() - begun > 0.3
    assert events(journal) == [("accepted", "a@example.com")]


def post(
    slack: SlackSink, method: str = POST, *, wait: float = 5, **fields: Any
) -> requests.Response:
    payload = {"channel": "C0123456789", "text": "hello", **fields}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return requests.post(f"{slack.base_url}{method}", json=payload, headers=headers, timeout=wait)


def test_a_post_is_in_the_journal_even_when_its_answer_is_lost(journal: Journal) -> None:
    metadata = {"event_type": "digest_delivery", "event_payload": {"key": "abc", "part": 0}}
    with SlackSink(journal, script=posts(LOST, BROKEN)) as slack:
        with pytest.raises(requests.ConnectionError):
            post(slack, metadata=metadata)
        assert post(slack, metadata=metadata).status_code == 500
        assert post(slack, text="another").json()["ok"]

    entries = journal.entries("slack")
    assert [(entry["key"], entry["part"]) for entry in entries] == [
        ("abc", 0),
        ("abc", 0),
        ("", None),
    ]
    assert entries[0]["sha256"] == entries[1]["sha256"] != entries[2]["sha256"]


def test_a_changed_message_is_in_the_journal_as_a_change_before_the_answer(
    journal: Journal,
) -> None:
    metadata = {"event_type": "digest_delivery", "event_payload": {"key": "two", "part": 0}}
    with SlackSink(journal, script=updates(LOST)) as slack:
        ts = post(slack, text="first").json()["ts"]
        change = {"channel": "C0123456789", "ts": ts, "text": "second", "metadata": metadata}
        with pytest.raises(requests.ConnectionError):
            post(slack, UPDATE, **change)
        assert post(slack, UPDATE, **{**change, "ts": "1.1"}).json()["error"] == "message_not_found"
    first, change = journal.entries("slack")
    assert [(one["event"], one["ts"], one["key"]) for one in (first, change)] == [
        ("accepted", ts, ""),
        ("changed", ts, "two"),
    ]
    assert first["sha256"] != change["sha256"]


def test_a_post_that_slack_refuses_is_not_in_the_journal(journal: Journal) -> None:
    with SlackSink(journal) as slack:
        assert post(slack, channel="C9").json() == {"ok": False, "error": "channel_not_found"}

    assert journal.entries() == []


def test_an_answer_of_slack_can_come_after_everybody_has_given_up(journal: Journal) -> None:
    late = Late(act=True, seconds=10, hang_up=True)
    with SlackSink(journal, script=posts(late)) as slack, pytest.raises(requests.ReadTimeout):
        post(slack, wait=0.3)

    assert len(journal.entries("slack")) == 1


def test_history_can_be_out_of_bounds(journal: Journal) -> None:
    with SlackSink(journal, scopes=NO_HISTORY) as slack:
        assert post(slack).json()["ok"]
        assert post(slack, "conversations.history").json()["error"] == "missing_scope"
