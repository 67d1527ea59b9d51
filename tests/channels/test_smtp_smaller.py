"""The form of a mail without its pictures, made of the frozen one alone."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from typing import TYPE_CHECKING

import pytest

from digest.channels.smtp.mailbox import parse_mailbox
from digest.channels.smtp.message import encode_document
from digest.channels.smtp.smaller import LEFT_OUT, smaller
from digest.core.content import EmailContent, Picture
from digest.render import Renderer
from tests.support.deliveries import email, envelope, picture
from tests.support.rendered import Structure, week

if TYPE_CHECKING:
    from email.message import EmailMessage

SENDER = parse_mailbox("Acme Analytics <digest@example.com>")


def document(content: EmailContent) -> bytes:
    return encode_document(envelope("ana@example.com", mail=content), sender=SENDER).wire


def read(frozen: bytes) -> EmailMessage:
    message = message_from_bytes(re.sub(rb"(?m)^\.\.", b".", frozen), policy=default)
    assert message.defects == []
    return message


def part(frozen: bytes, kind: str) -> str:
    found = read(frozen).get_body((kind,))
    assert found is not None
    return str(found.get_content())


def page(html: str, *pictures: Picture) -> str:
    """The page of the smaller form."""
    content = email(html=html, pictures=pictures or (picture(),))
    return part(smaller(document(content)), "html")


def rendered() -> EmailContent:
    """The sample week, with charts as large as real ones and words that need care."""
    report, pictures = week()
    alts = ['Sessions: 5 < 7 & "more"', "Länder: 日本 vorn"]
    drawn = [one for one in pictures if isinstance(one, Picture)]
    heavy = [
        replace(one, png=one.png + bytes(60_000), alt=alt)
        for one, alt in zip(drawn, alts, strict=True)
    ]
    return Renderer(None).email(report, tuple(heavy))


def test_a_rendered_mail_keeps_everything_but_its_pictures() -> None:
    whole = document(rendered())
    small = smaller(whole)
    assert len(small) < len(whole) / 3
    assert [one.get_content_type() for one in read(small).walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    html = part(small, "html")
    assert "cid:" not in small.decode()
    assert "cid:" not in html
    assert "img" not in {tag for tag, _ in Structure(html).elements}
    assert part(small, "plain") == part(whole, "plain").rstrip() + f"\r\n\r\n{LEFT_OUT}\r\n"


def test_the_words_of_each_picture_stand_in_its_place() -> None:
    whole = document(rendered())
    small = smaller(whole)
    before, after = Structure(part(whole, "html")).text, Structure(part(small, "html")).text
    for words in ('Sessions: 5 < 7 & "more"', "Länder: 日本 vorn", LEFT_OUT):
        assert (before.count(words), after.count(words)) == (0, 1)
        after = after.replace(words, "")
    assert "".join(after.split()) == "".join(before.split())


def test_the_head_stays_as_it_was() -> None:
    whole, small = read(document(rendered())), read(smaller(document(rendered())))
    assert whole.keys() == small.keys()
    for name in set(whole.keys()) - {"Content-Type"}:
        assert whole[name] == small[name]
    assert whole.get_boundary() != small.get_boundary()


def test_the_same_document_gives_the_same_bytes() -> None:
    assert smaller(document(rendered())) == smaller(document(rendered()))


def test_it_is_as_fit_for_the_wire_as_the_whole_one() -> None:
    small = smaller(document(email(text=".\n..\n" + "x" * 5000, html='<img src="cid:sessions">')))
    assert small.isascii()
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", small) is None
    assert max(len(line) for line in small.split(b"\r\n")) <= 78
    assert b"." not in small.split(b"\r\n")
    assert part(small, "plain").startswith(".\r\n..\r\nxxx")


def test_a_subject_that_looks_like_a_header_does_not_confuse_it() -> None:
    content = email(subject="Content-Type: image/png")
    assert read(smaller(document(content)))["Subject"] == "Content-Type: image/png"


def test_a_mail_without_pictures_is_as_small_as_it_gets() -> None:
    whole = document(email(pictures=()))
    assert smaller(whole) is whole
    small = smaller(document(rendered()))
    assert smaller(small) is small


@pytest.mark.parametrize(
    ("image", "words"),
    [
        pytest.param('<img src="cid:sessions" alt="up &amp; away">', "up &amp; away", id="entity"),
        pytest.param("<IMG ALT='up' SRC='cid:sessions' />", "up", id="single quotes"),
        pytest.param('<img alt="5 > 4" src="cid:sessions">', "5 &gt; 4", id="a > inside"),
        pytest.param('<img alt="<b>" src="cid:sessions">', "&lt;b&gt;", id="markup inside"),
        pytest.param('<img\nsrc="cid:sessions"\nalt="up">', "up", id="over lines"),
        pytest.param('<img src="cid:not-drawn" alt="gone">', "gone", id="a missing one"),
    ],
)
def test_any_of_our_images_becomes_a_paragraph(image: str, words: str) -> None:
    html = page(f'<p>a</p>{image}<p>b <img src="cid:sessions" alt="x"></p>')
    assert re.search(rf"<p>a</p><p style=[^>]*>{re.escape(words)}</p><p>b ", html)


def test_an_image_without_words_leaves_nothing_behind() -> None:
    assert page('<p>a</p><img src="cid:sessions"><p>b</p>').startswith("<p>a</p><p>b</p>")


def test_an_image_of_somebody_else_stays() -> None:
    other = '<img src="https://example.com/logo.png" alt="Acme">'
    assert other in page(f'{other}<img src="cid:sessions" alt="up">')


def test_a_picture_behind_a_table_points_at_nothing() -> None:
    html = page('<td background="cid:sessions">5</td>')
    assert html.startswith('<td background="">5</td>')


def test_text_that_only_looks_like_a_picture_stays_as_it_is() -> None:
    html = page('<p>event cid:other and "cid:other"</p><img src="cid:sessions">')
    assert html.startswith('<p>event cid:other and "cid:other"</p>')


def test_the_note_is_the_last_thing_on_the_page() -> None:
    html = page('<html><body><img src="cid:sessions" alt="up"></body></html>')
    assert re.search(rf"up</p><p style=[^>]*>{re.escape(LEFT_OUT)}</p></body></html>", html)
