"""`digest run` over a real SMTP conversation, a Slack API and a folder."""

from __future__ import annotations

import email
import email.policy
from typing import TYPE_CHECKING

from tests.support.commands import NOW
from tests.support.hostile_http import closed_port

if TYPE_CHECKING:
    from email.message import EmailMessage

    import pytest

    from digest.sandbox.server import PhaseSandbox
    from tests.support.commands import Desk


def mails(desk: Desk) -> list[EmailMessage]:
    return [
        email.message_from_bytes(mail.data, policy=email.policy.default)
        for mail in desk.inbox.messages
    ]


def test_each_reader_gets_a_mail_of_their_own(shop: Desk) -> None:
    done = shop.run("run", "monday-email", "--now", NOW)

    assert done.code == 0, done.err
    assert done.err == ""
    assert [mail.recipients for mail in shop.inbox.messages] == [
        ("ana@example.com",),
        ("bob@example.com",),
    ]
    first, second = mails(shop)
    assert first["To"] == "ana@example.com"
    assert second["To"] == "Bob <bob@example.com>"
    assert first["Message-ID"] != second["Message-ID"]
    assert "Demo Shop" in first["Subject"]
    assert "List-Id" in first
    pictures = [part for part in first.walk() if part.get_content_type() == "image/png"]
    html = next(p for p in first.walk() if p.get_content_type() == "text/html").get_content()
    assert pictures
    assert all(f"cid:{part['Content-ID'].strip('<>')}" in html for part in pictures)


def test_one_run_serves_several_channels_and_fetches_once(shop: Desk) -> None:
    done = shop.run("run", "everywhere", "monday-email", "archive", "--now", NOW, "--json")

    assert done.code == 0, done.err
    runs = done.json["runs"]
    assert [(r["job"], r["period"], r["state"]) for r in runs] == [
        ("everywhere", "2026-W47", "sent"),
        ("monday-email", "2026-W47", "sent"),
        ("archive", "2026-W47", "sent"),
    ]
    assert len(shop.inbox.messages) == 3
    assert shop.slack.posts
    assert (shop.folder / "weekly" / "archive" / "2026-W47" / "report.json").is_file()
    delivery = runs[0]["deliveries"][0]
    assert delivery["updated_at"].endswith("Z")
    assert {"id", "job", "kind", "period", "channel", "recipient", "state", "attempts"} <= set(
        delivery
    )
    assert delivery["message_id"] == mails(shop)[0]["Message-ID"]


def test_digests_of_one_app_share_their_requests(shop: Desk, phase: PhaseSandbox) -> None:
    before = len(phase.requests)

    shop.run("run", "everywhere", "monday-email", "archive", "--now", NOW)

    assert len(phase.requests) - before == 14


def test_a_dry_run_sends_nothing_and_says_who_would_get_it(shop: Desk) -> None:
    done = shop.run("run", "everywhere", "--dry-run", "--now", NOW)

    assert done.code == 0
    assert shop.nothing_sent
    assert "dry run" in done.out
    for reader in ("ana@example.com", "#growth", "all"):
        assert reader in done.out


def test_to_an_address_replaces_all_readers_and_is_marked(shop: Desk) -> None:
    done = shop.run("run", "everywhere", "--to", "me@example.com", "--now", NOW)

    assert done.code == 0
    (mail,) = mails(shop)
    assert mail["To"] == "me@example.com"
    assert mail["Subject"].startswith("[test]")
    assert "List-Unsubscribe" not in mail
    assert not shop.slack.posts
    assert not shop.folder.exists()


def test_to_a_slack_channel_replaces_all_readers(shop: Desk) -> None:
    done = shop.run("run", "everywhere", "--to", "#alerts", "--now", NOW)

    assert done.code == 0, done.said
    assert {post.channel for post in shop.slack.posts} <= {"#alerts", "C0000000002"}
    assert "[test]" in shop.slack.posts[0].text
    assert not shop.inbox.messages


def test_one_dead_channel_does_not_stop_the_others(shop: Desk) -> None:
    with closed_port() as port:
        text = shop.config.read_text(encoding="utf-8")
        shop.config.write_text(text.replace(f"port: {shop.inbox.port}", f"port: {port}"))
        done = shop.run("run", "everywhere", "--now", NOW)

    assert done.code == 75
    assert "retry_wait mail: ana@example.com" in done.out
    assert shop.slack.posts
    assert (shop.folder / "all" / "everywhere").is_dir()
    assert "Traceback" not in done.said


def test_a_refused_slack_channel_is_a_failure_that_says_what_to_do(shop: Desk) -> None:
    text = shop.config.read_text(encoding="utf-8").replace('"#growth"', '"#nowhere"')
    shop.config.write_text(text, encoding="utf-8")

    done = shop.run("run", "everywhere", "monday-email", "--now", NOW)

    assert done.code == 1
    assert "failed" in done.out
    assert len(shop.inbox.messages) == 3


def test_test_messages_are_marked_and_go_through_each_channel(shop: Desk) -> None:
    mail = shop.run("test", "mail", "--to", "me@example.com")
    slack = shop.run("test", "slack", "--to", "#ops")
    files = shop.run("test", "files")

    assert (mail.code, slack.code, files.code) == (0, 0, 0), mail.said + slack.said + files.said
    assert mails(shop)[0]["Subject"].startswith("[test]")
    assert "[test]" in shop.slack.posts[0].text
    assert list(shop.folder.rglob("email.html"))


def test_check_online_tries_everything_and_sends_nothing(shop: Desk) -> None:
    done = shop.run("check", "--online")

    assert (done.code, done.out.splitlines()[-1]) == (0, "OK")
    for what in ("app shop", "channel mail", "channel slack", "channel files"):
        assert what in done.out
    assert shop.nothing_sent


def test_check_online_names_what_does_not_work(shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHASE_KEY", "not-the-key-of-the-shop")
    monkeypatch.setenv("SLACK_TOKEN", "xoxb-not-the-token")

    done = shop.run("check", "--online")

    assert done.code == 1
    assert "app shop" in done.err
    assert "channel slack" in done.err
    assert "OK" not in done.out.splitlines()
    assert "not-the" not in done.said
