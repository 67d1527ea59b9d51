"""The bytes of a mail, read back with the standard library's parser."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP, compat32, default
from email.utils import parseaddr
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.channels.smtp.mail import Mail
from digest.channels.smtp.mailbox import Mailbox, parse_mailbox
from digest.channels.smtp.message import encode_document, head_of, list_id, message_id
from tests.support.deliveries import DATE, email, envelope, picture

if TYPE_CHECKING:
    from digest.core.content import EmailContent, Envelope

SENDER = parse_mailbox("Acme Analytics <digest@example.com>")


def mail_for(sent: Envelope, *, sender: Mailbox = SENDER, reply_to: str | None = None) -> Mail:
    reply = parse_mailbox(reply_to) if reply_to else None
    return Mail(
        sender=sender.address,
        reference=message_id(sent, sender.domain),
        head=head_of(parse_mailbox(sent.recipient)),
        document=encode_document(sent, sender=sender, reply_to=reply).wire,
    )


def head_lines(mail: Mail) -> list[bytes]:
    return mail.raw.partition(b"\r\n\r\n")[0].split(b"\r\n")


def parsed(data: bytes) -> EmailMessage:
    message = message_from_bytes(data, policy=default)
    assert isinstance(message, EmailMessage)
    assert message.defects == []
    return message


def read(content: EmailContent) -> EmailMessage:
    return parsed(mail_for(envelope("ana@example.com", mail=content)).raw)


def body_of(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_it_has_a_text_part_and_a_page_with_its_pictures_inside() -> None:
    message = read(email())
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    assert body_of(message, "plain").rstrip() == "1,234 sessions"
    image = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert image.get_content() == picture().png
    assert image.get_content_disposition() == "inline"
    assert f'src="cid:{image["Content-ID"][1:-1]}"' in body_of(message, "html")


def test_without_pictures_there_is_no_related_part() -> None:
    message = read(email(html="<p>no charts</p>", pictures=()))
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]


def test_a_picture_that_no_page_shows_is_not_attached() -> None:
    message = read(email(pictures=(picture(), picture("bounce-rate"))))
    assert sum(part.get_content_type() == "image/png" for part in message.walk()) == 1


def test_a_picture_whose_name_begins_another_ones_is_told_apart() -> None:
    html = '<img src="cid:sessions-country"><img src="cid:sessions">'
    pictures = (picture("sessions", 1), picture("sessions-country", 2))
    message = read(email(html=html, pictures=pictures))
    ids = {
        part["Content-ID"][1:].partition(".")[0]: part.get_content()
        for part in message.walk()
        if part.get_content_type() == "image/png"
    }
    assert ids == {"sessions": pictures[0].png, "sessions-country": pictures[1].png}
    assert "cid:sessions-country." in body_of(message, "html")


def test_text_that_only_looks_like_a_picture_stays_as_it_is() -> None:
    html = '<p>event cid:sessions and &#34;cid:sessions&#34;</p><img src="cid:sessions">'
    page = body_of(read(email(html=html)), "html")
    assert "event cid:sessions and &#34;cid:sessions&#34;" in page


def test_a_picture_that_was_not_drawn_is_named() -> None:
    sent = envelope("ana@example.com", mail=email(pictures=()))
    assert encode_document(sent, sender=SENDER).missing == ("sessions",)


def test_the_head_has_each_field_once_and_only_these() -> None:
    sent = envelope("Ana <ana@example.com>")
    message = parsed(mail_for(sent, reply_to="team@example.com").raw)
    assert message.keys() == [
        "Message-ID",
        "To",
        "Date",
        "From",
        "Reply-To",
        "Subject",
        "List-Id",
        "Auto-Submitted",
        "MIME-Version",
        "Content-Type",
    ]
    assert message["From"] == "Acme Analytics <digest@example.com>"
    assert message["To"] == "Ana <ana@example.com>"
    assert message["Reply-To"] == "team@example.com"
    assert message["Date"].datetime == DATE
    assert message["Message-ID"] == f"<{sent.key.digest}@example.com>"
    assert message["List-Id"] == "<monday-email.digest.example.com>"
    assert message["Auto-Submitted"] == "auto-generated"


def test_the_same_delivery_gives_the_same_bytes() -> None:
    assert mail_for(envelope("a@example.com")).raw == mail_for(envelope("a@example.com")).raw


def test_two_readers_share_the_document_and_differ_only_in_the_head() -> None:
    first, second = mail_for(envelope("a@example.com")), mail_for(envelope("b@example.com"))
    assert first.document == second.document
    changed = {line.partition(b":")[0] for line in set(head_lines(first)) ^ set(head_lines(second))}
    assert changed == {b"To", b"Message-ID"}


def test_another_period_or_content_gives_other_boundaries() -> None:
    sent = envelope("a@example.com")
    other_key = replace(sent, key=replace(sent.key, period="2026-W48"))
    other_text = envelope("a@example.com", mail=email(text="1,235 sessions"))
    types = {parsed(mail_for(one).raw)["Content-Type"] for one in (sent, other_key, other_text)}
    assert len(types) == 3


def test_a_test_message_says_so_once_and_is_new_each_time() -> None:
    sent = envelope("a@example.com", test=True)
    marked = envelope("a@example.com", test=True, mail=email(subject="[test] hello"))
    later = replace(sent, date=DATE + timedelta(seconds=1))
    message = parsed(mail_for(sent).raw)
    assert message["Subject"] == "[test] Acme Shop: 1,234 sessions in week 47"
    assert parsed(mail_for(marked).raw)["Subject"] == "[test] hello"
    assert "List-Unsubscribe" not in message
    assert mail_for(sent).reference != mail_for(later).reference


@pytest.mark.parametrize(
    ("subject", "seen"),
    [
        pytest.param("a\r\nBcc: evil@example.com", "a Bcc: evil@example.com", id="line ends"),
        pytest.param("a\x00b\x1b[31mc", "a b [31mc", id="controls"),
        pytest.param("safe \u202egnp.exe", "safe gnp.exe", id="right-to-left override"),
        pytest.param("a\u2028b\u2029c", "a b c", id="unicode line ends"),
        pytest.param("=?utf-8?q?=0D=0ABcc=3A?=", "=?utf-8?q?=0D=0ABcc=3A?=", id="encoded word"),
        pytest.param("Größe 日本語 👩‍👩‍👧", "Größe 日本語 👩‍👩‍👧", id="other scripts"),
        pytest.param("half \ud83d pair", "half ? pair", id="lone surrogate"),
        pytest.param("x" * 10_000, "x" * 199 + "…", id="ten thousand letters"),
        pytest.param("日" * 10_000, "日" * 199 + "…", id="ten thousand wide letters"),
        pytest.param("{{7*7}} =CMD() <b>", "{{7*7}} =CMD() <b>", id="templates and formulas"),
    ],
)
def test_a_hostile_subject_is_one_readable_line(subject: str, seen: str) -> None:
    message = read(email(subject=subject))
    assert message.get_all("Subject") == [seen]
    assert "Bcc" not in message


@given(st.text(max_size=400))
def test_no_subject_adds_a_header_or_breaks_a_limit(subject: str) -> None:
    mail = mail_for(envelope("ana@example.com", mail=email(subject=subject)))
    assert len(parsed(mail.raw).keys()) == 9
    for line in head_lines(mail):
        assert len(line) <= 998
        assert b"\r" not in line
        assert b"\n" not in line
        assert all(len(word) <= 75 for word in re.findall(rb"=\?utf-8\?[^ ]*\?=", line))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(".\r\n..\r\n.a\r\n", id="lines of dots"),
        pytest.param("x" * 5000 + "\r\n", id="a line of 5000 bytes"),
        pytest.param("a\x00b\r\n", id="nul"),
        pytest.param("From me\r\n>From you\r\n", id="mbox lines"),
        pytest.param("trailing \t \r\nnext\r\n", id="spaces at the end"),
        pytest.param("--=_digest_0\r\n--\r\n", id="looks like a boundary"),
        pytest.param("日本語のニュース" * 200 + "\r\n", id="wide letters"),
        pytest.param("=3D =\r\n=\r\n", id="looks quoted"),
    ],
)
def test_a_body_arrives_as_it_was(text: str) -> None:
    message = read(email(text=text, html=f"<pre>{text}</pre>", pictures=()))
    assert body_of(message, "plain") == text
    assert body_of(message, "html").rstrip("\r\n") == f"<pre>{text}</pre>"


def test_bare_line_ends_become_proper_ones() -> None:
    mail = mail_for(envelope("a@example.com", mail=email(text="a\rb\nc\r\nd")))
    assert body_of(parsed(mail.raw), "plain").splitlines() == ["a", "b", "c", "d"]
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", mail.raw) is None


@given(text=st.text(max_size=2000), html=st.text(max_size=2000))
def test_any_body_is_ascii_short_lined_and_can_be_read_back(text: str, html: str) -> None:
    mail = mail_for(envelope("a@example.com", mail=email(text=text, html=html, pictures=())))
    assert max(len(line) for line in mail.raw.split(b"\r\n")) <= 998
    assert mail.raw.isascii()
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", mail.raw) is None
    want = text.encode("utf-8", "replace").decode()
    assert "".join(body_of(parsed(mail.raw), "plain").split()) == "".join(want.split())


def test_on_the_wire_no_line_is_a_single_dot_and_dots_are_doubled() -> None:
    mail = mail_for(envelope("a@example.com", mail=email(text=".\n..\n.x\n")))
    lines = mail.document.split(b"\r\n")
    assert b"." not in lines
    assert {b"..", b"...", b"..x"} <= set(lines)
    assert re.sub(rb"(?m)^\.\.", b".", mail.lead + mail.document) == mail.raw
    assert mail.size == len(mail.lead) + len(mail.document)


@pytest.mark.parametrize(
    "name",
    ["Ana", "Lopez, Ana", 'a "b" \\c', "Änne Grün", "=?utf-8?q?x?=", "日本" * 50, "a" * 100],
)
def test_a_name_survives_the_head(name: str) -> None:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    mail = mail_for(envelope(f'"{quoted}" <ana@example.com>'))
    # The new parser of Python 3.11 puts spaces between encoded words; the old one is right.
    line = message_from_bytes(mail.raw, policy=compat32)["To"]
    shown, address = parseaddr(line)
    assert str(make_header(decode_header(shown))) == name
    assert address == "ana@example.com"


@pytest.mark.parametrize(
    "list_name",
    ["Monday e-mail", "日報", "週報", "a" * 200, "", "-", "x\r\ny", "a.b"],
)
def test_any_job_name_gives_a_valid_and_distinct_list_id(list_name: str) -> None:
    value = list_id(list_name, "example.com")
    assert re.fullmatch(r"<[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.digest\.example\.com>", value)
    assert value != list_id(f"{list_name}!", "example.com")


def test_the_file_can_be_written_again_by_the_standard_library() -> None:
    mail = mail_for(envelope("Änne <ana@example.com>"))
    again = message_from_bytes(mail.raw, policy=SMTP).as_bytes()
    assert body_of(parsed(again), "plain").rstrip() == "1,234 sessions"
